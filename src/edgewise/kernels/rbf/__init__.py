"""Gaussian radial functions and their derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.dense.cpu import LanesCPU
from edgewise.kernels.dense.gpu import DenseGPU

BEYOND = 3
"""Centers beyond each end of the range."""
WIDTH = 1.5
"""Width of a Gaussian, in spacings of the centers."""


@dataclass(frozen=True)
class RBFFamily(Family):
    """K Gaussians, evenly spaced, the first and the last three of them centered beyond the range:

        h = (hi - lo)/(K - 7),  c_m = lo + (m - 3) h,  z = (x - c_m)/(1.5 h)
        B_m(x) = exp(-z^2),  B_m^(d)(x) = (-1/(1.5 h))^d H_d(z) exp(-z^2),  H_d the Hermite polynomials

    and a function is zero where z^2 > `cut(dtype)`, far below rounding, so that no subnormal number ever occurs.

    With three centers beyond each end and this width smooth functions are reached to 2e-7 of their size; with none
    and a width of h, to 4e-2, at the ends.
    """

    name = "rbf"
    cpu = {"dense": LanesCPU("edgewise.kernels.rbf")}  # noqa: RUF012
    gpu = {"dense": DenseGPU("edgewise.kernels.rbf._triton_values")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        spacing = (hi - lo) / (count - 1 - 2 * BEYOND)
        place = torch.arange(-BEYOND, count - BEYOND, dtype=lo.dtype, device=lo.device)
        z = (((x - lo) / spacing).unsqueeze(-1) - place) / WIDTH
        square, most = z.square(), cut(x.dtype)
        values = torch.exp(-square.clamp(max=most)) * _hermite(z, order)
        values = torch.where(square > most, 0.0, values)
        return values * (-1 / (WIDTH * spacing)).unsqueeze(-1) ** order if order else values


def cut(dtype: torch.dtype) -> float:
    """Return the z^2 beyond which a Gaussian is zero: where exp(-z^2) is the square of the rounding unit."""
    return -2 * math.log(torch.finfo(dtype).eps)


def _hermite(z: Tensor, order: int) -> Tensor:
    """H_0 = 1,  H_1 = 2 z,  H_d = 2 z H_{d-1} - 2 (d - 1) H_{d-2}."""
    before, value = torch.zeros_like(z), torch.ones_like(z)
    for d in range(order):
        before, value = value, 2 * z * value - 2 * d * before
    return value
