"""What the direct fits share: monomials of a table, and when a candidate is good enough."""

import itertools
import math
from fractions import Fraction

import numpy as np
import sympy
import torch

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import FitData, FittedFormula, FreeFormula, round_constants

EXACT = 1e-9  # an error below this means the right form on exact data
Exponents = tuple[int, ...]


def adequate(noise: float, n: int) -> float:
    """Return the error up to which a formula leaves only noise, as far as n rows can tell."""
    return noise * (1.05 + 1.5 / math.sqrt(n)) if noise > 0 else 0.0


def accepted(error: float, noise: float, n: int) -> bool:
    """Return whether an error is at rounding level, or at the noise level."""
    return error < EXACT or error <= adequate(noise, n)


def fraction(value: float, tolerance: float, largest: int) -> Fraction | None:
    """Return the fraction of the smallest denominator, up to the largest, within a tolerance."""
    trials = (Fraction(round(value * denominator), denominator) for denominator in range(1, largest + 1))
    return next((near for near in trials if abs(near - value) <= tolerance), None)


def library(variables: list[int], total: int, degree: int) -> list[Exponents]:
    """List the exponents of all monomials up to a degree in some of the variables, low degrees first."""
    choices = (itertools.combinations_with_replacement(variables, d) for d in range(degree + 1))
    return [tuple(map(choice.count, range(total))) for choice in itertools.chain(*choices)]


def monomial(names: tuple[str, ...], exponents: Exponents) -> Formula:
    """Return a monomial as an expression."""
    return sympy.Mul(*(sympy.Symbol(n) ** e for n, e in zip(names, exponents, strict=True)))


def varying(data: FitData) -> list[int]:
    """Return the variables that are not constant; none where there are few rows or the target does not vary."""
    if data.n < 5 or not np.any(data.weight > 0) or not np.ptp(data.y) > 0:
        return []
    return [i for i, c in enumerate(data.columns) if np.ptp(c) > 1e-12 * np.max(np.abs(c))]


def scaled_columns(data: FitData, monomials: list[Exponents]) -> tuple[Array, Array]:
    """Return the monomials of the variables over their largest sizes (N, K), and their divisors (K,).

    A divisor that is zero or infinite means that the monomial is out of the range of doubles.
    """
    scales = np.array([np.max(np.abs(c)) or 1.0 for c in data.columns])
    scaled = [c / s for c, s in zip(data.columns, scales, strict=True)]
    done: dict[Exponents, Array] = {(0,) * len(scales): np.ones(data.n)}
    for e in monomials:
        if e not in done:
            i = next(i for i, k in enumerate(e) if k)
            lower = (*e[:i], e[i] - 1, *e[i + 1 :])
            below = (
                done[lower] if lower in done else np.prod([c**k for c, k in zip(scaled, lower, strict=True)], axis=0)
            )
            done[e] = below * scaled[i]
    with np.errstate(over="ignore", invalid="ignore"):
        divisors = np.array([np.prod(scales**e) for e in monomials])
    return np.column_stack([done[e] for e in monomials]), divisors


def in_range(scales: Array) -> bool:
    """Return whether coefficients can be divided by these."""
    return bool(np.all((scales > 1e-250) & (scales < 1e250)))


def norms_of(table: Array, scales: Array) -> Array | None:
    """Return the norms (K,) of columns, None where one or a scale cannot be divided by."""
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(table, axis=0)
    return norms if in_range(scales) and np.isfinite(norms).all() and (norms > 0).all() else None


def triangle(table: Array) -> Array:
    """Return R of table = Q R, by torch: of tall tables it takes half of the time that numpy takes."""
    return torch.linalg.qr(torch.from_numpy(table), mode="r").R.numpy()


def rounded(expr: Formula, data: FitData, noise: float) -> FittedFormula:
    """Return a formula with its constants refitted, and made exact where possible."""
    many = 30  # formulas with more free constants are refitted but not rounded
    free = FreeFormula.of(expr)
    few = len(free.symbols) <= many
    return round_constants(expr, data, noise) if few else free.fit(data).fitted(data)
