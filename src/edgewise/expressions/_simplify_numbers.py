"""Floats as symbols while a formula is rewritten, and exact constants in the place of floats afterwards."""

from __future__ import annotations

from fractions import Fraction

import sympy

from edgewise._typing import Part
from edgewise.expressions._constants import readable_float, simple_constants

_SAME, _ROUNDING = 1e-12, 1e-15
_LARGEST = 16  # numerator and denominator of a ratio that is seen
_DENOMINATOR = 32
_DIGITS = 6
_PI_POWERS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5)


def name_floats(expr: Part) -> tuple[Part, dict[Part, Part]]:
    """Replace floats by positive symbols; those in a ratio of small integers share one.

    Returns the formula with symbols, and what the symbols stand for.

    >>> x = sympy.Symbol("x")
    >>> name_floats(0.37 * x - 0.74)[0].subs(x, 2)
    0
    """
    symbols: dict[Part, Part] = {}
    meant: dict[Part, Part] = {}
    for number in sorted(expr.atoms(sympy.Float), key=lambda f: (abs(float(f)), float(f))):
        symbol, ratio = _multiple(abs(float(number)), symbols)
        if symbol is None:
            symbol = sympy.Dummy(f"f{len(symbols)}", positive=True)
            symbols[symbol] = abs(number)
        meant[number] = sympy.Rational(ratio.numerator, ratio.denominator) * symbol * (1 if number > 0 else -1)
    return expr.xreplace(meant), symbols


def _multiple(size: float, symbols: dict[Part, Part]) -> tuple[Part | None, Fraction]:
    """Return the symbol whose number is in a ratio of small integers to this one, and the ratio."""
    for symbol, known in symbols.items():
        ratio = Fraction(size / float(known)).limit_denominator(_LARGEST)
        if 0 < ratio.numerator <= _LARGEST and abs(float(ratio) * float(known) - size) <= _SAME * size:
            return symbol, ratio
    return None, Fraction(1)


def recognize_constants(expr: Part, given: Part) -> Part:
    """Replace floats that are exact constants to 1e-12: fractions of small integers, times powers of pi, or roots.

    Others stay as in the given formula; products of its floats lose their rounding error. A decimal of few digits is
    as somebody wrote it, and stays.

    >>> x = sympy.Symbol("x")
    >>> recognize_constants(62.012553360599625 * x, x), recognize_constants(0.3 * x, 0.3 * x)
    (2*pi**3*x, 0.3*x)
    """
    kept = [abs(f) for f in given.atoms(sympy.Float)]
    return expr.xreplace({f: _exact(float(f), kept) for f in expr.atoms(sympy.Float)})


def _exact(value: float, kept: list[Part]) -> Part:
    sign = 1 if value > 0 else -1
    same = next((f for f in kept if abs(float(f) - abs(value)) <= _ROUNDING * float(f)), None)
    if same is not None and float(f"{float(same):.{_DIGITS}g}") == float(same):
        return sign * same
    for power in _PI_POWERS:
        factor = sympy.pi**power
        for simple in simple_constants(value / float(factor), _SAME, _DENOMINATOR):
            if _is_small(simple.expr):
                return simple.expr * factor
    for simple in simple_constants(value * value, 2 * _SAME, _DENOMINATOR):
        if _is_small(simple.expr):
            return sign * sympy.sqrt(simple.expr)
    return readable_float(float(f"{value:.15g}")) if same is None else sign * same


def _is_small(expr: Part) -> bool:
    return expr.as_coeff_Mul()[0].q <= _DENOMINATOR
