"""Quotients P / (1 + Q) of short polynomials of functions: which terms there may be, their values, the formula."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery._algebra import Group, products
from edgewise.discovery._monomials import Exponents

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
