"""The Gaussian radial basis in plain torch: the law that every faster implementation must match."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edgewise.kernels._tangents import along_tangents

BEYOND = 3
"""Centres beyond each end of the range."""
WIDTH = 1.5
"""Width of a Gaussian, in spacings of the centres."""


def basis(x: Tensor, points: Tensor, size: int, order: int = 0) -> Tensor:
    """Return the `order`-th derivative of `size` Gaussians at every point.

    Centres lie evenly, the first and the last three of them beyond the range, h apart:

        h = (hi - lo)/(size - 7),  c_m = lo + (m - 3) h,  z = (x - c_m)/(1.5 h)
        B_m(x) = exp(-z^2),  B_m^(d)(x) = (-1/(1.5 h))^d H_d(z) exp(-z^2),  H_d the Hermite polynomials

    and a function is zero where z^2 > `cut(dtype)`, far below rounding, so that no subnormal number ever occurs.
    Outside [lo, hi] a function goes on along its tangent.

    With three centres beyond each end and this width smooth functions are reached to 2e-7 of their size; with none
    and a width of h, to 4e-2, at the ends.

    Shapes: x (..., n_in), points (n_in, 2) = [lo, hi], result (..., n_in, size).
    """
    lo, hi = points.unbind(-1)
    spacing = (hi - lo) / (size - 1 - 2 * BEYOND)
    place = torch.arange(-BEYOND, size - BEYOND, dtype=points.dtype, device=points.device)

    def evaluate(inside: Tensor, order: int) -> Tensor:
        z = (((inside - lo) / spacing).unsqueeze(-1) - place) / WIDTH
        square, most = z.square(), cut(x.dtype)
        values = torch.exp(-square.clamp(max=most)) * _hermite(z, order)
        values = torch.where(square > most, 0.0, values)
        return values * (-1 / (WIDTH * spacing)).unsqueeze(-1) ** order if order else values

    return along_tangents(evaluate, x, lo, hi, order)


def cut(dtype: torch.dtype) -> float:
    """The z^2 beyond which a Gaussian is zero: where exp(-z^2) is the square of the rounding unit."""
    return -2 * math.log(torch.finfo(dtype).eps)


def _hermite(z: Tensor, order: int) -> Tensor:
    """H_0 = 1,  H_1 = 2 z,  H_d = 2 z H_{d-1} - 2 (d - 1) H_{d-2}."""
    before, value = torch.zeros_like(z), torch.ones_like(z)
    for d in range(order):
        before, value = value, 2 * z * value - 2 * d * before
    return value
