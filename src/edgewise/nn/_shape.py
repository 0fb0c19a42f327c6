"""Splines held monotone."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN
from edgewise.nn._surgery import clone


def shaped(model: KAN) -> KAN:
    """Return the network with every spline that must rise or fall doing so; the network itself where all do.

    >>> import edgewise as ew
    >>> model = ew.KAN([1, 1])
    >>> shaped(model) is model
    True
    """
    wrong = [(depth, edge) for depth, layer in enumerate(model.layers) for edge in _wrong(layer)]
    if not wrong:
        return model
    new = clone(model)
    with torch.no_grad():
        for depth, (j, i, sign) in wrong:
            c = new.layers[depth].coefficients
            c[j, i] = sign * ascending(sign * c[j, i])
    return new


def has_shapes(model: KAN) -> bool:
    """Whether an edge has to be smooth or monotone."""
    return any(rule.smooth > 0 or rule.monotone != 0 for layer in model.layers for rule in layer.rules.values())


def ascending(values: Tensor) -> Tensor:
    """Return the nearest numbers (K,) that ascend: r_k = max_{i <= k} min_{j >= k} mean(v_i .. v_j).

    >>> import torch
    >>> ascending(torch.tensor([1.0, 3.0, 2.0, 4.0])).tolist()
    [1.0, 2.5, 2.5, 4.0]

    Source: Robertson, Wright and Dykstra, Order Restricted Statistical Inference (1988), theorem 1.4.4.
    """
    count = len(values)
    sums = torch.cat([values.new_zeros(1), values.cumsum(0)])
    place = torch.arange(count, device=values.device)
    means = (sums[None, 1:] - sums[:-1, None]) / (place[None] - place[:, None] + 1)
    means = torch.where(place[None] >= place[:, None], means, torch.inf)
    least = means.flip(1).cummin(1).values.flip(1)
    least = torch.where(place[None] >= place[:, None], least, -torch.inf)
    return least.cummax(0).values.diagonal().cummax(0).values


def _wrong(layer: KANLayer) -> list[tuple[int, int, int]]:
    """The active splines (j, i, sign) of a layer that do not go where they must."""
    ruled = [(edge, rule.monotone) for edge, rule in layer.rules.items() if rule.monotone]
    free = layer.free_splines().tolist() if ruled else []
    return [
        (j, i, sign)
        for (j, i), sign in ruled
        if free[j][i] and bool((sign * layer.coefficients[j, i].detach().diff() < 0).any())
    ]
