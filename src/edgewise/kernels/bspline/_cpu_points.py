"""What every B-spline kernel for CPUs begins with: the functions that live on each point's cell, for a block of points.

Imported only to compile kernels. A block is up to `chunk` rows by 16 inputs; its `scratch` is (values, cells, stride,
pitch) with values[m stride + pitch row + input] of function m on the cell cells[pitch row + input]. The pitch is 16, or
the number of inputs where there are fewer, so that the points of narrow layers fill whole vectors.
"""

from functools import cache
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._cpu_blocks import polynomial_block, splat_block, store_block
from edgewise.kernels.source import (
    FAST,
    Lanes,
    clip,
    differ,
    floor,
    full_width,
    load,
    load_some,
    mul,
    pointer_to,
    prefetch,
    splat,
    store_integers,
    sub,
)  # fmt: skip

BLOCK = 16  # inputs evaluated together


@cache
def reader(real: Any) -> Any:
    """The function that reads a kernel's first arguments, (what the points are, where the splines live, scratch)."""
    reals, integers = pointer_to(real), pointer_to(types.int32)

    @njit(**FAST)
    def read(a: Any) -> Any:
        points = (reals(a[0]), reals(a[1]), a[2], a[3])  # x, weights, whether there are weights, n_in
        splines = (reals(a[4]), reals(a[5]), reals(a[6]), reals(a[7]), reals(a[8]), a[9], a[10], a[11])
        return points, splines, (reals(a[12]), integers(a[13]), a[14] * BLOCK, min(a[3], BLOCK)), a[14]

    return read


@cache
def evaluator(real: Any, width: int) -> Any:
    """The function that fills the scratch for rows n0 to n1 and `count` inputs from i0 on."""
    one_point = _one_point(real, width)
    even, uneven = _even(real, width, one_point), _uneven(real, width, one_point)

    @njit(**FAST)
    def evaluate(points: Any, splines: Any, scratch: Any, n0: Any, n1: Any, i0: Any, count: Any) -> None:
        if splines[7]:
            uneven(points, splines, scratch, n0, n1, i0, count)
        else:
            even(points, splines, scratch, n0, n1, i0, count)

    return evaluate


def _one_point(real: Any, width: int) -> Any:
    power, zero = width - 1, real(0)
    least = _least(real)

    @njit(**FAST)
    def polynomial(table: Any, start: Any, t: Any) -> Any:
        value = table[start + power]
        for p in range(power):
            value = value * t + table[start + power - 1 - p]
        return value

    @njit(**FAST)
    def one_point(t: Any, far: Any, scale: Any, splines: Any, here: Any, scratch: Any, at: Any) -> None:
        """One point, at t in its cell and `far` cells beyond its end: there along the tangent."""
        _, _, _, table, slopes, _, order, _ = splines
        values, _, stride, _ = scratch
        for m in range(width):
            value = zero
            if far == zero or order < 2:
                value = polynomial(table, here + m * width, t)
            if far != zero and order == 0:
                value += far * polynomial(slopes, here + m * width, t)
            if far != far and order < 2:
                value = far
            value *= scale
            values[m * stride + at] = zero if abs(value) < least else value

    return one_point


def _beyond(real: Any, one_point: Any) -> Any:
    """Evenly spaced knots: one point, evaluated again if it lies beyond the ends."""
    zero, one = real(0), real(1)

    @njit(**FAST)
    def beyond(e: Any, i: Any, points: Any, splines: Any, scratch: Any, at: Any) -> None:
        x, v, weighted, n_in = points
        lo, inverse, unit = splines[0], splines[1], splines[2]
        u, cells = (x[e] - lo[i]) * inverse[i], unit[n_in + BLOCK + i]
        if not (u >= zero and u <= cells):
            end = one if u > zero else zero
            scale = unit[i] * v[e] if weighted else unit[i]
            one_point(end, u - end * cells, scale, splines, 0, scratch, at)

    return beyond


def _even(real: Any, width: int, one_point: Any) -> Any:
    """Evenly spaced knots: whole vectors of inputs at a time, points beyond the ends one by one."""
    kind, beyond, least = Lanes(real), _beyond(real, one_point), _least(real)
    lanes = kind.count
    functions_of, polynomials = splat_block(kind, width * width), polynomial_block(kind, width)
    put = store_block(kind, width, 1)

    @njit(**FAST, forceinline=True)
    def vector(e: Any, i: Any, k: Any, at: Any, points: Any, splines: Any, scratch: Any, functions: Any) -> None:
        """k points from x[e] on, of inputs from i on."""
        full_width()
        x, v, weighted, n_in = points
        lo, inverse, unit = splines[0], splines[1], splines[2]
        values, cells, stride, _ = scratch
        u, own = mul(sub(load_some(x, e, k), load(lo, i)), load(inverse, i)), load(unit, n_in + BLOCK + i)
        inside = clip(u, own)
        cell = clip(floor(inside), sub(own, splat(real(1))))
        t = sub(inside, cell)
        store_integers(cells, at, cell)
        weight = load(unit, i)
        if weighted:
            weight = mul(weight, load_some(v, e, k))
        put(values, at, stride, polynomials(functions, t, weight, splat(least)))
        if differ(u, inside):
            for j in range(k):
                beyond(e + j, i + j, points, splines, scratch, at + j)

    @njit(**FAST)
    def even(points: Any, splines: Any, scratch: Any, n0: Any, n1: Any, i0: Any, count: Any) -> None:
        x, n_in, pitch = points[0], points[3], scratch[3]
        functions = functions_of(splines[3], 0)
        if n_in < BLOCK:
            i, stop = 0, (n1 - n0) * n_in
            for at in range(0, stop, lanes):
                vector(n0 * n_in + at, i, min(lanes, stop - at), at, points, splines, scratch, functions)
                i = (i + lanes) % n_in
            return
        for q in range(0, count, lanes):
            k, i = min(lanes, count - q), i0 + q
            for n in range(n0, n1):
                e = n * n_in + i
                prefetch(x, e + BLOCK)  # the next block's
                vector(e, i, k, (n - n0) * pitch + q, points, splines, scratch, functions)

    return even


def _uneven(real: Any, width: int, one_point: Any) -> Any:
    """Knots anywhere: each cell has its own polynomials; the cell is found by bisection."""
    zero, one = real(0), real(1)

    @njit(**FAST)
    def uneven(points: Any, splines: Any, scratch: Any, n0: Any, n1: Any, i0: Any, count: Any) -> None:
        x, v, weighted, n_in = points
        breaks, inverse, own, _, _, grid, _, _ = splines
        cells, pitch = scratch[1], scratch[3]
        for n in range(n0, n1):
            for j in range(count):
                i = i0 + j
                e, first = n * n_in + i, i * (grid + 1)
                low, high = 0, int(own[i])  # breaks[low] <= x < breaks[high], or the first or the last cell
                while high - low > 1:
                    middle = (low + high) // 2
                    if breaks[first + middle] <= x[e]:
                        low = middle
                    else:
                        high = middle
                u = (x[e] - breaks[first + low]) * inverse[i * grid + low]
                t = u if u >= zero else zero
                t = t if t <= one else one
                at = (n - n0) * pitch + j
                cells[at] = low
                here = (i * grid + low) * width * width
                one_point(t, u - t, v[e] if weighted else one, splines, here, scratch, at)

    return uneven


def _least(real: Any) -> Any:
    """Below this, a value times a gradient may be subnormal, which is slow; it counts as zero."""
    return real(1e-30 if real is types.float32 else 1e-290)
