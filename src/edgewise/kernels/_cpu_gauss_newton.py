"""Kernels of second-order steps: a Cholesky factor in blocks, and normal equations of spline edges.

Imported only to compile them; `gauss_newton.py` calls what comes out. The factor's matrix lies row by row, `wide`
numbers apart, and is a whole number of strips in size. Only its lower triangle is read; above, only the squares on the
diagonal are written. Everything is products of some rows with a strip of columns, whose sums stay in registers.
"""

import math
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._cpu_blocks import fma_block, load_block, store_block, zero_block
from edgewise.kernels.source import (
    BARE,
    FAST,
    SIGNATURE,
    WIDTH,
    Lanes,
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
VECTORS = 3  # of a row of a strip
ROWS = 8 if WIDTH == 64 else 4  # worked on together: with three vectors of each, what the registers hold
STRIP = VECTORS * LANES
DEPTH = 128  # columns taken at a time: those of a strip stay in the nearest cache

_FAST = {**FAST, "fastmath": {"contract", "nsz", "reassoc"}}
_WHOLE = {**_FAST, "nogil": True}
_BLOCK = (Lanes(types.float64), ROWS, VECTORS)
_zero, _load, _store, _fma = (make(*_BLOCK) for make in (zero_block, load_block, store_block, fma_block))


def build(name: str, dtype: str, *sizes: int) -> Any:
    """Return the Numba function of a kernel: of the factor, for one dtype; or of splines, for a degree and a stride.

    `stride` numbers lie side by side for each input and row: degree + 1 values, then zeros.
    """
    factor = {"update": _update, "panel": _panel, "solve": _solve}
    return factor[name]() if name in factor else {"local": _local, "gram": _gram}[name](getattr(types, dtype), *sizes)


@njit(**_FAST)
def _add(c: Any, ci: Any, a: Any, ai: Any, wide: Any, depth: Any, packed: Any, at: Any) -> None:
    """c[row, :] += sum_k a[row, k] packed[k, :], for as many rows as are worked on together."""
    full_width()
    sums = _load(c, ci, wide)
    for k in range(depth):
        sums = _fma(a, ai + k, wide, packed, at + k * STRIP, sums)
    _store(c, ci, wide, sums)


@njit(**_FAST)
def _times(c: Any, ci: Any, wide: Any, packed: Any) -> None:
    """c[row, :] = sum_k c[row, k] packed[k, :], for as many rows as are worked on together."""
    full_width()
    sums = _zero()
    for k in range(STRIP):
        sums = _fma(c, ci + k, wide, packed, k * STRIP, sums)
    _store(c, ci, wide, sums)


@njit(**_FAST)
def _pack(matrix: Any, wide: Any, strip: Any, left: Any, depth: Any, packed: Any, at: Any) -> None:
    """The negated rows of a strip's square, turned over: packed[k, j] = -matrix[strip + j, left + k]."""
    for j in range(STRIP):
        for k in range(depth):
            packed[at + k * STRIP + j] = -matrix[(strip + j) * wide + left + k]


def _update() -> Any:
    """Subtract from columns `first` to `last` what all columns before them give, for rows from `start` to `stop`."""
    reals = pointer_to(types.float64)

    @njit(SIGNATURE, **_WHOLE)
    def update(a: Any) -> None:
        full_width()
        matrix, wide, packed, first, last, start, stop = reals(a[0]), a[1], reals(a[2]), a[3], a[4], a[5], a[6]
        for left in range(0, first, DEPTH):
            depth = min(DEPTH, first - left)
            for strip in range(first, last, STRIP):
                _pack(matrix, wide, strip, left, depth, packed, (strip - first) * DEPTH)
            for i in range(start, stop, ROWS):
                for strip in range(first, min(last, i + ROWS), STRIP):
                    at = (strip - first) * DEPTH
                    _add(matrix, i * wide + strip, matrix, i * wide + left, wide, depth, packed, at)

    return update


@njit(**_FAST)
def _square(matrix: Any, wide: Any, strip: Any, inverse: Any) -> Any:
    """Factor the square of a strip, and turn its inverse over into `inverse`; False where it is not positive."""
    for i in range(STRIP):
        row = (strip + i) * wide + strip
        for j in range(i + 1):
            other, total = (strip + j) * wide + strip, matrix[row + j]
            for k in range(j):
                total -= matrix[row + k] * matrix[other + k]
            if j < i:
                matrix[row + j] = total * inverse[j * STRIP + j]
            elif total > 0.0 and total < math.inf:
                matrix[row + i] = math.sqrt(total)
                inverse[i * STRIP + i] = 1.0 / matrix[row + i]
            else:
                return False
    for j in range(STRIP):  # column j of the inverse is row j of what lies there turned over
        for i in range(j):
            inverse[i + j * STRIP] = 0.0
        for i in range(j + 1, STRIP):
            row, total = (strip + i) * wide + strip, 0.0
            for k in range(j, i):
                total -= matrix[row + k] * inverse[j * STRIP + k]
            inverse[j * STRIP + i] = total * inverse[i * STRIP + i]
    return True


def _panel() -> Any:
    """Factor columns `first` to `last`, less what columns before them give, for all rows below."""
    reals, wholes = pointer_to(types.float64), pointer_to(types.int64)

    @njit(SIGNATURE, **_WHOLE)
    def panel(a: Any) -> None:
        full_width()
        matrix, wide, packed, first, last, stop, failed = reals(a[0]), a[1], reals(a[2]), a[3], a[4], a[5], wholes(a[6])
        for strip in range(first, last, STRIP):
            if strip > first:
                _pack(matrix, wide, strip, first, strip - first, packed, 0)
                for i in range(strip, stop, ROWS):
                    _add(matrix, i * wide + strip, matrix, i * wide + first, wide, strip - first, packed, 0)
            if not _square(matrix, wide, strip, packed):
                failed[0] = 1
                return
            for i in range(strip + STRIP, stop, ROWS):
                _times(matrix, i * wide + strip, wide, packed)

    return panel


def _solve() -> Any:
    """Solve L L' X = B, X (size, m) in the place of B."""
    reals = pointer_to(types.float64)

    @njit(SIGNATURE, **_WHOLE)
    def solve(a: Any) -> None:
        full_width()
        matrix, wide, x, size, m = reals(a[0]), a[1], reals(a[2]), a[3], a[4]
        if m == 1:
            for i in range(size):
                total = x[i]
                for k in range(i):
                    total -= matrix[i * wide + k] * x[k]
                x[i] = total / matrix[i * wide + i]
        else:
            for i in range(size):
                for k in range(i):
                    _take_away(x, i * m, matrix[i * wide + k], x, k * m, m)
                _divide(x, i * m, matrix[i * wide + i], m)
        for i in range(size - 1, -1, -1):
            _divide(x, i * m, matrix[i * wide + i], m)
            if m == 1:
                _take_away(x, 0, x[i], matrix, i * wide, i)
            else:
                for k in range(i):
                    _take_away(x, k * m, matrix[i * wide + k], x, i * m, m)

    return solve


@njit(**_FAST, forceinline=True)
def _take_away(out: Any, at: Any, factor: Any, row: Any, start: Any, count: Any) -> None:
    for n in range(count):
        out[at + n] -= factor * row[start + n]


@njit(**_FAST, forceinline=True)
def _divide(out: Any, at: Any, divisor: Any, count: Any) -> None:
    for n in range(count):
        out[at + n] /= divisor


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
