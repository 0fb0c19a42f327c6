"""The grids of all KAN layers of a module, for a training loop of your own."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.nn._grids import Replaced
from edgewise.nn._layer import KANLayer
from edgewise.nn._reaching import Arguments, inputs_of, kan_layers


def update_grids(
    module: torch.nn.Module, x: Arguments, grid: int | None = None, *, tails: float = 0.01, margin: float = 0.05,
    quantiles: float = 0.0,
) -> Replaced:  # fmt: skip
    """Move the knots of every KAN layer of a module to where its inputs lie, in place: `KANLayer.update_grid`.

    The module runs once on x, in the mode it is in, to see what reaches each layer; layers that are not reached stay
    as they are. x is a tensor, or the module's arguments as a tuple, or as a mapping of names. On several processes
    give all of them the same x, or their layers will differ.

    Returns: the new parameter of each that was replaced, which only another `grid` does.

    Errors: InputError for a module without KAN layers; see `KANLayer.update_grid`.

    >>> import edgewise as ew
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 8), ew.nn.KANLayer(8, 1))
    >>> update_grids(model, 10 * torch.rand(100, 3))
    {}
    >>> bool(coverage(model, 10 * torch.rand(100, 3))["1"].outside.max() < 0.1)
    True
    """
    settings = {"tails": tails, "margin": margin, "quantiles": quantiles}
    return _changed(module, x, lambda layer, h: layer.update_grid(h, grid, **settings))


def widen_grids(module: torch.nn.Module, x: Arguments, *, margin: float = 0.05) -> Replaced:
    """Stretch the ranges that inputs leave in every KAN layer of a module, in place: `KANLayer.widen_grid`.

    Arguments, errors: see `edgewise.nn.update_grids`. No parameter is replaced.

    >>> import edgewise as ew
    >>> widen_grids(torch.nn.Sequential(ew.nn.KANLayer(3, 1)), 10 * torch.rand(100, 3))
    {}
    """
    return _changed(module, x, lambda layer, h: layer.widen_grid(h, margin=margin))


def refine_grids(module: torch.nn.Module, factor: int = 2) -> Replaced:
    """Make every KAN layer of a module `factor` times as fine, in place: `KANLayer.refine_grid`.

    The functions stay the same to rounding. Returns: the new parameter of each that was replaced.

    >>> import edgewise as ew
    >>> model = torch.nn.Sequential(ew.nn.KANLayer(3, 4), ew.nn.KANLayer(4, 1))
    >>> optimizer = torch.optim.AdamW(ew.nn.parameter_groups(model))
    >>> ew.nn.replace_parameters(optimizer, refine_grids(model, 2))
    >>> [layer.grid for layer in model]
    [10, 10]
    """
    replaced: Replaced = {}
    for layer in kan_layers(module).values():
        replaced |= layer.refine_grid(factor)
    return replaced


@dataclass(frozen=True)
class Coverage:
    """How far the inputs of a layer leave its grid.

    outside (n_in,) is the fraction of the rows outside the range of each input, or not finite; beyond (n_in,) how far
    the farthest row lies outside, in widths of the range: 0 where none is, inf where one is not finite.
    """

    outside: Tensor
    beyond: Tensor


def coverage(module: torch.nn.Module, x: Arguments) -> dict[str, Coverage]:
    """Return for each KAN layer, by its name in the module, how far its inputs leave the grid.

    Outside its grid a function is a straight line, so that little is learned there, and a forward pass does not warn.
    Where `outside` is more than a few percent, or `beyond` more than about one, use `edgewise.nn.update_grids` or
    `widen_grids`. Nothing is changed; arguments and errors as there. Layers that are not reached are left out.

    >>> import edgewise as ew
    >>> found = coverage(ew.nn.KANLayer(2, 1), torch.tensor([[0.0, 0.0], [0.5, 5.0]]))[""]
    >>> found.outside.tolist(), found.beyond.tolist()
    ([0.0, 0.5], [0.0, 2.0])
    """
    layers = kan_layers(module)
    return {name: _covered(layers[name], h) for name, h in inputs_of(module, x).items() if len(h)}


def _covered(layer: KANLayer, h: Tensor) -> Coverage:
    lo, hi = (end.to(torch.promote_types(layer.dtype, torch.float32)) for end in layer.basis.ends(layer.knots))
    h = h.to(lo)
    distance = torch.maximum(lo - h, h - hi).clamp_min(0) / (hi - lo)
    distance = torch.where(h.isfinite(), distance, torch.inf)
    return Coverage((distance > 0).to(lo).mean(0), distance.amax(0))


def _changed(module: torch.nn.Module, x: Arguments, change: Callable[[KANLayer, Tensor], Replaced]) -> Replaced:
    layers, replaced = kan_layers(module), {}
    for name, h in inputs_of(module, x).items():
        replaced |= change(layers[name], h)
    return replaced
