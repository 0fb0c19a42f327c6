"""First values of a layer's parameters."""

from __future__ import annotations

import torch
from torch import Tensor


def initial_values(
    n_out: int, n_in: int, count: int, base: str | None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return spline coefficients (n_out, n_in, count) and base weights (n_out, n_in) of random smooth curves, float64.

    c_k = s sin(2 u t_k + 3 v) / sqrt(n_in),  w ~ N(0, 1 / n_in),  u, v ~ N(0, 1),  t_k from -1 to 1 along the spline;
    s = 1 and w = 0 without a base function, s = 0.1 with one, which then carries the layer.

    How often such a start leads to a good basin, beside rough noise: `benchmarks/starts.py`.

    >>> [tuple(values.shape) for values in initial_values(2, 3, 8, None)]
    [(2, 3, 8), (2, 3)]
    """
    u, v = torch.randn(2, n_out, n_in, 1, generator=generator, dtype=torch.float64)
    weights = torch.randn(n_out, n_in, generator=generator, dtype=torch.float64) / n_in**0.5
    t = torch.linspace(-1, 1, count, dtype=torch.float64)
    curves = torch.sin(2 * u * t + 3 * v) / n_in**0.5
    return (curves, 0 * weights) if base is None else (0.1 * curves, weights)
