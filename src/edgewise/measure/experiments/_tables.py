"""What a network gives at rows."""

from __future__ import annotations

import numpy as np
import torch

from edgewise._typing import Array


def values(module: torch.nn.Module, x: Array) -> Array:
    """The first output (n,) of a network at rows x (n, n_in)."""
    with torch.no_grad():
        return module(torch.from_numpy(x))[:, 0].numpy()


def rmse(found: Array, wanted: Array) -> float:
    """The root of the mean squared difference.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) ** 2
    2.0000000000000004
    """
    return float(np.sqrt(np.mean((found - wanted) ** 2)))
