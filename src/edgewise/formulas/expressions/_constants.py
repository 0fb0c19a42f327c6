"""Exact numbers in formulas, and exact constants near a float: fractions, decimals, multiples of pi, e and roots."""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import sympy

from edgewise._typing import Formula, Part

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


@dataclass(frozen=True)
class SimpleConstant:
    """An exact number, its double, and how much it takes to write it down.

    Parameters
    ----------
    expr
        The number as a sympy expression.
    value
        Its double.
    complexity
        How much it takes to write it down; 1 is the simplest.
    """

    expr: sympy.Expr
    value: float
    complexity: int


ZERO = SimpleConstant(sympy.Integer(0), 0.0, 1)
"""The simple constant 0."""


@dataclass(frozen=True)
class _Factor:
    expr: sympy.Expr
    exact: Fraction
    value: float
    cost: int


_ROOT_TWO_PI = sympy.sqrt(2) * sympy.sqrt(sympy.pi)
_COSTS = {
    sympy.Integer(1): 0,
    sympy.pi: 4,
    1 / sympy.pi: 5,
    sympy.sqrt(2): 5,
    sympy.sqrt(3): 6,
    sympy.pi**2: 6,
    1 / sympy.pi**2: 7,
    sympy.sqrt(sympy.pi): 7,
    1 / sympy.sqrt(sympy.pi): 7,
    _ROOT_TWO_PI: 7,
    1 / _ROOT_TWO_PI: 7,
    sympy.E: 8,
}
_EXACT = {expr: Fraction(str(sympy.N(expr, 45))) for expr in _COSTS}
_FACTORS = [_Factor(expr, _EXACT[expr], float(_EXACT[expr]), cost) for expr, cost in _COSTS.items()]
_ULP = 2.0**-52
_READABLE = (1e-4, 1e6)  # outside, a short decimal reads better as a float (6.5e-8) than as a fraction
_LARGEST, _LARGEST_INTEGER = 10**3, 10**6  # numerators beyond these are not simple
_SIMPLE = 6  # constants up to this complexity (1, -2, 3/2, 1/3) are offered however wide the tolerance is
_CHANCE = 0.1  # others only while fewer equally simple constants than this are expected within it
_SAME, _ROUNDING = 1e-12, 1e-15
_RATIO = 16  # numerator and denominator of a ratio that is seen
_DENOMINATOR = 32
_DIGITS = 6
_PI_POWERS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5)


def _bits(k: int) -> int:
    """Return 0 for 1, 1 for 2, 2 for 3 and 4, 3 for 5 to 8, ..."""
    return (k - 1).bit_length()


def _cost(numerator: int, denominator: int, factor: int) -> int:
    """Return the complexity of numerator / denominator times a factor; trailing zeros cost less."""
    zeros = 0
    while numerator % 10 == 0:
        numerator //= 10
        zeros += 1
    return 1 + _bits(numerator) + zeros + 2 * _bits(denominator) + factor


def _decimal(size: float, rtol: float) -> tuple[int, int, int] | None:
    """Return numerator, denominator and digits of the shortest decimal (up to 4 digits) within rtol."""
    if not _READABLE[0] <= size < _READABLE[1]:
        return None
    exponent = math.floor(math.log10(size))
    for digits in range(1, 5):
        mantissa = round(Fraction(size) * Fraction(10) ** (digits - 1 - exponent))
        number = Fraction(mantissa) * Fraction(10) ** (exponent - digits + 1)
        if abs(float(number) - size) <= rtol * size:
            return number.numerator, number.denominator, digits
    return None


def simple_constants(value: float, rtol: float, max_denominator: int = 32) -> list[SimpleConstant]:
    """List the exact constants near a float, simplest first.

    Candidates are n/d times one of 1, pi, 1/pi, pi^2, 1/pi^2, sqrt 2, sqrt 3, sqrt pi, 1/sqrt pi, sqrt(2 pi),
    1/sqrt(2 pi), e, with n <= 1000 and d <= max_denominator, integers up to 10^6, decimals of at most four
    digits. The complexity is 1 + log2 |n| + 2 log2 d (each rounded up) + a price for the factor, so 2 comes
    before 3/2 before pi before 22/7. A candidate is left out where the tolerance is so wide that a number as
    complex as it would be met by chance.

    Parameters
    ----------
    value
        The number. There is no constant near nan and infinities.
    rtol
        The largest relative distance of a candidate.
    max_denominator
        The largest denominator d.

    Returns
    -------
    list of SimpleConstant
        The candidates, each with its exact sympy form, double and complexity.

    Examples
    --------
    >>> [str(simple_constants(value, 1e-7)[0].expr) for value in (1.5707963, -0.75)]
    ['pi/2', '-3/4']
    """
    if value == 0:
        return [ZERO]
    if not math.isfinite(value):
        return []
    sign, size = (1, value) if value > 0 else (-1, -value)
    rtol = max(rtol, _ULP)
    found = []
    for factor in _FACTORS:
        for n, d in _fractions(size / factor.value, rtol, max_denominator):
            if n > (_LARGEST if d > 1 or factor.cost else _LARGEST_INTEGER):
                continue
            cost = _cost(n, d, factor.cost)
            if cost <= _SIMPLE or n * d * rtol * (1 + factor.cost) < _CHANCE:
                found.append((cost, abs(n / d * factor.value - size), n, d, factor))
    decimal = _decimal(size, rtol)
    if decimal is not None and decimal[1] > max_denominator and 10 ** decimal[2] * rtol < _CHANCE:
        n, d, digits = decimal
        found.append((5 + 3 * digits, abs(n / d - size), n, d, _FACTORS[0]))
    found.sort(key=lambda c: c[:4])
    return [
        SimpleConstant(sympy.Rational(sign * n, d) * f.expr, sign * float(Fraction(n, d) * f.exact), cost)
        for cost, _, n, d, f in found
    ]


def _fractions(ratio: float, rtol: float, max_denominator: int) -> list[tuple[int, int]]:
    """List the fractions n/d in lowest terms within rtol of a positive ratio, one for each d at most."""
    if not 1e-3 < ratio < 1e7:
        return []
    pairs = ((round(ratio * d), d) for d in range(1, max_denominator + 1))
    return [(n, d) for n, d in pairs if n and abs(n - ratio * d) <= rtol * ratio * d and math.gcd(n, d) == 1]


def exact_constant(value: float) -> sympy.Expr:
    """Return the exact simple constant that a double is, or the double itself as a readable Float.

    A constant counts only if its double is within one unit in the last place and its numerator and
    denominator are small (n d below 10^5, integers below 10^6): by chance that happens to one random double
    in 10^8.

    Parameters
    ----------
    value
        The double.

    Examples
    --------
    >>> exact_constant(1.5), exact_constant(0.6366197723675814), exact_constant(0.001)
    (3/2, 2/pi, 1/1000)
    >>> exact_constant(6.674e-11) * sympy.Symbol("x")
    6.674e-11*x
    """
    value = float(value)
    if not math.isfinite(value):
        return sympy.Float(value)
    if value == 0 or (value == round(value) and abs(value) < _READABLE[1]):
        return sympy.Integer(round(value))
    for c in simple_constants(value, 2 * _ULP):
        top, bottom = sympy.fraction(c.expr.as_coeff_Mul()[0])
        if abs(c.value - value) <= math.ulp(value) and abs(top) * bottom < 10**5:
            return c.expr
    return readable_float(value)


def readable_float(value: float) -> sympy.Float:
    """Return a Float that prints inside a formula as Python prints the double, and converts back to it.

    Parameters
    ----------
    value
        The double.

    Examples
    --------
    >>> readable_float(0.1) * sympy.Symbol("x")
    0.1*x
    """
    short = sympy.Float(repr(float(value)), 17)
    return short if float(short) == value else sympy.Float(value, 17)


def shorten(expression: Part, digits: int = 6) -> Formula:
    """Return a formula with its Floats to some digits, for reading; whole numbers lose their point.

    Parameters
    ----------
    expression
        The formula.
    digits
        Significant digits.

    Examples
    --------
    >>> shorten(sympy.Float("281428.4809") * sympy.Symbol("a") + sympy.Float("0.123456789"))
    281428*a + 0.123457
    """

    def short(value: sympy.Float) -> sympy.Number:
        text = f"{float(value):.{digits}g}"
        whole = float(text).is_integer() and abs(float(text)) < 10**digits
        return sympy.Integer(int(float(text))) if whole else sympy.Float(text, digits)

    return expression.xreplace({f: short(f) for f in expression.atoms(sympy.Float)})


def name_floats(expr: Part) -> tuple[Part, dict[Part, Part]]:
    """Replace floats by positive symbols; those in a ratio of small integers share one.

    Parameters
    ----------
    expr
        The formula.

    Returns
    -------
    formula and symbols
        The formula with symbols, and what the symbols stand for.

    Examples
    --------
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
        ratio = Fraction(min(size / float(known), 1e300)).limit_denominator(_RATIO)  # it may overflow
        if 0 < ratio.numerator <= _RATIO and abs(float(ratio) * float(known) - size) <= _SAME * size:
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
            if _is_short(simple.expr):
                return simple.expr * factor
    for simple in simple_constants(value * value, 2 * _SAME, _DENOMINATOR):
        if _is_short(simple.expr):
            return sign * sympy.sqrt(simple.expr)
    return readable_float(float(f"{value:.15g}")) if same is None else sign * same


def _is_short(expr: Part) -> bool:
    return expr.as_coeff_Mul()[0].q <= _DENOMINATOR
