"""Parts of a target that one column brings in: a factor f(x_i)^q x_i^p, or a term c x_i^p times powers of others."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery._gradients import Gradients, Relation, fractions, residual_of
from edgewise.discovery._law import with_slope
from edgewise.expressions import simple_constants

_LIMIT = 0.05  # residual above which nothing is separated
_LARGE = 1e30
_NICE = 3e-3  # how far a factor may be from an exact number, that is tried beside it


#: functions that may multiply a target, as numbers and as formulas
_FACTORS: tuple[tuple[Callable[[Tensor], Tensor], Callable[[Formula], Formula]], ...] = (
    (torch.cos, sympy.cos),
    (torch.sin, sympy.sin),
    (lambda z: 1 - torch.cos(z), lambda z: 1 - sympy.cos(z)),
    (lambda z: 1 + torch.cos(z), lambda z: 1 + sympy.cos(z)),
    (torch.exp, sympy.exp),
)


def factors(g: Gradients) -> list[Relation]:
    """f y_i = q f' y + p f y / x_i:  t = f(x_i)^q x_i^p F(rest), q and p fractions, q not 0."""
    out = []
    for i in range(g.problem.n_columns):
        x, z = g.x(i), g.problem.columns[:, i]
        for function, written in _FACTORS:
            values = function(z)
            if not _tame(values):
                continue
            f, slope = with_slope(function, x)
            left = g.weight * f * g.slope[:, i]
            terms = [g.weight * slope * g.value]
            if g.problem.positive(i):
                terms.append(g.weight * f * g.value / x)
            powers = fractions(_solved(left, terms))
            if not powers or not powers[0]:
                continue
            residual = residual_of(left, terms, [float(p) for p in powers])
            q, p = powers[0], powers[1] if len(powers) > 1 else Fraction(0)
            if residual > _LIMIT or (q.denominator > 1 and float(values.min()) <= 0):
                continue
            formula = written(g.problem.expressions[i]) ** q
            reduced = g.problem.over(values ** float(q), formula).divided(i, p).without(i)
            text = f"factor {formula} of {g.problem.expressions[i]}"
            out.append(Relation(text, residual, 0.6 + 0.3 * (p != 0), reduced))
    return out


def terms(g: Gradients) -> list[Relation]:
    """y_i = c p x_i^(p-1) prod_j x_j^a_j:  t = c x_i^p prod_j x_j^a_j + F(rest), p and a_j fractions."""
    positive = [k for k in range(g.problem.n_columns) if g.problem.positive(k)]
    if not positive:
        return []
    logs = torch.stack([g.x(k).log() for k in positive] + [torch.ones_like(g.value)], dim=1)
    out = []
    for i in positive:
        slope = g.slope[:, i]
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


def _term(g: Gradients, i: int, exponents: dict[int, Fraction], own: Fraction) -> list[Relation]:
    monomial = torch.ones_like(g.problem.target)
    formula: Formula = sympy.S.One
    for k, a in {**exponents, i: own}.items():
        monomial = monomial * g.problem.columns[:, k] ** float(a)
        formula = formula * g.problem.expressions[k] ** a
    if not _tame(monomial):
        return []
    slope = float(own) * monomial[g.rows] / g.x(i)
    left, right = g.weight * g.slope[:, i], g.weight * slope
    c = float(left @ right / (right @ right))
    residual = residual_of(left, [right], [c])
    if residual > _LIMIT:
        return []
    cost = 0.8 + 0.2 * sum(a != 0 for a in exponents.values())
    exact = [(float(n.value), n.expr, 0.0) for n in simple_constants(c, max(_NICE, 3 * residual), 4)[:2]]
    out = []
    for value, number, more in [*exact, (c, sympy.Float(c), 1.0)]:
        reduced = g.problem.less(value * monomial, number * formula).without(i)
        out.append(Relation(f"term {number} {formula}", residual, cost + more, reduced))
    return out


def _tame(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all()) and float(values.abs().max()) < _LARGE


def _solved(left: Tensor, terms: list[Tensor]) -> list[float]:
    table = torch.stack(terms, dim=1)
    scale = table.norm(dim=0).clamp_min(1e-300)
    return (torch.linalg.lstsq(table / scale, left.unsqueeze(1)).solution[:, 0] / scale).tolist()
