"""Gaussians at one point, for CPU kernels. Imported only to compile them."""

import math
from typing import Any

from numba import njit

from edgewise.kernels.dense._cpu_values import kernel, power_series
from edgewise.kernels.rbf import BEYOND, WIDTH
from edgewise.kernels.runtime._simd import FAST

_UNIT = {32: 2.0**-23, 64: 2.0**-52}  # rounding
CUT = {bits: -2 * math.log(unit) for bits, unit in _UNIT.items()}
_TERMS = {32: (6, 9), 64: (11, 15)}  # of the exponential series, to rounding below 1/9 and below 4/9


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of a kernel for one dtype."""
    return kernel(name, dtype, _fill)


def _fill(real: Any) -> Any:
    """From the nearest center outwards: two neighbors differ by a factor, two neighboring factors by a constant."""
    zero, one, half, two = real(0), real(1), real(0.5), real(2)
    narrow, factor, fall = real(1 / WIDTH), real(math.exp(-1 / WIDTH**2)), real(math.exp(-2 / WIDTH**2))
    beyond, more, cut = BEYOND, 2 * BEYOND + 1, real(CUT[real.bitwidth])
    small, large = (power_series(real, [1 / math.factorial(k) for k in range(n)]) for n in _TERMS[real.bitwidth])

    @njit(**FAST)
    def derivative(z: Any, value: Any, order: Any, unit: Any) -> Any:
        """value times (-unit)^d H_d(z)"""
        before, hermite, scale = zero, value, one
        for d in range(order):
            before, hermite = hermite, two * z * hermite - two * real(d) * before
            scale *= -unit
        return hermite * scale

    @njit(**FAST)
    def one_side(place: Any, start: Any, step: Any, value: Any, ratio: Any, shape: Any, out: Any, first: Any) -> None:
        count, order, unit = shape
        m = start
        while 0 <= m < count:
            z = (place - real(m - beyond)) * narrow
            if z * z > cut:
                break
            out[first + m] = derivative(z, value, order, unit) if order else value
            value *= ratio
            ratio *= fall
            m += step

    @njit(**FAST)
    def fill(x: Any, lo: Any, hi: Any, count: Any, order: Any, out: Any, first: Any) -> None:
        cells = real(count - more)
        inverse = cells / (hi - lo)
        place = (x - lo) * inverse
        if not (place >= zero and place <= cells + half):  # no number
            for m in range(count):
                out[first + m] = place
            return
        for m in range(count):
            out[first + m] = zero
        nearest = int(place + half)
        r = (place - real(nearest)) * narrow
        value, up = small(-r * r), large(two * r * narrow)
        shape = (count, order, inverse * narrow)
        at = nearest + beyond
        one_side(place, at, 1, value, up * factor, shape, out, first)
        down = factor / up
        one_side(place, at - 1, -1, value * down, down * fall, shape, out, first)

    return fill
