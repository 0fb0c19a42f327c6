"""Whether a program stays tame between and a little outside the rows of a table."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._program import Program

_POINTS = 2000
_MARGIN = 0.12  # of the range of a column: how far points lie outside
_MOVED = 1.5  # columns of a row that are moved, on average
_HIGHEST = 100  # power
_FRACTION = 0.003  # of the points that may be a little outside


def probe(x: Array, rng: np.random.Generator, count: int = _POINTS, margin: float = _MARGIN) -> Array:
    """Return points (count, n_columns) between pairs of rows x (n, n_columns), and rows with a few columns moved.

    Mixtures of rows keep the correlations of the columns. Columns that are positive stay positive.

    >>> points = probe(np.array([[1.0], [2.0]]), np.random.default_rng(0))
    >>> bool(points.min() >= 0.8), bool(points.max() <= 2.12)
    (True, True)
    """
    rows = np.asarray(x, dtype=np.float64)
    n, columns = rows.shape
    mix, half = rng.uniform(size=(count, 1)), count // 2
    points = rows[rng.integers(n, size=count)] * mix + rows[rng.integers(n, size=count)] * (1 - mix)
    moved = rng.random((half, columns)) < min(0.5, _MOVED / columns) if columns > 1 else np.ones((half, columns))
    away = moved * margin * np.ptp(rows, axis=0) * rng.uniform(-1, 1, (half, columns))
    points[:half] = rows[rng.integers(n, size=half)] + away
    positive = (rows > 0).all(axis=0)
    points[:, positive] = np.maximum(points[:, positive], 0.8 * rows[:, positive].min(axis=0))
    return points


def is_tame(program: Program, points: Array, low: float, high: float) -> bool:
    """Return whether the values at the points (m, n_columns) are finite and near the target's range [low, high].

    With w = high - low, at most 0.3 % of the values are outside [low - w/2, high + w], and none outside
    [low - 2 w, high + 4 w]. One that is not readable is not tame.

    >>> from edgewise.expressions import parse
    >>> program = Program.from_expression(parse("1/(t - 1)"), ["t"])
    >>> is_tame(program, np.linspace(2, 3, 50)[:, None], 0.5, 1.0), is_tame(program, np.array([[1.01]]), 0.5, 1.0)
    (True, False)
    """
    if not is_readable(program):
        return False
    values, width = program.predict(points), high - low
    if not np.isfinite(values).all():
        return False
    outside = np.mean((values < low - 0.5 * width) | (values > high + width)) if len(values) else 0.0
    inside = np.all((values >= low - 2 * width) & (values <= high + 4 * width))
    return bool(outside <= _FRACTION and inside)


def is_readable(program: Program) -> bool:
    """Return whether no power is beyond the hundredth, powers of powers and products included.

    sympy multiplies such powers out where it asks whether a tanh of them is finite, which may take minutes.

    >>> from edgewise.formulas.programs import apply, variable
    >>> square = apply("square", variable(0))
    >>> sixth = apply("cube", square)
    >>> is_readable(Program.of(sixth)), is_readable(Program.of(apply("cube", apply("cube", apply("cube", sixth)))))
    (True, False)
    """
    stack: list[float] = []
    for node in program.nodes:
        code = node.opcode
        if code <= layout.VARIABLE:
            stack.append(1.0)
        elif code <= layout.DIV:
            right, left = stack.pop(), stack.pop()
            stack.append(max(left, right) if code <= layout.SUB else left + right)
        else:
            factor = {layout.SQUARE: 2.0, layout.CUBE: 3.0, layout.POWER: abs(node.weight)}.get(code)
            inner = stack.pop()
            stack.append(1.0 if factor is None else factor * inner)
        if stack[-1] > _HIGHEST:
            return False
    return True
