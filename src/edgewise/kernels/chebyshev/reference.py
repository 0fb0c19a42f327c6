"""The Chebyshev basis in plain torch: the law that every faster implementation must match."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edgewise.kernels._tangents import along_tangents


def basis(x: Tensor, points: Tensor, size: int, order: int = 0) -> Tensor:
    """Return the `order`-th derivative of T_0 .. T_size at every point.

    With u = (2 x - lo - hi)/(hi - lo) and C^(l) the Gegenbauer polynomials,

        T_0 = 1,  T_1 = u,  T_n = 2 u T_{n-1} - T_{n-2}
        d^l T_n / du^l = n 2^(l-1) (l-1)! C^(l)_{n-l}(u)
        n C^(l)_n = 2 (n + l - 1) u C^(l)_{n-1} - (n + 2 l - 2) C^(l)_{n-2},  C^(l)_0 = 1

    Outside [lo, hi] a function goes on along its tangent.

    Shapes: x (..., n_in), points (n_in, 2) = [lo, hi], result (..., n_in, size + 1).

    Source: Mason and Handscomb, Chebyshev Polynomials, section 2.4.
    """
    lo, hi = points.unbind(-1)

    def evaluate(inside: Tensor, order: int) -> Tensor:
        u = ((inside - lo) - (hi - inside)) / (hi - lo)
        if order == 0:
            return _first_kind(u, size)
        slope = (2 / (hi - lo)).unsqueeze(-1) ** order
        return _derivatives(u, size, order) * slope

    return along_tangents(evaluate, x, lo, hi, order)


def _first_kind(u: Tensor, size: int) -> Tensor:
    values = [torch.ones_like(u), u]
    for n in range(2, size + 1):
        values.append(2 * u * values[n - 1] - values[n - 2])
    return torch.stack(values[: size + 1], dim=-1)


def _derivatives(u: Tensor, size: int, order: int) -> Tensor:
    gegenbauer = [torch.zeros_like(u), torch.ones_like(u)]
    for n in range(1, size - order + 1):
        head, tail = 2 * (n + order - 1) / n, (n + 2 * order - 2) / n
        gegenbauer.append(head * u * gegenbauer[-1] - tail * gegenbauer[-2])
    first = 2 ** (order - 1) * math.factorial(order - 1)
    values = [torch.zeros_like(u)] * min(order, size + 1)
    values += [gegenbauer[n - order + 1] * (first * n) for n in range(order, size + 1)]
    return torch.stack(values, dim=-1)
