"""Formulas straight from the table, without a network: the plainest, power laws and polynomials."""

import math
from collections.abc import Iterator

import numpy as np
import sympy

from edgewise._selection import rises
from edgewise._typing import Array, Formula
from edgewise.discovery.judging import Candidate, Judge, lines_of_binaries
from edgewise.discovery.tables import (
    EXACT,
    Exponents,
    accepted,
    fraction,
    library,
    monomial,
    norms_of,
    rounded,
    scaled_columns,
    triangle,
    varying,
)
from edgewise.formulas.expressions import FitData, FittedFormula, Tape


def power_law(data: FitData, noise: float = 0.0, most: float = 0.0) -> list[FittedFormula]:
    """Fit y = C x_1^p_1 ... x_m^p_m with exponents that are fractions; return the candidates.

    log |y| = log |C| + sum p_i log |x_i|,  rows weighted by weight |y|

    Exponents become fractions with denominators <= 4 if within 4 standard errors (1e-9 at least); a variable
    of both signs needs an integer, or enters as |x|. If some exponent is no such fraction, they stay Floats; those
    within 1e-3 of one make another candidate: what a law leaves may be no noise.
    Then C is refitted in y itself, and made exact if the data allow it. There is no candidate where the error exceeds
    max(0.05, the noise, `most`) or the table does not allow a fit. `noise`: its rms over the weighted standard
    deviation of y; 0 for exact data.

    Example:
        >>> x = np.random.default_rng(0).uniform(1, 5, (50, 2))
        >>> power_law(FitData.of(["m", "r"], x, 2 * x[:, 0] / x[:, 1] ** 2))[0].expression
        2*m/r**2
    """
    if not varying(data):
        return []
    table = np.column_stack([data.y, *data.columns])
    scale = float(np.linalg.norm(data.weight * data.y)) or 1.0
    floor = 3 * noise / np.maximum(data.weight * np.sqrt(data.n), 1e-300) if noise > 0 else 0.0
    keep = (np.abs(table) > 0).all(axis=1) & (data.weight > 0) & (np.abs(data.y) > floor)
    if np.count_nonzero(keep) < max(len(data.names) + 2, 0.2 * data.n):
        return []
    weights = (data.weight * np.abs(data.y) / scale)[keep]
    logs = np.log(np.abs(table[keep]))
    exponents, errors = _exponents(logs[:, 1:], logs[:, 0], weights, noise)
    if exponents is None:
        return []
    near = (
        tuple(fraction(p, max(4 * e, least), 4) for p, e in zip(exponents, errors, strict=True))
        for least in (1e-9, 1e-3)
    )
    found: list[FittedFormula] = []
    for fractions in dict.fromkeys(near):
        read = zip(exponents, fractions, strict=True)
        final: list[Formula] = [sympy.Float(p, 17) if exact is None else sympy.Rational(exact) for p, exact in read]
        found += _power_candidates(final, data, noise, most)
    return found


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
    u, s, vt = np.linalg.svd(table, full_matrices=False)
    if s[-1] < 1e-9 * s[0]:
        return None, errors
    solution = vt.T @ ((u.T @ aim) / s)
    residual = float(np.linalg.norm(aim - table @ solution)) / np.sqrt(max(1, len(aim) - len(solution) - 1))
    exponents[moving] = solution
    # taking the logarithm of noisy numbers shifts exponents by about the square of the noise
    errors[moving] = np.linalg.norm(vt.T / s, axis=1) * residual + bias**2 / spread[moving]
    return exponents, errors


def _power_candidates(exponents: list[Formula], data: FitData, noise: float, most: float) -> list[FittedFormula]:
    """Try the signs: x where it is positive, -x where it is negative, x or |x| where it is both."""
    loose = 0.05  # a power law is returned up to this error: real tables are not as good as their noise level
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
    return [best] if best.error <= max(loose, 1.1 * noise, most) else []


def _coefficient(product: Formula, data: FitData) -> float:
    values = data.weight * Tape(product, data.names).values(data.columns)
    with np.errstate(all="ignore"):
        c = float(values @ (data.weight * data.y) / (values @ values))
    return c if np.isfinite(c) and c != 0 else 1.0


def polynomial(data: FitData, noise: float = 0.0) -> list[FittedFormula]:
    """Find y as a polynomial with few terms; return one candidate at rounding level or at the noise level, or none.

    y = sum c_k x^e_k  over all monomials up to the lowest degree that fits, at most 120 and N/3 of them

    Exact data: least squares, then terms at rounding level are dropped. Noisy data: from all terms, the one
    that raises the residual least is removed, as long as the extended Bayesian information criterion falls.
    `noise` as for `power_law`.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
        >>> polynomial(FitData.of(["u", "v"], x, 3 * x[:, 0] ** 2 * x[:, 1] - x[:, 1] / 2))[0].expression
        3*u**2*v - v/2

    Source: Chen and Chen (2008) for the extended criterion.
    """
    max_terms = 120
    max_degree = 4
    variables = varying(data)
    for degree in range(1, max_degree + 1):
        if not variables or math.comb(len(variables) + degree, degree) > min(max_terms, data.n / 3):
            break
        found = _sparse(library(variables, len(data.names), degree), data, noise)
        candidate = None if found is None else rounded(found, data, noise)
        if candidate is not None and accepted(candidate.error, noise, data.n):
            return [candidate]
    return []


def _sparse(terms: list[Exponents], data: FitData, noise: float) -> Formula | None:
    """Return the sum of the terms that are needed, None if all together are not enough."""
    columns, scales = scaled_columns(data, terms)
    table = columns * data.weight[:, None]
    norms = norms_of(table, scales)
    if norms is None:
        return None
    small = triangle(np.column_stack([table / norms, data.weight * data.y]))
    solution, error = _least_squares(small, np.arange(len(terms)))
    if not accepted(error * np.sqrt(data.n / (data.n - len(terms))), noise, data.n):
        return None
    keep = _needed_exact(small, solution, error) if error < EXACT else _needed_noisy(small, error, data.n)
    factors = _least_squares(small, keep)[0] / norms[keep] / scales[keep]
    return sympy.Add(*(sympy.Float(c, 17) * monomial(data.names, terms[k]) for c, k in zip(factors, keep, strict=True)))


def _least_squares(small: Array, keep: Array) -> tuple[Array, float]:
    """Return the coefficients of some columns and the residual, from the triangle of all and the target."""
    table, target = small[:, keep], small[:, -1]
    solution = np.linalg.lstsq(table, target, rcond=1e-13)[0]
    return solution, float(np.linalg.norm(table @ solution - target))


def _needed_exact(small: Array, solution: Array, error: float) -> Array:
    """Drop terms at rounding level, many at once and then one at a time, while the residual stays there."""
    keep = np.arange(len(solution))
    limit = max(10 * error, 1e-13)
    largest = np.max(np.abs(solution))
    for tolerance in (1e-10, 1e-8, 1e-6):
        fewer = keep[np.abs(solution) > tolerance * largest]
        trial, trial_error = _least_squares(small, fewer)
        if trial_error <= limit:
            keep, solution = fewer, trial
    for k in keep[np.argsort(np.abs(solution))]:
        fewer = keep[keep != k]
        if len(fewer) == 0 or _least_squares(small, fewer)[1] > limit:
            break
        keep = fewer
    return keep


def _needed_noisy(small: Array, error: float, n: int) -> Array:
    """Remove the term that raises the residual least, while the rise is below the criterion of a term."""
    total = small.shape[1] - 1
    criterion = error**2 / (n - total) * (np.log(n) + 2 * np.log(total))
    keep = np.arange(total)
    gram = small[:, :total].T @ small[:, :total]
    moment = small[:, :total].T @ small[:, total]
    while len(keep) > 1:
        rise = rises(gram, moment, keep)
        k = int(np.argmin(rise))
        if rise[k] >= criterion:
            break
        keep = np.delete(keep, k)
    return keep


def baselines(judge: Judge, noise: float) -> Iterator[Candidate]:
    """What anyone would try first: a constant, each input as a line and as a power, plane and power law of all."""
    forms = (lines_of_binaries(form, judge.two_valued) for form in _plainest(judge))
    yield from filter(None, (judge.judged(form, noise, keep_form=True) for form in forms))


def _plainest(judge: Judge) -> Iterator[Formula]:
    symbols = [sympy.Symbol(name) for name in judge.names]
    yield sympy.Float(np.average(judge.y, weights=judge.weight**2))
    chosen = _most_correlated(judge)
    yield from (sympy.Float(1.1) * symbols[i] + sympy.Float(0.1) for i in chosen)
    yield from (sympy.Float(1.1) * symbols[i] for i in chosen)
    yield sum((sympy.Float(1.1) * s for s in symbols), sympy.Float(0.1))
    for i in chosen:
        name = judge.names[i]
        alone = FitData.of([name], judge.x[:, [i]], judge.y, judge.weight)
        yield from (law.expression for law in power_law(alone, most=1.0))
    every = FitData.of(judge.names, judge.x, judge.y, judge.weight)
    yield from (law.expression for law in power_law(every, most=1.0))


def _most_correlated(judge: Judge) -> list[int]:
    """Return the columns that are tried alone, in their order."""
    alone = 10  # inputs that are tried alone, those with the largest correlations
    x, y = (v - np.average(v, axis=0, weights=judge.weight**2) for v in (judge.x, judge.y))
    root = judge.weight / max(float(judge.weight.max()), 1e-300)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(root[:, None] * x, axis=0)
        correlation = np.nan_to_num(np.abs((root * y) @ (root[:, None] * x)) / size)
    return sorted(np.argsort(-correlation, kind="stable")[:alone].tolist())
