"""One input of formulas, made of one column of a table."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise._typing import Array

Kind = Literal["number", "level", "gap"]

_YEARS = 5 * 365.25  # days: dates over a longer time count in years
_DAYS_PER_YEAR = 365.25
_EPOCH = datetime.date(1970, 1, 1)


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
    first, last = float(np.nanmin(days)), float(np.nanmax(days))
    origin = _EPOCH + datetime.timedelta(days=int(np.floor(first)))
    unit, scale = "days", 1.0
    if last - first > _YEARS:
        origin, unit, scale = origin.replace(month=1, day=1), "years", _DAYS_PER_YEAR
    shift = float((origin - _EPOCH).days)
    filled = float(np.nanmedian(days)) if fill else np.nan
    called = f"{name}_{unit}"
    note = f"Dates in {name!r} count as {called!r}: {unit} since {origin.isoformat()}."
    return Term(called, column, shift=shift, scale=scale, fill=filled), note
