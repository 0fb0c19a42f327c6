"""Chebyshev polynomials at one point, for CPU kernels. Imported only to compile them."""

from typing import Any

from numba import njit

from edgewise.kernels.dense._cpu_values import kernel
from edgewise.kernels.runtime._simd import FAST


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of a kernel for one dtype."""
    return kernel(name, dtype, _fill)


def _fill(real: Any) -> Any:
    zero, one, two = real(0), real(1), real(2)

    @njit(**FAST)
    def first_kind(u: Any, count: Any, out: Any, first: Any) -> None:
        before, value = u, one  # T_{-1} = T_1
        for n in range(count):
            out[first + n] = value
            before, value = value, two * u * value - before

    @njit(**FAST)
    def derivatives(u: Any, count: Any, order: Any, unit: Any, out: Any, first: Any) -> None:
        """n 2^(d-1) (d-1)! C^(d)_{n-d}(u), times unit^d."""
        scale = unit
        for d in range(1, order):
            scale *= two * real(d) * unit
        for n in range(min(order, count)):
            out[first + n] = zero
        before, value = zero, one
        for n in range(order, count):
            out[first + n] = value * (scale * real(n))
            more = real(order - 1) / real(n - order + 1) if order > 1 else zero
            before, value = value, two * (one + more) * u * value - (one + two * more) * before

    @njit(**FAST)
    def fill(x: Any, lo: Any, hi: Any, count: Any, order: Any, out: Any, first: Any) -> None:
        inverse = one / (hi - lo)
        u = ((x - lo) - (hi - x)) * inverse
        if order == 0:
            first_kind(u, count, out, first)
        else:
            derivatives(u, count, order, two * inverse, out, first)

    return fill
