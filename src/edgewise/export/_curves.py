"""Edges that are no symbolic function, as tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.nn import KANLayer


@dataclass(frozen=True)
class Curve:
    """One edge. A spline is sum_k pieces[m][k] (x - middle)^k on the cell from knots[m] to knots[m + 1].

    The other kinds have two knots, the ends of their range, and their coefficients as one piece. `slopes` are those at
    the first and the last knot, with which a curve goes on beyond them.
    """

    name: str
    kind: str
    knots: list[float]
    pieces: list[list[float]]
    slopes: tuple[float, float]


def curve_of(layer: KANLayer, name: str, j: int, i: int) -> Curve:
    """The table of an edge; the pieces of a spline are its Taylor series in the middle of each cell."""
    knots = layer.kind.marks(layer.knots.detach().double())[i]
    weights = layer.coefficients[j, i].detach().double()
    points = layer.knots.detach().double()[i : i + 1]

    def derivative(x: Tensor, order: int) -> Tensor:
        return layer.kind.values(x.unsqueeze(-1), points, len(weights), order)[:, 0] @ weights

    lo, hi = derivative(knots[[0, -1]], 1).tolist()
    degree = layer.kind.degree
    if degree is None:
        return Curve(name, layer.kind.name, knots.tolist(), [weights.tolist()], (lo, hi))
    middle = (knots[:-1] + knots[1:]) / 2
    series = [derivative(middle, k) / math.factorial(k) for k in range(degree + 1)]
    return Curve(name, "spline", knots.tolist(), torch.stack(series, dim=1).tolist(), (lo, hi))
