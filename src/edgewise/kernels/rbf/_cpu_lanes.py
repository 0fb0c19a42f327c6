"""Gaussians at a vector of points, for CPU kernels. Imported only to compile them."""

from typing import Any

from numba import njit

from edgewise.kernels.dense._cpu_lanes import kernel
from edgewise.kernels.rbf import BEYOND, WIDTH
from edgewise.kernels.rbf._cpu_values import CUT
from edgewise.kernels.runtime._cpu_exp import every, exp_of
from edgewise.kernels.runtime._simd import FAST, div, instruction, mul, of_first, splat, sub


def build(name: str, dtype: str, order: int) -> Any:
    """Return the Numba function of a kernel for one dtype and order."""
    return kernel(name, dtype, order, _steps)


def _steps(real: Any) -> tuple[Any, Any]:
    narrow, beyond, more, twice, gaussian = real(1 / WIDTH), BEYOND, 2 * BEYOND + 1, real(-2), _gaussian(real)

    @njit(**FAST, forceinline=True)
    def begin(x: Any, lo: Any, hi: Any, count: Any) -> Any:
        unit = mul(div(splat(real(count - more)), sub(hi, lo)), splat(narrow))  # one over the width
        return mul(sub(x, lo), unit), mul(unit, splat(twice))

    @njit(**FAST, forceinline=True)
    def step(state: Any, m: Any) -> Any:
        z = sub(state[0], splat(real(m - beyond) * narrow))
        value = gaussian(z)
        return value, mul(mul(z, value), state[1]), state

    return begin, step


def _gaussian(real: Any) -> Any:
    cut = CUT[real.bitwidth]

    @instruction(of_first)
    def gaussian(builder: Any, z: Any) -> Any:
        """exp(-z^2), zero beyond the cut; what is no number stays so."""
        zero, most, square = every(z.type, 0.0), every(z.type, cut), builder.fmul(z, z)
        near = builder.fcmp_ordered("<=", square, most)
        value = exp_of(builder, builder.fneg(builder.select(near, square, most)))
        value = builder.select(near, value, zero)
        return builder.select(builder.fcmp_unordered("uno", z, z), z, value)

    return gaussian
