"""Vectors inside Numba functions: blocks of them that stay in registers, as tuples, and exp and silu of them.

Imported only while a kernel is being compiled. Each factory of blocks takes (lanes, rows, vectors) and gives a function
for blocks of that shape; their rows lie `wide` numbers apart in memory.
"""

import math
from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from edgewise.kernels.source import (
    FAST,
    Lanes,
    address_of,
    bytes_of,
    call,
    full_width,
    instruction,
    load_some,
    name_of,
    nothing,
    of_first,
    spread,
    store_some,
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


_INT, _LONG = ir.IntType(32), ir.IntType(64)
_TERMS = {32: 8, 64: 14}  # of the exponential series, to rounding below half of log 2
_BOUND = {32: 87.0, 64: 708.0}  # arguments of exp with normal values
_LOG_2 = {32: (0.693359375, -2.12194440054690583e-4), 64: (0.6931471803691238, 1.9082149292705877e-10)}  # in two parts


def silu(real: Any) -> Any:
    """The function that writes x/(1 + exp(-x)) of `count` numbers to s."""
    lanes, function = Lanes(real), _silu_of(real)
    step = lanes.count

    @njit(**FAST)
    def silu_all(x: Any, s: Any, count: Any) -> None:
        full_width()
        for k in range(0, count, step):
            left = min(step, count - k)
            store_some(s, k, left, function(load_some(x, k, left)))

    return silu_all


def exp_of(builder: Any, t: Any) -> Any:
    """Emit exp of a vector whose numbers lie within the bounds of normal values."""
    vector = t.type
    bits = 32 if isinstance(vector.element, ir.FloatType) else 64
    whole, bias, shift = (_INT, 127, 23) if bits == 32 else (_LONG, 1023, 52)
    high, low = _LOG_2[bits]
    power = builder.fmul(t, every(vector, 1 / math.log(2)))
    power = call(builder, f"llvm.rint.{name_of(vector)}", vector, [power])
    r = _fma(builder, power, every(vector, -low), _fma(builder, power, every(vector, -high), t))
    terms = [1 / math.factorial(k) for k in range(_TERMS[bits])]
    value = every(vector, terms[-1])
    for term in reversed(terms[:-1]):
        value = _fma(builder, value, r, every(vector, term))
    number, wholes = builder.fptosi(power, ir.VectorType(_INT, vector.count)), ir.VectorType(whole, vector.count)
    if bits == 64:
        number = builder.sext(number, wholes)
    number = builder.add(number, every(wholes, bias))
    return builder.fmul(value, builder.bitcast(builder.shl(number, every(wholes, shift)), vector))


def every(vector: ir.VectorType, value: float) -> Any:
    """Return the constant with one number in every lane."""
    return ir.Constant(vector, [value] * vector.count)


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return call(builder, f"llvm.fma.{name_of(a.type)}", a.type, [a, b, c])


def _silu_of(real: Any) -> Any:
    bound = _BOUND[real.bitwidth]

    @instruction(of_first)
    def silu_of(builder: Any, x: Any) -> Any:
        top, bottom = every(x.type, bound), every(x.type, -bound)
        t = builder.fneg(x)
        t = builder.select(builder.fcmp_ordered("<", t, top), t, top)
        t = builder.select(builder.fcmp_ordered(">", t, bottom), t, bottom)
        return builder.fdiv(x, builder.fadd(exp_of(builder, t), every(x.type, 1.0)))

    return silu_of
