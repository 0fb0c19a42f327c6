"""What is known of each column of a table, how its cells become numbers, and columns as values that JSON can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.tables.encoding._read import Cells, check_names, labelled

Label = str | int | float | bool
"""A level of a category."""


@dataclass(frozen=True)
class Number:
    """A column of numbers and truth values, which stay as they are; a gap is NaN.

    Parameters
    ----------
    name
        The name of the column.
    """

    name: str

    def encode(self, cells: Cells) -> Array:
        """Return the numbers, (n,) float64.

        Parameters
        ----------
        cells
            The cells of the column.

        Raises
        ------
        InputError
            For infinities, dates or text.
        """
        _check_kind(self.name, cells, "number")
        values = cells.values.astype(np.float64)
        _check_finite(self.name, values)
        return values


@dataclass(frozen=True)
class Dates:
    """A column of dates, as days since 1970-01-01 UTC, or of time spans, in days; a gap is NaN.

    Parameters
    ----------
    name
        The name of the column.
    kind
        "date" or "duration".
    """

    name: str
    kind: Literal["date", "duration"] = "date"

    def encode(self, cells: Cells) -> Array:
        """Return the days, (n,) float64.

        Parameters
        ----------
        cells
            The cells of the column.

        Raises
        ------
        InputError
            For numbers or text.
        """
        _check_kind(self.name, cells, self.kind)
        return cells.values.astype(np.float64)


@dataclass(frozen=True)
class Category:
    """A column of labels, as codes 0, 1, ... in the order of the levels.

    An empty text is a gap too where it is no level, as ONNX and files of text have no other.

    Parameters
    ----------
    name
        The name of the column.
    levels
        The labels.
    gap
        Whether an empty cell is one more level, the last.

    Examples
    --------
    >>> from edgewise.encoding import Category
    >>> Category("sex", ("female", "male"), gap=True).labels
    ['female', 'male', None]
    """

    name: str
    levels: tuple[Label, ...]
    gap: bool = False

    @property
    def labels(self) -> list[Label | None]:
        """The label of every code; None is a gap."""
        return [*self.levels, None] if self.gap else [*self.levels]

    def encode(self, cells: Cells) -> Array:
        """Return the codes, (n,) float64; NaN for a level, or a gap, that was not learned.

        Parameters
        ----------
        cells
            The cells of the column.

        Raises
        ------
        InputError
            If the levels are text and the cells numbers, or the reverse, and for dates.
        """
        found = as_labels(cells, self.name)
        self._check_types(found)
        gap = float(len(self.levels)) if self.gap else np.nan
        codes = [self._codes.get(label, gap if label == "" else np.nan) for label in found.labels] + [gap]
        return np.array(codes)[found.values]

    @cached_property
    def _codes(self) -> dict[Label, float]:
        return {label: float(code) for code, label in enumerate(self.levels)}

    def _check_types(self, cells: Cells) -> None:
        known = {isinstance(label, str) for label in self.levels}
        given = {isinstance(label, str) for label in cells.labels}
        if len(known) == 1 and len(given) == 1 and known != given:
            words = {True: "text", False: "numbers"}
            raise InputError(
                f"Column {self.name!r} had levels of {words[known.pop()]}, as {self.levels[0]!r}. "
                f"It now holds {words[given.pop()]}, as {cells.labels[0]!r}: convert it."
            )


Column = Number | Dates | Category
"""How one column becomes numbers."""


def learned(name: str, cells: Cells, *, categorical: bool) -> Column:
    """Return what is to be known of a column with these cells; `categorical` makes numbers labels."""
    if categorical or cells.kind == "category":
        cells = as_labels(cells, name)
        used = np.unique(cells.values[cells.values >= 0]).tolist()
        levels: list[Any] = [cells.labels[code] for code in used]
        return Category(name, tuple(levels if cells.ordered else sorted(levels)), bool(cells.gaps.any()))
    if cells.kind == "number":
        return Number(name)
    return Dates(name, cells.kind)


def extended(column: Column, cells: Cells) -> Column:
    """Return what is known of a column after more cells: levels that are new join a category, and so does a gap.

    Levels that are sorted stay so; otherwise new ones come last.

    Errors: those of `encode` for a category.
    """
    if not isinstance(column, Category):
        return column
    found = as_labels(cells, column.name)
    column.encode(found)
    used = np.unique(found.values[found.values >= 0]).tolist()
    known: list[Any] = [*column.levels]
    levels = [*known, *(found.labels[code] for code in used if found.labels[code] not in {*known})]
    if len({isinstance(label, str) for label in levels}) == 1 and known == sorted(known):
        levels.sort()
    return Category(column.name, tuple(levels), column.gap or bool(found.gaps.any()))


def as_labels(cells: Cells, name: str) -> Cells:
    """Return the cells as labels, numbers in ascending order. Errors: InputError for dates and infinities."""
    if cells.kind == "category":
        return cells
    if cells.kind != "number" and not cells.gaps.all():
        raise InputError(f"Column {name!r} holds {cells.noun}, which cannot be levels. Format them as text.")
    there = ~cells.gaps
    _check_finite(name, cells.values.astype(np.float64))
    labels, inverse = np.unique(cells.values[there], return_inverse=True)
    codes = np.full(len(cells.values), -1)
    codes[there] = inverse
    return labelled(codes, labels.tolist())


def _check_kind(name: str, cells: Cells, kind: str) -> None:
    if cells.kind != kind and not cells.gaps.all():
        was = Cells(kind, cells.values).noun  # pyright: ignore[reportArgumentType]
        raise InputError(f"Column {name!r} held {was} when it was learned. It now holds {cells.noun}: convert it.")


def _check_finite(name: str, values: Array) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise InputError(f"Column {name!r} has {values[row]} in row {row}. Use finite numbers; NaN marks a gap.")


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
