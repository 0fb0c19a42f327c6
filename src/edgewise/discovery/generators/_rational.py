"""Quotients of polynomials from a linear relation between monomials: P(x) - y Q(x) = 0."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
import sympy
from scipy import linalg

from edgewise._typing import Array, Formula
from edgewise.discovery.tables import (
    Exponents,
    accepted,
    in_range,
    library,
    monomial,
    norms_of,
    rounded,
    scaled_columns,
    triangle,
    varying,
)
from edgewise.formulas.expressions import FitData, FittedFormula, fitted_constants, simple_constants


@dataclass(frozen=True)
class _Relation:
    """Monomials, those of the numerator first, how many these are, and coefficients in unscaled variables."""

    terms: list[Exponents]
    above: int
    coefficients: Array = field(default_factory=lambda: np.zeros(0))

    def kept(self, keep: Array) -> _Relation | None:
        """Return a relation of fewer terms without coefficients, None where the numerator or denominator has none."""
        above, count = int(keep[: self.above].sum()), int(keep.sum())
        return _Relation(list(compress(self.terms, keep)), above) if 0 < above < count else None

    def formula(self, names: tuple[str, ...], unit: int) -> Formula:
        """Return P/Q with the coefficient at one place divided out of both."""
        terms = [monomial(names, e) for e in self.terms]
        for k, c in enumerate(self.coefficients):
            terms[k] *= 1 if k == unit else sympy.Float(c / self.coefficients[unit], 17)
        return sympy.Add(*terms[: self.above]) / sympy.Add(*terms[self.above :])


def rational(data: FitData, noise: float = 0.0) -> list[FittedFormula]:
    """Find y = P(x) / Q(x) with few terms in both polynomials; return one candidate or none.

    P(x) - y Q(x) = 0 is linear in the coefficients. Exact data: the smallest library of monomials in which it
    has one solution only, by singular values. Noisy data: min sum (weight (P - y Q) / Q_old)^2 with mean (Q /
    Q_old)^2 fixed, which takes the bias out of the linear problem, repeated until Q stands; terms are removed
    as long as the Bayesian information criterion allows it. Then all constants are refitted in y itself and
    made exact where possible. `noise`: its rms over the weighted standard deviation of y, 0 for exact data; with noise,
    a quotient that needs more than 5 constants that are not exact numbers only imitates a law of another kind.

    Example:
        >>> x = np.random.default_rng(0).uniform(0.1, 0.9, (100, 2))
        >>> u, v = x.T
        >>> rational(FitData.of(["u", "v"], x, (u + v) / (1 + u * v)))[0].expression
        (u + v)/(u*v + 1)

    Source: Sanathanan and Koerner (1963) for the weights 1/Q_old; the constraint is the total least squares
    one.
    """
    exact_degrees = ((1, 1), (2, 0), (2, 1), (1, 2), (2, 2), (3, 0), (3, 1), (3, 2))  # numerator, denominator
    noisy_degrees = ((1, 1), (2, 0), (2, 1), (1, 2), (2, 2), (3, 1))
    max_terms = 120
    max_noisy_terms = 40
    max_noisy_constants = 5
    variables = varying(data)
    if not variables:
        return []
    data = data.rows(data.weight > 0)
    limit = min(max_terms if noise <= 0 else max_noisy_terms, data.n / 3)
    for degrees in exact_degrees if noise <= 0 else noisy_degrees:
        if sum(math.comb(len(variables) + degree, degree) for degree in degrees) > limit:
            continue
        above, below = (library(variables, len(data.names), degree) for degree in degrees)
        candidate = _quotient(_Relation([*above, *below], len(above)), data, noise)
        if candidate and (noise <= 0 or fitted_constants(candidate.expression) <= max_noisy_constants):
            return [candidate]
    return []


def quotient(data: FitData, above: list[Exponents], below: list[Exponents]) -> FittedFormula | None:
    """Find y = P(x) / Q(x) on exact data with the monomials given, if there is one such relation only."""
    return _quotient(_Relation([*above, *below], len(above)), data, 0.0) if varying(data) else None


def _quotient(relation: _Relation, data: FitData, noise: float) -> FittedFormula | None:
    """Return the quotient of a relation with the coefficients that the data give it, None if it does not fit."""
    found = _noisy(relation, data, noise) if noise > 0 else _exact(relation, data)
    if found is None:
        return None
    candidate = rounded(found.formula(data.names, _unit(found, data, noise)), data, noise)
    return candidate if accepted(candidate.error, noise, data.n) else None


def _columns(relation: _Relation, data: FitData) -> tuple[Array, Array, Array]:
    """Return the columns of P and Q in scaled variables, of P - y Q, and what scaled coefficients are divided by."""
    columns, scales = scaled_columns(data, relation.terms)
    p = relation.above
    size_y = np.max(np.abs(data.y))
    with np.errstate(over="ignore"):
        scales = np.concatenate([scales[:p], scales[p:] * size_y])
    return columns, np.column_stack([columns[:, :p], columns[:, p:] * (-data.y / size_y)[:, None]]), scales


def _null_space(relation: _Relation, data: FitData) -> tuple[Array, Array, Array] | None:
    """Return the coefficients of smallest residual, their sizes as parts of it, and the singular values.

    None if a column is zero or overflows.
    """
    _, table, scales = _columns(relation, data)
    table *= (data.weight / np.max(data.weight))[:, None]
    norms = norms_of(table, scales)
    if norms is None:
        return None
    _, s, vt = np.linalg.svd(triangle(table / norms))
    return vt[-1] / norms / scales, np.abs(vt[-1]), s


def _exact(relation: _Relation, data: FitData) -> _Relation | None:
    """Return the relation of exact data if there is one only, without the terms that are zero."""
    unique = 1e-9  # the smallest singular value over the next one, for an exact relation
    tiny = 1e-12  # the smallest singular value over the largest
    for tolerance in (1e-6, 1e-8, 1e-9, 0.0):
        found = _null_space(relation, data)
        if found is None:
            return None
        coefficients, parts, s = found
        if not (len(s) < 2 or (s[-1] < unique * s[-2] and s[-1] < tiny * s[0])):
            return None
        keep = parts > tolerance * np.max(parts)
        smaller = relation.kept(keep)
        if smaller is None or keep.all():
            break
        relation = smaller
    return None if smaller is None else replace(relation, coefficients=coefficients)


def _unit(relation: _Relation, data: FitData, noise: float) -> int:
    """Return the place to divide by: what makes the others simplest, or the largest part of noisy data."""
    c = relation.coefficients
    if noise > 0:
        columns, _, scales = _columns(relation, data)
        parts = np.linalg.norm(columns, axis=0) * np.abs(c * scales)
        return relation.above + int(np.argmax(parts[relation.above :]))

    def cost(k: int) -> tuple[float, int]:
        near = [simple_constants(float(value), 1e-7) for value in c / c[k]]
        return sum(n[0].complexity if n else 25 for n in near), -k

    return min(range(len(c)), key=cost)


def _noisy(relation: _Relation, data: FitData, noise: float) -> _Relation | None:
    """Return a sparse relation of noisy data at the noise level, or None."""
    full = _solve(relation, data)
    if full is None or not accepted(full[1] * np.sqrt(data.n / (data.n - len(relation.terms))), noise, data.n):
        return None
    relation, error, rises = full
    criterion = error**2 * (np.log(data.n) + 2 * np.log(len(relation.terms))) / data.n
    blocked: set[tuple[bool, Exponents]] = set()
    while len(relation.terms) > 2:
        places = [(k < relation.above, e) for k, e in enumerate(relation.terms)]
        order = [k for k in np.argsort(rises) if places[k] not in blocked and rises[k] < 3 * criterion]
        if not order:
            break
        smaller = relation.kept(np.arange(len(relation.terms)) != order[0])
        trial = None if smaller is None else _solve(smaller, data)
        if trial is not None and trial[1] ** 2 <= error**2 + criterion:
            relation, error, rises = trial
        else:
            blocked.add(places[order[0]])
    return relation


def _solve(relation: _Relation, data: FitData) -> tuple[_Relation, float, Array] | None:
    """Return the relation with coefficients, the error in y, and how its square rises without each term."""
    columns, table, scales = _columns(relation, data)
    if not in_range(scales):
        return None
    p = relation.above
    top, bottom = columns[:, :p], columns[:, p:]
    size_y = np.max(np.abs(data.y))
    table *= (data.weight * size_y)[:, None]
    old, best = np.ones(data.n), None
    with np.errstate(all="ignore"):
        for _ in range(8):
            weighted, below = table / old[:, None], bottom / old[:, None]
            moments = weighted.T @ weighted
            sizes = np.sqrt(np.diag(moments)).clip(1e-300)
            below /= sizes[p:]
            solution = _smallest_ratio(moments / sizes / sizes[:, None], below.T @ below / data.n, p)
            if solution is None:
                break
            c = solution[0] / sizes
            q = bottom @ c[p:]
            if not q.any():  # columns repeat each other, and Q is their difference
                break
            error = data.error(size_y * (top @ c[:p]) / q)
            if best is not None and error > best[1] * (1 - 1e-5):
                break
            best = (replace(relation, coefficients=c / scales), error, solution[1])
            old = np.maximum(np.abs(q), 1e-3 * np.sqrt(np.mean(q * q)))
    return best


def _smallest_ratio(g: Array, h: Array, p: int) -> tuple[Array, Array] | None:
    """Minimise c G c over q H q = 1, where q is c after the first p entries.

    Returns c and the rise of the minimum, to second order, when an entry is set to zero.
    """
    curvature = g.copy()
    try:
        factor = linalg.cho_factor(g[:p, :p] + 1e-14 * np.eye(p))
        lift = linalg.cho_solve(factor, g[:p, p:])
        ridge = 1e-14 * np.trace(h) * np.eye(len(h))
        values, vectors = linalg.eigh(g[p:, p:] - g[p:, :p] @ lift, h + ridge, subset_by_index=(0, 0))
        curvature[p:, p:] -= values[0] * h
        s, v = linalg.eigh(curvature)
    except (linalg.LinAlgError, ValueError):  # not positive definite, or not finite
        return None
    c = np.concatenate([-lift @ vectors[:, 0], vectors[:, 0]])
    inverse = (v[:, 1:] ** 2 / s[1:].clip(1e-14 * s[-1])).sum(axis=1)
    return c, c * c / inverse
