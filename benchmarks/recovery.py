"""Whether a formula that was found is the formula that made the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from scipy.optimize import least_squares
from sympy import Expr, Symbol
from targets import Target

REFITTED = 1e-8  # of the target's spread: error below which a form is right
_VANISHED = 1e-6  # constants that come out smaller were not part of the form
_POINTS = 5
_DIGITS = 30


@dataclass(frozen=True)
class Form:
    """What remains of a formula once its numbers are fitted to clean data.

    `error` is over the target's spread; `vanished` counts the constants that came out as zero: terms that the true
    formula does not have.
    """

    error: float
    vanished: int

    @property
    def right(self) -> bool:
        return self.error < REFITTED and self.vanished == 0


def is_exact(found: Expr, target: Target) -> bool:
    """Whether found - truth is zero, first at some points in 30 digits and then by sympy's simplification."""
    difference = in_inputs_of(target, found) - target.formula
    rng = np.random.default_rng(0)
    low, high = np.array(list(target.domain.values())).T
    for point in rng.uniform(low, high, (_POINTS, len(low))):
        value = difference.evalf(_DIGITS, subs=dict(zip(target.inputs, map(sympy.Float, point), strict=True)))
        if not abs(value) < 10.0 ** (5 - _DIGITS):
            return False
    return bool(sympy.simplify(difference) == 0)


def in_inputs_of(target: Target, found: Expr) -> Expr:
    """The formula with the target's inputs (which know their signs) in the place of symbols of the same names."""
    return found.subs({Symbol(symbol.name): symbol for symbol in target.inputs})


def refitted(found: Expr, target: Target) -> Form:
    """Give every number that is not an integer exponent a fresh value, the best on clean data."""
    formula, constants = with_free_constants(in_inputs_of(target, found))
    x, y = target.sample(1000, np.random.default_rng(10_000))
    function = sympy.lambdify([*constants, *target.inputs], formula, modules=["scipy", "numpy"])

    def residual(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            out = np.broadcast_to(function(*values, *x.T), y.shape) - y
        return np.nan_to_num(out / y.std(), nan=1e6, posinf=1e6, neginf=-1e6)

    if not constants:
        return Form(float(np.sqrt(np.mean(residual(np.empty(0)) ** 2))), 0)
    start = np.array(list(constants.values()))
    best = least_squares(residual, start, method="trf", x_scale="jac", ftol=1e-15, xtol=1e-15, gtol=1e-15)
    return Form(float(np.sqrt(np.mean(best.fun**2))), int((np.abs(best.x) < _VANISHED).sum()))


def with_free_constants(formula: Expr) -> tuple[Expr, dict[Symbol, float]]:
    """The formula with a symbol for every number but integer exponents and signs, and the numbers."""
    constants: dict[Symbol, float] = {}

    def fresh(number: Expr) -> Expr:
        symbol = Symbol(f"constant{len(constants)}", real=True)
        constants[symbol] = float(number)
        return symbol

    def walk(part: Expr) -> Expr:
        if part.is_number:
            return part if part == -1 else fresh(part)
        if part.is_Pow and part.exp.is_Integer:
            return walk(part.base) ** part.exp
        if part.is_Mul or part.is_Add:
            number, rest = part.as_independent(*part.free_symbols, as_Add=part.is_Add)
            walked = [walk(term) for term in type(part).make_args(rest)]
            return part.func(*walked, *([] if number == part.identity else [walk(number)]))
        return part.func(*map(walk, part.args)) if part.args else part

    return walk(formula), constants
