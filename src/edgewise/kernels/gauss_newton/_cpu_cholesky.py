"""Kernels of a Cholesky factor in blocks. Imported only to compile them; `cholesky.py` calls what comes out.

A matrix lies row by row, `wide` numbers apart, and is a whole number of strips in size. Only its lower triangle is
read; above, only the squares on the diagonal are written. Everything is products of some rows with a strip of columns,
whose sums stay in registers.
"""

import math
from typing import Any

from numba import njit, types

from edgewise.kernels.runtime._cpu_blocks import fma_block, load_block, store_block, zero_block
from edgewise.kernels.runtime._simd import FAST, SIGNATURE, WIDTH, Lanes, full_width, pointer_to

VECTORS = 3  # of a row of a strip
ROWS = 8 if WIDTH == 64 else 4  # worked on together: with three vectors of each, what the registers hold
STRIP = VECTORS * WIDTH // 8
DEPTH = 128  # columns taken at a time: those of a strip stay in the nearest cache

_FAST = {**FAST, "fastmath": {"contract", "nsz", "reassoc"}}
_WHOLE = {**_FAST, "nogil": True}
_BLOCK = (Lanes(types.float64), ROWS, VECTORS)
_zero, _load, _store, _fma = (make(*_BLOCK) for make in (zero_block, load_block, store_block, fma_block))


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of a kernel; there is one dtype."""
    return {"update": _update, "panel": _panel, "solve": _solve}[name]()


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
