"""Blocks of vectors that stay in registers inside Numba functions, as tuples.

Imported only while a kernel is being compiled. Each factory takes (lanes, rows, vectors) and gives a function for
blocks of that shape; their rows lie `wide` numbers apart in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from edgewise.kernels.runtime._simd import Lanes, address_of, bytes_of, call, intrinsic, name_of, spread, vector_of


def block_type(lanes: Lanes, rows: int, vectors: int) -> Any:
    return types.UniTuple(lanes, rows * vectors)


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
    kind = block_type(lanes, rows, vectors)

    @intrinsic
    def zero(typing: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = vector_of(lanes)
            return cgutils.pack_array(builder, [ir.Constant(vector, [0.0] * vector.count)] * kind.count)

        return kind(), code

    return zero


def load_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that reads the block at an index."""
    kind = block_type(lanes, rows, vectors)

    @intrinsic
    def load(typing: Any, pointer: Any, index: Any, wide: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index, wide = arguments
            places = _places(builder, pointer, index, wide, (lanes, rows, vectors))
            return cgutils.pack_array(builder, [builder.load(place, align=bytes_of(lanes.dtype)) for place in places])

        return kind(pointer, index, wide), code

    return load


def store_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that writes a block to an index."""

    @intrinsic
    def store(typing: Any, pointer: Any, index: Any, wide: Any, block: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index, wide, block = arguments
            places = _places(builder, pointer, index, wide, (lanes, rows, vectors))
            for value, place in zip(cgutils.unpack_tuple(builder, block), places, strict=True):
                builder.store(value, place, align=bytes_of(lanes.dtype))
            return context.get_dummy_value()

        return types.none(pointer, index, wide, block), code

    return store


def fma_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that adds column times row to a block: the numbers at a, `wide` apart, times the vectors at p."""

    @intrinsic
    def add(typing: Any, a: Any, at: Any, wide: Any, p: Any, start: Any, block: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, at, wide, p, start, block = arguments
            vector = vector_of(lanes)
            parts = [builder.load(place, align=bytes_of(lanes.dtype)) for place in _row(builder, p, start)]
            sums = iter(cgutils.unpack_tuple(builder, block))
            out = []
            for row in range(rows):
                index = builder.add(at, builder.mul(wide, ir.Constant(wide.type, row)))
                factor = spread(builder, builder.load(builder.gep(a, [index])), vector)
                out += [call(builder, f"llvm.fma.{name_of(vector)}", vector, [factor, b, next(sums)]) for b in parts]
            return cgutils.pack_array(builder, out)

        return block(a, at, wide, p, start, block), code

    def _row(builder: Any, p: Any, start: Any) -> Iterator[Any]:
        return _places(builder, p, start, ir.Constant(start.type, 0), (lanes, 1, vectors))

    return add


def splat_block(lanes: Lanes, count: int) -> Any:
    """The function that reads `count` numbers, each into every lane of a vector."""
    kind = block_type(lanes, count, 1)

    @intrinsic
    def splats(typing: Any, pointer: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index = arguments
            places = [builder.add(index, ir.Constant(index.type, k)) for k in range(count)]
            numbers = [builder.load(builder.gep(pointer, [place])) for place in places]
            return cgutils.pack_array(builder, [spread(builder, number, vector_of(lanes)) for number in numbers])

        return kind(pointer, index), code

    return splats


def polynomial_block(lanes: Lanes, width: int) -> Any:
    """The function that evaluates `width` polynomials at t, times a weight, zero where smaller than `least`.

    Their coefficients are a block of width x width vectors, the lowest of each first.
    """
    kind = block_type(lanes, width, 1)

    @intrinsic
    def polynomials(typing: Any, table: Any, t: Any, weight: Any, least: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            table, t, weight, least = arguments
            vector, terms = vector_of(lanes), cgutils.unpack_tuple(builder, table)
            zero, out = ir.Constant(vector, [0.0] * lanes.count), []
            for m in range(width):
                value, *rest = reversed(terms[m * width : (m + 1) * width])
                for term in rest:
                    value = call(builder, f"llvm.fma.{name_of(vector)}", vector, [value, t, term])
                value = builder.fmul(value, weight)
                size = call(builder, f"llvm.fabs.{name_of(vector)}", vector, [value])
                out.append(builder.select(builder.fcmp_ordered("<", size, least), zero, value))
            return cgutils.pack_array(builder, out)

        return kind(table, t, weight, least), code

    return polynomials
