"""Symmetries of a function, read from the gradients of a target as null vectors of a few columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise._typing import Array, Formula
from edgewise.discovery.tables import Problem, fraction
from edgewise.discovery.univariate import with_slope
from edgewise.formulas.expressions import simple_constants
from edgewise.interpret.symmetries import POWERS, Gradients, has_power, inner_rows, measured, off_zero

ITSELF, ONE = -2, -1  # places of y and of 1 among the terms
RESOLUTION = 1e-7  # residuals below this are alike: factors are read from inner products, which square them
_SEPARATED = 0.05  # residual above which nothing is separated


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
    nice = 3e-3  # how far a factor may be from an exact number, that is tried beside it
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
    exact = [(float(n.value), n.expr, 0.0) for n in simple_constants(c, max(nice, 3 * residual), 4)[:2]]
    out = []
    for value, number, more in [*exact, (c, sympy.Float(c), 1.0)]:
        reduced = g.problem.less(value * monomial, number * formula).without(i)
        out.append(Symmetry(f"term {number} {formula}", residual, cost + more, reduced))
    return out


def _tame(values: Tensor) -> bool:
    large = 1e30
    return bool(torch.isfinite(values).all()) and float(values.abs().max()) < large


_LIMIT = 0.12  # residual above which nothing is a symmetry


def find_symmetries(problem: Problem, value: Tensor, slope: Tensor, error: float) -> list[Symmetry]:
    """Return the symmetries of a target whose values and gradients (n,), (n, m) are known to a relative error.

    Kept are those with residual below max(0.05, 10 error); those near the best come first, simplest first.
    """
    g = Weighted.inner(problem, value, slope)
    floors = [off_zero(column) for column in problem.columns.T]
    scalings = (_scaling(g, *case) for case in _cases(problem.n_columns, floors.__getitem__))
    translations = (_translation(g, *case) for case in _cases(problem.n_columns, lambda k: -k))
    found = [*_irrelevant(g, error), *_factors(g), *filter(None, scalings), *filter(None, translations)]
    found += [*_power_sums(g), *factors(g), *terms(g)]
    limit = max(0.05, 10 * error) if error < 5e-3 else _LIMIT
    found = [r for r in found if r.residual < limit and r.reduced.sound()]
    if not found:
        return []
    near = max(5 * min(r.residual for r in found), 3 * error, RESOLUTION)

    def rank(symmetry: Symmetry) -> tuple[bool, float, float]:
        residual = max(symmetry.residual, RESOLUTION)
        return residual > near, symmetry.cost if residual <= near else 0.0, residual

    return sorted(found, key=rank)


def _irrelevant(g: Weighted, error: float) -> list[Symmetry]:
    """y_i = 0."""
    out = []
    for i in range(g.problem.n_columns):
        effect = float((g.weight * g.slopes[:, i]).square().mean().sqrt() * g.points[:, i].std())
        if effect < 2 * error and error < 5e-2:
            out.append(Symmetry(f"{g.problem.expressions[i]} is irrelevant", effect / 10, 0.0, g.problem.without(i)))
    return out


def _factors(g: Weighted) -> list[Symmetry]:
    """x_i y_i = p_i y for several columns at once, far better obeyed than any other such symmetry."""
    alike = 4  # times the least residual: factors that go together
    single = [
        (i, found.power, found.residual)
        for i in range(g.problem.n_columns)
        if (found := _scaling(g, i, [], True)) is not None and found.power is not None
    ]
    best = min((r for *_, r in single), default=0.0)
    single = [entry for entry in single if entry[2] <= alike * best]
    if len(single) < 2:
        return []
    reduced = g.problem
    for i, power, _ in single:
        reduced = reduced.divided(i, power)
    for i, *_ in reversed(single):
        reduced = reduced.without(i)
    names = ", ".join(f"{g.problem.expressions[i]}^{power}" for i, power, _ in single)
    return [Symmetry(f"factors {names}", max(r for *_, r in single), -0.1, reduced)]


def _cases(m: int, first: Callable[[int], float]) -> Iterator[tuple[int, list[int], bool]]:
    """Sets of one to three of m columns as the largest by `first` and the others, with one more term and without it.

    A column alone needs the term. Sizes of which there are too many sets are left out.
    """
    most = 30_000  # sets of columns of one size: more are not tried
    for size in range(1, min(3, m) + 1):
        for group in combinations(range(m), size) if math.comb(m, size) <= most else ():
            i = max(group, key=first)
            others = [j for j in group if j != i]
            yield from ((i, others, more) for more in ((True, False) if others else (True,)))


def _scaling(g: Weighted, i: int, others: list[int], with_power: bool) -> Symmetry | None:
    """x_i y_i = sum_j a_j x_j y_j + p y:  t = x_i^p F(x_j x_i^a_j, rest), x_i the column best divided by."""
    terms = [*others, *([ITSELF] if with_power else [])]
    powers = fractions(g.terms.fit(i, terms))
    if powers is None or 0 in powers:
        return None
    residual = g.terms.residual(i, terms, [float(f) for f in powers])
    if residual > _LIMIT:
        return None
    power = powers.pop() if with_power else Fraction(0)
    needed = [*powers, power]
    if not can_scale(g.problem.columns[:, i], powers, power):
        return None
    reduced = g.problem.divided(i, power)
    for j, a in zip(others, powers, strict=True):
        reduced = reduced.multiplied(j, i, a)
    names = [str(g.problem.expressions[k]) for k in (i, *others)]
    cost = len(others) + 0.2 * sum(f.denominator - 1 + (abs(f) > 2) for f in needed) + 0.3 * with_power * bool(others)
    text = f"scaling of {', '.join(names)} by powers {', '.join(map(str, needed))}"
    return Symmetry(text, residual, cost, reduced.without(i), None if others else power)


def _translation(g: Weighted, i: int, others: list[int], with_slope: bool) -> Symmetry | None:
    """y_i = sum_j a_j y_j + c:  t = c x_i + F(x_j + a_j x_i, rest)."""
    m = g.problem.n_columns
    left, terms = m + i, [*(m + j for j in others), *([ONE] if with_slope else [])]
    factors = g.terms.fit(left, terms)
    if any(abs(k) < 1e-3 or abs(k) > 1e3 for k in factors[: len(others)]):
        return None
    plainer = [_simplified(k) for k in factors[: len(others)]]
    rounded = [*plainer, *factors[len(others) :]]
    residual = g.terms.residual(left, terms, rounded)
    if residual > _LIMIT:
        return None
    c = rounded[-1] if with_slope else 0.0
    reduced = g.problem
    if c:
        reduced = reduced.less(c * reduced.columns[:, i], sympy.Float(c) * reduced.expressions[i])
    for j, a in zip(others, plainer, strict=True):
        reduced = reduced.shifted(j, i, a)
    names = [str(g.problem.expressions[k]) for k in (i, *others)]
    plain = sum(a not in (1.0, -1.0) for a in plainer)
    cost = len(others) + 0.3 + plain + 0.3 * with_slope * bool(others)
    return Symmetry(f"translation of {', '.join(names)}", residual, cost, reduced.without(i))


def _power_sums(g: Weighted) -> list[Symmetry]:
    """k r x_j^(r-1) y_i = p x_i^(p-1) y_j:  t = F(x_i^p + k x_j^r, rest)."""
    parallel = 0.97  # cosine of two terms below which their residual is above the limit
    out = []
    for i, j in permutations(range(g.problem.n_columns), 2):
        left, right = _crossed(g, i, j), _crossed(g, j, i)
        if not left or not right:  # a column with zeros has none
            continue
        terms = Terms(torch.stack([*left.values(), *right.values()], dim=1))
        size = np.sqrt(np.maximum(np.diag(terms.square), 1e-300))
        alike = np.abs(terms.square / size / size[:, None]) > parallel
        for (a, p), (b, r) in product(enumerate(left), enumerate(right, len(left))):
            if not alike[a, b] or (p, r) == (1, 1) or (i > j and p == r):
                continue
            (k,) = terms.fit(a, [b])
            if 1e-4 < abs(k) < 1e4:
                factor = _simplified(k)
                cost = 1.5 + 0.2 * (p != r) + (factor not in (1.0, -1.0)) + 0.2 * (p < 0) + 0.2 * (r < 0)
                text = f"{g.problem.expressions[i]} to the {p} and {g.problem.expressions[j]} to the {r} add"
                residual = terms.residual(a, [b], [factor])
                out.append(Symmetry(text, residual, cost, g.problem.summed(i, p, j, r, factor)))
    return out


def _crossed(g: Weighted, i: int, j: int) -> dict[Fraction, Tensor]:
    """p x_i^(p-1) y_j, weighted, for each power p that column i allows."""
    powers = (Fraction(1), *map(Fraction, POWERS))
    column = g.problem.columns[:, i]
    terms = {p: g.weight * g.crossed(i, j, float(p)) for p in powers if can_scale(column, [p])}
    return {p: term for p, term in terms.items() if bool(torch.isfinite(term).all())}


def _simplified(value: float) -> float:
    """+-1, +-2 or +-1/2 within 4 %, else the value itself."""
    for near in (1.0, 2.0, 0.5):
        if abs(abs(value) - near) <= 0.04 * near:
            return near if value > 0 else -near
    return value


def can_scale(x: Tensor, powers: list[Fraction], divisor: Fraction = Fraction(0)) -> bool:
    """Whether powers of a column multiply others, and its power divides the target, defined and tame on all rows.

    Dividing the target near zero is harmless, because its weight falls alike.
    """
    touches = 0.03  # a column whose least size is below this share of its largest is not divided by
    return off_zero(x) > 0 and has_power(x, divisor, 0.0) and all(has_power(x, p, touches) for p in powers)
