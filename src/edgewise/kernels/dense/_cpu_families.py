"""Chebyshev polynomials, waves and Gaussians, at one point and at vectors of points. Imported only to compile them."""

import math
from typing import Any

from numba import njit

from edgewise.kernels.dense import BEYOND, WIDTH
from edgewise.kernels.dense._cpu_kernels import lane_kernel, point_kernel, power_series
from edgewise.kernels.runtime._cpu_blocks import every, exp_of
from edgewise.kernels.source import FAST, add, div, instruction, mul, of_first, splat, sub

_UNIT = {32: 2.0**-23, 64: 2.0**-52}  # rounding
_CUT = {bits: -2 * math.log(unit) for bits, unit in _UNIT.items()}
_TERMS = {32: (6, 9), 64: (11, 15)}  # of the exponential series, to rounding below 1/9 and below 4/9


def build(name: str, dtype: str, order: int | None = None) -> Any:
    """Return the Numba function of a kernel of a family, like "rbf_evaluate", for one dtype; "values" have an order."""
    family, _, kernel = name.partition("_")
    if order is not None:
        return lane_kernel(kernel, dtype, order, {"chebyshev": _chebyshev_steps, "rbf": _rbf_steps}[family])
    return point_kernel(kernel, dtype, {"chebyshev": _chebyshev, "fourier": _fourier, "rbf": _rbf}[family])


def _chebyshev(real: Any) -> Any:
    """T_m and its derivatives by their recurrences."""
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


def _chebyshev_steps(real: Any) -> tuple[Any, Any]:
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


def _fourier(real: Any) -> Any:
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


def _rbf(real: Any) -> Any:
    """From the nearest center outwards: two neighbors differ by a factor, two neighboring factors by a constant."""
    zero, one, half, two = real(0), real(1), real(0.5), real(2)
    narrow, factor, fall = real(1 / WIDTH), real(math.exp(-1 / WIDTH**2)), real(math.exp(-2 / WIDTH**2))
    beyond, more, cut = BEYOND, 2 * BEYOND + 1, real(_CUT[real.bitwidth])
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


def _rbf_steps(real: Any) -> tuple[Any, Any]:
    """Each Gaussian and its first derivative by exp."""
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
    cut = _CUT[real.bitwidth]

    @instruction(of_first)
    def gaussian(builder: Any, z: Any) -> Any:
        """exp(-z^2), zero beyond the cut; what is no number stays so."""
        zero, most, square = every(z.type, 0.0), every(z.type, cut), builder.fmul(z, z)
        near = builder.fcmp_ordered("<=", square, most)
        value = exp_of(builder, builder.fneg(builder.select(near, square, most)))
        value = builder.select(near, value, zero)
        return builder.select(builder.fcmp_unordered("uno", z, z), z, value)

    return gaussian
