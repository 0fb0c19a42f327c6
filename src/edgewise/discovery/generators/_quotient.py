"""Quotients P / (1 + Q) of short polynomials of functions: their terms, values and formula, and their least squares."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.generators._algebra import Group, products
from edgewise.discovery.tables import Exponents

_RIDGE = 1e-11
_POLE = 1e-2  # least 1 + Q over its largest
_ABOVE, _BELOW = 3, 2  # terms of the quotients of which all are tried


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
        mask = self.masks()[-1]
        top = [k for k in range(len(self.above)) if mask[k]]
        bottom = [k for k in range(len(self.above), len(mask)) if mask[k]]
        for p, q in itertools.product(range(1, _ABOVE + 1), range(_BELOW + 1)):
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
        k = self.above.shape[1]
        top = (factors[:, :k].unsqueeze(1) @ self.above).squeeze(1)
        size = 1 + (factors[:, k:].unsqueeze(1) @ self.under[:, 1:]).squeeze(1)
        error = (aim.weight * (aim.measured - top / size)).square().mean(1).sqrt()
        pole = (size.amin(1) < _POLE * size.amax(1)) | ~torch.isfinite(error)
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
        t = (weight * aim.measured).expand(len(tables.above), -1)
        line = tables.under * weight.unsqueeze(1)
        table = torch.cat([tables.above * weight.unsqueeze(1), -line[:, 1:] * aim.smooth], dim=1)
        norm = table.norm(dim=2).clamp_min(1e-300)
        table = table / norm.unsqueeze(2)
        return cls(
            table @ table.transpose(1, 2) + _RIDGE * torch.eye(table.shape[1], dtype=table.dtype),
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
