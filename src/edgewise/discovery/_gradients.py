"""The gradients of a target as relations are read from them, and what a relation is."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.discovery._problem import Problem
from edgewise.structure import inner_rows

ITSELF, ONE = -2, -1  # places of y and of 1 among the terms
RESOLUTION = 1e-7  # residuals below this are alike: they are read from inner products, which square them


@dataclass(frozen=True)
class Relation:
    """One symmetry: which columns it joins, how well the gradients obey it, and the problem with one column less.

    `residual` is the size of what should vanish over the summed sizes of its terms; `cost` ranks simplicity.
    """

    text: str
    residual: float
    cost: float
    reduced: Problem
    power: Fraction | None = None
    """Of the column that is a factor of the target, where this is all that the relation says."""


@dataclass(frozen=True)
class Gradients:
    """Values and gradients of a target on the inner rows of a problem, and the moments that relations are read from.

    Terms are the columns of a weighted table: x_i y_i (m), y_i (m), y, 1; `moments` are their inner products, and a
    term is named by its place in them. The weight makes residuals relative where the target is large, so that a few
    large values do not decide.
    """

    problem: Problem
    rows: Tensor
    value: Tensor
    slope: Tensor
    weight: Tensor
    moments: Array

    @classmethod
    def inner(cls, problem: Problem, value: Tensor, slope: Tensor) -> Gradients:
        """Keep rows between the 3rd and the 97th percentile of every column: gradients are worst at the ends."""
        rows = inner_rows(problem.columns, least=10)
        value, slope, weight = value[rows], slope[rows], problem.weight[rows]
        weight = weight / (1 + (weight * value).square()).sqrt()
        x = problem.columns[rows]
        table = torch.cat([x * slope, slope, value.unsqueeze(1), torch.ones_like(value).unsqueeze(1)], dim=1)
        table = table * weight.unsqueeze(1)
        return cls(problem, rows, value, slope, weight, (table.T @ table).numpy())

    def x(self, i: int) -> Tensor:
        return self.problem.columns[self.rows, i]

    def fit(self, left: int, terms: list[int]) -> list[float]:
        """Least squares of left = sum k terms."""
        if not terms:
            return []
        square = self.moments[np.ix_(terms, terms)]
        scale = np.sqrt(np.maximum(np.diag(square), 1e-300))
        right = self.moments[terms, left] / scale
        solution = np.linalg.lstsq(square / scale / scale[:, None], right, rcond=1e-12)[0]
        return (solution / scale).tolist()

    def residual(self, left: int, terms: list[int], factors: list[float]) -> float:
        """The size of left - sum k terms over the summed sizes of its parts, zero where only rounding is left."""
        places, k = [left, *terms], np.array([1.0, *(-f for f in factors)])
        square = self.moments[np.ix_(places, places)]
        total = float(np.sum(np.abs(k) * np.sqrt(np.maximum(np.diag(square), 0.0))))
        size = float(np.sqrt(max(k @ square @ k, 0.0)))
        return size / total if size > RESOLUTION * total else 0.0


def fraction(value: float) -> Fraction | None:
    """The fraction with a denominator up to 3 within 4 % (of at least one)."""
    for denominator in (1, 2, 3):
        near = Fraction(round(value * denominator), denominator)
        if abs(value - near) <= 0.04 * max(1.0, abs(value)):
            return near
    return None


def fractions(values: list[float]) -> list[Fraction] | None:
    """The fractions that numbers are near, None where one is near none or above 6 in size."""
    found = [near for near in map(fraction, values) if near is not None and abs(near) <= 6]
    return found if len(found) == len(values) else None


def residual_of(left: Tensor, terms: list[Tensor], factors: list[float]) -> float:
    """The size of left - sum k terms over the summed sizes of its parts."""
    parts = [left, *(-k * t for k, t in zip(factors, terms, strict=True))]
    total = sum(float(p.norm()) for p in parts)
    return float(torch.stack(parts).sum(0).norm()) / total if total > 0 else 0.0
