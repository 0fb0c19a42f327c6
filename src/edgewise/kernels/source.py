"""What Numba sources are written with: vectors of machine width, signatures and pointers.

Imported only while a kernel is being compiled. Loops written with these run at full width whatever the compiler's
vectoriser thinks of them; a `Lanes` holds as many numbers of one dtype as fit into the widest register.
"""

import inspect
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, models, register_model

_FEATURES = config.CPU_FEATURES or llvm.get_host_cpu_features().flatten()  # type: ignore[attr-defined]
#: bytes of a vector: two AVX2 registers or one of AVX-512 go through each step
WIDTH = 64 if "+avx512f" in _FEATURES else 32
#: inner functions are called from compiled code alone: wrappers for Python would take as long to compile
FAST = {"fastmath": {"contract", "nsz"}, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
#: a kernel takes one address, of whole numbers: other addresses, sizes and flags
SIGNATURE = types.void(types.CPointer(types.intp))
BARE = {**FAST, "nogil": True}
_INT = ir.IntType(32)
_LOW = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


def instruction(result: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make a Numba function of one of (builder, *values) that emits code; `result` gives its type from the values'."""

    def of(emit: Callable[..., Any]) -> Any:
        def typing(_: Any, *kinds: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                found = emit(builder, *values)
                return context.get_dummy_value() if found is None else found

            return result(*kinds)(*kinds), code

        typing.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]
        return intrinsic(typing)

    return of


def nothing(*kinds: Any) -> Any:
    """The type of what is done for its effect."""
    return types.none


def of_first(kind: Any, *others: Any) -> Any:
    """The type of the first argument."""
    return kind


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


def bytes_of(vector: ir.VectorType) -> int:
    """Bytes of a number of a vector, at whose multiples vectors may lie."""
    return 4 if isinstance(vector.element, ir.FloatType) else 8


def _widest(number: Any) -> ir.VectorType:
    """The vector of as many numbers of a type as fit."""
    return ir.VectorType(number, WIDTH // (4 if isinstance(number, ir.FloatType) else 8))


def first_lanes(builder: Any, count: Any, vector: ir.VectorType) -> Any:
    numbers = ir.VectorType(_INT, vector.count)
    limit = spread(builder, builder.trunc(count, _INT), numbers)
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(vector.count))), limit)


@instruction(nothing)
def full_width(builder: Any) -> None:
    """Ask the compiler for its widest registers in this function."""
    set.add(builder.function.attributes, f'"prefer-vector-width"="{WIDTH * 8}"')  # not on llvmlite's own list


def pointer_to(real: Any) -> Any:
    """The function that reads a whole number as the address of numbers of a dtype."""
    low = {**_LOW, types.uint8: ir.IntType(8), types.int32: _INT, types.int64: ir.IntType(64)}[real]

    @instruction(lambda address: types.CPointer(real))
    def pointer(builder: Any, address: Any) -> Any:
        return builder.inttoptr(address, low.as_pointer())

    return pointer


@instruction(nothing)
def prefetch(builder: Any, pointer: Any, index: Any) -> None:
    """Ask for the memory at an index, which may be anywhere, before it is needed."""
    constants = [ir.Constant(_INT, number) for number in (0, 3, 1)]  # to read, into every cache, of data
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [builder.gep(pointer, [index]), *constants])


@instruction(lambda pointer, index: Lanes(pointer.dtype))
def load(builder: Any, pointer: Any, index: Any) -> Any:
    vector = _widest(pointer.type.pointee)
    return builder.load(address_of(builder, pointer, index, vector), align=bytes_of(vector))


@instruction(nothing)
def store(builder: Any, pointer: Any, index: Any, value: Any) -> None:
    builder.store(value, address_of(builder, pointer, index, value.type), align=bytes_of(value.type))


@instruction(lambda pointer, index, count: Lanes(pointer.dtype))
def load_some(builder: Any, pointer: Any, index: Any, count: Any) -> Any:
    """The first `count` lanes; zero in the others, whose memory is not touched."""
    vector = _widest(pointer.type.pointee)
    address = address_of(builder, pointer, index, vector)
    mask = first_lanes(builder, count, vector)
    zero = ir.Constant(vector, [0.0] * vector.count)
    size = ir.Constant(_INT, bytes_of(vector))
    return call(builder, f"llvm.masked.load.{name_of(vector)}.p0", vector, [address, size, mask, zero])


@instruction(nothing)
def store_some(builder: Any, pointer: Any, index: Any, count: Any, value: Any) -> None:
    vector = value.type
    address = address_of(builder, pointer, index, vector)
    mask = first_lanes(builder, count, vector)
    size = ir.Constant(_INT, bytes_of(vector))
    call(builder, f"llvm.masked.store.{name_of(vector)}.p0", ir.VoidType(), [value, address, size, mask])


@instruction(Lanes)
def splat(builder: Any, number: Any) -> Any:
    """The same number in every lane."""
    return spread(builder, number, _widest(number.type))


@instruction(of_first)
def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c"""
    return call(builder, f"llvm.fma.{name_of(a.type)}", a.type, [a, b, c])


@instruction(of_first)
def add(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b)


@instruction(of_first)
def sub(builder: Any, a: Any, b: Any) -> Any:
    return builder.fsub(a, b)


@instruction(of_first)
def mul(builder: Any, a: Any, b: Any) -> Any:
    return builder.fmul(a, b)


@instruction(of_first)
def div(builder: Any, a: Any, b: Any) -> Any:
    return builder.fdiv(a, b)


@instruction(of_first)
def within(builder: Any, x: Any, low: Any, high: Any) -> Any:
    """x within [low, high]; what is no number stays so."""
    above = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    return builder.select(builder.fcmp_ordered(">", above, high), high, above)


@instruction(of_first)
def clip(builder: Any, x: Any, top: Any) -> Any:
    """x within [0, top]; what is no number becomes 0."""
    zero = ir.Constant(x.type, [0.0] * x.type.count)
    above = builder.select(builder.fcmp_ordered(">", x, zero), x, zero)
    return builder.select(builder.fcmp_ordered("<", above, top), above, top)


@instruction(of_first)
def floor(builder: Any, x: Any) -> Any:
    return call(builder, f"llvm.floor.{name_of(x.type)}", x.type, [x])


@instruction(lambda a, b: types.boolean)
def differ(builder: Any, a: Any, b: Any) -> Any:
    """Whether any lane of a and b differs; what is no number differs from everything."""
    bits = builder.bitcast(builder.fcmp_unordered("!=", a, b), ir.IntType(a.type.count))
    return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))


@instruction(nothing)
def store_integers(builder: Any, pointer: Any, index: Any, value: Any) -> None:
    """Store whole numbers as 32-bit integers."""
    whole = builder.fptosi(value, ir.VectorType(_INT, value.type.count))
    builder.store(whole, address_of(builder, pointer, index, whole.type), align=4)


@instruction(lambda x: x.dtype)
def total(builder: Any, x: Any) -> Any:
    """The sum of all lanes."""
    start = ir.Constant(x.type.element, -0.0)
    name = f"llvm.vector.reduce.fadd.{name_of(x.type)}"
    return call(builder, name, x.type.element, [start, x], fastmath=("reassoc",))
