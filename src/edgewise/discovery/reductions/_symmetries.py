"""Symmetries of a function, read from its gradient as null vectors of a few columns."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise.discovery.reductions._gradients import (
    ITSELF,
    ONE,
    RESOLUTION,
    Symmetry,
    Terms,
    Weighted,
    factors,
    fractions,
    terms,
)
from edgewise.discovery.tables import Problem
from edgewise.interpret.symmetries import POWERS, has_power, off_zero

_POWERS = (Fraction(1), *map(Fraction, POWERS))
_GROUPS = 30_000  # sets of columns of one size: more are not tried
_ALIKE = 4  # times the least residual: factors that go together
_LIMIT = 0.12  # residual above which nothing is a symmetry
_PARALLEL = 0.97  # cosine of two terms below which their residual is above the limit
_TOUCHES = 0.03  # a column whose least size is below this share of its largest is not divided by


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
    single = [
        (i, found.power, found.residual)
        for i in range(g.problem.n_columns)
        if (found := _scaling(g, i, [], True)) is not None and found.power is not None
    ]
    best = min((r for *_, r in single), default=0.0)
    single = [entry for entry in single if entry[2] <= _ALIKE * best]
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
    for size in range(1, min(3, m) + 1):
        for group in combinations(range(m), size) if math.comb(m, size) <= _GROUPS else ():
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
    out = []
    for i, j in permutations(range(g.problem.n_columns), 2):
        left, right = _crossed(g, i, j), _crossed(g, j, i)
        if not left or not right:  # a column with zeros has none
            continue
        terms = Terms(torch.stack([*left.values(), *right.values()], dim=1))
        size = np.sqrt(np.maximum(np.diag(terms.square), 1e-300))
        alike = np.abs(terms.square / size / size[:, None]) > _PARALLEL
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
    column = g.problem.columns[:, i]
    terms = {p: g.weight * g.crossed(i, j, float(p)) for p in _POWERS if can_scale(column, [p])}
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
    return off_zero(x) > 0 and has_power(x, divisor, 0.0) and all(has_power(x, p, _TOUCHES) for p in powers)
