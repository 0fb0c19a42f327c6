"""First values of a layer's parameters."""

from __future__ import annotations

import torch
from torch import Tensor


def random_curves(n_out: int, n_in: int, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Return spline coefficients of smooth random curves, (n_out, n_in, count), float64.

    c_k = sin(2 u t_k + 3 v) / sqrt(n_in),  u, v ~ N(0, 1),  t_k from -1 to 1 along the spline.

    Smooth curves of full size start second-order training in a good basin three to six times as often as rough noise
    does (`benchmarks/starts.py`: four-variable target, [4, 2, 1, 1]).

    >>> random_curves(2, 3, 8).shape
    torch.Size([2, 3, 8])
    """
    u, v = torch.randn(2, n_out, n_in, 1, generator=generator, dtype=torch.float64)
    t = torch.linspace(-1, 1, count, dtype=torch.float64)
    return torch.sin(2 * u * t + 3 * v) / n_in**0.5


def random_residuals(n_out: int, n_in: int, generator: torch.Generator | None = None) -> Tensor:
    """Return weights of the base function, (n_out, n_in), normal with variance 1 / n_in, float64."""
    return torch.randn(n_out, n_in, generator=generator, dtype=torch.float64) / n_in**0.5
