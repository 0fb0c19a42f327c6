"""CPU kernels of families whose functions all live on the whole range: `fill` says what they are at one point.

Imported only to compile kernels. `fill(x, lo, hi, count, order, out, first)` writes all functions of a family, or their
derivatives, at a point of [lo, hi] to out[first], out[first + 1], ...
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._simd import BARE, FAST, SIGNATURE, full_width, pointer_to


def kernel(name: str, dtype: str, fill_of: Callable[[Any], Any]) -> Any:
    """Return the Numba function of a kernel of a family for one dtype; it takes K as an argument."""
    real = getattr(types, dtype)
    return {"evaluate": _evaluate, "reduce": _reduce}[name](real, _anywhere(real, fill_of(real)))


def power_series(real: Any, terms: list[float]) -> Any:
    """The function of the polynomial whose coefficients are given, lowest first."""
    last, rest = real(terms[-1]), tuple(real(term) for term in reversed(terms[:-1]))

    @njit(**FAST)
    def series(t: Any) -> Any:
        value = last
        for term in rest:
            value = value * t + term
        return value

    return series


def _anywhere(real: Any, fill: Any) -> Any:
    """`fill` for any point: beyond the ends along the tangents, whose slopes go to out[spare], out[spare + 1], ..."""
    zero = real(0)

    @njit(**FAST)
    def anywhere(x: Any, lo: Any, hi: Any, shape: Any, out: Any, first: Any, slopes: Any, spare: Any) -> None:
        order, count = shape
        inside = lo if x < lo else hi if x > hi else x  # NaN propagates
        if order > 1 and (x < lo or x > hi):
            for m in range(count):
                out[first + m] = zero
            return
        fill(inside, lo, hi, count, order, out, first)
        if order == 0 and x != inside:
            fill(inside, lo, hi, count, 1, slopes, spare)
            for m in range(count):
                out[first + m] += (x - inside) * slopes[spare + m]

    return anywhere


def _evaluate(real: Any, anywhere: Any) -> Any:
    """out[n, i, :] = all functions at x[n, i] times its weight, for rows from `start` to `stop`."""
    reals = pointer_to(real)

    @njit(SIGNATURE, **BARE)
    def evaluate(a: Any) -> None:
        full_width()
        x, v, weighted, n_in = reals(a[0]), reals(a[1]), a[2], a[3]
        lo, hi, shape, scratch = reals(a[4]), reals(a[5]), (a[6], a[7]), reals(a[8])
        out, count = reals(a[9]), a[7]
        for n in range(a[10], a[11]):
            for i in range(n_in):
                e = n * n_in + i
                anywhere(x[e], lo[i], hi[i], shape, out, e * count, scratch, 0)
                if weighted:
                    for m in range(count):
                        out[e * count + m] *= v[e]

    return evaluate


def _reduce(real: Any, anywhere: Any) -> Any:
    """out[n, i] = sum over functions of value times weight[n, i, :], for rows from `start` to `stop`."""
    reals, zero = pointer_to(real), real(0)

    @njit(SIGNATURE, **BARE)
    def reduce(a: Any) -> None:
        full_width()
        x, n_in = reals(a[0]), a[3]
        lo, hi, shape, scratch = reals(a[4]), reals(a[5]), (a[6], a[7]), reals(a[8])
        weights, out, count = reals(a[9]), reals(a[10]), a[7]
        for n in range(a[11], a[12]):
            for i in range(n_in):
                e = n * n_in + i
                anywhere(x[e], lo[i], hi[i], shape, scratch, 0, scratch, count)
                total = zero
                for m in range(count):
                    total += scratch[m] * weights[e * count + m]
                out[e] = total

    return reduce
