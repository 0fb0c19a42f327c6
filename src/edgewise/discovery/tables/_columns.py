"""How the columns of a table, as it came, become the inputs of formulas."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.tables.encoding import Category, Encoder, as_array, is_frame

Kind = Literal["number", "level", "gap"]


@dataclass(frozen=True)
class Term:
    """One input of formulas: its name, its column in the table, and how the numbers of that column become it.

    number: (cell - shift) / scale, level: 1 where the cell is the code `level`, else 0; both are `fill` at a gap.
    gap: 1 where the cell is empty, else 0.

    >>> Term("a", 0).of(np.array([1.0, np.nan])), Term("b_x", 1, "level", level=1).of(np.array([0.0, 1.0, np.nan]))
    (array([ 1., nan]), array([ 0.,  1., nan]))
    """

    name: str
    column: int
    kind: Kind = "number"
    shift: float = 0.0
    scale: float = 1.0
    fill: float = np.nan
    level: int = 0

    def of(self, cells: Array) -> Array:
        """Return the input (n,) of the cells (n,) of its column; nan at a gap that nothing fills."""
        gaps = np.isnan(cells)
        if self.kind == "gap":
            return gaps.astype(np.float64)
        if self.kind == "level":
            return np.where(gaps, self.fill, (cells == self.level).astype(np.float64))
        return (np.where(gaps, self.fill, cells) - self.shift) / self.scale


def dated(name: str, column: int, days: Array, fill: bool) -> tuple[Term, str]:
    """Return the input of a column of dates, days since 1970 (n,), and a sentence on it.

    It counts days since the first date, or years of 365.25 days since the beginning of its year where the dates are
    spread over more than five years.

    >>> dated("day", 0, np.array([3.0, 1.0]), False)[1]
    "Dates in 'day' count as 'day_days': days since 1970-01-02."
    """
    years = 5 * 365.25  # days: dates over a longer time count in years
    days_per_year = 365.25
    epoch = datetime.date(1970, 1, 1)
    first, last = float(np.nanmin(days)), float(np.nanmax(days))
    origin = epoch + datetime.timedelta(days=int(np.floor(first)))
    unit, scale = "days", 1.0
    if last - first > years:
        origin, unit, scale = origin.replace(month=1, day=1), "years", days_per_year
    shift = float((origin - epoch).days)
    filled = float(np.nanmedian(days)) if fill else np.nan
    called = f"{name}_{unit}"
    note = f"Dates in {name!r} count as {called!r}: {unit} since {origin.isoformat()}."
    return Term(called, column, shift=shift, scale=scale, fill=filled), note


@dataclass(frozen=True)
class Columns:
    """The inputs of formulas for tables like the one that was learned: numbers, levels of categories, dates, gaps.

    `terms` are the inputs in order, `notes` say in whole sentences what became of each column and of rows with gaps.
    `group` is the column whose levels have constants of their own, if any, and `levels` are the codes of those that do.
    """

    encoder: Encoder
    terms: tuple[Term, ...]
    notes: tuple[str, ...] = ()
    group: str | None = None
    levels: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(term.name for term in self.terms)

    def keep(self, places: Array, note: str) -> Columns:
        """Return some of the inputs, with a note on the others."""
        return replace(self, terms=tuple(self.terms[k] for k in places), notes=(*self.notes, note))

    def of(self, x: Any) -> Array:
        """Return the inputs (n, m) of the rows of a table; nan at gaps and levels that were not learned.

        Of a data frame, columns are found by name. An array of numbers with m columns holds the inputs already.

        Errors: InputError for a table that lacks a column, or holds cells of another kind.
        """
        if not is_frame(x):
            array = np.asarray(as_array(x))
            if array.ndim == 2 and array.shape[1] == len(self.terms) and array.dtype.kind in "biuf":
                return array.astype(np.float64)
            if array.ndim != 2 or array.shape[1] != len(self.encoder.columns):
                columns = f"of the {len(self.encoder.columns)} columns {self.encoder.names}"
                raise InputError(f"The formula takes rows {columns}. Got shape {array.shape}.")
        cells = self.encoder.encode(x)
        categories = {k for k, column in enumerate(self.encoder.columns) if isinstance(column, Category)}
        unknown = {k: np.isnan(cells[:, k]) for k in categories}
        if self.group is not None:
            place = self.encoder.names.index(self.group)
            unknown[place] = ~np.isin(cells[:, place], self.levels)
        found = self.inputs(without_codes_of_gaps(cells, self.encoder))
        for place, term in enumerate(self.terms):
            if term.column in unknown:
                found[unknown[term.column], place] = np.nan
        return found

    def inputs(self, cells: Array) -> Array:
        """Return the inputs (n, m) of encoded cells (n, p), nan at gaps."""
        return np.column_stack([term.of(cells[:, term.column]) for term in self.terms])


def without_codes_of_gaps(cells: Array, encoder: Encoder) -> Array:
    """Return encoded cells (n, p) in which gaps of categories are nan, as those of numbers are."""
    for k, column in enumerate(encoder.columns):
        if isinstance(column, Category) and column.gap:
            cells[:, k] = np.where(cells[:, k] == len(column.levels), np.nan, cells[:, k])
    return cells
