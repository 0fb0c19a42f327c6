"""Blocks of vectors that stay in registers inside Numba functions, as tuples.

Imported only while a kernel is being compiled. Each factory takes (lanes, rows, vectors) and gives a function for
blocks of that shape; their rows lie `wide` numbers apart in memory.
"""

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from edgewise.kernels.runtime._simd import (
    Lanes,
    address_of,
    bytes_of,
    call,
    instruction,
    name_of,
    nothing,
    spread,
    vector_of,
)


def _block(lanes: Lanes, count: int) -> Any:
    """What gives the type of blocks of a number of vectors."""
    return lambda *kinds: types.UniTuple(lanes, count)


def _places(builder: Any, pointer: Any, index: Any, wide: Any, block: tuple[Lanes, int, int]) -> Iterator[Any]:
    """Where each vector of a block lies."""
    lanes, rows, vectors = block
    for row in range(rows):
        start = builder.add(index, builder.mul(wide, ir.Constant(wide.type, row)))
        for v in range(vectors):
            place = builder.add(start, ir.Constant(start.type, v * lanes.count))
            yield address_of(builder, pointer, place, vector_of(lanes))


def zero_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that gives a block of zeros."""

    @instruction(_block(lanes, rows * vectors))
    def zero(builder: Any) -> Any:
        return cgutils.pack_array(builder, [ir.Constant(vector_of(lanes), [0.0] * lanes.count)] * (rows * vectors))

    return zero


def load_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that reads the block at an index."""

    @instruction(_block(lanes, rows * vectors))
    def load(builder: Any, pointer: Any, index: Any, wide: Any) -> Any:
        places = _places(builder, pointer, index, wide, (lanes, rows, vectors))
        return cgutils.pack_array(builder, [builder.load(place, align=bytes_of(vector_of(lanes))) for place in places])

    return load


def store_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that writes a block to an index."""

    @instruction(nothing)
    def store(builder: Any, pointer: Any, index: Any, wide: Any, block: Any) -> None:
        places = _places(builder, pointer, index, wide, (lanes, rows, vectors))
        for value, place in zip(cgutils.unpack_tuple(builder, block), places, strict=True):
            builder.store(value, place, align=bytes_of(value.type))

    return store


def fma_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that adds column times row to a block: the numbers at a, `wide` apart, times the vectors at p."""

    @instruction(_block(lanes, rows * vectors))
    def add(builder: Any, a: Any, at: Any, wide: Any, p: Any, start: Any, block: Any) -> Any:
        vector, here = vector_of(lanes), _places(builder, p, start, ir.Constant(start.type, 0), (lanes, 1, vectors))
        parts = [builder.load(place, align=bytes_of(vector)) for place in here]
        sums = iter(cgutils.unpack_tuple(builder, block))
        out = []
        for row in range(rows):
            index = builder.add(at, builder.mul(wide, ir.Constant(wide.type, row)))
            factor = spread(builder, builder.load(builder.gep(a, [index])), vector)
            out += [call(builder, f"llvm.fma.{name_of(vector)}", vector, [factor, b, next(sums)]) for b in parts]
        return cgutils.pack_array(builder, out)

    return add


def splat_block(lanes: Lanes, count: int) -> Any:
    """The function that reads `count` numbers, each into every lane of a vector."""

    @instruction(_block(lanes, count))
    def splats(builder: Any, pointer: Any, index: Any) -> Any:
        places = [builder.add(index, ir.Constant(index.type, k)) for k in range(count)]
        numbers = [builder.load(builder.gep(pointer, [place])) for place in places]
        return cgutils.pack_array(builder, [spread(builder, number, vector_of(lanes)) for number in numbers])

    return splats


def polynomial_block(lanes: Lanes, width: int) -> Any:
    """The function that evaluates `width` polynomials at t, times a weight, zero where smaller than `least`.

    Their coefficients are a block of width x width vectors, the lowest of each first.
    """

    @instruction(_block(lanes, width))
    def polynomials(builder: Any, table: Any, t: Any, weight: Any, least: Any) -> Any:
        vector, terms = t.type, cgutils.unpack_tuple(builder, table)
        zero, out = ir.Constant(vector, [0.0] * lanes.count), []
        for m in range(width):
            value, *rest = reversed(terms[m * width : (m + 1) * width])
            for term in rest:
                value = call(builder, f"llvm.fma.{name_of(vector)}", vector, [value, t, term])
            value = builder.fmul(value, weight)
            size = call(builder, f"llvm.fabs.{name_of(vector)}", vector, [value])
            out.append(builder.select(builder.fcmp_ordered("<", size, least), zero, value))
        return cgutils.pack_array(builder, out)

    return polynomials
