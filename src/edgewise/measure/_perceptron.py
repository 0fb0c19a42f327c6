"""torch's multilayer perceptron, which everything is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from edgewise._errors import unknown

ACTIVATIONS = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}


def perceptron(
    sizes: Sequence[int], dtype: torch.dtype = torch.float64, activation: str = "silu"
) -> torch.nn.Sequential:
    """Linear layers with biases and an activation between them.

    >>> sum(p.numel() for p in perceptron([2, 100, 100, 100, 1]).parameters())
    20601
    """
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after, dtype=dtype), ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])
