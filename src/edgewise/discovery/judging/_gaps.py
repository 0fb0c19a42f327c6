"""What a formula does in the gaps between the rows: poles, jumps, and numbers that no row determines."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions import Tape, evaluate, loosened
from edgewise.interpret.symbolic import domain

_ROWS = 300  # whose gaps are looked into
_POINTS = 8  # in each gap
_VALUES = 1_000_000  # of all points together: of many columns not every gap is looked into
_BOUNDED = sympy.tanh, sympy.atan, sympy.erf, sympy.sin, sympy.cos, sympy.tan


def pole(formula: Formula, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula has a pole, a jump or is undefined between the rows, on a line from row to row.

    Shapes: x (n, len(names)). A jump is that of tanh(1/t) at zero.

    The rows are joined in the order of each column. Zeros of a denominator that a numerator cancels are no poles.

    >>> t = sympy.Symbol("t")
    >>> rows = np.linspace(-1, 1, 10)[:, None]
    >>> pole(1 / (t - 0.3), ["t"], rows), pole(sympy.sin(t) / t, ["t"], rows), pole(1 / (t + 2), ["t"], rows)
    (True, False, False)
    >>> pole(sympy.tanh(1 / (t - 0.3)), ["t"], rows)
    True
    """
    conditions = domain(formula, names=list(names)).conditions
    if not conditions:
        return False
    x, names = _used(formula, names, x)
    points = _joined(x[:: max(1, len(x) // _ROWS)])
    size = float(np.abs(evaluate(formula, names, x)).max())
    for condition in conditions:
        columns, used = _used(condition.margin, names, points)
        with np.errstate(all="ignore"):
            margin = evaluate(condition.margin, used, columns.reshape(-1, len(used))).reshape(points.shape[:2])
        if condition.sign != "!=":
            if not bool((margin >= 0).all()):
                return True
            continue
        crossed = np.argwhere((margin[:, :-1] >= 0) != (margin[:, 1:] >= 0))
        if len(crossed) and _blows_up(formula, condition.margin, names, points, crossed[0], size):
            return True
        if not np.isfinite(margin).all() or (not len(crossed) and _touches(condition.margin, names, points, margin)):
            return True
    return False


def wild(formula: Formula, names: Sequence[str], x: Array, y: Array) -> bool:
    """Return whether a formula does between the rows what they do not ask for: it strays, or has a pole.

    >>> t = sympy.Symbol("t")
    >>> rows = np.linspace(-1, 1, 10)[:, None]
    >>> wild(t**2, ["t"], rows, rows[:, 0] ** 2), wild(sympy.tan(1.5 * t), ["t"], rows, rows[:, 0])
    (False, True)
    """
    return strays(formula, names, x, y) or pole(formula, names, x)


def strays(formula: Formula, names: Sequence[str], x: Array, y: Array) -> bool:
    """Return whether a formula leaves the range of the target between the rows, or hangs on huge numbers.

    That is an undefined value or one beyond those of y (n,) by over half of their range, on lines from row to row; a
    term of a sum over 1e4 times larger than y, which others cancel; a number beyond 1e-30 to 1e30.
    """
    beyond = 0.5  # of the range of y: how far values between rows may lie beyond it
    canceled, least, most = 1e4, 1e-30, 1e30  # size of a term over that of y; numbers of a formula
    if any(not least <= abs(float(number)) <= most for number in formula.atoms(sympy.Float) if number != 0):
        return True
    x, names = _used(formula, names, x)
    points = _joined(x[:: max(1, len(x) // _ROWS)]).reshape(-1, len(names))
    low, high = float(y.min()), float(y.max())
    room, size = beyond * (high - low), canceled * max(abs(low), abs(high))
    with np.errstate(all="ignore"):
        values = evaluate(formula, names, points)
        if not ((values >= low - room) & (values <= high + room)).all():
            return True
        parts = sympy.Add.make_args(formula)
        return len(parts) > 1 and any(float(np.abs(evaluate(part, names, x)).max()) > size for part in parts)


def _used(formula: Part, names: Sequence[str], x: Array) -> tuple[Array, list[str]]:
    """Return the columns (..., m) that a formula uses, one at least, and their names."""
    inside = {symbol.name for symbol in formula.free_symbols}
    used = [k for k, name in enumerate(names) if name in inside] or [0]
    return x[..., used], [names[k] for k in used]


def _joined(x: Array) -> Array:
    """Return points on the lines from each row to the next one, in the order of each column: (lines, points, m)."""
    order = np.argsort(x, axis=0, kind="stable").T
    start, end = order[:, :-1].ravel(), order[:, 1:].ravel()
    every = max(1, math.ceil(len(start) * (_POINTS + 2) * x.shape[1] / _VALUES))
    start, end = x[start[::every]], x[end[::every]]
    share = np.linspace(0, 1, _POINTS + 2)[None, :, None]
    return start[:, None] + share * (end - start)[:, None]


def _touches(margin: Formula, names: list[str], points: Array, values: Array) -> bool:
    """Return whether a margin of one sign comes down to zero between two rows, where it is least beside theirs."""
    touching = 1e-9  # of its size on the rows beside: a denominator that small is zero
    size = np.abs(values)
    ends = np.minimum(size[:, 0], size[:, -1])
    line, k = np.unravel_index(int((size / ends[:, None]).argmin()), size.shape)
    low, high = points[line, max(k - 1, 0)], points[line, min(k + 1, size.shape[1] - 1)]
    for _ in range(12):  # each time the third around the least of nine values
        trial = low + np.linspace(0, 1, 9)[:, None] * (high - low)
        height = np.abs(evaluate(margin, names, trial))
        k = int(height.argmin())
        if height[k] <= touching * ends[line]:
            return True
        low, high = trial[max(k - 1, 0)], trial[min(k + 1, 8)]
    return False


def _blows_up(formula: Formula, margin: Formula, names: list[str], points: Array, where: Array, size: float) -> bool:
    """Return whether a formula grows without bound, or jumps, at the zero of a margin that lies on a line."""
    digits, beside = 60, 30  # a pole is looked at from 1e-30 of its gap away ...
    blown_up = 1e6  # ... where the formula exceeds its size on the rows by this factor
    jump = 1e-3  # of its size on the rows, by which values beside a zero of a denominator differ where it jumps
    line, k = int(where[0]), int(where[1])
    symbols = [sympy.Symbol(name) for name in names]
    with mpmath.workdps(digits):
        start, end = ([mpmath.mpf(float(v)) for v in points[line, at]] for at in (k, k + 1))

        def along(part: Formula) -> Callable[[Any], Any]:
            call = sympy.lambdify(symbols, part, "mpmath")
            return lambda share: call(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))

        level, low, high = along(margin), mpmath.mpf(0), mpmath.mpf(1)
        below = level(low)
        for _ in range(4 * beside):
            middle = (low + high) / 2
            low, high = (middle, high) if level(middle) * below > 0 else (low, middle)
        step = mpmath.mpf(10) ** -beside
        try:
            before, after = (along(formula)(at) for at in (low - step, high + step))
        except ZeroDivisionError:
            return True
        if not all(mpmath.isfinite(v) and abs(v) <= blown_up * size for v in (before, after)):
            return True
        return bool(abs(after - before) > jump * size)


def unseen_piece(formula: Formula, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula of one input has a piece between two corners in which no row lies.

    >>> t = sympy.Symbol("t")
    >>> rows = np.linspace(-1, 1, 11)[:, None]
    >>> corners = sympy.Abs(sympy.Abs(t - 0.05) - 0.03), sympy.Abs(sympy.Abs(t - 0.05) - 0.3)
    >>> [unseen_piece(corner, ["t"], rows) for corner in corners]
    [True, False]
    """
    x, names = _used(formula, names, x)
    insides = [each.args[0] for each in formula.atoms(sympy.Abs)]
    if len(names) > 1 or not insides:
        return False
    rows = np.unique(x)
    share = np.linspace(0, 1, max(_POINTS, _VALUES // (10 * len(rows))))
    between = (rows[:-1, None] + share * np.diff(rows)[:, None]).reshape(-1, 1)
    with np.errstate(all="ignore"):
        seen, passed = (np.stack([evaluate(i, names, at) for i in insides], 1) for at in (x, between))
    sides = {tuple(row) for row in np.sign(seen)}
    return any(tuple(row) not in sides for row in np.sign(passed) if row.all())


def undetermined(formula: Formula, names: Sequence[str], x: Array, weight: Array) -> bool:
    """Return whether a formula has a number that no row determines: another one would do as well on all of them.

    So it is of tanh(3000 t) for a step. Exponents are left out. Numbers are judged by their derivatives; `weight` (n,)
    is over the target's spread. One row in the middle of a step may seem to determine its steepness: bounded functions
    of what varies by more than a million are not determined either.

    >>> t = sympy.Symbol("t")
    >>> rows, weight = np.linspace(-1, 1, 10)[:, None], np.ones(10)
    >>> undetermined(sympy.tanh(3000 * t), ["t"], rows, weight), undetermined(sympy.tanh(3 * t), ["t"], rows, weight)
    (True, False)
    """
    steepest = 1e6  # standard deviation of what one of them is taken of
    loose = 1e-7  # of the target's spread: a number that matters less may be any other one
    template, numbers = loosened(formula)
    if not numbers:
        return False
    with np.errstate(all="ignore"):
        insides = [evaluate(each.args[0], list(names), x) for each in formula.atoms(*_BOUNDED)]
    if any(np.std(inside) > steepest for inside in insides):
        return True
    _, slopes = Tape(template, list(names), list(numbers)).jacobian(list(x.T), list(numbers.values()))
    with np.errstate(all="ignore"):
        felt = np.sqrt(np.mean((weight[:, None] * slopes * np.array(list(numbers.values()))) ** 2, axis=0))
    return bool((felt < loose).any())
