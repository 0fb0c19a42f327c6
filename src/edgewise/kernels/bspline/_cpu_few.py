"""The B-spline kernels for a few rows: one layer, or a chain of them. Imported only to compile them.

All functions of a point are written out, zeros too, and rows are multiplied with coefficients as they lie in memory,
once for all rows: packing them would take longer than the products. So a layer costs as much as a linear map that has
as many numbers.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from edgewise.kernels.bspline._cpu_points import BLOCK, evaluator, reader
from edgewise.kernels.runtime._cpu_blocks import silu, zero_block
from edgewise.kernels.source import (
    BARE,
    FAST,
    SIGNATURE,
    WIDTH,
    Lanes,
    add,
    address_of,
    bytes_of,
    call,
    first_lanes,
    full_width,
    instruction,
    name_of,
    pointer_to,
    prefetch,
    total,
    vector_of,
)

_INT = ir.IntType(32)
_SIDE = 4 if WIDTH == 64 else 2  # rows and outputs whose sums stay in registers


def dots(real: Any) -> Any:
    """The function that adds rows times outputs: y[n, j] = or += sum_k d[n, k] c[j, k], outputs `start` to `stop`."""
    square, column, single, side = _block(real, _SIDE, _SIDE), _block(real, _SIDE, 1), _single(real), _SIDE

    @njit(**FAST)
    def dots_of(d: Any, c: Any, y: Any, sizes: Any, outputs: Any, fresh: Any) -> None:
        rows, length, n_out = sizes
        start, stop = outputs
        many, whole = rows // side * side, start + (stop - start) // side * side
        for n in range(0, many, side):
            for j in range(start, whole, side):
                square(d, n, c, j, y, length, n_out, fresh)
            for j in range(whole, stop):
                column(d, n, c, j, y, length, n_out, fresh)
        for n in range(many, rows):
            for j in range(start, stop):
                single(d, n, c, j, y, length, n_out, fresh)

    return dots_of


def _single(real: Any) -> Any:
    """One row and one output: memory is walked straight through, four vectors at a time."""
    lanes, unrolled = Lanes(real), 4
    step, nothing = lanes.count, zero_block(lanes, 1, unrolled)
    four, last = _products(lanes, (1, 1, unrolled)), _products(lanes, (1, 1, 1), masked=True)
    ahead = 2048 * 8 // real.bitwidth

    @njit(**FAST)
    def single(d: Any, n: Any, c: Any, j: Any, y: Any, length: Any, n_out: Any, fresh: Any) -> None:
        full_width()
        sums, k, at, start = nothing(), 0, n * length, j * length
        while k + unrolled * step <= length:
            for u in range(unrolled):
                prefetch(c, start + k + u * step + ahead)
            sums = four(d, at + k, c, start + k, length, step, sums)
            k += unrolled * step
        rest = (add(add(sums[0], sums[1]), add(sums[2], sums[3])),)
        while k < length:
            rest = last(d, at + k, c, start + k, length, min(step, length - k), rest)
            k += step
        value = total(rest[0])
        y[n * n_out + j] = value if fresh else y[n * n_out + j] + value

    return single


def _block(real: Any, rows: int, outputs: int) -> Any:
    lanes = Lanes(real)
    step, nothing, total_of = lanes.count, zero_block(lanes, rows, outputs), _sum_at(lanes)
    whole, last = _products(lanes, (rows, outputs, 1)), _products(lanes, (rows, outputs, 1), masked=True)

    @njit(**FAST)
    def block(d: Any, n: Any, c: Any, j: Any, y: Any, length: Any, n_out: Any, fresh: Any) -> None:
        full_width()
        sums, k = nothing(), 0
        while k + step <= length:
            sums = whole(d, n * length + k, c, j * length + k, length, step, sums)
            k += step
        if k < length:
            sums = last(d, n * length + k, c, j * length + k, length, length - k, sums)
        total_of(sums, y, n * n_out + j, n_out, outputs, fresh)

    return block


def _sum_at(lanes: Lanes) -> Any:
    """The function that adds up each vector of a block, and puts the sums where they belong."""

    @njit(**FAST, forceinline=True)
    def put(sums: Any, y: Any, at: Any, n_out: Any, outputs: Any, fresh: Any) -> None:
        for k in range(len(sums)):
            place = at + k // outputs * n_out + k % outputs
            value = total(sums[k])
            y[place] = value if fresh else y[place] + value

    return put


def _products(lanes: Lanes, block: tuple[int, int, int], *, masked: bool = False) -> Any:
    """The function that adds the products of vectors of rows with those of outputs to a block of sums.

    A block is rows, outputs and consecutive vectors, whose products go to sums of their own.
    """
    vector, (rows, outputs, along) = vector_of(lanes), block

    def read(builder: Any, pointer: Any, at: Any, wide: Any, k: int, mask: Any) -> Any:
        row, u = divmod(k, along)
        start = builder.add(at, builder.mul(wide, ir.Constant(wide.type, row)))
        place = address_of(builder, pointer, builder.add(start, ir.Constant(at.type, u * lanes.count)), vector)
        if mask is None:
            return builder.load(place, align=bytes_of(vector))
        zero = ir.Constant(vector, [0.0] * lanes.count)
        size = ir.Constant(_INT, bytes_of(vector))
        return call(builder, f"llvm.masked.load.{name_of(vector)}.p0", vector, [place, size, mask, zero])

    @instruction(lambda *kinds: types.UniTuple(lanes, rows * outputs * along))
    def products(builder: Any, d: Any, a: Any, c: Any, b: Any, wide: Any, count: Any, sums: Any) -> Any:
        mask = first_lanes(builder, count, vector) if masked else None
        left = [read(builder, d, a, wide, k, mask) for k in range(rows * along)]
        right = [read(builder, c, b, wide, k, mask) for k in range(outputs * along)]
        pairs = [
            (left[n * along + u], right[j * along + u])
            for n in range(rows) for j in range(outputs) for u in range(along)
        ]  # fmt: skip
        known, fma = cgutils.unpack_tuple(builder, sums), f"llvm.fma.{name_of(vector)}"
        return cgutils.pack_array(
            builder, [call(builder, fma, vector, [*pair, s]) for pair, s in zip(pairs, known, strict=True)]
        )

    return products


def finish(real: Any) -> Any:
    """The function that ends a kernel for a few rows: y = D C' + S W', for outputs `start` to `stop`.

    D are the dense values, of `length` a row. Where `at` says, the kernel's arguments are C, y, n_out, start, stop, W,
    S and what S holds: 0 nothing, 1 values, 2 the room for silu(x); 3 stands for x itself.
    """
    products, reals, silu_all = dots(real), pointer_to(real), silu(real)

    @njit(**FAST)
    def finish_all(x: Any, dense: Any, shape: Any, a: Any, at: Any) -> None:
        rows, n_in, length = shape
        y, n_out, outputs, kind = reals(a[at + 1]), a[at + 2], (a[at + 3], a[at + 4]), a[at + 7]
        products(dense, reals(a[at]), y, (rows, length, n_out), outputs, True)
        if kind:
            others = x if kind == 3 else reals(a[at + 6])
            if kind == 2:
                silu_all(x, others, rows * n_in)
            products(others, reals(a[at + 5]), y, (rows, n_in, n_out), outputs, False)

    return finish_all


def build(name: str, dtype: str, degree: int) -> Any:
    """Return the Numba function of a kernel for one dtype and degree."""
    return {"few": _few, "chain": _chain}[name](getattr(types, dtype), degree + 1)


def _few(real: Any, width: int) -> Any:
    """One layer, unless its knots or mask have changed."""
    current, layer = _current(real), _layer(real, width)

    @njit(SIGNATURE, **BARE)
    def few(a: Any) -> None:
        full_width()
        if current(a, 25):
            layer(a)

    return few


def _chain(real: Any, width: int) -> Any:
    """Layers one after another, each with the products of its nodes.

    The arguments are the number of layers, where their arguments begin, 29 of each, the first's x and the last's place.
    """
    layer, multiply, wholes = _layer(real, width), _multiplied_nodes(real), pointer_to(types.int64)

    @njit(SIGNATURE, **BARE)
    def chain(a: Any) -> None:
        full_width()
        for k in range(a[0]):
            own = wholes(a[1] + 8 * 29 * k)
            if k == 0:
                own[0] = a[2]
            if k == a[0] - 1:
                own[25 if own[25] else 18] = a[3]
            layer(own)
            if own[25]:
                multiply(own)

    return chain


def _layer(real: Any, width: int) -> Any:
    """The function of a layer's arguments that fills its outputs."""
    read, evaluate, end = reader(real), evaluator(real, width), finish(real)
    reals, zero = pointer_to(real), real(0)

    @njit(**FAST)
    def layer(a: Any) -> None:
        full_width()
        points, splines, scratch, _ = read(a)
        dense, rows = reals(a[15]), a[16]
        n_in, count = points[3], splines[5] + width - 1
        values, cells, stride, pitch = scratch
        for k in range(rows * n_in * count):
            dense[k] = zero
        for i0 in range(0, n_in, BLOCK):
            block = min(BLOCK, n_in - i0)
            evaluate(points, splines, scratch, 0, rows, i0, block)
            for n in range(rows):
                for j in range(block):
                    at = n * pitch + j
                    first = (n * n_in + i0 + j) * count + cells[at]
                    for m in range(width):
                        dense[first + m] = values[m * stride + at]
        end(points[0], dense, (rows, n_in, n_in * count), a, 17)

    return layer


def _multiplied_nodes(real: Any) -> Any:
    """The function that makes nodes of subnodes: sums, then products of consecutive subnodes.

    From 25 on, a layer's arguments are the nodes' place, the numbers of sums and of products, and their arities.
    """
    reals, wholes = pointer_to(real), pointer_to(types.int64)

    @njit(**FAST)
    def multiply(a: Any) -> None:
        subnodes, rows, n_sub = reals(a[18]), a[16], a[19]
        nodes, n_sum, n_products, arities = reals(a[25]), a[26], a[27], wholes(a[28])
        n_nodes = n_sum + n_products
        for n in range(rows):
            for q in range(n_sum):
                nodes[n * n_nodes + q] = subnodes[n * n_sub + q]
            at = n * n_sub + n_sum
            for q in range(n_products):
                value = subnodes[at]
                for k in range(1, arities[q]):
                    value *= subnodes[at + k]
                nodes[n * n_nodes + n_sum + q] = value
                at += arities[q]

    return multiply


def _current(real: Any) -> Any:
    """The function that says whether knots are those known, and a mask is full; where not, it writes 1 to a place.

    From `at` on, the arguments are the knots, those known, how many, the mask, how many, and the place.
    """
    reals, flags, wholes = pointer_to(real), pointer_to(types.uint8), pointer_to(types.int64)

    @njit(**FAST)
    def current(a: Any, at: Any) -> Any:
        knots, known, mask = reals(a[at]), reals(a[at + 1]), flags(a[at + 3])
        same = True
        for k in range(a[at + 2]):
            same &= knots[k] == known[k]
        for k in range(a[at + 4]):
            same &= mask[k] != 0
        if not same:
            wholes(a[at + 5])[0] = 1
        return same

    return current
