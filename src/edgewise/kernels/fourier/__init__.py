"""Cosines and sines and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.dense.cpu import DenseCPU
from edgewise.kernels.dense.gpu import DenseGPU


@dataclass(frozen=True)
class FourierFamily(Family):
    """1, cos u, sin u, cos 2u, sin 2u, .. with K odd.

        u = pi (x - lo)/(hi - lo)
        d^l cos(m u)/dx^l = (m pi/(hi - lo))^l cos(m u + l pi/2),  the same for the sine

    The range is half a period, so that the functions combined need not be periodic on it.
    """

    name = "fourier"
    cpu = {"dense": DenseCPU("edgewise.kernels.fourier._cpu_values")}  # noqa: RUF012
    gpu = {"dense": DenseGPU("edgewise.kernels.fourier._triton_values")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        multiple = torch.arange(1, count // 2 + 1, dtype=lo.dtype, device=lo.device)
        angle = (torch.pi * (x - lo) / (hi - lo)).unsqueeze(-1) * multiple
        cos, sin = torch.cos(angle), torch.sin(angle)
        # A quarter turn for each derivative: (cos, sin) -> (-sin, cos).
        for _ in range(order % 4):
            cos, sin = -sin, cos
        factor = (torch.pi / (hi - lo)).unsqueeze(-1) * multiple
        waves = torch.stack([cos, sin], dim=-1) * (factor**order).unsqueeze(-1)
        constant = torch.full_like(angle[..., :1], float(order == 0))
        return torch.cat([constant, waves.flatten(-2)], dim=-1)
