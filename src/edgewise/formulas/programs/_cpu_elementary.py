"""exp, log, sines and tabulated functions of a block of rows, for kernels. Imported only to compile them."""

import math
from typing import Any

import numpy as np
from numba import njit, types

from edgewise.formulas.programs._cpu_layout import (
    TABLE_POINTS,
)  # fmt: skip
from edgewise.kernels.source import FAST, full_width, instruction, nothing, pointer_to

#: no reassociation: it would undo the reductions
EXACT: dict[str, Any] = {**FAST, "fastmath": {"contract"}, "_nrt": False}
#: sums in any order; not-a-number and infinities must be seen
SUMS: dict[str, Any] = {**FAST, "fastmath": {"reassoc", "contract", "nsz", "arcp"}, "_nrt": False}


reals, ints = pointer_to(types.float64), pointer_to(types.int64)


@instruction(nothing)
def not_inlined(builder: Any) -> None:
    """Ask the compiler to keep this function apart: copies of it would take long to compile."""
    builder.function.attributes.add("noinline")


_LOWEST, _HIGHEST = -707.0, 709.0  # arguments of exp with finite, nonzero values
_LOG2_HIGH, _LOG2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_LOG2, _INVERSE_LOG2 = math.log(2), 1 / math.log(2)
_ONE_BITS, _HALF_ROOT_BITS = 1023, 0x3FE6A09E667F3BCD  # the exponent of 1; the bits of sqrt(1/2)
_PI_HIGH, _PI_MIDDLE, _PI_LOW = 3.14159265160560607910e00, 1.98418714791870343106e-09, 1.14423774522196636802e-17
_INVERSE_PI = 1 / math.pi
_LONGEST_WAVE = 1e5  # arguments of sin and cos beyond are nan
_E = tuple(1 / math.factorial(k) for k in range(13))
_S = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(12))
_L = tuple(2 / (2 * k + 1) for k in range(12))


@njit(**EXACT)
def exp_block(u: Any, out: Any, scratch: Any, weight: Any, count: Any) -> None:
    """out = weight exp(u); `scratch` is the address of as many numbers."""
    not_inlined()
    full_width()
    power, bits = reals(scratch), ints(scratch)
    for k in range(count):
        x = min(max(u[k], _LOWEST), _HIGHEST)
        q = np.floor(x * _INVERSE_LOG2 + 0.5)
        r = (x - q * _LOG2_HIGH) - q * _LOG2_LOW
        p = _E[12]
        p = p * r + _E[11]
        p = p * r + _E[10]
        p = p * r + _E[9]
        p = p * r + _E[8]
        p = p * r + _E[7]
        p = p * r + _E[6]
        p = p * r + _E[5]
        p = p * r + _E[4]
        p = p * r + _E[3]
        p = p * r + _E[2]
        p = p * r + 1.0
        out[k] = (p * r + 1.0) if u[k] <= _HIGHEST else u[k] * np.inf
        bits[k] = (np.int64(q) + _ONE_BITS) << 52
    for k in range(count):
        out[k] = weight * (out[k] * power[k])


@njit(**EXACT)
def log_block(u: Any, out: Any, scratch: Any, weight: Any, count: Any) -> None:
    """out = weight log(u); not a number where u <= 0."""
    not_inlined()
    full_width()
    mantissa, bits = reals(scratch), ints(scratch)
    for k in range(count):
        mantissa[k] = u[k]
    for k in range(count):
        exponent = (bits[k] - _HALF_ROOT_BITS) >> 52
        bits[k] = bits[k] - (exponent << 52)
        out[k] = float(exponent)
    for k in range(count):
        m = mantissa[k]
        t = (m - 1.0) / (m + 1.0)
        z = t * t
        p = _L[11]
        p = p * z + _L[10]
        p = p * z + _L[9]
        p = p * z + _L[8]
        p = p * z + _L[7]
        p = p * z + _L[6]
        p = p * z + _L[5]
        p = p * z + _L[4]
        p = p * z + _L[3]
        p = p * z + _L[2]
        p = p * z + _L[1]
        value = out[k] * _LOG2 + (2.0 * t + t * z * p)
        out[k] = weight * value if 1e-300 < u[k] < np.inf else np.nan


@njit(**EXACT)
def wave_block(u: Any, out: Any, quarter: Any, weight: Any, count: Any) -> None:
    """out = weight sin(u), or weight cos(u) with `quarter` 1."""
    not_inlined()
    full_width()
    for k in range(count):
        x = u[k]
        turns = np.floor(x * _INVERSE_PI - 0.5 * quarter + 0.5)
        q = turns + 0.5 * quarter
        r = ((x - q * _PI_HIGH) - q * _PI_MIDDLE) - q * _PI_LOW
        z = r * r
        p = _S[11]
        p = p * z + _S[10]
        p = p * z + _S[9]
        p = p * z + _S[8]
        p = p * z + _S[7]
        p = p * z + _S[6]
        p = p * z + _S[5]
        p = p * z + _S[4]
        p = p * z + _S[3]
        p = p * z + _S[2]
        p = p * z + _S[1]
        half = turns * 0.5
        sign = (1.0 - 4.0 * (half - np.floor(half))) * (1.0 - 2.0 * quarter)
        out[k] = weight * sign * (r + r * z * p) if abs(x) < _LONGEST_WAVE else np.nan


@njit(**EXACT)
def tabulated(table: Any, weight: Any, u: Any, v: Any, count: Any) -> None:
    """v = weight f(u), f the cubic between the values and slopes of a table; not a number outside."""
    not_inlined()
    for k in range(count):
        t = (u[k] - table[0]) * table[1]
        v[k] = np.nan
        if 0.0 <= t <= TABLE_POINTS - 1.0:
            cell = min(int(t), TABLE_POINTS - 2)
            s, p = t - cell, 2 + 2 * cell
            a, da, rise, db = table[p], table[p + 1], table[p + 2] - table[p], table[p + 3]
            v[k] = weight * (a + s * (da + s * (3.0 * rise - 2.0 * da - db + s * (da + db - 2.0 * rise))))


@njit(**EXACT)
def tabulated_adjoint(table: Any, weight: Any, a: Any, u: Any, d: Any, count: Any) -> None:
    """Pass the adjoint a of such a node to its child, whose value is u and whose adjoint is d."""
    for k in range(count):
        t = (u[k] - table[0]) * table[1]
        d[k] = np.nan
        if 0.0 <= t <= TABLE_POINTS - 1.0:
            cell = min(int(t), TABLE_POINTS - 2)
            s, p = t - cell, 2 + 2 * cell
            da, rise, db = table[p + 1], table[p + 2] - table[p], table[p + 3]
            slope = da + s * (6.0 * rise - 4.0 * da - 2.0 * db + 3.0 * s * (da + db - 2.0 * rise))
            d[k] = weight * a[k] * slope * table[1]
