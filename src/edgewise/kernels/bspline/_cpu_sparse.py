"""B-spline kernels: only the functions on a point's cell are touched.

Imported only to compile them. Sums walk tiles of four vectors of outputs. Coefficients come packed tile by tile,
(tile, n_in, K, outputs of the tile), so that what a block of inputs touches stays in the nearest cache; outputs that
fill no tile come vector by vector, the last one masked.
"""

from typing import Any

from numba import njit, types

from edgewise.kernels.bspline import _cpu_tiles
from edgewise.kernels.bspline._cpu_points import BLOCK, evaluator, reader
from edgewise.kernels.source import BARE, FAST, SIGNATURE, WIDTH, Lanes, full_width, pointer_to, prefetch

_NEAREST = 32768  # bytes of coefficients that are worked on together


def build(name: str, dtype: str, degree: int) -> Any:
    """Return the Numba function of a kernel for one dtype and degree."""
    kernels = {
        "evaluate": _evaluate,
        "reduce": _reduce,
        "contract": _contract,
        "vjp_inputs": _vjp_inputs,
        "vjp_coefficients": _vjp_coefficients,
        "vjps": _vjps,
        "pack": _pack,
    }
    return kernels[name](getattr(types, dtype), degree + 1)


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
    """out[n, i] = sum over functions of weights[n, i, :] times value, for rows from `start` to `stop`."""
    read, evaluate, reals, zero = reader(real), evaluator(real, width), pointer_to(real), real(0)

    @njit(**FAST)
    def total(scratch: Any, at: Any, weights: Any, e: Any, count: Any) -> Any:
        values, cells, stride, _ = scratch
        first, found = e * count + cells[at], zero
        for m in range(width):
            found += weights[first + m] * values[m * stride + at]
        return found

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
                        out[e] = total(scratch, (n - r0) * scratch[3] + j, weights, e, count)

    return reduce


def _tiles(real: Any) -> tuple[int, int, Any, Any]:
    """Lanes of a vector and of a whole tile, how wide the tile from output o on is, and inputs that share the nearest
    cache."""
    lanes = Lanes(real).count
    tile = 4 * lanes

    @njit(**FAST)
    def step(o: Any, n_out: Any) -> Any:
        return min(tile, (n_out - o + lanes - 1) // lanes * lanes)

    @njit(**FAST)
    def group(count: Any) -> Any:
        return max(1, min(BLOCK, _NEAREST // (count * 4 * WIDTH)))

    return lanes, tile, step, group


def _contract(real: Any, width: int) -> Any:
    """y[n, j] = sum over inputs and functions of value times coefficient, for rows from `start` to `stop`."""
    read, evaluate, reals = reader(real), evaluator(real, width), pointer_to(real)
    lanes, tile, step, group = _tiles(real)
    four, some = _cpu_tiles.contract(real, width)

    @njit(SIGNATURE, **BARE)
    def contract(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        packed, y, start, stop, n_out, leap = reals(a[15]), reals(a[16]), a[17], a[18], a[19], a[20]
        n_in, count = points[3], splines[5] + width - 1
        for r0 in range(start, stop, chunk):
            rows = min(stop, r0 + chunk) - r0
            for i0 in range(0, n_in, BLOCK):
                block = min(BLOCK, n_in - i0)
                evaluate(points, splines, scratch, r0, r0 + rows, i0, block)
                for o in range(0, n_out, tile):
                    wide = step(o, n_out)
                    base = (o * n_in + wide * i0) * count
                    for j0 in range(0, block, group(count)):
                        inputs, fresh = (j0, min(block, j0 + group(count))), i0 + j0 == 0
                        if o + tile <= n_out:
                            outputs = (y, r0 * leap + o, leap)
                            four(scratch, rows, inputs, (packed, base, count), outputs, fresh)
                            continue
                        for p in range(o, n_out, lanes):
                            outputs = (y, r0 * leap + p, leap)
                            weights = (packed, base + p - o, count)
                            some(scratch, rows, inputs, weights, outputs, fresh, min(lanes, n_out - p), wide)

    return contract


def _vjp_inputs(real: Any, width: int) -> Any:
    """out[n, i] = sum over outputs of g times what the coefficients of the edge give, for rows `start` to `stop`."""
    read, evaluate, reals = reader(real), evaluator(real, width), pointer_to(real)
    lanes, tile, step, group = _tiles(real)
    four, some = _cpu_tiles.vjp_inputs(real, width)

    @njit(SIGNATURE, **BARE)
    def vjp_inputs(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        packed, g, out = reals(a[15]), reals(a[16]), reals(a[17])
        start, stop, n_out, leap, new = a[18], a[19], a[20], a[21], a[22]
        n_in, count = points[3], splines[5] + width - 1
        for r0 in range(start, stop, chunk):
            rows = min(stop, r0 + chunk) - r0
            for i0 in range(0, n_in, BLOCK):
                block = min(BLOCK, n_in - i0)
                evaluate(points, splines, scratch, r0, r0 + rows, i0, block)
                for o in range(0, n_out, tile):
                    wide = step(o, n_out)
                    base, corner = (o * n_in + wide * i0) * count, r0 * n_in + i0
                    if o + tile <= n_out:
                        outputs, slopes = (g, r0 * leap + o, leap), (out, corner, n_in)
                        for j0 in range(0, block, group(count)):
                            inputs = (j0, min(block, j0 + group(count)))
                            four(scratch, rows, inputs, (packed, base, count), outputs, slopes, new and o == 0)
                        continue
                    for p in range(o, n_out, lanes):
                        outputs, slopes = (g, r0 * leap + p, leap), (out, corner, n_in, new and p == 0)
                        weights = (packed, base + p - o, count)
                        some(scratch, rows, block, weights, outputs, slopes, min(lanes, n_out - p), wide)

    return vjp_inputs


def _vjp_coefficients(real: Any, width: int) -> Any:
    """packed[i, m, j] = sum over rows of g times value, for inputs from `start` to `stop`."""
    read, evaluate, reals, zero = reader(real), evaluator(real, width), pointer_to(real), real(0)
    lanes, tile, step, group = _tiles(real)
    four, some = _cpu_tiles.vjp_coefficients(real, width)

    @njit(SIGNATURE, **BARE)
    def vjp_coefficients(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        g, packed, start, stop = reals(a[15]), reals(a[16]), a[17], a[18]
        n_rows, n_out, leap = a[19], a[20], a[21]
        n_in, count = points[3], splines[5] + width - 1
        for i0 in range(start, stop, BLOCK):
            block = min(BLOCK, stop - i0)
            for o in range(0, n_out, tile):
                wide = step(o, n_out)
                base = (o * n_in + wide * i0) * count
                for k in range(base, base + wide * block * count):
                    packed[k] = zero
            for r0 in range(0, n_rows, chunk):
                rows = min(n_rows, r0 + chunk) - r0
                evaluate(points, splines, scratch, r0, r0 + rows, i0, block)
                for o in range(0, n_out, tile):
                    wide = step(o, n_out)
                    base = (o * n_in + wide * i0) * count
                    if o + tile <= n_out:
                        for j0 in range(0, block, group(count)):
                            inputs = (j0, min(block, j0 + group(count)))
                            four(scratch, rows, inputs, (packed, base, count), (g, r0 * leap + o, leap))
                        continue
                    for p in range(o, n_out, lanes):
                        outputs, weights = (g, r0 * leap + p, leap), (packed, base + p - o, count)
                        some(scratch, rows, block, weights, outputs, min(lanes, n_out - p), wide)

    return vjp_coefficients


def _vjps(real: Any, width: int) -> Any:
    """Both gradients of a layer of at most one block of inputs and one vector of outputs, in one go over all rows."""
    read, evaluate, reals, zero = reader(real), evaluator(real, width), pointer_to(real), real(0)
    lanes, wholes, vjps_of = Lanes(real).count, pointer_to(types.intp), _cpu_tiles.vjps(real, width)

    @njit(SIGNATURE, **BARE)
    def vjps(a: Any) -> None:
        full_width()
        points, splines, scratch, chunk = read(a)
        _, slopes, steep, _ = read(wholes(a[15]))  # the same points one derivative higher
        packed, out, back, g, n_rows, n_out = reals(a[16]), reals(a[17]), reals(a[18]), reals(a[19]), a[20], a[21]
        n_in, count = points[3], splines[5] + width - 1
        for k in range(n_in * count * lanes):
            back[k] = zero
        for r0 in range(0, n_rows, chunk):
            rows = min(n_rows, r0 + chunk) - r0
            evaluate(points, splines, scratch, r0, r0 + rows, 0, n_in)
            evaluate(points, slopes, steep, r0, r0 + rows, 0, n_in)
            vjps_of(scratch, steep[0], (rows, n_in, count), (packed, back), (g, r0 * n_out, n_out), (out, r0 * n_in))

    return vjps


def _pack(real: Any, width: int) -> Any:
    """Between coefficients (n_out, inner) and tiles of outputs (tile, inner, outputs), there and `back`."""
    reals, zero = pointer_to(real), real(0)
    _, tile, step, _ = _tiles(real)
    ahead = 64 * 8 // real.bitwidth

    @njit(SIGNATURE, **BARE)
    def pack(a: Any) -> None:
        c, packed, n_out, inner, back = reals(a[0]), reals(a[1]), a[2], a[3], a[4]
        for o in range(0, n_out, tile):
            wide, base, full = step(o, n_out), o * inner, min(tile, n_out - o)
            for k0 in range(0, inner, 128):
                k1 = min(inner, k0 + 128)
                for j in range(wide):
                    row = (o + j) * inner
                    for k in range(k1, k1 + 128, ahead):
                        prefetch(c, row + k)  # rows lie too far apart for the processor to guess
                    if j >= full:
                        if not back:
                            for k in range(k0, k1):
                                packed[base + k * wide + j] = zero
                    elif back:
                        for k in range(k0, k1):
                            c[row + k] = packed[base + k * wide + j]
                    else:
                        for k in range(k0, k1):
                            packed[base + k * wide + j] = c[row + k]

    return pack
