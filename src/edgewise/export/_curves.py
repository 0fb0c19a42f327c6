"""Spline edges as tables of polynomials."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from edgewise._errors import InputError
from edgewise.nn import KANLayer


@dataclass(frozen=True)
class Curve:
    """One spline edge: on the cell from knots[m] to knots[m + 1] it is sum_k pieces[m][k] (x - middle)^k.

    `slopes` are those at the first and the last knot, with which it goes on beyond them.
    """

    name: str
    knots: list[float]
    pieces: list[list[float]]
    slopes: tuple[float, float]


def curve_of(layer: KANLayer, name: str, j: int, i: int) -> Curve:
    """The table of an edge; its pieces are the Taylor series of the spline in the middle of each cell."""
    degree = layer.kind.degree
    if degree is None:
        raise InputError(
            f"Edges of basis {layer.kind.name!r} are not exported, only those of 'bspline' and 'linear'. "
            "Snap them, or train with splines."
        )
    knots = layer.kind.marks(layer.knots.detach().double())[i]
    weights = layer.coefficients[j, i].detach().double()
    points = layer.knots.detach().double()[i : i + 1]
    family = layer.kind.count(layer.grid)

    def derivative(x: torch.Tensor, order: int) -> torch.Tensor:
        return layer.kind.values(x.unsqueeze(-1), points, family, order)[:, 0] @ weights

    middle = (knots[:-1] + knots[1:]) / 2
    ends = derivative(knots[[0, -1]], 1).tolist()
    series = [derivative(middle, k) / math.factorial(k) for k in range(degree + 1)]
    return Curve(name, knots.tolist(), torch.stack(series, dim=1).tolist(), (ends[0], ends[1]))
