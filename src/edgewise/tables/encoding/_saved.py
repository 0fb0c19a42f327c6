"""Columns as plain values that JSON can hold, and back."""

from __future__ import annotations

import math
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise.tables.encoding._column import Category, Column, Dates, Label, Number
from edgewise.tables.encoding._read import check_names

_KEYS = {
    "number": {"kind", "name"},
    "date": {"kind", "name"},
    "duration": {"kind", "name"},
    "category": {"kind", "name", "levels", "gap"},
}


def to_plain(column: Column) -> dict[str, Any]:
    """Return a column as plain values."""
    if isinstance(column, Category):
        return {"kind": "category", "name": column.name, "levels": [*column.levels], "gap": column.gap}
    return {"kind": column.kind if isinstance(column, Dates) else "number", "name": column.name}


def from_plain(plain: Any) -> tuple[tuple[Column, ...], bool]:
    """Return the columns of plain values, and whether their names are those of a DataFrame.

    Errors: InputError that says what is malformed.
    """
    _check_keys(plain, {"named", "columns"}, "An encoder")
    rows, named = plain["columns"], plain["named"]
    if not isinstance(named, bool) or not isinstance(rows, list) or not rows:
        raise InputError("An encoder must have a truth value 'named' and a list 'columns' that is not empty.")
    columns = tuple(_column(row, k) for k, row in enumerate(rows))
    check_names([column.name for column in columns])
    return columns, named


def _column(row: Any, k: int) -> Column:
    what = f"Column {k} of an encoder"
    if not isinstance(row, dict) or not isinstance(row.get("kind"), str) or not isinstance(row.get("name"), str):
        raise InputError(f"{what} must be a dict with texts 'kind' and 'name'. Got {row!r:.100}.")
    kind, name = row["kind"], row["name"]
    if kind not in _KEYS:
        raise unknown("kind of column", kind, _KEYS)
    _check_keys(row, _KEYS[kind], what)
    if kind == "number":
        return Number(name)
    if kind == "category":
        return Category(name, _levels(row["levels"], what), _gap(row["gap"], what))
    return Dates(name, "date" if kind == "date" else "duration")


def _levels(levels: Any, what: str) -> tuple[Label, ...]:
    if not isinstance(levels, list) or not all(_is_label(label) for label in levels):
        raise InputError(f"{what} must have a list 'levels' of texts, finite numbers or truth values.")
    if len({*levels}) < len(levels):
        raise InputError(f"{what} has a level that occurs twice.")
    return tuple(levels)


def _is_label(label: Any) -> bool:
    return isinstance(label, str | int) or (isinstance(label, float) and math.isfinite(label))


def _gap(gap: Any, what: str) -> bool:
    if not isinstance(gap, bool):
        raise InputError(f"{what} must have a truth value 'gap'. Got {gap!r:.100}.")
    return gap


def _check_keys(plain: Any, keys: set[str], what: str) -> None:
    if not isinstance(plain, dict) or {*plain} != keys:
        given = sorted(map(str, plain)) if isinstance(plain, dict) else type(plain).__name__
        raise InputError(f"{what} must be a dict with the keys {sorted(keys)}. Got {given!s:.200}.")
