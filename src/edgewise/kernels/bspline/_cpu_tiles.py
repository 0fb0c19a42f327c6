"""The innermost loops of the sparse B-spline kernels: one block of inputs against one tile of outputs.

Imported only to compile kernels. Each factory gives two functions: `four` takes a tile of four vectors, `some` the
first k lanes of one vector, for outputs that fill no tile, from coefficients `wide` apart.
"""

from typing import Any

from numba import njit

from edgewise.kernels.source import (
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


def contract(real: Any, width: int) -> tuple[Any, Any]:
    """Sums over inputs, for a whole tile of outputs and for some of them."""
    lanes, zero = Lanes(real).count, real(0)
    tile = 4 * lanes

    @njit(**FAST)
    def four(scratch: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, fresh: Any) -> None:
        """A whole tile of each row; two rows at a time, so that no sum waits for the one before."""
        full_width()
        values, cells, stride, pitch = scratch
        (j0, j1), (packed, base, count), (y, place, n_out) = inputs, weights, outputs
        for n in range(0, rows, 2):
            a, at = place + n * n_out, n * pitch
            b, bt = (a + n_out, at + pitch) if n + 1 < rows else (a, at)
            a0 = splat(zero)
            a1, a2, a3, b0, b1, b2, b3 = a0, a0, a0, a0, a0, a0, a0
            if not fresh:
                a0, a1, a2, a3 = load(y, a), load(y, a + lanes), load(y, a + 2 * lanes), load(y, a + 3 * lanes)
                b0, b1, b2, b3 = load(y, b), load(y, b + lanes), load(y, b + 2 * lanes), load(y, b + 3 * lanes)
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * tile
                d = base + (j * count + cells[bt + j]) * tile
                for m in range(width):
                    f, g = splat(values[m * stride + at + j]), splat(values[m * stride + bt + j])
                    a0, b0 = fma(f, load(packed, c), a0), fma(g, load(packed, d), b0)
                    a1, b1 = fma(f, load(packed, c + lanes), a1), fma(g, load(packed, d + lanes), b1)
                    a2, b2 = fma(f, load(packed, c + 2 * lanes), a2), fma(g, load(packed, d + 2 * lanes), b2)
                    a3, b3 = fma(f, load(packed, c + 3 * lanes), a3), fma(g, load(packed, d + 3 * lanes), b3)
                    c += tile
                    d += tile
            store(y, b, b0)
            store(y, b + lanes, b1)
            store(y, b + 2 * lanes, b2)
            store(y, b + 3 * lanes, b3)
            store(y, a, a0)
            store(y, a + lanes, a1)
            store(y, a + 2 * lanes, a2)
            store(y, a + 3 * lanes, a3)

    @njit(**FAST)
    def some(scratch: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, fresh: Any, k: Any, wide: Any) -> None:
        """The first k lanes of one vector of each row, of coefficients `wide` apart."""
        full_width()
        values, cells, stride, pitch = scratch
        (j0, j1), (packed, base, count), (y, place, n_out) = inputs, weights, outputs
        for n in range(rows):
            a, at = place + n * n_out, n * pitch
            sum = splat(zero)
            if not fresh:
                sum = load_some(y, a, k)
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * wide
                for m in range(width):
                    sum = fma(splat(values[m * stride + at + j]), load(packed, c), sum)
                    c += wide
            store_some(y, a, k, sum)

    return four, some


def vjp_inputs(real: Any, width: int) -> tuple[Any, Any]:
    """Sums over outputs."""
    lanes = Lanes(real).count
    tile = 4 * lanes

    @njit(**FAST)
    def four(scratch: Any, rows: Any, inputs: Any, weights: Any, outputs: Any, slopes: Any, fresh: Any) -> None:
        full_width()
        values, cells, stride, pitch = scratch
        (j0, j1), (packed, base, count), (g, place, n_out), (out, corner, n_in) = inputs, weights, outputs, slopes
        for n in range(rows):
            a, at = place + n * n_out, n * pitch
            g0, g1, g2, g3 = load(g, a), load(g, a + lanes), load(g, a + 2 * lanes), load(g, a + 3 * lanes)
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * tile
                f = splat(values[at + j])
                d0, d1 = mul(f, load(packed, c)), mul(f, load(packed, c + lanes))
                d2, d3 = mul(f, load(packed, c + 2 * lanes)), mul(f, load(packed, c + 3 * lanes))
                for m in range(1, width):
                    c += tile
                    f = splat(values[m * stride + at + j])
                    d0, d1 = fma(f, load(packed, c), d0), fma(f, load(packed, c + lanes), d1)
                    d2, d3 = fma(f, load(packed, c + 2 * lanes), d2), fma(f, load(packed, c + 3 * lanes), d3)
                slope = total(add(fma(d0, g0, mul(d1, g1)), fma(d2, g2, mul(d3, g3))))
                e = corner + n * n_in + j
                out[e] = slope if fresh else out[e] + slope

    @njit(**FAST)
    def some(scratch: Any, rows: Any, block: Any, weights: Any, outputs: Any, slopes: Any, k: Any, wide: Any) -> None:
        full_width()
        values, cells, stride, pitch = scratch
        (packed, base, count), (g, place, n_out), (out, corner, n_in, fresh) = weights, outputs, slopes
        for n in range(rows):
            at = n * pitch
            here = load_some(g, place + n * n_out, k)
            for j in range(block):
                c = base + (j * count + cells[at + j]) * wide
                d = mul(splat(values[at + j]), load(packed, c))
                for m in range(1, width):
                    c += wide
                    d = fma(splat(values[m * stride + at + j]), load(packed, c), d)
                slope = total(mul(d, here))
                e = corner + n * n_in + j
                out[e] = slope if fresh else out[e] + slope

    return four, some


def vjp_coefficients(real: Any, width: int) -> tuple[Any, Any]:
    """Sums over rows."""
    lanes = Lanes(real).count
    tile = 4 * lanes

    @njit(**FAST)
    def four(scratch: Any, rows: Any, inputs: Any, weights: Any, outputs: Any) -> None:
        full_width()
        values, cells, stride, pitch = scratch
        (j0, j1), (packed, base, count), (g, place, n_out) = inputs, weights, outputs
        for n in range(rows):
            a, at = place + n * n_out, n * pitch
            g0, g1, g2, g3 = load(g, a), load(g, a + lanes), load(g, a + 2 * lanes), load(g, a + 3 * lanes)
            for j in range(j0, j1):
                c = base + (j * count + cells[at + j]) * tile
                for m in range(width):
                    f = splat(values[m * stride + at + j])
                    store(packed, c, fma(f, g0, load(packed, c)))
                    store(packed, c + lanes, fma(f, g1, load(packed, c + lanes)))
                    store(packed, c + 2 * lanes, fma(f, g2, load(packed, c + 2 * lanes)))
                    store(packed, c + 3 * lanes, fma(f, g3, load(packed, c + 3 * lanes)))
                    c += tile

    @njit(**FAST)
    def some(scratch: Any, rows: Any, block: Any, weights: Any, outputs: Any, k: Any, wide: Any) -> None:
        full_width()
        values, cells, stride, pitch = scratch
        (packed, base, count), (g, place, n_out) = weights, outputs
        for n in range(rows):
            at = n * pitch
            here = load_some(g, place + n * n_out, k)
            for j in range(block):
                c = base + (j * count + cells[at + j]) * wide
                for m in range(width):
                    store(packed, c, fma(splat(values[m * stride + at + j]), here, load(packed, c)))
                    c += wide

    return four, some


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
