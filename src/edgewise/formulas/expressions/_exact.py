"""Exact numbers in formulas: which are kept, so that sympy never works on one for long."""

import itertools
import math

import sympy

from edgewise._typing import Part
from edgewise.formulas.expressions._constants import exact_constant, readable_float

BITS = 4096  # of an exact number; a longer one becomes a double
FRACTION = 64  # bits of a number beside others that is kept exact, however many there are
_PARTS = 30  # of an exact number


def power_of(base: float, exponent: float) -> float | None:
    """Return the double of a power of numbers, None where it is not real or too large."""
    try:
        number = base**exponent
    except (OverflowError, ZeroDivisionError):
        return None
    return number if isinstance(number, float) and math.isfinite(number) else None


def length(form: Part) -> int:
    """Return bits of all whole numbers in a formula."""
    return sum(int(r.p).bit_length() + int(r.q).bit_length() - 1 for r in form.atoms(sympy.Rational))


def fits(base: Part, exponent: Part) -> bool:
    """Return whether a power of numbers may be exact: for 12^(p/q) sympy works out numbers of p and of q bits."""
    if not exponent.is_Rational:
        return not long_fractions(exponent) and length(base) <= BITS
    return length(base) * max(abs(int(exponent.p)), int(exponent.q)) <= BITS


def long_fractions(form: Part) -> list[Part]:
    """Return the fractions in a formula that are no simple ones: sympy takes long where they become exponents."""
    return [r for r in form.atoms(sympy.Rational) if max(abs(int(r.p)), int(r.q)) > BITS and not r.is_Integer]


def without_long_fractions(form: Part) -> Part:
    """Return the formula with doubles in the place of long fractions."""
    long = long_fractions(form)
    return form.xreplace({r: readable_float(float(r)) for r in long}) if long else form


def in_doubles(form: Part) -> Part:
    """Return the formula with its decimals as doubles are written: sympy carries a few digits more."""
    decimals = {decimal: exact_constant(float(decimal)) for decimal in form.atoms(sympy.Float)}
    return form.xreplace({decimal: double for decimal, double in decimals.items() if decimal != double})


def plain(form: Part, number: float | None) -> Part:
    """Return the formula with its number, or the number that multiplies it, as one double where it is no plain one.

    sympy loops for ever over some powers of a Float beside the root of an integer, as in (0.2*10^(1/3))^(1/2), and
    over powers within powers, as in 0.5^0.5^0.5^0.5.

    Raises ArithmeticError where the number is too small for a double.
    """
    if number is not None:
        return form if _is_plain(form) or form.is_Float else exact_constant(number)
    if form.is_Add:  # sympy multiplies 1.938*(x + pi) out
        terms = [plain(term, float(sympy.N(term, 17)) if term.is_number else None) for term in form.args]
        return form if tuple(terms) == form.args else sympy.Add(*terms)
    factors = [factor for factor in sympy.Mul.make_args(form) if factor.is_number]
    if len(factors) < 2 and all(_is_plain(factor) or (factor.is_Float and float(factor)) for factor in factors):
        return form
    together = sympy.Mul(*factors)
    if _is_plain(together):
        return form
    number = float(sympy.N(together, 17))
    if number == 0 != together:
        raise ArithmeticError("the numbers in here are too small together")
    return exact_constant(number) * sympy.Mul(*(f for f in form.args if not f.is_number))


def _is_plain(number: Part) -> bool:
    """Return whether a number is exact and short, and holds no roots but square ones and no powers within exponents."""
    if number.is_Rational:
        return length(number) <= BITS
    parts: list[Part] = list(itertools.islice(sympy.preorder_traversal(number), _PARTS + 1))
    simple = all(_is_simple(part) for part in parts if part.is_Pow)
    return len(parts) <= _PARTS and simple and not number.has(sympy.Float) and length(number) <= BITS


def _is_simple(power: Part) -> bool:
    if power.exp.is_Rational:
        return power.exp.q <= 2
    return not power.exp.has(sympy.Pow) and not power.base.has(sympy.Pow)
