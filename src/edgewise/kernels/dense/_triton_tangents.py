"""Functions on a range, straight beyond it, as tiles of values: what `Family.reference` is, for GPU kernels."""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.runtime._triton import jit, tl


@jit
def along_tangents(x, seed, points, columns, EVALUATE: tl.constexpr, COUNT: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of points (rows, inputs), multiplied by the seed; all NaN at a point that is NaN.

    EVALUATE(inside, low, high, columns, COUNT, ORDER) gives them within the range, and finite numbers in columns beyond
    the last function.
    """
    low, high = tl.load(points), tl.load(points + 1)
    inside = tl.minimum(tl.maximum(x, low), high)
    out = EVALUATE(inside, low, high, columns, COUNT, ORDER)
    if ORDER == 0:
        out += EVALUATE(inside, low, high, columns, COUNT, 1) * (x - inside)[:, :, None]
    if ORDER > 1:
        out = tl.where(((x < low) | (x > high))[:, :, None], 0.0, out)
    return out * tl.where(x == x, seed, float("nan"))[:, :, None]


@jit
def powers(base, EXPONENT: tl.constexpr):
    """The base multiplied by itself."""
    out = tl.full(base.shape, 1.0, dtype=base.dtype)
    for _ in tl.static_range(EXPONENT):
        out = out * base
    return out
