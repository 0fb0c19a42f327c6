"""The outputs of a network in other units: multiplied by factors, moved by constants."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN
from edgewise.nn._surgery import clone


def scale_outputs(model: KAN, factors: Tensor) -> KAN:
    """Return the network with output o multiplied by factors[o], a tensor (n_out,)."""
    if factors.shape != (model.n_out,):
        raise InputError(
            f"'factors' must have shape ({model.n_out},), one for each output. Got {tuple(factors.shape)}."
        )
    new = clone(model)
    last = new.layers[-1]
    with torch.no_grad():
        for group, factor in zip(new.nodes[-1].groups(), factors.tolist(), strict=True):
            j = group[0]
            last.coefficients[j] *= factor
            last.base_weight[j] *= factor
            last.affine[j, :, 2:] *= factor
    return new


def shift_outputs(model: KAN, constants: Tensor) -> KAN:
    """Return the network with constants[o] added to output o, a tensor (n_out,).

    The constant goes to one edge that training may change: d of a symbolic edge, or else the coefficients of a spline.

    Errors: InputError for an output that has no such edge, or is a product: see `shiftable`.

    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, 1])
    >>> moved = shift_outputs(model, torch.tensor([1000.0]))
    >>> bool(((moved(torch.zeros(1, 2)) - model(torch.zeros(1, 2))) - 1000 < 1e-9).all())
    True
    """
    new = clone(model)
    last = new.layers[-1]
    one = last.basis.constant(last.coefficients.shape[-1]).to(last.coefficients)
    with torch.no_grad():
        for o, value in enumerate(constants.tolist()):
            if value == 0:
                continue
            edge = _holder(new, last, o)
            if edge is None:
                raise InputError(f"Output {o} has no edge that can take a constant.")
            if edge in last.symbols:
                last.affine[(*edge, 3)] += value
            else:
                last.coefficients[edge] += value * one
    return new


def shiftable(model: KAN) -> Tensor:
    """Which outputs can take a constant, (n_out,): sums with an edge whose constant training may change."""
    last = model.layers[-1]
    return torch.tensor([_holder(model, last, o) is not None for o in range(model.n_out)])


def _holder(model: KAN, last: KANLayer, o: int) -> tuple[int, int] | None:
    """The edge of output o that takes constants."""
    if o >= model.nodes[-1].n_sum:
        return None
    for free in (last.free_constants()[o, :, 3], last.free_splines()[o]):
        found = free.nonzero().flatten().tolist()
        if found:
            return o, found[0]
    return None
