"""Kernels of normal equations of spline edges. Imported only to compile them; `gram.py` calls what comes out."""

import math
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._simd import (
    BARE,
    FAST,
    SIGNATURE,
    WIDTH,
    fma,
    full_width,
    load,
    load_some,
    pointer_to,
    splat,
    store,
    store_some,
)

LANES = WIDTH // 8


def build(name: str, dtype: str, degree: int, stride: int) -> Any:
    """Return the Numba function of a kernel for one dtype and degree.

    `stride` numbers lie side by side for each input and row: degree + 1 values, then zeros.
    """
    return {"local": _local, "gram": _gram}[name](getattr(types, dtype), degree, stride)


def _local(real: Any, degree: int, stride: int) -> Any:
    """cells[input, row], and the values that live there, values[input, row, stride], which come zeroed."""
    reals, wholes = pointer_to(real), pointer_to(types.int32)
    zero, one = real(0), real(1)

    @njit(**FAST)
    def cell_of(knots: Any, t: Any, count: Any, inside: Any) -> Any:
        lo, hi = knots[t + degree], knots[t + count]
        guess = degree + int((inside - lo) * (real(count - degree) / (hi - lo)))
        cell = min(max(guess, degree), count - 1)
        while cell > degree and inside < knots[t + cell]:
            cell -= 1
        while cell < count - 1 and inside >= knots[t + cell + 1]:
            cell += 1
        return cell

    @njit(**FAST)
    def evaluate(knots: Any, t: Any, inside: Any, beyond: Any, values: Any, at: Any) -> None:
        """All functions of the cell that begins at knot t, by de Boor's recursion; tangents beyond the ends."""
        values[at] = one
        for p in range(1, degree + 1):
            carried, slope = zero, zero
            for m in range(p):
                left, right = knots[t + 1 + m - p], knots[t + 1 + m]
                share = values[at + m] / (right - left)
                values[at + m] = carried + share * (right - inside)
                carried = share * (inside - left)
                if p == degree and beyond != zero:
                    values[at + m] += (slope - share * real(p)) * beyond
                    slope = share * real(p)
            values[at + p] = carried + slope * beyond

    @njit(SIGNATURE, **BARE)
    def local(a: Any) -> None:
        x, knots, values, cells = reals(a[0]), reals(a[1]), reals(a[2]), wholes(a[3])
        rows, first, n_in, count = a[4], a[5], a[6], a[7]
        for i in range(n_in):
            t, own = i * (count + degree + 1), count
            while knots[t + own + degree] == math.inf:  # of an input with fewer cells
                own -= 1
            lo, hi = knots[t + degree], knots[t + own]
            for n in range(rows):
                point = x[n * n_in + i]
                inside = min(max(point, lo), hi)
                cell = cell_of(knots, t, own, inside)
                at = (first + i) * rows + n
                evaluate(knots, t + cell, inside, point - inside, values, at * stride)
                cells[at] = cell - degree

    return local


def _add_to(real: Any, degree: int) -> Any:
    size = degree + 1

    @njit(**FAST)
    def add_to(values: Any, at: Any, weight: Any, out: Any, e: Any) -> None:
        """Add weight times the values from `at` on to what lies from `e` on."""
        scale = splat(weight)
        for c in range(0, size, LANES):
            k = min(LANES, size - c)
            store_some(out, e + c, k, fma(scale, load(values, at + c), load_some(out, e + c, k)))

    return add_to


def _scattered(real: Any, degree: int, stride: int) -> Any:
    size, add_to = degree + 1, _add_to(real, degree)

    @njit(**FAST)
    def scattered(rows: Any, pair: Any, target: Any) -> None:
        """Each row straight into the matrix."""
        full_width()
        count, w, cells, values = rows
        a, b = pair
        h, corner, size_h = target
        for n in range(count):
            e = corner + cells[a + n] * size_h + cells[b + n]
            at, weight = (a + n) * stride, w[n]
            for m in range(size):
                add_to(values, (b + n) * stride, weight * values[at + m], h, e)
                e += size_h

    return scattered


def _gathered(real: Any, degree: int, stride: int) -> Any:
    size, add_to = degree + 1, _add_to(real, degree)
    zero, one = real(0), real(1)

    @njit(**FAST)
    def gathered(rows: Any, pair: Any, target: Any, tiles: Any, grids: Any) -> None:
        """Through a square for each pair of cells: rows that share cells would wait for one another in the matrix."""
        full_width()
        count, w, cells, values = rows
        a, b = pair
        h, corner, size_h = target
        grid_a, grid = grids
        for n in range(count):
            e = (cells[a + n] * grid + cells[b + n]) * (size * stride)
            at, to, weight = (a + n) * stride, (b + n) * stride, w[n]
            for m in range(size):
                scale = splat(weight * values[at + m])
                for c in range(0, size, LANES):
                    store(tiles, e + c, fma(scale, load(values, to + c), load(tiles, e + c)))
                e += stride
        for p in range(grid_a):
            for q in range(grid):
                for m in range(size):
                    t = ((p * grid + q) * size + m) * stride
                    add_to(tiles, t, one, h, corner + (p + m) * size_h + q)
                    for c in range(0, stride, LANES):
                        store(tiles, t + c, splat(zero))

    return gathered


def _bases(real: Any, degree: int, stride: int) -> Any:
    add_to, zero = _add_to(real, degree), real(0)

    @njit(**FAST)
    def bases(rows: Any, pair: Any, edges: Any, h: Any, size_h: Any, extra: Any, line: Any, total: Any) -> None:
        """The base function of edge a with edge b, and edge a's splines with the base function of edge b."""
        full_width()
        count, w, cells, values = rows
        a, b = pair
        sa, ea, sb, eb = edges
        for m in range(total):
            line[m] = zero
        both = zero
        for n in range(count):
            weight_a, weight_b = w[n] * extra[a + n], w[n] * extra[b + n]
            add_to(values, (b + n) * stride, weight_a, h, ea * size_h + sb + cells[b + n])
            add_to(values, (a + n) * stride, weight_b, line, cells[a + n])
            both += weight_a * extra[b + n]
        h[ea * size_h + eb] += both
        for m in range(total):
            h[(sa + m) * size_h + eb] += line[m]

    return bases


def _gram(real: Any, degree: int, stride: int) -> Any:
    """Every pair of edges, with w_n = sum_o left[subnode a, o, n] right[subnode b, o, n], in the lower triangle.

    Edges are rows (subnode, input, first column, column of the base function or -1, cells) in the order of their
    columns.
    """
    scattered, gathered, bases = (make(real, degree, stride) for make in (_scattered, _gathered, _bases))
    reals, wholes = pointer_to(real), pointer_to(types.int32)

    @njit(**FAST)
    def weigh(left: Any, x: Any, right: Any, y: Any, outputs: Any, count: Any, w: Any) -> None:
        full_width()
        for n in range(count):
            w[n] = left[x + n] * right[y + n]
        for o in range(1, outputs):
            for n in range(count):
                w[n] += left[x + o * count + n] * right[y + o * count + n]

    @njit(SIGNATURE, **BARE)
    def gram(a: Any) -> None:
        edges, number, count = wholes(a[0]), a[1], a[2]
        cells, values, extra = wholes(a[3]), reals(a[4]), reals(a[5])
        left, right, outputs = reals(a[6]), reals(a[7]), a[8]
        h, size_h, w = reals(a[9]), a[10], reals(a[11])
        tiles, line, tiled, based = reals(a[12]), reals(a[13]), a[14], a[15]
        rows = (count, w, cells, values)
        for p in range(number):
            ja, ia, sa, ea = edges[5 * p], edges[5 * p + 1], edges[5 * p + 2], edges[5 * p + 3]
            grid = edges[5 * p + 4]
            last = -1
            for q in range(p + 1):
                jb, ib, sb, eb = edges[5 * q], edges[5 * q + 1], edges[5 * q + 2], edges[5 * q + 3]
                if jb != last:
                    last = jb
                    weigh(left, ja * outputs * count, right, jb * outputs * count, outputs, count, w)
                pair, target = (ia * count, ib * count), (h, sa * size_h + sb, size_h)
                if tiled:
                    gathered(rows, pair, target, tiles, (grid, edges[5 * q + 4]))
                else:
                    scattered(rows, pair, target)
                if based:
                    bases(rows, pair, (sa, ea, sb, eb), h, size_h, extra, line, grid + degree)

    return gram
