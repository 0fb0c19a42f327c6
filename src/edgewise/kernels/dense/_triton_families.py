"""Chebyshev polynomials, waves and Gaussians on a GPU, as functions that kernels call."""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.dense._triton_products import along_tangents, powers
from edgewise.kernels.runtime._triton import jit, tl


@jit
def _chebyshev(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
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
def chebyshev(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of T_0 .. T_{COUNT - 1} at points (rows, inputs), multiplied by the seed."""
    return along_tangents(x, seed, points, columns, _chebyshev, COUNT, ORDER)


@jit
def _fourier(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
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
def fourier(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of the constant and COUNT - 1 waves at points (rows, inputs), times the seed."""
    return along_tangents(x, seed, points, columns, _fourier, COUNT, ORDER)


@jit
def _rbf(inside, low, high, columns, COUNT: tl.constexpr, ORDER: tl.constexpr):
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
def rbf(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of COUNT Gaussians at points (rows, inputs), multiplied by the seed."""
    return along_tangents(x, seed, points, columns, _rbf, COUNT, ORDER)
