"""The innermost loops of the sparse B-spline kernels: one block of inputs against one tile of outputs.

Imported only to compile kernels. A factory takes the number of vectors in a tile: four, or one for outputs that fill no
tile. Its function works on the first k outputs of the tile, from coefficients `wide` apart; `first` is the first input
and the first output of all that it is given.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from edgewise.kernels.runtime._cpu_blocks import add_block, load_block, store_block, zero_block
from edgewise.kernels.runtime._simd import (
    FAST,
    Lanes,
    add,
    fma,
    full_width,
    load,
    load_some,
    mul,
    splat,
    store,
    store_some,
    total,
)

TILE = 4  # vectors of outputs


def contract(real: Any, width: int, vectors: int) -> Any:
    """Sums over inputs; two rows at a time, so that no sum waits for the one before."""
    zero, read, plus = (make(Lanes(real), 1, vectors) for make in (zero_block, load_block, add_block))
    fetch, keep, far = _outputs(real, vectors)

    @njit(**FAST)
    def contract(s: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, k: Any, first: Any, rest: Any) -> None:
        full_width()
        (values, cells, stride, pitch), (j0, j1), (packed, base, count, wide) = s, inputs, weights
        y, place, leap = outputs
        for n in range(0, rows, 2):
            a, at = place + n * leap, n * pitch
            b, bt = (a + leap, at + pitch) if n + 1 < rows else (a, at)
            one, two = zero(), zero()
            if first[0] > 0:
                one, two = fetch(y, a, k), fetch(y, b, k)
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * far(wide)
                d = base + (j * count + cells[bt + j]) * far(wide)
                for m in range(width):
                    one = plus(values[m * stride + at + j], read(packed, c, 0), one)
                    two = plus(values[m * stride + bt + j], read(packed, d, 0), two)
                    c += far(wide)
                    d += far(wide)
            keep(y, b, k, two)
            keep(y, a, k, one)

    return contract


def vjp_inputs(real: Any, width: int, vectors: int) -> Any:
    """Sums over outputs."""
    zero, read, plus = (make(Lanes(real), 1, vectors) for make in (zero_block, load_block, add_block))
    (fetch, _, far), dot = _outputs(real, vectors), _dot(vectors)

    @njit(**FAST)
    def vjp_inputs(s: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, k: Any, first: Any, rest: Any) -> None:
        full_width()
        (values, cells, stride, pitch), (j0, j1), (packed, base, count, wide) = s, inputs, weights
        (g, place, leap), (out, corner, n_in, fresh) = outputs, rest
        for n in range(rows):
            here, at = fetch(g, place + n * leap, k), n * pitch
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * far(wide)
                by_output = zero()
                for m in range(width):
                    by_output = plus(values[m * stride + at + j], read(packed, c, 0), by_output)
                    c += far(wide)
                slope, e = dot(by_output, here), corner + n * n_in + j
                out[e] = slope if fresh and first[1] == 0 else out[e] + slope

    return vjp_inputs


def vjp_coefficients(real: Any, width: int, vectors: int) -> Any:
    """Sums over rows."""
    read, write, plus = (make(Lanes(real), 1, vectors) for make in (load_block, store_block, add_block))
    fetch, _, far = _outputs(real, vectors)

    @njit(**FAST)
    def vjp_coefficients(
        s: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, k: Any, first: Any, rest: Any
    ) -> None:
        full_width()
        (values, cells, stride, pitch), (j0, j1), (packed, base, count, wide) = s, inputs, weights
        g, place, leap = outputs
        for n in range(rows):
            here, at = fetch(g, place + n * leap, k), n * pitch
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * far(wide)
                for m in range(width):
                    write(packed, c, 0, plus(values[m * stride + at + j], here, read(packed, c, 0)))
                    c += far(wide)

    return vjp_coefficients


def _outputs(real: Any, vectors: int) -> tuple[Any, Any, Any]:
    """What reads and writes the first k outputs of a tile, and says how far apart coefficients are."""
    lanes = Lanes(real)
    read, write, tile = load_block(lanes, 1, vectors), store_block(lanes, 1, vectors), vectors * lanes.count
    if vectors == TILE:  # all outputs, at a distance that the compiler knows
        return (
            njit(lambda y, at, k: read(y, at, 0), **FAST, forceinline=True),
            njit(lambda y, at, k, block: write(y, at, 0, block), **FAST, forceinline=True),
            njit(lambda wide: tile, **FAST, forceinline=True),
        )
    return (
        njit(lambda y, at, k: (load_some(y, at, k),), **FAST, forceinline=True),
        njit(lambda y, at, k, block: store_some(y, at, k, block[0]), **FAST, forceinline=True),
        njit(lambda wide: wide, **FAST, forceinline=True),
    )


def _dot(vectors: int) -> Any:
    """What multiplies two tiles and sums all of it."""
    if vectors == 1:
        return njit(lambda a, b: total(mul(a[0], b[0])), **FAST, forceinline=True)

    @njit(**FAST, forceinline=True)
    def dot(a: Any, b: Any) -> Any:
        return total(add(fma(a[0], b[0], mul(a[1], b[1])), fma(a[2], b[2], mul(a[3], b[3]))))

    return dot


def vjps(real: Any, width: int) -> Any:
    """Sums over outputs and sums over rows at once, for one vector of outputs."""
    lanes = Lanes(real).count

    @njit(**FAST)
    def both(scratch: Any, steep: Any, sizes: Any, weights: Any, outputs: Any, slopes: Any) -> None:
        full_width()
        values, cells, stride, pitch = scratch
        (rows, n_in, count), (packed, back), (g, place, n_out), (out, corner) = sizes, weights, outputs, slopes
        for n in range(rows):
            here, at = load_some(g, place + n * n_out, n_out), n * pitch
            for j in range(n_in):
                c = (j * count + cells[at + j]) * lanes
                slope = splat(real(0))
                for m in range(width):
                    slope = fma(splat(steep[m * stride + at + j]), load(packed, c), slope)
                    store(back, c, fma(splat(values[m * stride + at + j]), here, load(back, c)))
                    c += lanes
                out[corner + n * n_in + j] = total(mul(slope, here))

    return both
