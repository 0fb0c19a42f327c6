"""What a person knows of a formula before any is found, by the keywords of `discover`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict

import numpy as np
import sympy

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array, Formula
from edgewise.discovery.knowledge._behavior import Bounds, Limit, is_monotone, limits_of, monotone_of
from edgewise.discovery.knowledge._template import Sketch, Template
from edgewise.discovery.knowledge._units import Units
from edgewise.discovery.knowledge._vocabulary import allowed_functions, foreign_functions
from edgewise.formulas.expressions import complexity
from edgewise.formulas.programs import FUNCTIONS, tabulated_names


class Measured(Protocol):
    """A table that knows units of its columns, as `edgewise.io.Table` does."""

    @property
    def units(self) -> Mapping[str, str]: ...


class Known(TypedDict, total=False):
    """What is known of the formula, or wished of it. `Knowledge` says what each means."""

    functions: Collection[str]
    require: Collection[str] | str
    forbid: Collection[str] | str
    max_complexity: int
    units: Mapping[str, str | Mapping[str, Any]] | Measured | Literal["table"]
    guesses: Sequence[str | sympy.Expr] | str | sympy.Expr
    template: str
    constants: str | Sequence[str] | tuple[float, float]
    monotone: Mapping[str, int | str]
    limits: Mapping[str, float | str]


@dataclass(frozen=True)
class Knowledge:
    """What formulas must be like; without arguments, anything goes.

    functions: those that may occur, all if None. require: columns that must. forbid: columns that may not, which the
    search never sees. max_complexity: of the formulas that are shown. units: dimensions must fit, and the search looks
    for formulas of dimensionless groups first. guesses: formulas to start from. template: a form with unknown parts.
    constants: the range of fitted ones. monotone: directions by column. limits: what formulas tend to.

    >>> knowledge = Knowledge.of({"functions": ["exp"], "require": "t"}, ("t", "id"), "y")
    >>> t = sympy.Symbol("t")
    >>> knowledge.objection(sympy.exp(-t)), knowledge.objection(sympy.sin(t)), knowledge.objection(sympy.Float(2))
    (None, 'functions', 'require')
    """

    names: tuple[str, ...] = ()
    functions: frozenset[str] | None = None
    require: frozenset[str] = frozenset()
    forbid: frozenset[str] = frozenset()
    max_complexity: int | None = None
    units: Units | None = None
    guesses: tuple[Sketch, ...] = ()
    template: Template | None = None
    constants: Bounds | None = None
    monotone: Mapping[str, int] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    asked: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Known, names: Sequence[str], target: str) -> Knowledge:
        """Return what keywords of `discover` say of a table with these columns.

        Errors: InputError for unknown keywords, columns and functions, and for values that make no sense.
        """
        given = {key: value for key, value in known.items() if value is not None}
        for key in given:
            if key not in Known.__annotations__:
                raise unknown("argument of discover", key, Known.__annotations__)
        forbid, require = (_columns(given.get(key, ()), names, key) for key in ("forbid", "require"))
        if both := sorted(forbid & require):
            raise InputError(f"{both[0]!r} is both in 'require' and in 'forbid': leave it out of one.")
        left = tuple(name for name in names if name not in forbid)
        if not left and forbid:
            raise InputError("'forbid' leaves no column: formulas need one at least.")
        bounds = Bounds.of(given["constants"]) if "constants" in given else None
        strict = bounds is not None and bounds.strict
        if strict and "units" not in given:
            raise InputError("Constants can be 'dimensionless' only where 'units' are given.")
        units = {k: v for k, v in _units_in(given).items() if k not in forbid}
        return cls(
            names=left,
            functions=allowed_functions(given["functions"]) if "functions" in given else None,
            require=require,
            forbid=forbid,
            max_complexity=_size(given.get("max_complexity")),
            units=Units.of(units, left, target, strict=strict) if "units" in given else None,
            guesses=tuple(Sketch.of(each, left) for each in _guesses(given.get("guesses", ()))),
            template=Template.of(given["template"], left) if "template" in given else None,
            constants=bounds,
            monotone=monotone_of(given["monotone"], left) if "monotone" in given else {},
            limits=limits_of(given["limits"], left) if "limits" in given else (),
            asked=given,
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return not self.asked

    @property
    def evolved(self) -> tuple[str, ...] | None:
        """The functions that evolution and reading may use; None for all of them."""
        if self.functions is None:
            return None
        return tuple(name for name in (*FUNCTIONS, *tabulated_names()) if name in self.functions)

    def inside(self, names: tuple[str, ...]) -> Knowledge:
        """Return what is known of a part of the formula, over other columns: its functions and its length."""
        asked = {key: value for key, value in self.asked.items() if key in ("functions", "max_complexity")}
        return Knowledge(names=names, functions=self.functions, max_complexity=self.max_complexity, asked=asked)

    def admits(self, expression: Formula, x: Array | None = None, span: float = 1.0) -> bool:
        """Return whether a formula is as it has to be: see `objection`."""
        return self.objection(expression, x, span) is None

    def objection(self, expression: Formula, x: Array | None = None, span: float = 1.0) -> str | None:
        """Return the keyword that a formula is at odds with, None if there is none.

        Directions and limits are looked at where rows x (n, n_columns) are given; `span` is the range of the target.
        """
        if self.empty:
            return None
        used = {str(symbol) for symbol in expression.free_symbols}
        if not used <= {*self.names}:
            return "forbid"
        if not self.require <= used:
            return "require"
        if self.max_complexity is not None and complexity(expression) > self.max_complexity:
            return "max_complexity"
        if self.functions is not None and foreign_functions(expression, self.functions):
            return "functions"
        if self.constants is not None and not self.constants.hold(expression):
            return "constants"
        if self.units is not None and self.units.problem(expression) is not None:
            return "units"
        return None if x is None else self._misbehavior(expression, np.asarray(x), span)

    def _misbehavior(self, expression: Formula, x: Array, span: float) -> str | None:
        if not all(is_monotone(expression, self.names, x, *each) for each in self.monotone.items()):
            return "monotone"
        if not all(limit.holds(expression, self.names, x, span) for limit in self.limits):
            return "limits"
        return None


def _columns(given: object, names: Sequence[str], key: str) -> frozenset[str]:
    listed = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else None
    if listed is None:
        raise InputError(f"{key!r} must list columns. Got {given!r}.")
    for name in listed:
        if name not in names:
            raise unknown(f"column in {key!r}", name, names)
    return frozenset(map(str, listed))


def _size(given: object) -> int | None:
    if given is None or is_int(given, 1):
        return None if given is None else int(given)
    raise InputError(f"'max_complexity' must be a whole number from 1 on. Got {given!r}.")


def _guesses(given: object) -> Collection[object]:
    if isinstance(given, str | sympy.Expr):
        return [given]
    if not isinstance(given, Collection):
        raise InputError(f"'guesses' must list formulas, like ['A*exp(-k*t)']. Got {given!r}.")
    return given


def _units_in(given: Mapping[str, object]) -> Mapping[str, Any]:
    units = given.get("units", {})
    if not isinstance(units, Mapping):
        raise InputError(f"'units' must map names to units, like {{'m': 'kg', 'v': 'm/s'}}. Got {units!r}.")
    return units
