"""Families of functions that all live on the whole range: Chebyshev polynomials, waves and Gaussians.

Their kernels evaluate every function at every point, then multiply matrices; those of `gpu` serve any family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.dense.cpu import DenseCPU, LanesCPU
from edgewise.kernels.dense.gpu import DenseGPU

_TILES = "edgewise.kernels.dense._triton_families"
BEYOND = 3
"""Centers beyond each end of the range."""
WIDTH = 1.5
"""Width of a Gaussian, in spacings of the centers."""


@dataclass(frozen=True)
class ChebyshevFamily(Family):
    """T_0 .. T_{K-1} on the range.

    With u = (2 x - lo - hi)/(hi - lo) and C^(l) the Gegenbauer polynomials,

        T_0 = 1,  T_1 = u,  T_n = 2 u T_{n-1} - T_{n-2}
        d^l T_n / du^l = n 2^(l-1) (l-1)! C^(l)_{n-l}(u)
        n C^(l)_n = 2 (n + l - 1) u C^(l)_{n-1} - (n + 2 l - 2) C^(l)_{n-2},  C^(l)_0 = 1

    References
    ----------
    Mason and Handscomb, Chebyshev Polynomials, section 2.4.
    """

    name = "chebyshev"
    cpu = {"dense": LanesCPU("chebyshev")}  # noqa: RUF012
    gpu = {"dense": DenseGPU(_TILES, "chebyshev")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return the polynomials, or their derivatives, at points within the range: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points, each within its input's range.
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        u = ((x - lo) - (hi - x)) / (hi - lo)
        if order == 0:
            return _first_kind(u, count)
        return _derivatives(u, count, order) * (2 / (hi - lo)).unsqueeze(-1) ** order


def _first_kind(u: Tensor, count: int) -> Tensor:
    values = [torch.ones_like(u), u]
    for n in range(2, count):
        values.append(2 * u * values[n - 1] - values[n - 2])
    return torch.stack(values[:count], dim=-1)


def _derivatives(u: Tensor, count: int, order: int) -> Tensor:
    gegenbauer = [torch.zeros_like(u), torch.ones_like(u)]
    for n in range(1, count - order):
        head, tail = 2 * (n + order - 1) / n, (n + 2 * order - 2) / n
        gegenbauer.append(head * u * gegenbauer[-1] - tail * gegenbauer[-2])
    first = 2 ** (order - 1) * math.factorial(order - 1)
    values = [torch.zeros_like(u)] * min(order, count)
    values += [gegenbauer[n - order + 1] * (first * n) for n in range(order, count)]
    return torch.stack(values, dim=-1)


@dataclass(frozen=True)
class FourierFamily(Family):
    """1, cos u, sin u, cos 2u, sin 2u, .. with K odd.

        u = pi (x - lo)/(hi - lo)
        d^l cos(m u)/dx^l = (m pi/(hi - lo))^l cos(m u + l pi/2),  the same for the sine

    The range is half a period, so that the functions combined need not be periodic on it.
    """

    name = "fourier"
    cpu = {"dense": DenseCPU("fourier")}  # noqa: RUF012
    gpu = {"dense": DenseGPU(_TILES, "fourier")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return the constant and the waves, or their derivatives, at points within the range: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points, each within its input's range.
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
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


@dataclass(frozen=True)
class RBFFamily(Family):
    """K Gaussians, evenly spaced, the first and the last three of them centered beyond the range.

        h = (hi - lo)/(K - 7),  c_m = lo + (m - 3) h,  z = (x - c_m)/(1.5 h)
        B_m(x) = exp(-z^2),  B_m^(d)(x) = (-1/(1.5 h))^d H_d(z) exp(-z^2),  H_d the Hermite polynomials

    and a function is zero where z^2 > `cut(dtype)`, far below rounding, so that no subnormal number ever occurs.

    With three centers beyond each end and this width smooth functions are reached to 2e-7 of their size; with none
    and a width of h, to 4e-2, at the ends.
    """

    name = "rbf"
    cpu = {"dense": LanesCPU("rbf")}  # noqa: RUF012
    gpu = {"dense": DenseGPU(_TILES, "rbf")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return the Gaussians, or their derivatives, at points within the range: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points, each within its input's range.
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
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
