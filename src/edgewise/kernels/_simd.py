"""Vectors of machine width inside Numba functions.

Imported only while a kernel is being compiled. Loops written with these run at full width whatever the compiler's
vectoriser thinks of them; a `Lanes` holds as many numbers of one dtype as fit into the widest register.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, register_model

#: bytes of a vector: two AVX2 registers or one of AVX-512 go through each step
WIDTH = 64 if llvm.get_host_cpu_features().get("avx512f") else 32
_INT = ir.IntType(32)
_LOW = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


def intrinsic(function: Any) -> Any:
    """Numba's decorator, which hides the first argument from callers."""
    return numba_intrinsic(function)


class Lanes(types.Type):
    """A vector of numbers of one dtype."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.count = WIDTH * 8 // dtype.bitwidth
        super().__init__(name=f"Lanes({dtype} x {self.count})")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, _vector(lanes))


def _vector(lanes: Lanes) -> ir.VectorType:
    return ir.VectorType(_LOW[lanes.dtype], lanes.count)


def _name(vector: ir.VectorType) -> str:
    return f"v{vector.count}{'f32' if isinstance(vector.element, ir.FloatType) else 'f64'}"


def _call(builder: Any, name: str, result: Any, arguments: list[Any], **options: Any) -> Any:
    signature = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments, **options)


def _spread(builder: Any, number: Any, vector: ir.VectorType) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INT, vector.count), [0] * vector.count))


def _address(builder: Any, pointer: Any, index: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def _first_lanes(builder: Any, count: Any, vector: ir.VectorType) -> Any:
    numbers = ir.VectorType(_INT, vector.count)
    limit = _spread(builder, builder.trunc(count, _INT), numbers)
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(vector.count))), limit)


def _bytes(dtype: Any) -> int:
    return dtype.bitwidth // 8


@intrinsic
def full_width(typing: Any) -> Any:
    """Ask the compiler for its widest registers in this function."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, f'"prefer-vector-width"="{WIDTH * 8}"')  # not on llvmlite's own list
        return context.get_dummy_value()

    return types.none(), code


def pointer_to(real: Any) -> Any:
    """The function that reads a whole number as the address of numbers of a dtype."""
    kind = types.CPointer(real)

    @intrinsic
    def pointer(typing: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(address), code

    return pointer


@intrinsic
def prefetch(typing: Any, pointer: Any, index: Any) -> Any:
    """Ask for the memory at an index, which may be anywhere, before it is needed."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = builder.gep(arguments[0], [arguments[1]])
        constants = [ir.Constant(_INT, number) for number in (0, 3, 1)]  # to read, into every cache, of data
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, *constants])
        return context.get_dummy_value()

    return types.none(pointer, index), code


@intrinsic
def load(typing: Any, pointer: Any, index: Any) -> Any:
    lanes = Lanes(pointer.dtype)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(builder, arguments[0], arguments[1], _vector(lanes)), align=_bytes(lanes.dtype))

    return lanes(pointer, index), code


@intrinsic
def store(typing: Any, pointer: Any, index: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index, vector = arguments
        builder.store(vector, _address(builder, pointer, index, vector.type), align=_bytes(value.dtype))
        return context.get_dummy_value()

    return types.none(pointer, index, value), code


@intrinsic
def load_some(typing: Any, pointer: Any, index: Any, count: Any) -> Any:
    """The first `count` lanes; zero in the others, whose memory is not touched."""
    lanes = Lanes(pointer.dtype)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = _vector(lanes)
        address = _address(builder, arguments[0], arguments[1], vector)
        mask = _first_lanes(builder, arguments[2], vector)
        zero = ir.Constant(vector, [0.0] * vector.count)
        size = ir.Constant(_INT, _bytes(lanes.dtype))
        return _call(builder, f"llvm.masked.load.{_name(vector)}.p0", vector, [address, size, mask, zero])

    return lanes(pointer, index, count), code


@intrinsic
def store_some(typing: Any, pointer: Any, index: Any, count: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index, count, vector = arguments
        address = _address(builder, pointer, index, vector.type)
        mask = _first_lanes(builder, count, vector.type)
        size = ir.Constant(_INT, _bytes(value.dtype))
        _call(builder, f"llvm.masked.store.{_name(vector.type)}.p0", ir.VoidType(), [vector, address, size, mask])
        return context.get_dummy_value()

    return types.none(pointer, index, count, value), code


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """The same number in every lane."""
    lanes = Lanes(number)
    return lanes(number), lambda context, builder, signature, arguments: _spread(builder, arguments[0], _vector(lanes))


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c"""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        return _call(builder, f"llvm.fma.{_name(vector)}", vector, list(arguments))

    return a(a, b, c), code


def _binary(operation: str) -> Any:
    @intrinsic
    def apply(typing: Any, a: Any, b: Any) -> Any:
        return a(a, b), lambda context, builder, signature, arguments: getattr(builder, operation)(*arguments)

    return apply


add, sub, mul = _binary("fadd"), _binary("fsub"), _binary("fmul")


@intrinsic
def clip(typing: Any, x: Any, top: Any) -> Any:
    """x within [0, top]; what is no number becomes 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, top = arguments
        zero = ir.Constant(x.type, [0.0] * x.type.count)
        above = builder.select(builder.fcmp_ordered(">", x, zero), x, zero)
        return builder.select(builder.fcmp_ordered("<", above, top), above, top)

    return x(x, top), code


@intrinsic
def floor(typing: Any, x: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        return _call(builder, f"llvm.floor.{_name(vector)}", vector, list(arguments))

    return x(x), code


@intrinsic
def flushed(typing: Any, x: Any, least: Any) -> Any:
    """x with zero in the place of magnitudes below `least`, so that no subnormal number goes on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, least = arguments
        zero = ir.Constant(x.type, [0.0] * x.type.count)
        size = _call(builder, f"llvm.fabs.{_name(x.type)}", x.type, [x])
        return builder.select(builder.fcmp_ordered("<", size, least), zero, x)

    return x(x, least), code


@intrinsic
def differ(typing: Any, a: Any, b: Any) -> Any:
    """Whether any lane of a and b differs; what is no number differs from everything."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_unordered("!=", *arguments), ir.IntType(arguments[0].type.count))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(a, b), code


@intrinsic
def store_integers(typing: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Store whole numbers as 32-bit integers."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index, vector = arguments
        whole = builder.fptosi(vector, ir.VectorType(_INT, vector.type.count))
        builder.store(whole, _address(builder, pointer, index, whole.type), align=4)
        return context.get_dummy_value()

    return types.none(pointer, index, value), code


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """The sum of all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        start = ir.Constant(vector.element, -0.0)
        name = f"llvm.vector.reduce.fadd.{_name(vector)}"
        return _call(builder, name, vector.element, [start, arguments[0]], fastmath=("reassoc",))

    return x.dtype(x), code


# Blocks: `rows` times `vectors` vectors in registers, as a tuple. Rows of memory lie `wide` numbers apart.


def _block_type(lanes: Lanes, rows: int, vectors: int) -> Any:
    return types.UniTuple(lanes, rows * vectors)


def _places(builder: Any, pointer: Any, index: Any, wide: Any, block: tuple[Lanes, int, int]) -> Iterator[Any]:
    """Where each vector of a block lies."""
    lanes, rows, vectors = block
    for row in range(rows):
        start = builder.add(index, builder.mul(wide, ir.Constant(wide.type, row)))
        for v in range(vectors):
            place = builder.add(start, ir.Constant(start.type, v * lanes.count))
            yield _address(builder, pointer, place, _vector(lanes))


def zero_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that gives a block of zeros."""
    kind = _block_type(lanes, rows, vectors)

    @intrinsic
    def zero(typing: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = _vector(lanes)
            return cgutils.pack_array(builder, [ir.Constant(vector, [0.0] * vector.count)] * kind.count)

        return kind(), code

    return zero


def load_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that reads the block at an index."""
    kind = _block_type(lanes, rows, vectors)

    @intrinsic
    def load(typing: Any, pointer: Any, index: Any, wide: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index, wide = arguments
            places = _places(builder, pointer, index, wide, (lanes, rows, vectors))
            return cgutils.pack_array(builder, [builder.load(place, align=_bytes(lanes.dtype)) for place in places])

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
                builder.store(value, place, align=_bytes(lanes.dtype))
            return context.get_dummy_value()

        return types.none(pointer, index, wide, block), code

    return store


def fma_block(lanes: Lanes, rows: int, vectors: int) -> Any:
    """The function that adds column times row to a block: the numbers at a, `wide` apart, times the vectors at p."""

    @intrinsic
    def add(typing: Any, a: Any, at: Any, wide: Any, p: Any, start: Any, block: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, at, wide, p, start, block = arguments
            vector = _vector(lanes)
            parts = [builder.load(place, align=_bytes(lanes.dtype)) for place in _row(builder, p, start)]
            sums = iter(cgutils.unpack_tuple(builder, block))
            out = []
            for row in range(rows):
                index = builder.add(at, builder.mul(wide, ir.Constant(wide.type, row)))
                factor = _spread(builder, builder.load(builder.gep(a, [index])), vector)
                out += [_call(builder, f"llvm.fma.{_name(vector)}", vector, [factor, b, next(sums)]) for b in parts]
            return cgutils.pack_array(builder, out)

        return block(a, at, wide, p, start, block), code

    def _row(builder: Any, p: Any, start: Any) -> Iterator[Any]:
        return _places(builder, p, start, ir.Constant(start.type, 0), (lanes, 1, vectors))

    return add
