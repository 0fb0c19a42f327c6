"""Whether a formula with inexact constants has the form of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Symbol

from edgewise._typing import Array, Formula
from edgewise.benchmark._size import size, within_bound
from edgewise.discovery._fitting import Free, fit, prepare
from edgewise.discovery._polish import evaluate

REACHED = 1e-8
"""Largest error of a refitted formula that counts as the truth, relative as in `deviation`."""
_SMALL = 1e-3  # of the target's spread: below it, an error is taken relative to that


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
        """Whether it is the truth and nothing else."""
        return self.error < REACHED and not self.vanished and self.bounded and not self.extra


def deviation(values: Array, truth: Array) -> float:
    """The largest |f - y| / max(|y|, 1e-3 std y); inf where f is undefined.

    >>> deviation(np.array([1.0, 2.02]), np.array([1.0, 2.0]))
    0.01
    """
    off = np.abs(values - truth) / np.maximum(np.abs(truth), _SMALL * truth.std())
    return float(off.max()) if np.isfinite(off).all() else float("inf")


def refitted(found: Formula, truth: Formula, names: list[str], x: Array, y: Array) -> Form:
    """Give every number of a formula but integer exponents a fresh value, the best on half of the clean rows.

    A right form, judged on all rows: the largest deviation from the truth falls below 1e-8; no constant may be replaced
    by zero, for then a part of the formula would not belong to it, but one that is added to the whole (SRBench's
    solutions are up to a constant shift or factor); no input that the truth does not have; and what is left, ones and
    that shift dropped, is no longer than twice the truth and three operations.
    """
    free, shift = with_free_constants(found)
    half = len(y) // 2
    best = fit(free, prepare(names, x[:half], y[:half]), steps=200)
    error = _deviation(best, names, x, y)
    if not error < REACHED:
        return Form(error, 0, size(found), bounded=False, extra=False)
    vanished, left = 0, best
    for symbol in best.symbols:
        without = left.pinned(left.symbols.index(symbol), sympy.Integer(0)) if symbol in left.symbols else left
        if without is left or _deviation(without, names, x, y) >= REACHED:
            continue
        if symbol == shift:
            left = without
        else:
            vanished += 1
    for symbol in left.symbols:
        one = sympy.Integer(1 if left.values[left.symbols.index(symbol)] > 0 else -1)
        simpler = left.pinned(left.symbols.index(symbol), one)
        left = simpler if _deviation(simpler, names, x, y) < REACHED else left
    extra = bool({s.name for s in left.expression.free_symbols} - {s.name for s in truth.free_symbols})
    return Form(error, vanished, size(left.expression), within_bound(left.expression, truth), extra)


def _deviation(free: Free, names: list[str], x: Array, y: Array) -> float:
    expression = free.template.xreplace({s: sympy.Float(v, 17) for s, v in zip(free.symbols, free.values, strict=True)})
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        return float("inf")
    return deviation(evaluate(expression, names, x), y)


def with_free_constants(formula: Formula) -> tuple[Free, Formula | None]:
    """The formula with a symbol for every number but integer exponents and signs; and the one added to the whole.

    >>> x = Symbol("x")
    >>> with_free_constants(2 * x**2 + sympy.sin(0.1 * x) + 3)[0].values
    (3.0, 2.0, 0.1)
    """
    constants: dict[Formula, float] = {}

    def fresh(number: Formula) -> Formula:
        symbol = sympy.Dummy(f"constant{len(constants)}", real=True)
        constants[symbol] = float(number)
        return symbol

    def walk(part: Formula) -> Formula:
        if part.is_number:
            return part if part == -1 else fresh(part)
        if part.is_Pow and part.exp.is_Integer:
            return walk(part.base) ** part.exp
        if part.is_Mul or part.is_Add:
            number, rest = part.as_independent(*part.free_symbols, as_Add=part.is_Add)
            own = [] if number == part.identity else [walk(number)]
            return part.func(*own, *(walk(term) for term in type(part).make_args(rest)))
        return part.func(*map(walk, part.args)) if part.args else part

    template = walk(formula)
    shifts = [symbol for symbol in sympy.Add.make_args(template) if symbol in constants]
    free = Free(template, tuple(constants), tuple(constants.values()))
    return free, shifts[0] if shifts and template.is_Add else None
