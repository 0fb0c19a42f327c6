"""Chebyshev polynomials on a GPU, as a function that kernels call."""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.dense._triton_tangents import along_tangents, powers
from edgewise.kernels.runtime._triton import jit, tl


@jit
def _evaluate(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
    """Each polynomial by its recurrence on the point, then put into its column.

    The recurrence of the Gegenbauer polynomials C^(l) is that of the T_n for l = 0, but for its factors.
    """
    u = ((inside - low) - (high - inside)) / (high - low)
    slope = powers(2 / (high - low) + tl.zeros_like(inside), ORDER)
    for number in tl.static_range(1, ORDER):
        slope = slope * (2 * number)
    column = columns[None, None, :]
    value = tl.full(u.shape, 1.0, dtype=u.dtype)
    if ORDER == 0:
        before = u
        out = tl.where(column == 0, value[:, :, None], 0.0)
    else:
        before = tl.zeros_like(u)
        out = tl.where(column == ORDER, (ORDER * slope * value)[:, :, None], 0.0)
    for n in tl.static_range(1, COUNT - ORDER):
        if ORDER == 0:
            after = 2 * u * value - before
            out = tl.where(column == n, after[:, :, None], out)
        else:
            after = (2 * (n + ORDER - 1) / n) * u * value - ((n + 2 * ORDER - 2) / n) * before
            out = tl.where(column == n + ORDER, ((n + ORDER) * slope * after)[:, :, None], out)
        before = value
        value = after
    return out


@jit
def tile(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of T_0 .. T_{COUNT - 1} at points (rows, inputs), multiplied by the seed."""
    return along_tangents(x, seed, points, columns, _evaluate, COUNT, ORDER)
