"""Noisy data of two or three columns: a function of the target as a short quotient of sums of functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.generators._algebra import Group, products, searches
from edgewise.discovery.tables import Exponents, Problem
from edgewise.discovery.univariate import BY_NAME, Transform


@dataclass(frozen=True)
class Aim:
    """T(t) at every row as measured and as a model has it, and what residuals of T(t) are multiplied by."""

    measured: Tensor
    smooth: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Terms:
    """Monomials of atoms above and below the line; of those below, the first is 1, whose factor is 1.

    `shapes` are pairs of the largest degrees: a quotient of larger ones would be left with a factor that P and Q share.
    """

    above: list[Exponents]
    under: list[Exponents]
    shapes: tuple[tuple[int, int], ...]

    @property
    def costs(self) -> Tensor:
        return torch.tensor([1.0 + sum(e) for e in (*self.above, *self.under[1:])], dtype=torch.float64)

    def masks(self) -> list[Tensor]:
        """Which terms each shape allows."""
        return [
            torch.tensor([sum(e) <= top for e in self.above] + [sum(e) <= bottom for e in self.under[1:]])
            for top, bottom in self.shapes
        ]

    def subsets(self) -> Iterator[Tensor]:
        """All choices of up to three terms above and two below the line, of the last shape: each (subsets, size)."""
        above, below = 3, 2  # terms of the quotients of which all are tried
        mask = self.masks()[-1]
        top = [k for k in range(len(self.above)) if mask[k]]
        bottom = [k for k in range(len(self.above), len(mask)) if mask[k]]
        for p, q in itertools.product(range(1, above + 1), range(below + 1)):
            both = itertools.product(itertools.combinations(top, p), itertools.combinations(bottom, q))
            yield torch.tensor([[*a, *b] for a, b in both])

    def tables(self, groups: list[Group]) -> Tables:
        u = torch.stack([torch.stack([a.values / a.values.abs().max() for a in group]) for group in groups])
        return Tables(products(u, self.above), products(u, self.under))

    def quotient(self, group: Group, factors: list[float]) -> Formula:
        top, bottom = sympy.S.Zero, sympy.S.One
        for number, (c, e) in enumerate(zip(factors, (*self.above, *self.under[1:]), strict=True)):
            if c:
                sized = [a.formula / sympy.Float(float(a.values.abs().max())) for a in group]
                term = sympy.Float(c) * sympy.Mul(*(f**k for f, k in zip(sized, e, strict=True)))
                top, bottom = (top + term, bottom) if number < len(self.above) else (top, bottom + term)
        return top / bottom


@dataclass(frozen=True)
class Tables:
    """Monomials (groups, terms, rows) above and below the line; of those below, the first is 1."""

    above: Tensor
    under: Tensor

    def quotients(self, factors: Tensor, aim: Aim) -> tuple[Tensor, Tensor]:
        """The error (groups,) of each group's quotient, infinite with a pole, and its 1 + Q (groups, rows)."""
        least = 1e-2  # least 1 + Q over its largest
        k = self.above.shape[1]
        top = (factors[:, :k].unsqueeze(1) @ self.above).squeeze(1)
        size = 1 + (factors[:, k:].unsqueeze(1) @ self.under[:, 1:]).squeeze(1)
        error = (aim.weight * (aim.measured - top / size)).square().mean(1).sqrt()
        pole = (size.amin(1) < least * size.amax(1)) | ~torch.isfinite(error)
        return error.masked_fill(pole, math.inf), size


@dataclass(frozen=True)
class Normal:
    """Normal equations of groups: of T = P - T Q, columns of norm 1, and of w times the monomials below the line."""

    square: Tensor
    right: Tensor
    total: Tensor
    norm: Tensor
    line: Tensor
    n: int

    @classmethod
    def of(cls, tables: Tables, weight: Tensor, aim: Aim) -> Normal:
        """Of tables of groups, under weights (groups or 1, rows)."""
        ridge = 1e-11
        t = (weight * aim.measured).expand(len(tables.above), -1)
        line = tables.under * weight.unsqueeze(1)
        table = torch.cat([tables.above * weight.unsqueeze(1), -line[:, 1:] * aim.smooth], dim=1)
        norm = table.norm(dim=2).clamp_min(1e-300)
        table = table / norm.unsqueeze(2)
        return cls(
            table @ table.transpose(1, 2) + ridge * torch.eye(table.shape[1], dtype=table.dtype),
            (table @ t.unsqueeze(2)).squeeze(2), t.square().sum(1), norm, line @ line.transpose(1, 2), t.shape[1],
        )  # fmt: skip

    def part(self, rows: Tensor) -> Normal:
        return Normal(self.square[rows], self.right[rows], self.total[rows], self.norm[rows], self.line[rows], self.n)

    def whole(self) -> Tensor:
        """The squares (groups,) that all terms leave, over those of 1 + Q."""
        factor, bad = torch.linalg.cholesky_ex(self.square)
        c = torch.cholesky_solve(self.right.unsqueeze(2), factor).squeeze(2)
        return self._left(c).masked_fill(bad > 0, math.inf)

    def _left(self, c: Tensor) -> Tensor:
        """Squares that factors c (..., terms) of the columns of norm 1 leave, over those of 1 + Q."""
        above = c.shape[-1] + 1 - self.line.shape[-1]
        q = (c / self.norm)[..., above:]
        q = torch.cat([torch.ones_like(q[..., :1]), q], dim=-1)
        size = torch.einsum("...i,...ij,...j->...", q, self.line, q) / self.line[..., 0, 0]
        rss = self.total - 2 * (c * self.right).sum(-1) + torch.einsum("...i,...ij,...j->...", c, self.square, c)
        return rss.clamp_min(1e-14 * self.total) / size.clamp_min(1e-12)

    def dropped(self, allowed: Tensor, costs: Tensor) -> tuple[Tensor, Tensor]:
        """Least criterion, and factors there, on dropping the allowed terms one by one, the least missed first.

        Criterion: n log(squares left) + log(n) for each unit of cost. A dropped term adds c_k^2 / (A^-1)_kk
        to the squares.
        """
        groups, k = self.right.shape
        kept = allowed.expand(groups, -1)
        best, factors = torch.full_like(self.total, math.inf), torch.zeros_like(self.right)
        for _ in range(int(kept.sum(1).max())):
            both = kept.unsqueeze(1) & kept.unsqueeze(2)
            matrix = torch.where(both, self.square, torch.eye(k, dtype=self.square.dtype))
            inverse = torch.cholesky_inverse(torch.linalg.cholesky_ex(matrix)[0])
            c = (inverse @ (self.right * kept).unsqueeze(2)).squeeze(2) * kept
            criterion = self.n * self._left(c).log() + math.log(self.n) * (kept * costs).sum(1)
            better = (criterion < best) & kept.any(1)
            best = torch.where(better, criterion, best)
            factors = torch.where(better.unsqueeze(1), c / self.norm, factors)
            rss = (self.total - (c * self.right).sum(1)).clamp_min(1e-14 * self.total).unsqueeze(1)
            rise = c.square() / inverse.diagonal(dim1=1, dim2=2).clamp_min(1e-300)
            after = self.n * (rss + rise).log() - math.log(self.n) * costs
            kept = kept.scatter(1, after.masked_fill(~kept, math.inf).argmin(1, keepdim=True), False)
        return best, factors

    def chosen(self, subsets: Tensor, costs: Tensor) -> tuple[Tensor, Tensor]:
        """Criterion (groups, subsets), and factors (groups, subsets, terms), of subsets of terms (subsets, size)."""
        i, j = subsets.unsqueeze(2), subsets.unsqueeze(1)
        factor, bad = torch.linalg.cholesky_ex(self.square[:, i, j])
        some = torch.cholesky_solve(self.right[:, subsets].unsqueeze(3), factor).squeeze(3)
        c = torch.zeros(*some.shape[:2], self.right.shape[1], dtype=some.dtype)
        c.scatter_(2, subsets.expand_as(some), some)
        each = self.part(torch.arange(len(c)).unsqueeze(1))
        criterion = self.n * each._left(c).log() + math.log(self.n) * costs[subsets].sum(1)
        return criterion.masked_fill(bad > 0, math.inf), c / self.norm.unsqueeze(1)


_TRIED = 12  # quotients that are handed on


_IMAGES = [BY_NAME[name] for name in ("identity", "square", "log", "cos", "sin")]


def regressions(
    problem: Problem, smooth: Tensor, noise: float, late: Callable[[], bool] = lambda: False
) -> Iterator[Formula]:
    """Formulas T(t) = P / (1 + Q) that leave only noise, P and Q short polynomials of functions of 2 or 3 columns.

    Linear in its factors as T = P - T Q, where a model's values `smooth` (n,) stand for T on the right: with the noisy
    ones the factors would come out too small. All groups of functions are solved together; of the best, terms are
    dropped by the Bayesian information criterion, and the cheapest come first. Once it is `late`, no other T is tried.
    """
    most = 3  # columns
    m = problem.n_columns
    if not 2 <= m <= most or noise <= 0:
        return
    found: list[tuple[float, Formula]] = []
    for image in _IMAGES:
        if late():
            break
        sign = 1 if image.signed else problem.sign
        aim = _aimed(problem, smooth, image, sign) if sign else None
        if aim is None:
            continue
        for groups, above, under, shapes in searches(problem):
            for criterion, inner in _cheapest(groups, Terms(above, under, shapes), aim, noise):
                found.append((criterion, problem.lift(sign * image.formula(inner))))
    yield from (formula for _, formula in sorted(found, key=lambda entry: entry[0])[:_TRIED])


def _aimed(problem: Problem, smooth: Tensor, image: Transform, sign: int) -> Aim | None:
    """A function of the target times its sign, None where it is not defined."""
    t, near = sign * problem.target, sign * smooth
    if not image.signed:  # a model may leave the range that the target keeps to
        near = near.clamp_min(0.5 * float(t.min()))
    measured, about, slope = image.forward(t), image.forward(near), image.slope(near).abs()
    if not all(bool(torch.isfinite(v).all()) for v in (measured, about, slope)):
        return None
    weight = problem.weight / slope.clamp_min(1e-3 * float(slope.median()))
    return Aim(measured, about, weight.clamp_max(100 * float(weight.median())))


def _cheapest(groups: list[Group], terms: Terms, aim: Aim, noise: float) -> Iterator[tuple[float, Formula]]:
    """The quotients of those groups that leave little more than the noise: criterion and formula.

    T - P + T Q is 1 + Q times the residual of the quotient, so choices of terms are made by its squares over those of
    1 + Q, and the factors of the best fitted again on rows divided by 1 + Q.
    """
    closer = 150  # groups whose terms are chosen by dropping them
    n_simplest = 120  # of them, those of which all short choices are tried
    maybe = 2.0  # times the noise: error of a group with all its terms that is looked at closer
    size = 128  # groups solved at a time
    n, costs = len(aim.measured), terms.costs
    kept: list[tuple[float, int]] = []
    for start in range(0, len(groups), size):
        part = groups[start : start + size]
        left = Normal.of(terms.tables(part), aim.weight.unsqueeze(0), aim).whole()
        kept += [(e, start + k) for k, e in enumerate((left / n).sqrt().tolist()) if e < maybe * noise]
    kept.sort(key=lambda entry: (sum(a.cost for a in groups[entry[1]]), entry[0]))
    near = [groups[k] for _, k in kept[:closer]]
    if not near:
        return
    normal = Normal.of(terms.tables(near), aim.weight.unsqueeze(0), aim)
    choices: list[tuple[int, Tensor]] = []
    for mask in terms.masks():
        choices += enumerate(normal.dropped(mask, costs)[1])
    simplest = normal.part(torch.arange(min(len(near), n_simplest)))
    for subsets in terms.subsets():
        criterion, factors = simplest.chosen(subsets, costs)
        choices += enumerate(factors[torch.arange(len(criterion)), criterion.argmin(1)])
    for start in range(0, len(choices), size):
        yield from _weighed(choices[start : start + size], near, terms, aim, noise)


def _weighed(
    choices: list[tuple[int, Tensor]], groups: list[Group], terms: Terms, aim: Aim, noise: float
) -> Iterator[tuple[float, Formula]]:
    """Fit the factors of choices (group, factors) again on rows divided by 1 + Q, and yield criteria and quotients."""
    nearest = 1.15  # times the noise: error of a quotient that is handed on
    n, costs = len(aim.measured), terms.costs
    factors = torch.stack([f for _, f in choices])
    tables = terms.tables([groups[k] for k, _ in choices])
    _, size = tables.quotients(factors, aim)
    weight = aim.weight / torch.where(size.amin(1, keepdim=True) > 0, size, 1.0)
    _, factors = Normal.of(tables, weight, aim).dropped(factors != 0, costs)
    error, _ = tables.quotients(factors, aim)
    atoms = torch.tensor([float(sum(a.cost for a in groups[k])) for k, _ in choices])
    criterion = 2 * n * error.log() + math.log(n) * ((factors != 0).double() @ costs + atoms)
    for k in criterion.argsort().tolist()[:_TRIED]:
        if float(error[k]) < nearest * noise:
            yield float(criterion[k]), terms.quotient(groups[choices[k][0]], factors[k].tolist())
