"""Gaussians on a GPU, as a function that kernels call."""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.dense._triton_tangents import along_tangents, powers
from edgewise.kernels.runtime._triton import jit, tl


@jit
def _evaluate(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
    """exp(-z^2) times a Hermite polynomial of z, zero where the reference is: 3 centers beyond, widths of 1.5."""
    spacing = (high - low) / (COUNT - 7)
    z = (((inside - low) / spacing)[:, :, None] - (columns - 3)[None, None, :].to(inside.dtype)) / 1.5
    square = z * z
    # Twice the bits of the fraction, times the logarithm of 2: where exp(-z^2) is the square of the rounding unit.
    most = (104 if inside.dtype == tl.float64 else 46) * 0.6931471805599453
    before, value = tl.zeros_like(z), tl.exp(-tl.minimum(square, most))
    value = tl.where(square > most, 0.0, value)
    for d in tl.static_range(ORDER):
        after = 2 * z * value - 2 * d * before
        before = value
        value = after
    return value * powers(-1 / (1.5 * spacing) + tl.zeros_like(inside), ORDER)[:, :, None]


@jit
def tile(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of COUNT Gaussians at points (rows, inputs), multiplied by the seed."""
    return along_tangents(x, seed, points, columns, _evaluate, COUNT, ORDER)
