"""silu of a row of numbers, whole vectors at a time, inside Numba functions.

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


def _silu_of(real: Any) -> Any:
    bits, bound = real.bitwidth, _BOUND[real.bitwidth]
    whole, bias, shift = (_INT, 127, 23) if bits == 32 else (_LONG, 1023, 52)
    high, low = _LOG_2[bits]

    @instruction(of_first)
    def silu_of(builder: Any, x: Any) -> Any:
        vector = x.type

        def constant(value: float) -> Any:
            return ir.Constant(vector, [value] * vector.count)

        def fma(a: Any, b: Any, c: Any) -> Any:
            return call(builder, f"llvm.fma.{name_of(vector)}", vector, [a, b, c])

        t = builder.fneg(x)
        t = builder.select(builder.fcmp_ordered("<", t, constant(bound)), t, constant(bound))
        t = builder.select(builder.fcmp_ordered(">", t, constant(-bound)), t, constant(-bound))
        power = builder.fmul(t, constant(1 / math.log(2)))
        power = call(builder, f"llvm.rint.{name_of(vector)}", vector, [power])
        r = fma(power, constant(-low), fma(power, constant(-high), t))
        terms = [1 / math.factorial(k) for k in range(_TERMS[bits])]
        value = constant(terms[-1])
        for term in reversed(terms[:-1]):
            value = fma(value, r, constant(term))
        number = builder.fptosi(power, ir.VectorType(_INT, vector.count))
        if bits == 64:
            number = builder.sext(number, ir.VectorType(_LONG, vector.count))
        wholes = ir.VectorType(whole, vector.count)
        number = builder.shl(
            builder.add(number, ir.Constant(wholes, [bias] * vector.count)), ir.Constant(wholes, [shift] * vector.count)
        )
        scale = builder.bitcast(number, vector)
        return builder.fdiv(x, fma(value, scale, constant(1.0)))

    return silu_of
