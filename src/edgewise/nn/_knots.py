"""Networks on other knots; those under locked edges stay."""

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise.nn._cells import Grid, grids_of
from edgewise.nn._grids import cells_for, check_count, finer, knots_over, set_knots
from edgewise.nn._init import check_size
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
    check_count("factor", factor)
    new = clone(model)
    for layer in new.layers:
        set_knots(layer, *finer(layer, factor))
    return new


def adapt_grid(
    model: KAN, x: Tensor, grid: int | Sequence[Grid] | None = None, *, margins: tuple[float, float] = MARGINS,
    quantiles: float = 0.0,
) -> KAN:  # fmt: skip
    """Return the network with every layer's knots moved to the range that its inputs take on the rows of x.

    Knots span the range widened at each end by a share of it, `margins` = (for the inputs, for hidden nodes), with a
    grid of `grid` (as before when None). Those of B-splines are blended with the samples' quantiles by the share
    `quantiles` in [0, 0.95]. Functions are carried over by least squares: exact where the new ones contain the old.
    Under a locked spline knots stay: its layer takes the largest multiple of its own grid up to `grid`.

    `grid` is the number of cells of each layer's finest input; those of others keep their proportion to it. A list has
    an entry for each layer: such a number, or a list with the cells of each input.

    >>> import edgewise as ew, torch
    >>> model = adapt_grid(ew.KAN([1, 1]), torch.rand(100, 1) * 50, grid=20)
    >>> model.layers[0].grid
    20
    >>> [layer.grids for layer in adapt_grid(ew.KAN([2, 1, 1]), torch.rand(100, 2), grid=[[32, 4], 8]).layers]
    [[32, 4], [8]]
    """
    pair = isinstance(margins, tuple | list) and len(margins) == 2
    if not (pair and all(is_number(margin, 0, 1e6) for margin in margins)):
        raise InputError(f"'margins' must be two numbers >= 0, for inputs and for hidden nodes. Got {margins!r}.")
    if not is_number(quantiles, 0, 0.95):
        raise InputError(f"'quantiles' must lie in [0, 0.95]. Got {quantiles!r}.")
    if grid is not None and not isinstance(grid, list | tuple):
        check_count("grid", grid)
    grids = grids_of(grid, [layer.n_in for layer in model.layers])
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
            cells = cells_for(layer, grids[depth])
            check_size(layer.n_in, layer.n_out, layer.basis.count(max(cells)), layer.dtype)
            set_knots(layer, knots_over(layer, h, cells, margins[depth > 0], quantiles), max(cells))
            h = nodes.combine(layer(h))
    return new


def with_locked(model: KAN, old: KAN) -> KAN:
    """The network, in place, with its locked edges' parameters as they are in `old`, which has the same shape."""
    names = ("coefficients", "base_weight", "affine")
    with torch.no_grad():
        for layer, before in zip(model.layers, old.layers, strict=True):
            locked = layer.locked_mask()
            for name in names if bool(locked.any()) else ():
                getattr(layer, name)[locked] = getattr(before, name).detach()[locked]
    return model
