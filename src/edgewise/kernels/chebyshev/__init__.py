"""Chebyshev polynomials and their derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.dense.cpu import LanesCPU
from edgewise.kernels.dense.gpu import DenseGPU


@dataclass(frozen=True)
class ChebyshevFamily(Family):
    """T_0 .. T_{K-1} on the range.

    With u = (2 x - lo - hi)/(hi - lo) and C^(l) the Gegenbauer polynomials,

        T_0 = 1,  T_1 = u,  T_n = 2 u T_{n-1} - T_{n-2}
        d^l T_n / du^l = n 2^(l-1) (l-1)! C^(l)_{n-l}(u)
        n C^(l)_n = 2 (n + l - 1) u C^(l)_{n-1} - (n + 2 l - 2) C^(l)_{n-2},  C^(l)_0 = 1

    Source: Mason and Handscomb, Chebyshev Polynomials, section 2.4.
    """

    name = "chebyshev"
    cpu = {"dense": LanesCPU("edgewise.kernels.chebyshev")}  # noqa: RUF012
    gpu = {"dense": DenseGPU("edgewise.kernels.chebyshev._triton_values")}  # noqa: RUF012

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
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
