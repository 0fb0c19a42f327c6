"""Whether a formula with inexact constants has the form of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.expressions import FitData, FreeFormula, evaluate

REACHED = 1e-8
"""Largest error of a refitted formula that counts as the truth, relative as in `deviation`."""
_SMALL = 1e-3  # of the target's standard deviation: smaller values are compared with that


def size(formula: Formula) -> int:
    """Return the length of a formula: operations, as sympy counts them.

    >>> size(sympy.sin(2 * sympy.Symbol("x")))
    2
    """
    return int(sympy.count_ops(formula))


def within_bound(formula: Formula, truth: Formula) -> bool:
    """Return whether a formula has at most twice the operations of the truth and three more."""
    return size(formula) <= 2 * size(truth) + 3


@dataclass(frozen=True)
class Form:
    """What remains of a formula once its constants are fitted to clean rows.

    `error` is the largest deviation on other clean rows, `vanished` the constants that may as well be zero, `size` the
    operations that are left.
    """

    error: float
    vanished: int
    size: int
    bounded: bool
    extra: bool

    @property
    def right(self) -> bool:
        """Return whether it is the truth and nothing else."""
        return self.error < REACHED and not self.vanished and self.bounded and not self.extra


def deviation(values: Array, truth: Array) -> float:
    """Return the largest |f - y| / max(|y|, 1e-3 std y); infinity if f is undefined.

    >>> deviation(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    0.5
    """
    off = np.abs(values - truth) / np.maximum(np.abs(truth), _SMALL * truth.std())
    return float(off.max()) if np.isfinite(off).all() else float("inf")


def refitted(found: Part, truth: Part, names: list[str], x: Array, y: Array) -> Form:
    """Give every number of a formula but integer exponents a fresh value, the best on half of the clean rows.

    The form is right where, after that, over all rows:

    - the largest deviation from the truth is below 1e-8;
    - no constant may as well be zero, and no exponent one: else a part of the formula does not belong to the truth.
      What is added to the whole may: SRBench's solutions are up to a constant shift or factor;
    - there is no input that the truth does not have;
    - what is left, factors of one and that shift dropped, has at most twice the truth's operations and three.
    """
    constants = with_free_constants(found)
    half = len(y) // 2
    best = constants.free.fit(FitData.of(names, x[:half], y[:half]), steps=200)
    error = _deviation(best, names, x, y)
    if not error < REACHED:
        return Form(error, 0, size(found), bounded=False, extra=False)

    def pinned(symbol: Part, value: int) -> FreeFormula | None:
        """Return the formula with a constant replaced, if that changes nothing."""
        other = left.pinned(left.symbols.index(symbol), sympy.Integer(value))
        return other if _deviation(other, names, x, y) < REACHED else None

    vanished, left = 0, best
    for symbol in best.symbols:
        if symbol in left.symbols and (without := pinned(symbol, 0)):
            if symbol != constants.shift:
                vanished += 1
            else:
                left = without
    for symbol in left.symbols:
        if symbol in left.symbols and (simpler := pinned(symbol, 1) or pinned(symbol, -1)):
            vanished += symbol in constants.exponents
            left = simpler
    short = left.expression
    extra = bool({str(s) for s in short.free_symbols} - {str(s) for s in truth.free_symbols})
    return Form(error, vanished, size(short), within_bound(short, truth), extra)


def _deviation(free: FreeFormula, names: list[str], x: Array, y: Array) -> float:
    expression = free.template.xreplace({s: sympy.Float(v, 17) for s, v in zip(free.symbols, free.values, strict=True)})
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        return float("inf")
    return deviation(evaluate(expression, names, x), y)


@dataclass(frozen=True)
class Constants:
    """A formula whose numbers are free; which of them is added to the whole, and which are exponents."""

    free: FreeFormula
    shift: Formula | None
    exponents: frozenset[Formula]


def with_free_constants(formula: Part) -> Constants:
    """Return the formula with a symbol for every number except integer exponents and signs.

    >>> x = sympy.Symbol("x")
    >>> with_free_constants(2 * x**2 + sympy.sin(0.1 * x) + 3).free.values
    (3.0, 2.0, 0.1)
    """
    constants: dict[sympy.Symbol, float] = {}
    exponents: set[Part] = set()

    def fresh(number: Part) -> Part:
        symbol = sympy.Dummy(f"constant{len(constants)}", real=True)
        constants[symbol] = float(number)
        return symbol

    def walk(part: Part) -> Part:
        if part.is_number:
            return part if part == -1 or not part.evalf().is_Float else fresh(part)
        if part.is_Pow and part.exp.is_number:
            exponent = part.exp if part.exp.is_Integer else fresh(part.exp)
            exponents.update({exponent} & set(constants))
            return walk(part.base) ** exponent
        if part.is_Mul or part.is_Add:
            number, rest = part.as_independent(*part.free_symbols, as_Add=part.is_Add)
            own = [] if number == part.identity else [walk(number)]
            return part.func(*own, *(walk(term) for term in type(part).make_args(rest)))
        return part.func(*map(walk, part.args)) if part.args else part

    template = walk(formula)
    shifts = [term for term in sympy.Add.make_args(template) if template.is_Add and term in constants]
    free = FreeFormula(template, tuple(constants), tuple(constants.values()))
    return Constants(free, shifts[0] if shifts else None, frozenset(exponents))
