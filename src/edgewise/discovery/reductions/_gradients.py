"""The gradients of a target, what a symmetry is, and the parts of a target that one column brings in.

A part is a factor f(x_i)^q x_i^p, or a term c x_i^p times powers of others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise._typing import Array, Formula
from edgewise.discovery.tables import Problem, fraction
from edgewise.discovery.univariate import with_slope
from edgewise.formulas.expressions import simple_constants
from edgewise.interpret.symmetries import Gradients, inner_rows, measured

ITSELF, ONE = -2, -1  # places of y and of 1 among the terms
RESOLUTION = 1e-7  # residuals below this are alike: factors are read from inner products, which square them
_SEPARATED = 0.05  # residual above which nothing is separated
_LARGE = 1e30
_NICE = 3e-3  # how far a factor may be from an exact number, that is tried beside it


@dataclass(frozen=True)
class Symmetry:
    """One symmetry: which columns it joins, how well the gradients obey it, and the problem with one column less.

    `residual` is the statistic of its equation; `cost` ranks simplicity.
    """

    text: str
    residual: float
    cost: float
    reduced: Problem
    power: Fraction | None = None
    """Of the column that is a factor of the target, where this is all that the symmetry says."""


class Terms:
    """Weighted terms of equations, (n, k), and their inner products `square` (k, k); a term is named by its place."""

    def __init__(self, table: Tensor) -> None:
        self.table = table
        self.square: Array = (table.T @ table).numpy()

    def fit(self, left: int, terms: list[int]) -> list[float]:
        """Least squares of left = sum k terms."""
        square = self.square[np.ix_(terms, terms)]
        scale = np.sqrt(np.maximum(np.diag(square), 1e-300))
        right = self.square[terms, left] / scale
        solution = np.linalg.lstsq(square / scale / scale[:, None], right, rcond=1e-12)[0]
        return (solution / scale).tolist()

    def residual(self, left: int, terms: list[int], factors: Sequence[float]) -> float:
        """How nearly left = sum k terms holds: 0 where only rounding is left, infinite where nothing is known."""
        parts = [self.table[:, [left]], *(-k * self.table[:, [term]] for k, term in zip(factors, terms, strict=True))]
        found = measured(parts)
        return found.statistic if found.statistic > RESOLUTION else found.error


@dataclass(frozen=True)
class Weighted(Gradients):
    """Values and gradients of a target on the inner rows of a problem.

    `terms` are x_i y_i (m), y_i (m), y, 1. The weight makes residuals relative where the target is large, so that a few
    large values do not decide.
    """

    problem: Problem
    rows: Tensor
    weight: Tensor
    terms: Terms

    @classmethod
    def inner(cls, problem: Problem, value: Tensor, slope: Tensor) -> Weighted:
        """Keep rows between the 3rd and the 97th percentile of every column: gradients are worst at the ends."""
        rows = inner_rows(problem.columns, least=10)
        g = Gradients(problem.columns[rows], value[rows], slope[rows])
        weight = problem.weight[rows]
        weight = weight / (1 + (weight * g.values).square()).sqrt()
        alone = torch.stack([g.values, torch.ones_like(g.values)], dim=1)
        terms = Terms(torch.cat([g.scaled, g.slopes, alone], dim=1) * weight.unsqueeze(1))
        return cls(g.points, g.values, g.slopes, problem, rows, weight, terms)


def near_fraction(value: float) -> Fraction | None:
    """The fraction with a denominator up to 3 within 4 % (of at least one)."""
    return fraction(value, 0.04 * max(1.0, abs(value)), 3)


def fractions(values: list[float]) -> list[Fraction] | None:
    """The fractions that numbers are near, None where one is near none or above 6 in size."""
    found = [near for near in map(near_fraction, values) if near is not None and abs(near) <= 6]
    return found if len(found) == len(values) else None


#: functions that may multiply a target, as numbers and as formulas
_FACTORS: tuple[tuple[Callable[[Tensor], Tensor], Callable[[Formula], Formula]], ...] = (
    (torch.cos, sympy.cos),
    (torch.sin, sympy.sin),
    (lambda z: 1 - torch.cos(z), lambda z: 1 - sympy.cos(z)),
    (lambda z: 1 + torch.cos(z), lambda z: 1 + sympy.cos(z)),
    (torch.exp, sympy.exp),
)


def factors(g: Weighted) -> list[Symmetry]:
    """f y_i = q f' y + p f y / x_i:  t = f(x_i)^q x_i^p F(rest), q and p fractions, q not 0."""
    out = []
    for i in range(g.problem.n_columns):
        x, z = g.points[:, i], g.problem.columns[:, i]
        for function, written in _FACTORS:
            values = function(z)
            if not _tame(values):
                continue
            f, slope = with_slope(function, x)
            table = [f * g.slopes[:, i], slope * g.values]
            if g.problem.positive(i):
                table.append(f * g.values / x)
            parts, places = Terms(g.weight.unsqueeze(1) * torch.stack(table, dim=1)), list(range(1, len(table)))
            powers = fractions(parts.fit(0, places))
            if not powers or not powers[0]:
                continue
            residual = parts.residual(0, places, list(map(float, powers)))
            q, p = powers[0], powers[1] if len(powers) > 1 else Fraction(0)
            if residual > _SEPARATED or (q.denominator > 1 and float(values.min()) <= 0):
                continue
            formula = written(g.problem.expressions[i]) ** q
            reduced = g.problem.over(values ** float(q), formula).divided(i, p).without(i)
            text = f"factor {formula} of {g.problem.expressions[i]}"
            out.append(Symmetry(text, residual, 0.6 + 0.3 * (p != 0), reduced))
    return out


def terms(g: Weighted) -> list[Symmetry]:
    """y_i = c p x_i^(p-1) prod_j x_j^a_j:  t = c x_i^p prod_j x_j^a_j + F(rest), p and a_j fractions."""
    positive = [k for k in range(g.problem.n_columns) if g.problem.positive(k)]
    if not positive:
        return []
    logs = torch.stack([g.points[:, k].log() for k in positive] + [torch.ones_like(g.values)], dim=1)
    out = []
    for i in positive:
        slope = g.slopes[:, i]
        if not (bool((slope > 0).all()) or bool((slope < 0).all())) or not _tame(slope):
            continue
        weight = (g.weight * slope).abs().unsqueeze(1)
        solution = torch.linalg.lstsq(weight * logs, weight * slope.abs().log().unsqueeze(1)).solution[:-1, 0]
        powers = fractions(solution.tolist())
        if powers is None:
            continue
        exponents = dict(zip(positive, powers, strict=True))
        own = exponents[i] + 1
        if own == 0:
            continue
        out += _term(g, i, exponents, own)
    return out


def _term(g: Weighted, i: int, exponents: dict[int, Fraction], own: Fraction) -> list[Symmetry]:
    monomial = torch.ones_like(g.problem.target)
    formula: Formula = sympy.S.One
    for k, a in {**exponents, i: own}.items():
        monomial = monomial * g.problem.columns[:, k] ** float(a)
        formula = formula * g.problem.expressions[k] ** a
    if not _tame(monomial):
        return []
    slope = float(own) * monomial[g.rows] / g.points[:, i]
    left, right = g.weight * g.slopes[:, i], g.weight * slope
    c = float(left @ right / (right @ right))
    residual = Terms(torch.stack([left, right], dim=1)).residual(0, [1], [c])
    if residual > _SEPARATED:
        return []
    cost = 0.8 + 0.2 * sum(a != 0 for a in exponents.values())
    exact = [(float(n.value), n.expr, 0.0) for n in simple_constants(c, max(_NICE, 3 * residual), 4)[:2]]
    out = []
    for value, number, more in [*exact, (c, sympy.Float(c), 1.0)]:
        reduced = g.problem.less(value * monomial, number * formula).without(i)
        out.append(Symmetry(f"term {number} {formula}", residual, cost + more, reduced))
    return out


def _tame(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all()) and float(values.abs().max()) < _LARGE
