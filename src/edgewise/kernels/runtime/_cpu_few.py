"""What kernels for a few rows share: products of rows with rows, which need no packed coefficients.

Imported only while a kernel is being compiled. Coefficients are read once, as they lie in memory, for all rows; so a
layer costs as much as a linear map that has as many numbers.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from edgewise.kernels.runtime._cpu_blocks import zero_block
from edgewise.kernels.runtime._cpu_exp import silu
from edgewise.kernels.runtime._simd import (
    FAST,
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
