"""Symmetries of a function, read from its gradient as null vectors of a few columns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations

import torch
from torch import Tensor

from edgewise.discovery._problem import Problem

_POWERS = (Fraction(1), Fraction(2), Fraction(-1), Fraction(-2), Fraction(3), Fraction(1, 2))
_TOUCHES = 0.03  # a column whose least size is below this share of its largest is not divided by


@dataclass(frozen=True)
class Relation:
    """One symmetry: which columns it joins, how well the gradients obey it, and the problem with one column less.

    `residual` is the size of the relation's remainder over the summed sizes of its terms; `cost` ranks simplicity.
    """

    text: str
    residual: float
    cost: float
    reduced: Problem


@dataclass(frozen=True)
class Gradients:
    """Values and gradients of a target on the inner rows of a problem, weighted."""

    problem: Problem
    rows: Tensor
    value: Tensor
    slope: Tensor
    weight: Tensor

    @classmethod
    def inner(cls, problem: Problem, value: Tensor, slope: Tensor) -> Gradients:
        """Keep rows between the 3rd and the 97th percentile of every column: spline gradients are worst at the ends."""
        ends = torch.tensor([0.03, 0.97], dtype=value.dtype)
        lo, hi = torch.quantile(problem.columns[:10_000], ends, dim=0)
        rows = ((problem.columns >= lo) & (problem.columns <= hi)).all(1)
        if int(rows.sum()) < 10:
            rows = torch.ones_like(rows)
        return cls(problem, rows, value[rows], slope[rows], problem.weight[rows])

    def x(self, i: int) -> Tensor:
        return self.problem.columns[self.rows, i]

    def fit(self, left: Tensor, terms: list[Tensor]) -> tuple[list[float], float]:
        """Weighted least squares of left = sum k terms, and the relative residual of the solution."""
        if not terms:
            return [], self.residual(left, [], [])
        matrix = torch.stack(terms, dim=1) * self.weight.unsqueeze(1)
        scale = matrix.norm(dim=0).clamp_min(1e-300)
        target = (self.weight * left).unsqueeze(1)
        solution = torch.linalg.lstsq(matrix / scale, target, driver="gelsd").solution.squeeze(1)
        factors = (solution / scale).tolist()
        return factors, self.residual(left, terms, factors)

    def residual(self, left: Tensor, terms: list[Tensor], factors: list[float]) -> float:
        parts = [self.weight * left, *(-k * self.weight * t for k, t in zip(factors, terms, strict=True))]
        total = sum(float(p.norm()) for p in parts)
        return float(torch.stack(parts).sum(0).norm()) / total if total > 0 else 0.0


def find_relations(problem: Problem, value: Tensor, slope: Tensor, error: float) -> list[Relation]:
    """Return the symmetries of a target whose values and gradients (n,), (n, m) are known to a relative error.

    Kept are those with residual below max(0.05, 10 error); those near the best come first, simplest first.
    """
    g = Gradients.inner(problem, value, slope)
    found = [*_irrelevant(g, error), *_scalings(g), *_translations(g), *_power_sums(g)]
    limit = max(0.05, 10 * error) if error < 5e-3 else 0.12
    found = [r for r in found if r.residual < limit and r.reduced.sound()]
    if not found:
        return []
    near = max(5 * min(r.residual for r in found), 3 * error)
    return sorted(found, key=lambda r: (r.residual > near, r.cost if r.residual <= near else 0.0, r.residual))


def _irrelevant(g: Gradients, error: float) -> list[Relation]:
    """y_i = 0."""
    out = []
    for i in range(g.problem.n_columns):
        effect = float((g.weight * g.slope[:, i]).square().mean().sqrt() * g.x(i).std())
        if effect < 2 * error and error < 5e-2:
            out.append(Relation(f"{g.problem.expressions[i]} is irrelevant", effect / 10, 0.0, g.problem.without(i)))
    return out


def _scalings(g: Gradients) -> list[Relation]:
    """x_i y_i = sum_j a_j x_j y_j + p y:  t = x_i^p F(x_j x_i^a_j, rest)."""
    out = []
    for size in range(1, min(3, g.problem.n_columns) + 1):
        for group in combinations(range(g.problem.n_columns), size):
            # The scale variable is the one that can best be divided by.
            i = max(group, key=lambda k: _floor(g.problem.columns[:, k]))
            others = [j for j in group if j != i]
            for with_power in (True, False) if others else (True,):
                relation = _scaling(g, i, others, with_power)
                if relation is not None:
                    out.append(relation)
    return out


def _scaling(g: Gradients, i: int, others: list[int], with_power: bool) -> Relation | None:
    left = g.x(i) * g.slope[:, i]
    terms = [g.x(j) * g.slope[:, j] for j in others] + ([g.value] if with_power else [])
    factors, _ = g.fit(left, terms)
    exact = [_fraction(k) for k in factors]
    if any(f is None or f == 0 or abs(f) > 6 for f in exact):
        return None
    powers = [f for f in exact if f is not None]
    residual = g.residual(left, terms, [float(f) for f in powers])
    power = powers.pop() if with_power else Fraction(0)
    needed = [*powers, power]
    if not _can_scale(g.problem.columns[:, i], powers, power):
        return None
    reduced = g.problem.divided(i, power)
    for j, a in zip(others, powers, strict=True):
        reduced = reduced.multiplied(j, i, a)
    names = [str(g.problem.expressions[k]) for k in (i, *others)]
    cost = len(others) + 0.2 * sum(f.denominator - 1 + (abs(f) > 2) for f in needed) + 0.3 * with_power * bool(others)
    return Relation(
        f"scaling of {', '.join(names)} by powers {', '.join(map(str, needed))}", residual, cost, reduced.without(i)
    )


def _translations(g: Gradients) -> list[Relation]:
    """y_i = sum_j a_j y_j + c:  t = c x_i + F(x_j + a_j x_i, rest)."""
    out = []
    for size in range(1, min(3, g.problem.n_columns) + 1):
        for group in combinations(range(g.problem.n_columns), size):
            i, others = group[0], list(group[1:])
            for with_slope in (True, False) if others else (True,):
                out += _translation(g, i, others, with_slope)
    return out


def _translation(g: Gradients, i: int, others: list[int], with_slope: bool) -> list[Relation]:
    left = g.slope[:, i]
    terms = [g.slope[:, j] for j in others] + ([torch.ones_like(left)] if with_slope else [])
    factors, residual = g.fit(left, terms)
    if any(abs(k) < 1e-3 or abs(k) > 1e3 for k in factors[: len(others)]):
        return []
    tidy = [_tidy(k) for k in factors[: len(others)]]
    rounded = [*tidy, *factors[len(others) :]]
    residual = (
        min(residual, g.residual(left, terms, rounded)) if rounded == factors else g.residual(left, terms, rounded)
    )
    c = rounded[-1] if with_slope else 0.0
    reduced = g.problem.less(i, c)
    for j, a in zip(others, tidy, strict=True):
        reduced = reduced.shifted(j, i, a)
    names = [str(g.problem.expressions[k]) for k in (i, *others)]
    plain = sum(a not in (1.0, -1.0) for a in tidy)
    cost = len(others) + 0.3 + plain + 0.3 * with_slope * bool(others)
    return [Relation(f"translation of {', '.join(names)}", residual, cost, reduced.without(i))]


def _power_sums(g: Gradients) -> list[Relation]:
    """k r x_j^(r-1) y_i = p x_i^(p-1) y_j:  t = F(x_i^p + k x_j^r, rest)."""
    out = []
    for i, j in permutations(range(g.problem.n_columns), 2):
        for p in _POWERS:
            for r in _POWERS:
                if (p, r) == (1, 1) or (i > j and p == r):
                    continue
                if not (_can_scale(g.problem.columns[:, i], [p]) and _can_scale(g.problem.columns[:, j], [r])):
                    continue
                left = float(p) * g.x(i) ** _exponent(p - 1) * g.slope[:, j]
                term = float(r) * g.x(j) ** _exponent(r - 1) * g.slope[:, i]
                if not (torch.isfinite(left).all() and torch.isfinite(term).all()):
                    continue
                (k,), _ = g.fit(left, [term])
                if not 1e-4 < abs(k) < 1e4:
                    continue
                k = _tidy(k)
                cost = 1.5 + 0.2 * (p != r) + (k not in (1.0, -1.0)) + 0.2 * (p < 0) + 0.2 * (r < 0)
                text = f"{g.problem.expressions[i]} to the {p} and {g.problem.expressions[j]} to the {r} add"
                out.append(Relation(text, g.residual(left, [term], [k]), cost, g.problem.summed(i, p, j, r, k)))
    return out


def _exponent(p: Fraction) -> int | float:
    return int(p) if p.denominator == 1 else float(p)


def _fraction(value: float) -> Fraction | None:
    """The fraction with a denominator up to 3 within 4 % (of at least one)."""
    for denominator in (1, 2, 3):
        near = Fraction(round(value * denominator), denominator)
        if abs(value - near) <= 0.04 * max(1.0, abs(value)):
            return near
    return None


def _tidy(value: float) -> float:
    """+-1, +-2 or +-1/2 within 4 %, else the value itself."""
    for near in (1.0, 2.0, 0.5):
        if abs(abs(value) - near) <= 0.04 * near:
            return near if value > 0 else -near
    return value


def _floor(x: Tensor) -> float:
    return float(x.abs().min() / x.abs().max().clamp_min(1e-300))


def _can_scale(x: Tensor, powers: list[Fraction], divisor: Fraction = Fraction(0)) -> bool:
    """Whether powers of a column multiply others, and its power divides the target, defined and tame on all rows.

    Dividing the target near zero is harmless, because its weight falls alike.
    """
    if any(f.denominator > 1 for f in (*powers, divisor)) and float(x.min()) <= 0:
        return False
    return _floor(x) > _TOUCHES or (all(f >= 0 for f in powers) and _floor(x) > 0)
