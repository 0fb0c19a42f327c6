"""Dimensions of formulas: which ones can be told to be wrong without any data."""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from tokenize import TokenError
from typing import Any

import sympy

from edgewise._errors import InputError, unknown
from edgewise._extras import MissingPackage, needed
from edgewise._typing import Formula, Part

Dimension = dict[str, Fraction]  # base dimension -> exponent, none of them zero
Unit = str | Mapping[str, Any]

_CONSTANTS = ("dimensionless", "free")
_LONGEST = 100  # characters of a unit
_SIGNS = re.compile(r"[\w\s*/^.()·°%²³⁻¹+-]*")
_TOWER = re.compile(r"[\d.)]\s*(\*\*|\^)\s*[-+(\d]")  # a power of a number: no unit, and it may be huge
_REFUSED = (  # by pint, besides its own errors
    ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
_KEEPS = (sympy.Abs, sympy.re, sympy.im, sympy.conjugate)
_ALIKE = (sympy.Add, sympy.Min, sympy.Max)


class _Clash(Exception):
    """Says what does not fit."""


def dimension(unit: Unit) -> Dimension:
    """Return the exponents of a unit's base dimensions: {} where it has none.

    Parameters
    ----------
    unit
        A text like "kg*m/s^2", "N", "km/h" or "" (read by pint: `pip install edgewise[units]`), or the exponents
        themselves, like {"m": 1, "s": -2}, whose names are taken as base dimensions as they are.

    Raises
    ------
    InputError
        For texts that are no unit, exponents that are not numbers, and where pint is missing.

    Examples
    --------
    >>> print(dimension("km/h") == dimension("m/s"), *dimension("N").values())
    True 1 1 -2
    >>> dimension({"m": 1, "s": 0})
    {'m': Fraction(1, 1)}
    """
    if isinstance(unit, str):
        return dict(_read(unit))
    if not isinstance(unit, Mapping):
        raise InputError(f"A unit is a text like 'm/s^2' or exponents like {{'m': 1, 's': -2}}. Got {unit!r}.")
    return _sorted_exponents(unit)


def consistent(
    expression: Formula, units: Mapping[str, Unit], target: Unit | None = None, *, constants: str = "dimensionless"
) -> bool:
    """Return whether a formula's dimensions fit together: a filter for candidates. See `unit_problem`.

    Parameters
    ----------
    expression
        The formula.
    units
        The unit of each symbol, by its name, as for `dimension`.
    target
        The unit of the whole; None for any.
    constants
        "dimensionless", or "free" where numbers as fits leave them may have any dimension.

    Raises
    ------
    InputError
        For symbols without a unit and for units that are none.

    Examples
    --------
    >>> import sympy
    >>> g, t, v = sympy.symbols("g t v")
    >>> units = {"g": "m/s^2", "t": "s", "v": "m/s"}
    >>> consistent(g * t**2 / 2 + v * t, units, "m"), consistent(g * t + v * t, units), consistent(sympy.exp(t), units)
    (True, False, False)
    """
    return unit_problem(expression, units, target, constants=constants) is None


def unit_problem(
    expression: Formula, units: Mapping[str, Unit], target: Unit | None = None, *, constants: str = "dimensionless"
) -> str | None:
    """Return what is wrong with a formula's dimensions, None where they fit.

    Terms of a sum have one dimension; exponents and the arguments of exp, sin, ... have none. Numbers have no
    dimension. Radians, degrees and percent count as no dimension. log(a) - log(b) is read as log(a/b).

    Parameters
    ----------
    expression
        The formula.
    units
        The unit of each symbol, by its name, as for `dimension`.
    target
        The unit of the whole; None for any.
    constants
        "dimensionless", or "free": a number that is neither rational nor a multiple of pi or e, as fits leave them, may
        have any dimension. Each counts as a separate constant of nature.

    Raises
    ------
    InputError
        For symbols without a unit and for units that are none.

    Examples
    --------
    >>> import sympy
    >>> t, v = sympy.symbols("t v")
    >>> unit_problem(t + v, {"t": "s", "v": "m/s"})
    't has dimension [time], but v has [length]/[time]'
    >>> unit_problem(sympy.exp(-0.3517 * t), {"t": "s"}, constants="free") is None
    True
    """
    if constants not in _CONSTANTS:
        raise unknown("value of 'constants'", constants, _CONSTANTS)
    expression = sympy.sympify(expression) if isinstance(expression, int | float) else expression
    if not isinstance(expression, sympy.Expr):
        raise InputError(f"A formula is a sympy expression. Got {type(expression).__name__}.")
    found = {}
    for name in sorted(map(str, expression.free_symbols)):
        if name not in units:
            raise InputError(f"No unit is given for {name!r}: name one, or '' where it has none.")
        found[name] = dimension(units[name])
    wanted = None if target is None else dimension(target)
    problem = _problem(expression, found, wanted, constants == "free")
    if problem is not None and expression.has(sympy.log):
        return _problem(sympy.logcombine(expression, force=True), found, wanted, constants == "free")
    return problem


def _problem(expression: Formula, units: Mapping[str, Dimension], wanted: Dimension | None, free: bool) -> str | None:
    try:
        whole = _Walk(units, free).of(expression)
    except _Clash as clash:
        return str(clash)
    if wanted is None or whole is None or whole == wanted:
        return None
    return f"the formula has dimension {_shown(whole)}, but the target {_shown(wanted)}"


class _Walk:
    """Dimensions from the leaves up; None stands for any dimension."""

    def __init__(self, units: Mapping[str, Dimension], free: bool) -> None:
        self.units, self.free = units, free

    def of(self, e: Part) -> Dimension | None:
        if e.is_Symbol:
            return self.units[e.name]
        if e.is_number:
            return None if e.is_zero or (self.free and e.has(sympy.Float)) else {}
        if isinstance(e, sympy.Mul):
            return self._product([self.of(factor) for factor in e.args])
        if isinstance(e, sympy.Pow):
            return self._power(e.base, e.exp)
        if isinstance(e, _ALIKE):
            return self._alike(e.args)
        if isinstance(e, _KEEPS):
            return self.of(e.args[0])
        if isinstance(e, sympy.atan2):
            self._alike(e.args)
            return {}
        for argument in e.args:
            self._bare(argument, f"an argument of {e.func.__name__}")
        return {}

    def _product(self, parts: list[Dimension | None]) -> Dimension | None:
        total: Dimension = {}
        for part in parts:
            if part is None:
                return None
            for name, exponent in part.items():
                total[name] = total.get(name, Fraction(0)) + exponent
        return _sorted_exponents(total)

    def _power(self, base: Formula, exponent: Formula) -> Dimension | None:
        self._bare(exponent, "an exponent")
        own = self.of(base)
        if not own:
            return own
        if not exponent.is_number:
            raise _Clash(f"{base} has dimension {_shown(own)}, but its exponent {exponent} is no number")
        return _sorted_exponents({name: power * _fraction(float(exponent)) for name, power in own.items()})

    def _alike(self, terms: Iterable[Part]) -> Dimension | None:
        first: Part = None
        own: Dimension | None = None
        for term in sorted(terms, key=sympy.default_sort_key):
            found = self.of(term)
            if found is None:
                continue
            if own is not None and found != own:
                raise _Clash(f"{first} has dimension {_shown(own)}, but {term} has {_shown(found)}")
            first, own = term, found
        return own

    def _bare(self, e: Formula, what: str) -> None:
        if found := self.of(e):
            raise _Clash(f"{e} has dimension {_shown(found)}, but is {what}")


@cache
def _read(text: str) -> tuple[tuple[str, Fraction], ...]:
    try:
        pint = needed("pint")
    except MissingPackage as missing:
        raise InputError(f"{missing} Or give the unit {text!r} as exponents, like {{'m': 1, 's': -2}}.") from None
    problem = InputError(f"{text[:_LONGEST]!r} is no unit that is known. Units look like 'm/s^2', 'kg*m', 'N' or ''.")
    if len(text) > _LONGEST or not _SIGNS.fullmatch(text) or _TOWER.search(text):
        raise problem
    try:
        found = dict(_registry().Unit(text).dimensionality)
    except (pint.errors.PintError, TokenError, *_REFUSED):
        raise problem from None
    return tuple(_sorted_exponents(found).items())


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


def _sorted_exponents(exponents: Mapping[str, Any]) -> Dimension:
    out = {}
    for name, value in sorted(exponents.items()):
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not abs(value) < 1000:
            raise InputError(f"The exponent of {name!r} in a unit must be a number below 1000. Got {value!r}.")
        if value != 0:
            out[name] = value if isinstance(value, Fraction) else _fraction(value)
    return out


def _fraction(value: float) -> Fraction:
    """Return the exponent that a float stands for, 1/3 for 0.333333333333."""
    return Fraction(value).limit_denominator(1000)


def _shown(found: Dimension) -> str:
    """[length]/[time]^2, or "none"."""
    if not found:
        return "none"
    parts = {1: "", -1: ""}
    for name, exponent in found.items():
        sign = 1 if exponent > 0 else -1
        size = abs(exponent)
        power = "" if size == 1 else f"^{size}" if size.denominator == 1 else f"^({size})"
        parts[sign] += f" {name}{power}"
    over, under = parts[1].strip() or "1", parts[-1].strip()
    return over + (f"/{under}" if " " not in under else f"/({under})") if under else over
