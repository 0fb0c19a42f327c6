"""Which modules are linear maps of channels, of any library."""

import math
from typing import Any, NamedTuple

import torch

from edgewise.nn._features import Features


class LinearMap(NamedTuple):
    """Channels in and out of a linear map, and the dimension of its input that they are."""

    inputs: int
    outputs: int
    dim: int


def linear_map(module: torch.nn.Module) -> LinearMap | None:
    """Return what a module maps if it is a linear map of channels, else None.

    That is `torch.nn.Linear` and what has its `in_features` and `out_features` (quantized and adapted ones), the
    Conv1D of transformers' GPT-2, and torch's convolutions of a single point.

    >>> linear_map(torch.nn.Linear(3, 5)), linear_map(torch.nn.Conv2d(3, 5, 1)), linear_map(torch.nn.GELU())
    (LinearMap(inputs=3, outputs=5, dim=-1), LinearMap(inputs=3, outputs=5, dim=-3), None)
    """
    if isinstance(module, Features):  # layers of ours are no linear maps
        return None
    if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        if math.prod(module.kernel_size) * math.prod(module.stride) * module.groups > 1 or module.padding not in (
            "same",
            "valid",
            (0,) * len(module.kernel_size),
        ):
            return None
        return LinearMap(module.in_channels, module.out_channels, -1 - len(module.kernel_size))
    names = ("nx", "nf") if type(module).__name__ == "Conv1D" else ("in_features", "out_features")
    sizes: list[Any] = [getattr(module, name, None) for name in names]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    return LinearMap(sizes[0], sizes[1], -1)
