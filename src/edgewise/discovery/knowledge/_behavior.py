"""How formulas behave: where they rise and fall, what they tend to, and bounds of constants."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath.libmp import NoConvergence

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import evaluate

_WORDS = {"positive": (0.0, math.inf), "negative": (-math.inf, 0.0)}
_STRICT = "dimensionless"


@dataclass(frozen=True)
class Bounds:
    """The range of every fitted constant as it is written, its sign included; `strict`: none has a dimension."""

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False

    @classmethod
    def of(cls, given: object) -> Bounds:
        """Return the bounds of "positive", "negative", (low, high), "dimensionless", or a list of these words.

        Errors: InputError for anything else.

        >>> Bounds.of((0, 10)), Bounds.of(["positive", "dimensionless"])
        (Bounds(low=0.0, high=10.0, strict=False), Bounds(low=0.0, high=inf, strict=True))
        """
        if _is_range(given):
            low, high = (float(end) for end in given)  # type: ignore[attr-defined]
            return cls(low, high)
        words = [given] if isinstance(given, str) else list(given) if isinstance(given, Sequence) else []
        signs = [word for word in words if isinstance(word, str) and word in _WORDS]
        if not words or len(signs) > 1 or any(word not in (*_WORDS, _STRICT) for word in words):
            raise InputError(
                "'constants' must be 'positive', 'negative', 'dimensionless' or a range (low, high), "
                f"like (0, 10). Got {given!r}."
            )
        return cls(*_WORDS.get("".join(signs), (-math.inf, math.inf)), strict=_STRICT in words)

    def hold(self, expression: Formula) -> bool:
        """Return whether all fitted constants of a formula are within the range.

        >>> t = sympy.Symbol("t")
        >>> Bounds.of("positive").hold(2.5 * sympy.exp(1.5 * t)), Bounds.of("positive").hold(sympy.exp(-1.5 * t))
        (True, False)
        """
        return all(self.low <= float(number) <= self.high for number in expression.atoms(sympy.Float))


def _is_range(given: object) -> bool:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        return False
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in given)
    return numbers and given[0] < given[1]


_LINES, _POINTS = 100, 33  # rows through which lines go, and points on each
_ROUNDING = 1e-9  # of the formula's range
_SIGNS = {"+": 1, "-": -1, "up": 1, "down": -1, "increasing": 1, "decreasing": -1}

_ARROW = re.compile(r"(?P<name>.+?)\s*(->|→)\s*(?P<to>\S+)")
_FAR = (8, 30, 100)  # decades beyond the largest value, and before a point
_DIGITS = 150
_WATCHED = 4  # rows whose other inputs are held
_LARGEST = mpmath.mpf("1e130")  # argument of an exponential
_NEAR, _GONE = 0.01, 1e3  # in ranges of the target: what counts as there, and as unbounded


def monotone_of(given: object, names: Sequence[str]) -> dict[str, int]:
    """Return the direction, 1 or -1, in which a formula must go with each of some columns.

    Errors: InputError for unknown columns, and directions that are not 1, -1, "+" or "-".

    >>> monotone_of({"a": "+", "b": -1}, ["a", "b"])
    {'a': 1, 'b': -1}
    """
    if not isinstance(given, Mapping):
        raise InputError(f"'monotone' must map columns to +1 or -1, like {{'t': +1}}. Got {given!r}.")
    found = {}
    for name, sign in given.items():
        if name not in names:
            raise unknown("column in 'monotone'", name, names)
        direction = _SIGNS.get(sign) if isinstance(sign, str) else sign
        if isinstance(direction, bool) or direction not in (1, -1):
            raise InputError(f"'monotone' must say +1 or -1 of {name!r}. Got {sign!r}.")
        found[name] = int(direction)
    return found


def is_monotone(expression: Formula, names: Sequence[str], x: Array, column: str, direction: int) -> bool:
    """Return whether a formula never goes the other way as one column moves over its range, the others as in rows x.

    Checked at 33 points on lines through up to 100 rows (n, len(names)); points where it is undefined are passed over.

    >>> t = sympy.Symbol("t")
    >>> rows = np.linspace(-1, 1, 20)[:, None]
    >>> is_monotone(t**3, ["t"], rows, "t", 1), is_monotone(t**2, ["t"], rows, "t", 1)
    (True, False)
    """
    if sympy.Symbol(column) not in expression.free_symbols:
        return True
    place = list(names).index(column)
    rows = x[np.linspace(0, len(x) - 1, min(_LINES, len(x))).astype(int)]
    points = np.repeat(rows[:, None, :], _POINTS, axis=1)
    points[:, :, place] = np.linspace(x[:, place].min(), x[:, place].max(), _POINTS)
    values = evaluate(expression, names, points.reshape(-1, len(names))).reshape(len(rows), _POINTS)
    finite = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(all="ignore"):
        steps = direction * np.diff(finite, axis=1)
        span = np.nanmax(finite) - np.nanmin(finite) if np.isfinite(finite).any() else 0.0
    return not bool((steps < -_ROUNDING * span).any())


@dataclass(frozen=True)
class Limit:
    """What a formula tends to as one column goes to a number or to infinity: a number, or infinity itself."""

    column: str
    to: float
    value: float

    @classmethod
    def of(cls, text: str, value: object, names: Sequence[str]) -> Limit:
        """Return the limit that a text like "t -> inf" and a value stand for.

        Errors: InputError for other texts, unknown columns, and values that are no number.

        >>> Limit.of("t -> inf", 0, ["t"])
        Limit(column='t', to=inf, value=0.0)
        """
        match = _ARROW.fullmatch(text.strip()) if isinstance(text, str) else None
        to = None if match is None else _number(match["to"])
        if match is None or to is None:
            raise InputError(f"'limits' must map texts like 't -> inf' or 't -> 0' to values. Got {text!r}.")
        if match["name"] not in names:
            raise unknown("column in 'limits'", match["name"], names)
        end = _number(value)
        if end is None:
            raise InputError(f"The limit for {text!r} must be a number, 'inf' or '-inf'. Got {value!r}.")
        return cls(match["name"], to, end)

    def holds(self, expression: Formula, names: Sequence[str], x: Array, span: float) -> bool:
        """Return whether a formula tends to the value, the other columns held as in some rows x (n, len(names)).

        It is evaluated with 150 digits, 8, 30 and 100 decades away. `span` is the range of the target: the last value
        must be within 1 % of it, or beyond 1000 times it and still moving for an infinite limit.

        >>> t, rows = sympy.Symbol("t"), np.linspace(1, 2, 20)[:, None]
        >>> limit = Limit.of("t -> inf", 0, ["t"])
        >>> limit.holds(sympy.exp(-t), ["t"], rows, 1.0), limit.holds(sympy.sin(t), ["t"], rows, 1.0)
        (True, False)
        """
        with mpmath.workdps(_DIGITS):
            return all(self._there(values, span) for values in self._ways(expression, names, x))

    def missed(self, expression: Formula, names: Sequence[str], x: Array, span: float) -> float | None:
        """Return by how much a formula misses a finite limit, if it does by the same everywhere; else None.

        >>> t, rows = sympy.Symbol("t"), np.linspace(1, 2, 20)[:, None]
        >>> Limit.of("t -> inf", 3, ["t"]).missed(2 + sympy.exp(-t), ["t"], rows, 1.0)
        1.0
        """
        if math.isinf(self.value):
            return None
        with mpmath.workdps(_DIGITS):
            ways = self._ways(expression, names, x)
            if any(values is None for values in ways):
                return None
            ends = [float(values[-1]) for values in ways if values is not None]
            here = Limit(self.column, self.to, ends[0])
            alike = math.isfinite(ends[0]) and all(here._there(values, span) for values in ways)
            return self.value - ends[0] if alike else None

    def _ways(self, expression: Formula, names: Sequence[str], x: Array) -> list[list[Any] | None]:
        """Return values on the way to the point, with the other columns as in some rows."""
        place = list(names).index(self.column)
        call: Any = sympy.lambdify([sympy.Symbol(name) for name in names], expression, [_GUARDED, "mpmath"])
        rows = x[np.linspace(0, len(x) - 1, min(_WATCHED, len(x))).astype(int)]
        sides = self._sides(x[:, place])
        return [_along(call, row, place, self._path(x[:, place], sign)) for row in rows for sign in sides]

    def _sides(self, column: Array) -> tuple[int, ...]:
        """Return from which side a point is approached: from above or below where all rows lie there, else both."""
        if math.isinf(self.to):
            return (1 if self.to > 0 else -1,)
        return (1,) if (column >= self.to).all() else (-1,) if (column <= self.to).all() else (1, -1)

    def _path(self, column: Array, sign: int) -> list[Any]:
        size = float(np.abs(column).max()) or 1.0
        if math.isinf(self.to):
            return [sign * mpmath.mpf(size) * mpmath.mpf(10) ** k for k in _FAR]
        return [mpmath.mpf(self.to) + sign * mpmath.mpf(size) / mpmath.mpf(10) ** k for k in _FAR]

    def _there(self, values: list[Any] | None, span: float) -> bool:
        """Return whether values on the way come to the limit."""
        if values is None:
            return False
        first, second, last = values
        if math.isinf(self.value):
            sign = 1 if self.value > 0 else -1
            moving = sign * (last - second) > 0.5 * abs(second - first)
            return bool(moving and sign * last > 0 and (abs(last) > _GONE * span or sign * (second - first) > 0))
        return bool(abs(last - self.value) <= _NEAR * span and abs(last - self.value) <= abs(first - self.value))


def _guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that refuses arguments whose exponential has more digits than there is memory."""

    def call(z: Any) -> Any:
        if abs(z) > _LARGEST:
            raise OverflowError
        return function(z)

    return call


_GUARDED = {name: _guarded(getattr(mpmath, name)) for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")}


def limits_of(given: object, names: Sequence[str]) -> tuple[Limit, ...]:
    """Return the limits of a mapping such as {"t -> inf": 0}."""
    if not isinstance(given, Mapping):
        raise InputError(f"'limits' must map texts to values, like {{'t -> inf': 0}}. Got {given!r}.")
    return tuple(Limit.of(text, value, names) for text, value in given.items())


def _along(call: Callable[..., Any], row: Array, place: int, path: list[Any]) -> list[Any] | None:
    """Return values along a path of one column, None where one is not a real and finite number."""
    values = []
    for point in path:
        at: list[Any] = [mpmath.mpf(float(v)) for v in row]
        at[place] = point
        try:
            value = mpmath.mpmathify(call(*at))
        except (ArithmeticError, TypeError, ValueError, NoConvergence):
            return None
        if not isinstance(value, mpmath.mpf) or not mpmath.isfinite(value):
            return None
        values.append(value)
    return values


def _number(given: object) -> float | None:
    """Return a number, or one of the words inf and -inf, as a double."""
    if is_number(given):
        return float(given)
    if isinstance(given, float) and math.isinf(given):
        return given
    try:
        value = float(str(given).replace("oo", "inf"))
    except ValueError:
        return None
    return None if math.isnan(value) else value
