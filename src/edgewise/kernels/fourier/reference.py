"""The Fourier basis in plain torch: the law that every faster implementation must match."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.kernels._tangents import along_tangents


def basis(x: Tensor, points: Tensor, size: int, order: int = 0) -> Tensor:
    """Return the `order`-th derivative of 1, cos u, sin u, cos 2u, sin 2u, .. sin(size u) at every point.

        u = pi (x - lo)/(hi - lo)
        d^l cos(m u)/dx^l = (m pi/(hi - lo))^l cos(m u + l pi/2),  the same for the sine

    The range is half a period, so that the functions combined need not be periodic on it. Outside [lo, hi] a
    function goes on along its tangent.

    Shapes: x (..., n_in), points (n_in, 2) = [lo, hi], result (..., n_in, 2 size + 1).
    """
    lo, hi = points.unbind(-1)
    multiple = torch.arange(1, size + 1, dtype=points.dtype, device=points.device)

    def evaluate(inside: Tensor, order: int) -> Tensor:
        angle = (torch.pi * (inside - lo) / (hi - lo)).unsqueeze(-1) * multiple
        cos, sin = torch.cos(angle), torch.sin(angle)
        # A quarter turn for each derivative: (cos, sin) -> (-sin, cos).
        for _ in range(order % 4):
            cos, sin = -sin, cos
        factor = (torch.pi / (hi - lo)).unsqueeze(-1) * multiple
        waves = torch.stack([cos, sin], dim=-1) * (factor**order).unsqueeze(-1)
        constant = torch.full_like(angle[..., :1], float(order == 0))
        return torch.cat([constant, waves.flatten(-2)], dim=-1)

    return along_tangents(evaluate, x, lo, hi, order)
