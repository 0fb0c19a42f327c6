"""Waves on a GPU, as a function that kernels call."""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.dense._triton_tangents import along_tangents, powers
from edgewise.kernels.runtime._triton import jit, tl


@jit
def _evaluate(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
    """1, cos u, sin u, cos 2u, sin 2u, ..: each derivative is a quarter turn and a factor."""
    multiple = ((columns + 1) // 2)[None, None, :].to(inside.dtype)
    angle = (3.141592653589793 * (inside - low) / (high - low))[:, :, None] * multiple
    cos, sin = tl.cos(angle), tl.sin(angle)
    if ORDER % 4 == 1:
        cos, sin = -sin, cos
    elif ORDER % 4 == 2:
        cos, sin = -cos, -sin
    elif ORDER % 4 == 3:
        cos, sin = sin, -cos
    out = tl.where((columns % 2 == 1)[None, None, :], cos, sin)
    constant = 1.0 if ORDER == 0 else 0.0
    factor = powers((3.141592653589793 / (high - low))[:, :, None] * multiple, ORDER)
    return tl.where((columns == 0)[None, None, :], constant, out * factor)


@jit
def tile(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of the constant and COUNT - 1 waves at points (rows, inputs), times the seed."""
    return along_tangents(x, seed, points, columns, _evaluate, COUNT, ORDER)
