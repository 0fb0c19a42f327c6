"""The definition of a convolution of functions: padded inputs unfolded, and a layer of edges for each group."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from edgewise.nn import KANLayer, RationalLayer

CONVS = {1: "Conv1d", 2: "Conv2d", 3: "Conv3d"}


def unfolded(x: Tensor, conv: Any) -> Tensor:
    """Inputs (n, channels, ...) as (n, channels, places of the kernel, ...)."""
    pads = _pads(conv)
    flat = [pad for pair in reversed(pads) for pad in pair]
    x = torch.nn.functional.pad(x, flat, mode="constant" if conv.padding_mode == "zeros" else conv.padding_mode)
    sizes = [
        (size - apart * (k - 1) - 1) // step + 1
        for size, k, step, apart in zip(x.shape[2:], conv.kernel_size, conv.stride, conv.dilation, strict=True)
    ]
    parts = []
    for place in itertools.product(*map(range, conv.kernel_size)):
        index = tuple(
            slice(at * apart, at * apart + step * (size - 1) + 1, step)
            for at, apart, step, size in zip(place, conv.dilation, conv.stride, sizes, strict=True)
        )
        parts.append(x[(..., *index)])
    return torch.stack(parts, dim=2)


def _pads(conv: Any) -> list[tuple[int, int]]:
    if conv.padding == "valid":
        return [(0, 0)] * len(conv.kernel_size)
    if conv.padding == "same":
        totals = [apart * (k - 1) for k, apart in zip(conv.kernel_size, conv.dilation, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(pad, pad) for pad in conv.padding]


def expected(conv: Any, x: Tensor) -> Tensor:
    """What a convolution should give of x (n, channels, ...), by layers on unfolded inputs."""
    windows = unfolded(x, conv)
    out = []
    for group in range(conv.groups):
        inputs, outputs = conv.in_channels // conv.groups, conv.out_channels // conv.groups
        channels = slice(group * inputs, (group + 1) * inputs)
        layer = _layer(conv, channels, slice(group * outputs, (group + 1) * outputs))
        rows = windows[:, channels].flatten(1, 2).movedim(1, -1)
        out.append(layer(rows).movedim(-1, 1))
    y = torch.cat(out, 1)
    return y if conv.bias is None else y + conv.bias.view(-1, *[1] * (x.dim() - 2))


def _layer(conv: Any, channels: slice, outputs: slice) -> torch.nn.Module:
    """The layer of one group's functions."""
    places = math.prod(conv.kernel_size)
    inputs = channels.stop - channels.start
    n_in, n_out = inputs * places, outputs.stop - outputs.start
    if hasattr(conv, "weight"):
        layer: Any = RationalLayer(n_in, n_out, groups=n_in, bias=False, dtype=conv.dtype)
        every = torch.arange(conv.in_channels) // (conv.in_channels // conv.activation.groups)
        state = {
            "numerator": conv.activation.numerator[every[channels]].repeat_interleave(places, 0),
            "denominator": conv.activation.denominator[every[channels]].repeat_interleave(places, 0),
            "weight": conv.weight[outputs].flatten(1),
        }
        layer.load_state_dict(state)
        return layer
    layer = KANLayer(n_in, n_out, basis=conv.basis, grid=conv.grid, base=conv.base, dtype=conv.dtype)
    with torch.no_grad():
        layer.knots.copy_(conv.knots[channels].repeat_interleave(places, 0))
        layer.coefficients.copy_(conv.coefficients[outputs].movedim(2, -1).flatten(1, -2))
        if conv.base is not None:
            layer.base_weight.copy_(conv.base_weight[outputs].flatten(1))
    return layer
