"""CPU kernels of families whose functions all live on the whole range, for one point or for whole vectors of inputs.

Imported only to compile them. A family says what its functions are in two ways:

    fill(x, lo, hi, K, order, out, first)   writes all functions, or their derivatives, at a point of [lo, hi] to
                                            out[first], out[first + 1], ...
    begin(x, lo, hi, K)                     returns the state of a vector of points within the range, and
    step(state, m)                          function m there, its derivative, and the next state

Vectors lie in memory as (rows, K, n_in), so that nothing is transposed.
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

from edgewise.kernels.source import (
    BARE,
    FAST,
    SIGNATURE,
    Lanes,
    differ,
    fma,
    full_width,
    load_some,
    pointer_to,
    splat,
    store_some,
    sub,
    within,
)


def point_kernel(name: str, dtype: str, fill_of: Callable[[Any], Any]) -> Any:
    """Return the Numba function "evaluate" or "reduce" of a family for one dtype; it takes K as an argument."""
    real = getattr(types, dtype)
    return {"evaluate": _evaluate, "reduce": _reduce}[name](real, _anywhere(real, fill_of(real)))


def lane_kernel(name: str, dtype: str, order: int, steps: Callable[[Any], tuple[Any, Any]]) -> Any:
    """Return the Numba function "values" or "sums" of a family for one dtype and the order 0 or 1."""
    real = getattr(types, dtype)
    return {"values": _values, "sums": _sums}[name](real, order, *steps(real))


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


def _points(real: Any, begin: Any) -> Any:
    """The function that reads k points of inputs from i on: what lies beyond the range, and the state within."""

    @njit(**FAST, forceinline=True)
    def points(x: Any, e: Any, lo: Any, hi: Any, i: Any, k: Any, count: Any) -> Any:
        at, low, high = load_some(x, e, k), load_some(lo, i, k), load_some(hi, i, k)
        inside = within(at, low, high)
        return differ(at, inside), sub(at, inside), begin(inside, low, high, count)

    return points


def _values(real: Any, order: int, begin: Any, step: Any) -> Any:
    """out[n, m, i] = function m, or its derivative, at x[n, i], for rows from `start` to `stop`."""
    reals, points, lanes = pointer_to(real), _points(real, begin), Lanes(real).count

    @njit(SIGNATURE, **BARE)
    def values(a: Any) -> None:
        full_width()
        x, n_in, lo, hi, count, out = reals(a[0]), a[1], reals(a[2]), reals(a[3]), a[4], reals(a[5])
        for n in range(a[6], a[7]):
            for i in range(0, n_in, lanes):
                k, place = min(lanes, n_in - i), n * count * n_in + i
                beyond, far, state = points(x, n * n_in + i, lo, hi, i, k, count)
                if beyond and order == 0:
                    for m in range(count):
                        value, slope, state = step(state, m)
                        store_some(out, place + m * n_in, k, fma(slope, far, value))
                    continue
                for m in range(count):
                    value, slope, state = step(state, m)
                    store_some(out, place + m * n_in, k, slope if order else value)

    return values


def _sums(real: Any, order: int, begin: Any, step: Any) -> Any:
    """out[n, i] = sum over m of function m, or its derivative, times weight[n, m, i], for rows `start` to `stop`."""
    reals, zero, points, lanes = pointer_to(real), real(0), _points(real, begin), Lanes(real).count

    @njit(SIGNATURE, **BARE)
    def sums(a: Any) -> None:
        full_width()
        x, n_in, lo, hi, count, out = reals(a[0]), a[1], reals(a[2]), reals(a[3]), a[4], reals(a[5])
        weights = reals(a[8])
        for n in range(a[6], a[7]):
            for i in range(0, n_in, lanes):
                k, place, total = min(lanes, n_in - i), n * count * n_in + i, splat(zero)
                beyond, far, state = points(x, n * n_in + i, lo, hi, i, k, count)
                if beyond and order == 0:
                    for m in range(count):
                        value, slope, state = step(state, m)
                        total = fma(fma(slope, far, value), load_some(weights, place + m * n_in, k), total)
                else:
                    for m in range(count):
                        value, slope, state = step(state, m)
                        total = fma(slope if order else value, load_some(weights, place + m * n_in, k), total)
                store_some(out, n * n_in + i, k, total)

    return sums
