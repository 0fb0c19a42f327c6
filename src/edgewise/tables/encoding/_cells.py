"""The cells of one column as they were given, sorted into numbers, dates and labels."""

from __future__ import annotations

import datetime
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array

Kind = Literal["number", "date", "duration", "category"]

_NOUNS = {"number": "numbers", "date": "dates", "duration": "time spans", "category": "text"}
_PER_DAY = {
    "D": 1, "h": 24, "m": 1440, "s": 86400, "ms": 86400e3, "us": 86400e6, "ns": 86400e9, "ps": 86400e12,
    "fs": 86400e15, "as": 86400e18,
}  # fmt: skip
_EPOCH = datetime.datetime(1970, 1, 1)


class CellTypeError(InputError, TypeError):
    """A cell, or a table, of a type that does not become a number."""


@dataclass(frozen=True)
class Cells:
    """The cells of a column: n values, or codes into `labels` where -1 marks a gap.

    `ordered` says whether the labels came in an order of their own.
    """

    kind: Kind
    values: Array
    labels: tuple[Any, ...] = ()
    ordered: bool = False

    @property
    def gaps(self) -> Array:
        """Which cells are empty, (n,)."""
        if self.kind == "category":
            return self.values < 0
        return np.isnan(self.values) if self.values.dtype.kind == "f" else np.zeros(len(self.values), bool)

    @property
    def noun(self) -> str:
        """What the cells are, in words."""
        return _NOUNS[self.kind]


def numbers_of(values: Any) -> Cells:
    """Return the cells of an array of numbers or truth values."""
    return Cells("number", np.asarray(values))


def days(values: Array) -> Cells:
    """Return the cells of an array of numpy's dates or time spans, in days."""
    kind = values.dtype.kind
    unit, count = np.datetime_data(values.dtype)
    if unit in ("Y", "M", "W", "generic"):
        values, unit, count = values.astype(f"{kind}8[D]"), "D", 1
    found = values.astype(np.int64).astype(np.float64) * count / _PER_DAY[unit]
    return Cells("date" if kind == "M" else "duration", np.where(np.isnat(values), np.nan, found))


def labelled(codes: Array, labels: Sequence[Any], *, ordered: bool = False) -> Cells:
    """Return the cells of codes into labels; what is no text, number or truth value is written as text."""
    return Cells("category", np.asarray(codes), tuple(plain(label) for label in labels), ordered)


def plain(label: Any) -> str | int | float | bool:
    """Return a label as one of Python's own types that JSON has; a whole number as an int.

    >>> plain(np.float64(2.0)), plain(np.str_("a")), plain(np.True_), plain(np.datetime64("2020-01-01"))
    (2, 'a', True, '2020-01-01')
    """
    if isinstance(label, str):
        return str(label)
    if isinstance(label, bool | np.bool_):
        return bool(label)
    if isinstance(label, numbers.Integral):
        return int(label)
    if isinstance(label, numbers.Real):
        number = float(label)
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return str(label)


def objects(values: Array, name: str) -> Cells:
    """Return the cells of an array of Python objects: all numbers, all dates, all time spans or all text.

    Errors: CellTypeError for anything else; InputError for a mixture.
    """
    pd = needed("pandas")

    there = np.asarray(~pd.isna(values))
    kind = _kind_of_all(values, there, name)
    if kind == "category":
        codes, labels = pd.factorize(values)
        return labelled(codes, list(labels))
    found = np.full(len(values), np.nan)
    try:
        found[there] = [_NUMBER[kind](value) for value in values[there]]
    except OverflowError:
        raise InputError(f"Column {name!r} has numbers beyond the range of floats. Rescale it.") from None
    return Cells(kind, found)


def _kind_of_all(values: Array, there: Array, name: str) -> Kind:
    """Return what all cells are that are there; numbers if there are none."""
    rows: dict[Kind, int] = {}
    for each in set(map(type, values[there])):
        row = next(int(row) for row in np.flatnonzero(there) if type(values[row]) is each)
        kind = _kind(each)
        if kind is None:
            raise CellTypeError(
                f"A cell's argument must be a string or a number. Column {name!r} holds {each.__name__} in row {row}."
            )
        rows[kind] = min(row, rows.get(kind, row))
    if len(rows) > 1:
        parts = [f"{_NOUNS[kind]} ({values[row]!r:.40} in row {row})" for kind, row in sorted(rows.items())]
        raise InputError(f"Column {name!r} mixes {' and '.join(parts)}. Convert it to one of them.")
    return next(iter(rows)) if rows else "number"


def _kind(each: type) -> Kind | None:
    if issubclass(each, str):
        return "category"
    if issubclass(each, datetime.date | np.datetime64):
        return "date"
    if issubclass(each, datetime.timedelta | np.timedelta64):  # numpy's is an integer, too
        return "duration"
    return "number" if issubclass(each, numbers.Real | Decimal | np.bool_) else None


def _date(value: Any) -> float:
    """Return the days since 1970-01-01; a time without zone is one of UTC."""
    if isinstance(value, np.datetime64):
        return float(days(np.array([value])).values[0])
    if not isinstance(value, datetime.datetime):
        return float(value.toordinal() - _EPOCH.toordinal())
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return (value - _EPOCH) / datetime.timedelta(days=1)


def _duration(value: Any) -> float:
    if isinstance(value, np.timedelta64):
        return float(days(np.array([value])).values[0])
    return value / datetime.timedelta(days=1)


_NUMBER: dict[Kind, Callable[[Any], float]] = {"number": float, "date": _date, "duration": _duration}
