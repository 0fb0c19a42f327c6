"""Cosines and sines at one point, for CPU kernels. Imported only to compile them."""

import math
from typing import Any

from numba import njit

from edgewise.kernels.dense._cpu_values import kernel, power_series
from edgewise.kernels.runtime._simd import FAST


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of a kernel for one dtype."""
    return kernel(name, dtype, _fill)


def _fill(real: Any) -> Any:
    """One cosine and one sine by their series around the middle of the range; the others by turning on."""
    zero, one, half, pi = real(0), real(1), real(0.5), real(math.pi)
    cosine = power_series(real, [(-1) ** k / math.factorial(2 * k) for k in range(13)])
    sine = power_series(real, [(-1) ** k / math.factorial(2 * k + 1) for k in range(12)])

    @njit(**FAST)
    def fill(x: Any, lo: Any, hi: Any, count: Any, order: Any, out: Any, first: Any) -> None:
        inverse = one / (hi - lo)
        t = ((x - lo) * inverse - half) * pi
        unit_cos, unit_sin = -t * sine(t * t), cosine(t * t)  # of u = t + pi/2
        turn = order & 3
        out[first] = one if order == 0 else zero
        c, s = unit_cos, unit_sin
        for m in range(1, count // 2 + 1):
            scale = one
            for _ in range(order):
                scale *= real(m) * pi * inverse
            # A quarter turn for each derivative: (cos, sin) -> (-sin, cos).
            a, b = (c, s) if turn & 1 == 0 else (-s, c)
            if turn & 2:
                scale = -scale
            out[first + 2 * m - 1] = a * scale
            out[first + 2 * m] = b * scale
            c, s = c * unit_cos - s * unit_sin, s * unit_cos + c * unit_sin

    return fill
