"""A law of a textbook as a row: its formula, its constants with their meaning and where fits of them start."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Part
from edgewise.formulas.expressions import parse
from edgewise.formulas.forms._words import kinds

Where = Literal["anywhere", "nonnegative", "positive", "fraction"]
"""Values of an input for which a law makes sense; "fraction" is from 0 to 1."""

Scale = Literal["", "log", "square", "inverse"]
"""What of the law is linear in its linear constants: the law, or its logarithm, square or inverse."""

_NUMBER = re.compile(r"-?[0-9.]+")
_KINDS = ("linear", "factor", "size", "place", "number", "period")


@dataclass(frozen=True)
class Parameter:
    """A constant of a law.

    Parameters
    ----------
    symbol
        Its usual symbol.
    meaning
        What it is, in words.
    unit
        Its unit by those of the target "y" and of the inputs, like "1/t" or "y*x^2"; "1" for a pure number.
    kind
        Where fits start: "linear" is solved for, and so is "factor", by its logarithm; "size" is tried over decades of
        its unit; "place" within the range of the input that is its unit, and a little outside; "period" at all that the
        rows resolve; "number" at `values`.
    values
        The numbers that are tried, of the kind "number", and of "size" in units of the usual sizes (1 for none).
    positive
        Whether a law has it above zero.

    Examples
    --------
    >>> from edgewise.forms import Parameter
    >>> Parameter("Km", "S at half of Vmax", "S", "size").unit
    'S'
    """

    symbol: str
    meaning: str
    unit: str = "1"
    kind: str = "linear"
    values: tuple[float, ...] = ()
    positive: bool = False

    @cached_property
    def powers(self) -> dict[str, float]:
        """The exponents of the target "y" and of the inputs in the unit.

        >>> Parameter("k", "", "1/(y*t^2)").powers
        {'y': -1.0, 't': -2.0}
        """
        above, _, below = self.unit.partition("/")
        found: dict[str, float] = {}
        for sign, part in ((1.0, above), (-1.0, below)):
            for factor in filter(None, part.strip("()").split("*")):
                name, _, power = factor.partition("^")
                if name != "1":
                    found[name] = found.get(name, 0.0) + sign * (float(power) if _NUMBER.fullmatch(power) else 1.0)
        return found

    @property
    def solved(self) -> bool:
        """Whether a fit starts with its best value."""
        return self.kind in ("linear", "factor")


@dataclass(frozen=True)
class Form:
    """A named law of one to three inputs.

    Parameters
    ----------
    name
        What it is called.
    formula
        The formula, in its inputs and constants.
    inputs
        The usual symbols of the inputs, with what they are.
    parameters
        The constants, in the order in which they are shown.
    subject
        Where it is used: growth, kinetics, physics, ...
    source
        Who wrote about it first, or a book.
    where
        Values of inputs for which it makes sense; anywhere if not given.
    like
        The name of another law that is the same function with other constants: searches fit that one, and say both.
    solved
        The scale in which linear constants are solved for, where a fit starts.
    positive
        Whether the target must be above zero.
    monotone
        Whether it goes up or down only, along each input, for all its constants.
    bits
        What its name takes in a code of all laws: 3 for those met everywhere, 6 in one field, 9 seldom.
    generic
        Whether simple formulas are special cases of it: then one with whole numbers in it is not called by its name.

    Raises
    ------
    InputError
        For names in the formula that are neither inputs nor parameters, and the other way round, and for unknown kinds.

    Examples
    --------
    >>> from edgewise.forms import Form, Parameter
    >>> Form("Torricelli", "a*sqrt(h)", {"h": "height"}, (Parameter("a", "speed at unit height", "y/h^0.5"),)).inputs
    {'h': 'height'}
    """

    name: str
    formula: str
    inputs: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    subject: str = "own"
    source: str = ""
    where: Mapping[str, Where] = field(default_factory=dict)
    like: str = ""
    solved: Scale = ""
    positive: bool = False
    monotone: bool = False
    bits: float = 6.0
    generic: bool = False

    def __hash__(self) -> int:
        return hash((self.name, self.formula))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the constants."""
        return tuple(each.symbol for each in self.parameters)

    @property
    def code(self) -> float:
        """What its name takes in units of the Bayesian criterion, which is twice a log-likelihood."""
        return 2 * math.log(2) * self.bits

    def fits(self, columns: Sequence[str]) -> bool:
        """Return whether its inputs are quantities of the kinds that columns are called by, as far as both say.

        Parameters
        ----------
        columns
            The names of the columns, one for each input.
        """
        own = (kinds(what) for what in self.inputs.values())
        return not any(one and other and not one & other for one, other in zip(own, map(kinds, columns), strict=True))

    def names(self, columns: Sequence[str]) -> bool:
        """Return whether each input that is of some kind has a column that is called so, and there is one.

        Parameters
        ----------
        columns
            The names of the columns, one for each input.
        """
        pairs = [(kinds(column), kinds(text)) for column, text in zip(columns, self.inputs.values(), strict=True)]
        return any(wanted for _, wanted in pairs) and all(own & wanted for own, wanted in pairs if wanted)

    @property
    def rows(self) -> int:
        """The rows that a fit needs at least: 2.5 for each constant."""
        return math.ceil(2.5 * len(self.parameters))

    @cached_property
    def expression(self) -> Part:
        """The formula of sympy."""
        return parse(self.formula, [*self.inputs, *self.symbols])

    def of(self, columns: Mapping[str, str], constants: Mapping[str, sympy.Symbol] | None = None) -> Part:
        """Return the formula of columns, with symbols for the constants.

        Parameters
        ----------
        columns
            The name of the column that each input is, by the symbol of the input.
        constants
            Symbols of constants, by their names; None for those of the names.
        """
        places: dict[sympy.Symbol, Part] = {sympy.Symbol(one): sympy.Symbol(other) for one, other in columns.items()}
        places |= {sympy.Symbol(name): symbol for name, symbol in (constants or {}).items()}
        return self.expression.xreplace(places)

    def checked(self) -> Form:
        """Return the law, if its parts fit together. Errors: InputError."""
        if not 1 <= len(self.inputs) <= 3:
            raise InputError(f"A form takes one to three inputs. {self.name!r} has {len(self.inputs)}.")
        held = {str(symbol) for symbol in self.expression.free_symbols}
        for name in sorted({*self.inputs, *self.symbols} - held):
            raise InputError(f"The formula {self.formula} of {self.name!r} does not hold {name!r}: leave it out.")
        if {*self.inputs} & {*self.symbols} or len({*self.symbols}) < len(self.symbols):
            raise InputError(f"The inputs and constants of {self.name!r} must have different symbols.")
        for each in self.parameters:
            if each.kind not in _KINDS:
                raise unknown(f"kind of the constant {each.symbol!r}", each.kind, _KINDS)
            for name in each.powers:
                if name != "y" and name not in self.inputs:
                    raise unknown(f"input in the unit of {each.symbol!r}", name, ["y", *self.inputs])
        return self


def linear(symbol: str, unit: str, meaning: str, *, positive: bool = False) -> Parameter:
    """A constant that the law is linear in."""
    return Parameter(symbol, meaning, unit, "linear", (), positive)


def size(symbol: str, unit: str, meaning: str, *values: float, positive: bool = True) -> Parameter:
    """A constant over decades."""
    return Parameter(symbol, meaning, unit, "size", values, positive)


def place(symbol: str, unit: str, meaning: str) -> Parameter:
    """A constant within the range of an input."""
    return Parameter(symbol, meaning, unit, "place")


def number(symbol: str, meaning: str, *values: float, positive: bool = False) -> Parameter:
    """A pure number."""
    return Parameter(symbol, meaning, "1", "number", values, positive)


def period(symbol: str, unit: str, meaning: str) -> Parameter:
    """A period."""
    return Parameter(symbol, meaning, unit, "period", (), True)


def factor(symbol: str, unit: str, meaning: str) -> Parameter:
    """A positive factor of the whole, of a law that is solved for in logarithms."""
    return Parameter(symbol, meaning, unit, "factor", (), True)


_ENTRY = re.compile(r"(?P<symbol>\S+): (?P<words>.*)")


def inputs(*texts: str) -> dict[str, str]:
    """Return the inputs of texts like "t: time".

    >>> inputs("t: time")
    {'t': 'time'}
    """
    return {match["symbol"]: match["words"] for match in map(_ENTRY.fullmatch, texts) if match}


def in_order(forms: Iterator[Form]) -> dict[str, Form]:
    """Return laws by their names, checked. Errors: InputError for a name that stands twice."""
    found: dict[str, Form] = {}
    for form in forms:
        if form.name in found:
            raise InputError(f"The form {form.name!r} stands twice.")
        found[form.name] = form
    return found
