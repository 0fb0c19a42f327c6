"""Formulas straight from the table, without a network: power laws and polynomials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
import torch

from edgewise._typing import Array, Formula
from edgewise.discovery._monomials import (
    EXACT,
    accepted,
    in_range,
    library,
    monomial,
    rounded,
    scaled_columns,
    size,
    usable,
    varying,
)
from edgewise.discovery._rational import rational as rational
from edgewise.expressions import FitData, FittedFormula, Tape

_LOOSE = 0.05  # a power law is returned up to this error: real tables are not as good as their noise level
_MAX_TERMS = 120


def power_law(
    names: Sequence[str], x: Array, y: Array, noise: float = 0.0, weight: Array | None = None
) -> list[FittedFormula]:
    """Fit y = C x_1^p_1 ... x_m^p_m with exponents that are fractions.

    log |y| = log |C| + sum p_i log |x_i|,  rows weighted by weight |y|

    Exponents become fractions with denominators <= 4 if within 4 standard errors (1e-9 at least); a variable
    of both signs needs an integer, or enters as |x|. If some exponent is no such fraction, they stay Floats.
    Then C is refitted in y itself, and made exact if the data allow it.

    Args:
        names: the column names.
        x: the table (N, m).
        y: the target (N,).
        noise: rms of the noise over the weighted standard deviation of y; 0 for exact data.
        weight: what residuals are multiplied by (N,); 1/|y| judges relative errors.

    Returns:
        One candidate, or none if the error exceeds max(0.05, the noise) or the table does not allow a fit.

    Example:
        >>> x = np.random.default_rng(0).uniform(1, 5, (50, 2))
        >>> power_law(["m", "r"], x, 2 * x[:, 0] / x[:, 1] ** 2)[0].expression
        2*m/r**2
    """
    data = FitData.of(names, x, y, weight)
    if not usable(data):
        return []
    table = np.column_stack([data.y, *data.columns])
    scale = float(np.linalg.norm(data.weight * data.y)) or 1.0
    floor = 3 * noise / np.maximum(data.weight * np.sqrt(data.n), 1e-300) if noise > 0 else 0.0
    keep = (np.abs(table) > 0).all(axis=1) & (data.weight > 0) & (np.abs(data.y) > floor)
    if np.count_nonzero(keep) < max(len(names) + 2, 0.2 * data.n):
        return []
    weights = (data.weight * np.abs(data.y) / scale)[keep]
    logs = np.log(np.abs(table[keep]))
    exponents, errors = _exponents(logs[:, 1:], logs[:, 0], weights, noise)
    if exponents is None:
        return []
    fractions = [_fraction(p, max(4 * e, 1e-9)) for p, e in zip(exponents, errors, strict=True)]
    final = [sympy.Float(p, 17) if f is None else f for p, f in zip(exponents, fractions, strict=True)]
    return _power_candidates(final, data, noise)


def _exponents(logs: Array, target: Array, weights: Array, bias: float) -> tuple[Array | None, Array]:
    """Return the exponents and their standard errors; None if the columns do not determine them."""
    spread = np.ptp(logs, axis=0)
    moving = spread > 1e-12
    center = np.average(np.column_stack([logs, target]), axis=0, weights=weights**2 + 1e-300)
    table = (logs - center[:-1])[:, moving] * weights[:, None]
    aim = (target - center[-1]) * weights
    exponents, errors = np.zeros(len(spread)), np.zeros(len(spread))
    if not moving.any():
        return exponents, errors
    q, r = torch.linalg.qr(torch.from_numpy(table))
    s = torch.linalg.svdvals(r)
    if s[-1] < 1e-9 * s[0]:
        return None, errors
    projected = (q.T @ torch.from_numpy(aim))[:, None]
    solution = torch.linalg.solve_triangular(r, projected, upper=True)[:, 0].numpy()
    residual = float(np.linalg.norm(aim - table @ solution)) / np.sqrt(max(1, len(aim) - len(solution) - 1))
    inverse = torch.linalg.inv(r).numpy()
    exponents[moving] = solution
    # taking the logarithm of noisy numbers shifts exponents by about the square of the noise
    errors[moving] = np.linalg.norm(inverse, axis=1) * residual + bias**2 / spread[moving]
    return exponents, errors


def _fraction(value: float, tolerance: float) -> Formula | None:
    """Return the simplest fraction with a denominator up to 4 within the tolerance."""
    for d in range(1, 5):
        n = round(value * d)
        if abs(n / d - value) <= tolerance:
            return sympy.Rational(n, d)
    return None


def _power_candidates(exponents: list[Formula], data: FitData, noise: float) -> list[FittedFormula]:
    """Try the signs: x where it is positive, -x where it is negative, x or |x| where it is both."""
    product = sympy.Integer(1)
    mixed: list[tuple[sympy.Symbol, Formula]] = []
    for name, column, p in zip(data.names, data.columns, exponents, strict=True):
        symbol = sympy.Symbol(name)
        if p == 0:
            continue
        if (column >= 0).all() or (p.is_Integer and p % 2 == 0):
            product *= symbol**p
        elif (column <= 0).all():
            product *= symbol**p if p.is_Integer else (-symbol) ** p
        else:
            mixed.append((symbol, p))
    found = []
    for choice in range(2 ** min(len(mixed), 5)):
        trial = product
        for k, (symbol, p) in enumerate(mixed):
            plain = p.is_Integer and not choice >> k & 1
            trial *= symbol**p if plain else sympy.Abs(symbol) ** p
        found.append(rounded(sympy.Float(_coefficient(trial, data), 17) * trial, data, noise))
        if accepted(found[-1].error, noise, data.n):
            break
    best = min(found, key=lambda d: d.error)
    return [best] if best.error <= max(_LOOSE, 1.1 * noise) else []


def _coefficient(product: Formula, data: FitData) -> float:
    values = data.weight * Tape(product, data.names).values(data.columns)
    with np.errstate(all="ignore"):
        c = float(values @ (data.weight * data.y) / (values @ values))
    return c if np.isfinite(c) and c != 0 else 1.0


def polynomial(
    names: Sequence[str],
    x: Array,
    y: Array,
    noise: float = 0.0,
    weight: Array | None = None,
    *,
    max_degree: int = 3,
) -> list[FittedFormula]:
    """Find y as a polynomial with few terms.

    y = sum c_k x^e_k  over all monomials up to the lowest degree that fits, at most 120 and N/3 of them

    Exact data: least squares, then terms at rounding level are dropped. Noisy data: from all terms, the one
    that raises the residual least is removed, as long as the extended Bayesian information criterion falls.

    Args:
        names: the column names.
        x: the table (N, m).
        y: the target (N,).
        noise: rms of the noise over the weighted standard deviation of y; 0 for exact data.
        weight: what residuals are multiplied by (N,).
        max_degree: the largest total degree.

    Returns:
        One candidate at rounding level or at the noise level, or none.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
        >>> polynomial(["u", "v"], x, 3 * x[:, 0] ** 2 * x[:, 1] - x[:, 1] / 2)[0].expression
        3*u**2*v - v/2

    Source: Chen and Chen (2008) for the extended criterion.
    """
    data = FitData.of(names, x, y, weight)
    variables = varying(data) if usable(data) else []
    for degree in range(1, max_degree + 1):
        if not variables or size(len(variables), degree) > min(_MAX_TERMS, data.n / 3):
            break
        terms = library(variables, len(names), degree)
        found = _sparse(terms, data, noise)
        if found is None:
            continue
        expr = sympy.Add(*(sympy.Float(c, 17) * monomial(data.names, e) for c, e in found))
        candidate = rounded(expr, data, noise)
        if accepted(candidate.error, noise, data.n):
            return [candidate]
    return []


def _sparse(terms: list, data: FitData, noise: float) -> list[tuple[float, tuple[int, ...]]] | None:
    """Return coefficients and exponents of the terms that are needed, None if all together are not enough."""
    columns, scales = scaled_columns(data, terms)
    table = columns * data.weight[:, None]
    target = data.weight * data.y
    norms = np.linalg.norm(table, axis=0)
    if not (in_range(scales) and np.isfinite(norms).all() and (norms > 0).all()):
        return None
    triangle = torch.linalg.qr(torch.from_numpy(np.column_stack([table / norms, target])), mode="r").R
    solution, error = _least_squares(triangle, np.arange(len(terms)))
    if not accepted(error * np.sqrt(data.n / (data.n - len(terms))), noise, data.n):
        return None
    exact = error < EXACT
    keep = _needed_exact(triangle, solution, error) if exact else _needed_noisy(triangle, error, data.n)
    solution, _ = _least_squares(triangle, keep)
    return [(float(c / norms[k] / scales[k]), terms[k]) for c, k in zip(solution, keep, strict=True)]


def _least_squares(triangle: torch.Tensor, keep: Array) -> tuple[Array, float]:
    """Return the coefficients of some columns and the residual, from the triangle of all and the target."""
    part = triangle[:, torch.from_numpy(np.append(keep, triangle.shape[1] - 1))]
    small = torch.linalg.qr(part, mode="r").R
    p = len(keep)
    u, s, vh = torch.linalg.svd(small[:p, :p])
    inverse = torch.where(s > 1e-13 * s[0], 1 / s, 0.0)
    solution = vh.T @ (inverse * (u.T @ small[:p, p]))
    return solution.numpy(), float(torch.linalg.vector_norm(part[:, :p] @ solution - part[:, p]))


def _needed_exact(triangle: torch.Tensor, solution: Array, error: float) -> Array:
    """Drop terms at rounding level, many at once and then one at a time, while the residual stays there."""
    keep = np.arange(len(solution))
    limit = max(10 * error, 1e-13)
    largest = np.max(np.abs(solution))
    for tolerance in (1e-10, 1e-8, 1e-6):
        fewer = keep[np.abs(solution) > tolerance * largest]
        trial, trial_error = _least_squares(triangle, fewer)
        if trial_error <= limit:
            keep, solution = fewer, trial
    for k in keep[np.argsort(np.abs(solution))]:
        fewer = keep[keep != k]
        if len(fewer) == 0 or _least_squares(triangle, fewer)[1] > limit:
            break
        keep = fewer
    return keep


def _needed_noisy(triangle: torch.Tensor, error: float, n: int) -> Array:
    """Remove the term that raises the residual least, while the rise is below the price of a term."""
    total = triangle.shape[1] - 1
    price = error**2 / (n - total) * (np.log(n) + 2 * np.log(total))
    keep = np.arange(total)
    gram = triangle[:, :total].T @ triangle[:, :total]
    moment = triangle[:, :total].T @ triangle[:, total]
    while len(keep) > 1:
        index = torch.from_numpy(keep)
        inverse = torch.linalg.pinv(gram[index][:, index], hermitian=True, rtol=1e-14)
        rises = ((inverse @ moment[index]) ** 2 / torch.diagonal(inverse)).numpy()
        k = int(np.argmin(rises))
        if rises[k] >= price:
            break
        keep = np.delete(keep, k)
    return keep
