"""Chebyshev polynomials at a vector of points, for CPU kernels. Imported only to compile them."""

from typing import Any

from numba import njit

from edgewise.kernels.dense._cpu_lanes import kernel
from edgewise.kernels.runtime._simd import FAST, add, div, mul, splat, sub


def build(name: str, dtype: str, order: int) -> Any:
    """Return the Numba function of a kernel for one dtype and order."""
    return kernel(name, dtype, order, _steps)


def _steps(real: Any) -> tuple[Any, Any]:
    """T_m by its recurrence and m U_{m-1}, its derivative, by that of the second kind."""
    zero, one, two = real(0), real(1), real(2)

    @njit(**FAST, forceinline=True)
    def begin(x: Any, lo: Any, hi: Any, count: Any) -> Any:
        inverse = div(splat(one), sub(hi, lo))
        u = mul(sub(sub(x, lo), sub(hi, x)), inverse)
        # 2 u, the scale of derivatives, T_{m-1}, T_m, U_{m-2}, U_{m-1}
        return add(u, u), mul(splat(two), inverse), u, splat(one), splat(-one), splat(zero)

    @njit(**FAST, forceinline=True)
    def step(state: Any, m: Any) -> Any:
        double, scale, before, value, below, second = state
        slope = mul(mul(second, splat(real(m))), scale)
        after, above = sub(mul(double, value), before), sub(mul(double, second), below)
        return value, slope, (double, scale, value, after, second, above)

    return begin, step
