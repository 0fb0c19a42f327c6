"""Knots moved under the functions of edges; those under locked ones stay."""

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.bases import transfer
from edgewise.nn._init import check_size
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN
from edgewise.nn._surgery import clone

MARGINS = (0.02, 0.05)
"""Fractions of the range of the samples by which knots reach beyond it: for inputs, and for hidden nodes."""


def refine_grid(model: KAN, factor: int) -> KAN:
    """Return the same function on a grid `factor` times as fine: exact to rounding, but for "rbf" by least squares.

    Cells are split into equal ones; the degree or the number of harmonics grows by the factor.

    >>> import edgewise as ew
    >>> refine_grid(ew.KAN([2, 1], grid=5), 2).layers[0].grid
    10
    """
    _check_count("factor", factor)
    new = clone(model)
    for layer in new.layers:
        grid = reachable_grid(layer, factor * layer.grid)
        check_size(layer.n_in, layer.n_out, layer.basis.count(grid), layer.dtype)
        set_knots(layer, layer.basis.refined_knots(layer.knots, grid // layer.grid), grid)
    return new


def adapt_grid(
    model: KAN, x: Tensor, grid: int | None = None, *, margins: tuple[float, float] = MARGINS, quantiles: float = 0.0
) -> KAN:  # fmt: skip
    """Return the network with every layer's knots moved to the range that its inputs take on the rows of x.

    Knots span the range widened at each end by a share of it, `margins` = (for the inputs, for hidden nodes), with a
    grid of `grid` (as before when None). Those of B-splines are blended with the samples' quantiles by the share
    `quantiles` in [0, 0.95]. Functions are carried over by least squares: exact where the new ones contain the old.
    Under a locked spline knots stay: its layer takes the largest multiple of its own grid up to `grid`.

    >>> import edgewise as ew, torch
    >>> model = adapt_grid(ew.KAN([1, 1]), torch.rand(100, 1) * 50, grid=20)
    >>> model.layers[0].grid
    20
    """
    pair = isinstance(margins, tuple | list) and len(margins) == 2
    if not (pair and all(is_number(margin, 0, 1e6) for margin in margins)):
        raise InputError(f"'margins' must be two numbers >= 0, for inputs and for hidden nodes. Got {margins!r}.")
    if not is_number(quantiles, 0, 0.95):
        raise InputError(f"'quantiles' must lie in [0, 0.95]. Got {quantiles!r}.")
    if grid is not None:
        _check_count("grid", grid)
    if not isinstance(x, Tensor):
        raise InputError(f"x must be a tensor (rows, {model.n_in}). Got {type(x).__name__}.")
    if x.dim() != 2 or x.shape[1] != model.n_in or len(x) == 0:
        raise InputError(f"x must have shape (rows, {model.n_in}) with at least one row. Got {tuple(x.shape)}.")
    new = clone(model)
    h = x.to(new.dtype)
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            if not torch.isfinite(h).all():
                what = "x is" if depth == 0 else f"The values of the nodes before layer {depth} are"
                raise InputError(
                    f"{what} not finite everywhere: a symbolic edge may have left its domain, or a row is bad."
                )
            target = reachable_grid(layer, grid or layer.grid)
            check_size(layer.n_in, layer.n_out, layer.basis.count(target), layer.dtype)
            set_knots(layer, layer.basis.adapted_knots(h, target, margins[depth > 0], quantiles), target)
            h = nodes.combine(layer(h))
    return new


def _check_count(name: str, value: object) -> None:
    if not is_int(value, 1):
        raise InputError(f"'{name}' must be an int >= 1. Got {value!r}.")


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
    own = layer.knots if factor == 1 else layer.basis.refined_knots(layer.knots, factor)
    return torch.where(held.unsqueeze(-1), own, knots)


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
