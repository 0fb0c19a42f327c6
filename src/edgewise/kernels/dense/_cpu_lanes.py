"""CPU kernels of families on the whole range, whole vectors of inputs at a time: `steps` says what the functions are.

Imported only to compile them. Values lie in memory as (rows, K, n_in), so that nothing is transposed. `steps(real)`
gives two functions: `begin(x, lo, hi, K)` returns the state of a vector of points within the range, and
`step(state, m)` function m there, its derivative, and the next state.
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._simd import (
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
)  # fmt: skip


def kernel(name: str, dtype: str, order: int, steps: Callable[[Any], tuple[Any, Any]]) -> Any:
    """Return the Numba function "values" or "sums" of a family for one dtype and the order 0 or 1."""
    real = getattr(types, dtype)
    return {"values": _values, "sums": _sums}[name](real, order, *steps(real))


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
