"""Vectors of machine width inside Numba functions.

Imported only while a kernel is being compiled. Loops written with these run at full width whatever the compiler's
vectoriser thinks of them; a `Lanes` holds as many numbers of one dtype as fit into the widest register.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, register_model

#: bytes of a vector: two AVX2 registers or one of AVX-512 go through each step
WIDTH = 64 if llvm.get_host_cpu_features().get("avx512f") else 32
#: inner functions are called from compiled code alone: wrappers for Python would take as long to compile
FAST = {"fastmath": {"contract", "nsz"}, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
#: a kernel takes one address, of whole numbers: other addresses, sizes and flags
SIGNATURE = types.void(types.CPointer(types.intp))
BARE = {**FAST, "nogil": True}
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
        super().__init__(manager, lanes, vector_of(lanes))


def vector_of(lanes: Lanes) -> ir.VectorType:
    return ir.VectorType(_LOW[lanes.dtype], lanes.count)


def name_of(vector: ir.VectorType) -> str:
    return f"v{vector.count}{'f32' if isinstance(vector.element, ir.FloatType) else 'f64'}"


def call(builder: Any, name: str, result: Any, arguments: list[Any], **options: Any) -> Any:
    signature = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments, **options)


def spread(builder: Any, number: Any, vector: ir.VectorType) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INT, vector.count), [0] * vector.count))


def address_of(builder: Any, pointer: Any, index: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def _first_lanes(builder: Any, count: Any, vector: ir.VectorType) -> Any:
    numbers = ir.VectorType(_INT, vector.count)
    limit = spread(builder, builder.trunc(count, _INT), numbers)
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(vector.count))), limit)


def bytes_of(dtype: Any) -> int:
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
        call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, *constants])
        return context.get_dummy_value()

    return types.none(pointer, index), code


@intrinsic
def load(typing: Any, pointer: Any, index: Any) -> Any:
    lanes = Lanes(pointer.dtype)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(
            address_of(builder, arguments[0], arguments[1], vector_of(lanes)), align=bytes_of(lanes.dtype)
        )

    return lanes(pointer, index), code


@intrinsic
def store(typing: Any, pointer: Any, index: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index, vector = arguments
        builder.store(vector, address_of(builder, pointer, index, vector.type), align=bytes_of(value.dtype))
        return context.get_dummy_value()

    return types.none(pointer, index, value), code


@intrinsic
def load_some(typing: Any, pointer: Any, index: Any, count: Any) -> Any:
    """The first `count` lanes; zero in the others, whose memory is not touched."""
    lanes = Lanes(pointer.dtype)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = vector_of(lanes)
        address = address_of(builder, arguments[0], arguments[1], vector)
        mask = _first_lanes(builder, arguments[2], vector)
        zero = ir.Constant(vector, [0.0] * vector.count)
        size = ir.Constant(_INT, bytes_of(lanes.dtype))
        return call(builder, f"llvm.masked.load.{name_of(vector)}.p0", vector, [address, size, mask, zero])

    return lanes(pointer, index, count), code


@intrinsic
def store_some(typing: Any, pointer: Any, index: Any, count: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index, count, vector = arguments
        address = address_of(builder, pointer, index, vector.type)
        mask = _first_lanes(builder, count, vector.type)
        size = ir.Constant(_INT, bytes_of(value.dtype))
        call(builder, f"llvm.masked.store.{name_of(vector.type)}.p0", ir.VoidType(), [vector, address, size, mask])
        return context.get_dummy_value()

    return types.none(pointer, index, count, value), code


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """The same number in every lane."""
    lanes = Lanes(number)
    return lanes(number), lambda context, builder, signature, arguments: spread(builder, arguments[0], vector_of(lanes))


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c"""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        return call(builder, f"llvm.fma.{name_of(vector)}", vector, list(arguments))

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
        return call(builder, f"llvm.floor.{name_of(vector)}", vector, list(arguments))

    return x(x), code


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
        builder.store(whole, address_of(builder, pointer, index, whole.type), align=4)
        return context.get_dummy_value()

    return types.none(pointer, index, value), code


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """The sum of all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        start = ir.Constant(vector.element, -0.0)
        name = f"llvm.vector.reduce.fadd.{name_of(vector)}"
        return call(builder, name, vector.element, [start, arguments[0]], fastmath=("reassoc",))

    return x.dtype(x), code
