"""Kernels of grouped rational functions. Imported only to compile them; `_rational.py` calls what comes out.

A kernel takes one vector of channels at a time and walks down rows, so that the coefficients stay in registers, and
the sums of their gradients do.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from edgewise.kernels.runtime._cpu_blocks import load_block, store_block, zero_block
from edgewise.kernels.source import (
    BARE,
    SIGNATURE,
    Lanes,
    call,
    full_width,
    instruction,
    load,
    load_some,
    name_of,
    of_first,
    pointer_to,
    store,
    store_some,
    vector_of,
)

_TILE = 64  # rows whose gradients are added up in registers, and whose numbers stay in a cache for all channels


def build(name: str, dtype: str, p: int, q: int) -> Any:
    """Return the Numba function of a kernel for one dtype and the degrees of numerator and denominator."""
    return {"value": _value, "vjp": _vjp}[name](getattr(types, dtype), p, q)


def _value(real: Any, p: int, q: int) -> Any:
    """out[n, i] = R_i(x[n, i]) for channels from `start` to `stop`."""
    lanes, reals = Lanes(real), pointer_to(real)
    top, bottom, at = load_block(lanes, p + 1, 1), load_block(lanes, q, 1), _value_at(lanes)
    count = lanes.count

    @njit(SIGNATURE, **BARE)
    def value(a: Any) -> None:
        full_width()
        x, numerators, denominators, out = reals(a[0]), reals(a[1]), reals(a[2]), reals(a[3])
        rows, channels, wide, start, stop = a[4], a[5], a[6], a[7], a[8]
        for first in range(0, rows, _TILE):
            last = min(rows, first + _TILE)
            for i in range(start, stop, count):
                above, below, left = top(numerators, i, wide), bottom(denominators, i, wide), channels - i
                if left >= count:
                    for e in range(first * channels + i, last * channels + i, channels):
                        store(out, e, at(load(x, e), above, below))
                else:
                    for e in range(first * channels + i, last * channels + i, channels):
                        store_some(out, e, left, at(load_some(x, e, left), above, below))

    return value


def _vjp(real: Any, p: int, q: int) -> Any:
    """out[n, i] = g R', and sums[k, i] the gradients by the p + 1 + q coefficients of channel i; `sums` come zeroed."""
    lanes, reals = Lanes(real), pointer_to(real)
    top, bottom, at = load_block(lanes, p + 1, 1), load_block(lanes, q, 1), _slopes_at(lanes, p, q)
    nothing, known, keep = (make(lanes, p + 1 + q, 1) for make in (zero_block, load_block, store_block))
    count = lanes.count

    @njit(SIGNATURE, **BARE)
    def vjp(a: Any) -> None:
        full_width()
        x, numerators, denominators = reals(a[0]), reals(a[1]), reals(a[2])
        g, out, sums = reals(a[3]), reals(a[4]), reals(a[5])
        rows, channels, wide, start, stop = a[6], a[7], a[8], a[9], a[10]
        for first in range(0, rows, _TILE):
            last = min(rows, first + _TILE)
            for i in range(start, stop, count):
                above, below, left = top(numerators, i, wide), bottom(denominators, i, wide), channels - i
                total = nothing()
                if left >= count:
                    for e in range(first * channels + i, last * channels + i, channels):
                        slope, total = at(load(x, e), load(g, e), above, below, total)
                        store(out, e, slope)
                else:
                    for e in range(first * channels + i, last * channels + i, channels):
                        slope, total = at(load_some(x, e, left), load_some(g, e, left), above, below, total)
                        store_some(out, e, left, slope)
                keep(sums, i, wide, _added(known(sums, i, wide), total))

    return vjp


def _value_at(lanes: Lanes) -> Any:
    """The function of R(x) for a block of numerators a_0 .. a_p and one of denominators b_1 .. b_q."""

    @instruction(of_first)
    def value(builder: Any, x: Any, a: Any, b: Any) -> Any:
        make = _Arithmetic(builder, lanes)
        argument = builder.fmul(x, make.polynomial(x, cgutils.unpack_tuple(builder, b)))
        below = builder.fadd(make.one, make.size(argument))
        return builder.fdiv(make.polynomial(x, cgutils.unpack_tuple(builder, a)), below)

    return value


def _slopes_at(lanes: Lanes, p: int, q: int) -> Any:
    """The function of g R'(x), and of sums of the gradients by a_0 .. a_p and b_1 .. b_q with those of x added.

    With D the denominator and s the sign of its argument A, h = g/D and t = -s R,

        R' = (P' + t A')/D,  dR/da_k = x^k/D,  dR/db_k = t x^k/D
    """

    @instruction(lambda x, g, a, b, sums: types.Tuple([lanes, sums]))
    def slopes(builder: Any, x: Any, g: Any, a: Any, b: Any, sums: Any) -> Any:
        make = _Arithmetic(builder, lanes)
        a, b, sums = (cgutils.unpack_tuple(builder, part) for part in (a, b, sums))
        top, top_slope = make.polynomial_and_slope(x, a)
        argument, argument_slope = make.polynomial_and_slope(x, [make.zero, *b])
        inverse = builder.fdiv(make.one, builder.fadd(make.one, make.size(argument)))
        turned = builder.fmul(make.minus_sign(argument), builder.fmul(top, inverse))
        for_a = builder.fmul(g, inverse)
        slope = builder.fmul(for_a, make.fma(turned, argument_slope, top_slope))
        for_b, power, out = builder.fmul(for_a, turned), make.one, [builder.fadd(sums[0], for_a)]
        out_b = []
        for k in range(1, max(p, q) + 1):
            power = x if k == 1 else builder.fmul(power, x)
            if k <= p:
                out.append(make.fma(for_a, power, sums[k]))
            if k <= q:
                out_b.append(make.fma(for_b, power, sums[p + k]))
        return cgutils.pack_struct(builder, [slope, cgutils.pack_array(builder, out + out_b)])

    return slopes


@instruction(of_first)
def _added(builder: Any, one: Any, other: Any) -> Any:
    """The sum of two blocks."""
    pairs = zip(*(cgutils.unpack_tuple(builder, block) for block in (one, other)), strict=True)
    return cgutils.pack_array(builder, [builder.fadd(*pair) for pair in pairs])


class _Arithmetic:
    """What is done with vectors where code is built."""

    def __init__(self, builder: Any, lanes: Lanes) -> None:
        self.builder, self.vector = builder, vector_of(lanes)
        self.zero, self.one, self.minus = (ir.Constant(self.vector, [v] * lanes.count) for v in (0.0, 1.0, -1.0))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return call(self.builder, f"llvm.fma.{name_of(self.vector)}", self.vector, [a, b, c])

    def size(self, x: Any) -> Any:
        return call(self.builder, f"llvm.fabs.{name_of(self.vector)}", self.vector, [x])

    def minus_sign(self, x: Any) -> Any:
        """-1 above zero, 1 below, 0 at zero and for what is no number."""
        below = self.builder.select(self.builder.fcmp_ordered("<", x, self.zero), self.one, self.zero)
        return self.builder.select(self.builder.fcmp_ordered(">", x, self.zero), self.minus, below)

    def polynomial(self, x: Any, coefficients: list[Any]) -> Any:
        value, *rest = reversed(coefficients)
        for c in rest:
            value = self.fma(value, x, c)
        return value

    def polynomial_and_slope(self, x: Any, coefficients: list[Any]) -> tuple[Any, Any]:
        value, *rest = reversed(coefficients)
        slope = self.zero
        for number, c in enumerate(rest):
            slope = value if number == 0 else self.fma(slope, x, value)
            value = self.fma(value, x, c)
        return value, slope
