"""Knots moved under the functions of edges; those under locked ones stay."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.bases import transfer
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN


def reachable_grid(layer: KANLayer, grid: int) -> int:
    """The grid that a layer can have: `grid`, or where a locked spline must stay what it is, a multiple of its own.

    A locked function is carried exactly only to cells that split the old ones, so the layer takes the largest multiple
    up to `grid`, and never a coarser one. "rbf" has no such grids, so there it keeps its own.
    """
    if not bool(held_inputs(layer).any()):
        return grid
    return layer.grid * max(1, grid // layer.grid) if layer.basis.nested else layer.grid


def held_inputs(layer: KANLayer) -> Tensor:
    """Which inputs' knots lie under a locked spline, (n_in,)."""
    return (layer.spline_mask() & layer.locked_mask()).any(0)


def held_knots(layer: KANLayer, knots: Tensor, grid: int) -> Tensor:
    """`knots` of a reachable grid, with those under locked splines where they are, their cells split."""
    held = held_inputs(layer)
    if not bool(held.any()):
        return knots
    factor = grid // layer.grid
    return torch.where(
        held.unsqueeze(-1), layer.knots if factor == 1 else layer.basis.refined_knots(layer.knots, factor), knots
    )


def set_knots(layer: KANLayer, knots: Tensor, grid: int) -> None:
    """Put the layer's functions on other knots, in place, by least squares; locked ones stay to rounding."""
    knots, same = held_knots(layer, knots, grid), grid == layer.grid
    moved = transfer(layer.coefficients.detach(), layer.basis, layer.knots, knots, layer.basis.count(grid))
    if same:
        held = held_inputs(layer)
        moved[:, held] = layer.coefficients.detach()[:, held]
    layer.coefficients = torch.nn.Parameter(moved)
    layer.knots = knots


def with_locked(model: KAN, old: KAN) -> KAN:
    """The network, in place, with its locked edges' parameters as they are in `old`, which has the same shape."""
    names = ("coefficients", "base_weight", "affine")
    with torch.no_grad():
        for layer, before in zip(model.layers, old.layers, strict=True):
            locked = layer.locked_mask()
            for name in names if bool(locked.any()) else ():
                getattr(layer, name)[locked] = getattr(before, name).detach()[locked]
    return model
