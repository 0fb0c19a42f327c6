"""exp, and silu of a row of numbers, whole vectors at a time, inside Numba functions.

Imported only while a kernel is being compiled.
"""

import math
from typing import Any

from llvmlite import ir
from numba import njit

from edgewise.kernels.runtime._simd import (
    FAST,
    Lanes,
    call,
    full_width,
    instruction,
    load_some,
    name_of,
    of_first,
    store_some,
)  # fmt: skip

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
