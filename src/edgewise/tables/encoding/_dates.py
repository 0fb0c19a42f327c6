"""Text that is dates: the one reader of ISO 8601 for tables, files and predictions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np

from edgewise._typing import Array
from edgewise.tables.encoding._read import Cells, days


def iso_dates(cells: Sequence[str | None]) -> Array | None:
    """Return the dates of a column, (n,) datetime64[us], in UTC where a zone is given; None if one is not ISO 8601.

    Parameters
    ----------
    cells
        The cells of the column; None is a gap.

    Examples
    --------
    >>> from edgewise.io import iso_dates
    >>> iso_dates(["2020-01-31", "2020-01-31T12:30:00.5+01:00", None])
    array(['2020-01-31T00:00:00.000000', '2020-01-31T11:30:00.500000',
                                  'NaT'], dtype='datetime64[us]')
    >>> iso_dates(["31/01/2020"]) is None
    True
    """
    try:
        return np.array([np.datetime64("NaT") if cell is None else _utc(cell) for cell in cells], "datetime64[us]")
    except ValueError:
        return None


def _utc(cell: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(cell.strip())
    return found if found.tzinfo is None else found.astimezone(datetime.UTC).replace(tzinfo=None)


def with_dates(cells: Cells) -> Cells:
    """Return cells of text that are all dates, with a year, as ISO 8601 writes them, as dates; others as they are.

    An order of their own makes labels of them.
    """
    if cells.kind != "category" or cells.ordered:
        return cells
    used = np.unique(cells.values[cells.values >= 0])
    labels = [cells.labels[int(code)] for code in used]
    if not labels or not all(isinstance(label, str) and _has_year(label) for label in labels):
        return cells
    found = iso_dates(labels)
    if found is None:
        return cells
    every = np.full(len(cells.values), np.datetime64("NaT"), "datetime64[us]")
    there = cells.values >= 0
    every[there] = found[np.searchsorted(used, cells.values[there])]
    return days(every)


def _has_year(label: str) -> bool:
    """Return whether a text begins with a year: 20200131 and 2020 are numbers to most people."""
    start = label.strip()
    return start[:4].isdigit() and start[4:5] == "-"
