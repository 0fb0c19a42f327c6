"""B-spline kernels of the dense route: all functions written out, and their products with weights summed.

Imported only to compile them.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from edgewise.kernels.bspline._cpu_points import BLOCK, evaluator, reader
from edgewise.kernels.runtime._simd import BARE, FAST, SIGNATURE, full_width, pointer_to


def build(name: str, dtype: str, degree: int) -> Any:
    """Return the Numba function of a kernel for one dtype and degree."""
    return {"evaluate": _evaluate, "reduce": _reduce}[name](getattr(types, dtype), degree + 1)


def _evaluate(real: Any, width: int) -> Any:
    """out[n, i, :] = all functions at x[n, i], for rows from `start` to `stop`."""
    read, evaluate, reals, zero = reader(real), evaluator(real, width), pointer_to(real), real(0)

    @njit(**FAST)
    def place(scratch: Any, n: Any, at: Any, out: Any, e: Any, count: Any) -> None:
        values, cells, stride, _ = scratch
        first = e * count + cells[at]
        for m in range(width):
            out[first + m] = values[m * stride + at]

    @njit(SIGNATURE, **BARE)
    def evaluate_all(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        out, start, stop = reals(a[15]), a[16], a[17]
        n_in, count = points[3], splines[5] + width - 1
        for r0 in range(start, stop, chunk):
            r1 = min(stop, r0 + chunk)
            for k in range(r0 * n_in * count, r1 * n_in * count):
                out[k] = zero
            for i0 in range(0, n_in, BLOCK):
                block = min(BLOCK, n_in - i0)
                evaluate(points, splines, scratch, r0, r1, i0, block)
                for n in range(r0, r1):
                    for j in range(block):
                        place(scratch, n, (n - r0) * scratch[3] + j, out, n * n_in + i0 + j, count)

    return evaluate_all


def _reduce(real: Any, width: int) -> Any:
    """out[n, i] = sum over functions of value times weight[n, i, :], for rows from `start` to `stop`."""
    read, evaluate, reals, zero = reader(real), evaluator(real, width), pointer_to(real), real(0)

    @njit(**FAST)
    def product(scratch: Any, at: Any, weights: Any, first: Any) -> Any:
        values, cells, stride, _ = scratch
        total = zero
        for m in range(width):
            total += values[m * stride + at] * weights[first + cells[at] + m]
        return total

    @njit(SIGNATURE, **BARE)
    def reduce(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        weights, out, start, stop = reals(a[15]), reals(a[16]), a[17], a[18]
        n_in, count = points[3], splines[5] + width - 1
        for r0 in range(start, stop, chunk):
            r1 = min(stop, r0 + chunk)
            for i0 in range(0, n_in, BLOCK):
                block = min(BLOCK, n_in - i0)
                evaluate(points, splines, scratch, r0, r1, i0, block)
                for n in range(r0, r1):
                    for j in range(block):
                        e = n * n_in + i0 + j
                        out[e] = product(scratch, (n - r0) * scratch[3] + j, weights, e * count)

    return reduce
