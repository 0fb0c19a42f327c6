"""Dates from text and from Parquet, as numpy's datetime64."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewise._extras import needed


def iso_dates(cells: Sequence[str | None]) -> np.ndarray | None:
    """Return the dates of a column, (n,) datetime64[us], in UTC where a zone is given; None if one is not ISO 8601.

    >>> iso_dates(["2020-01-31", None])
    array(['2020-01-31T00:00:00.000000',                        'NaT'],
          dtype='datetime64[us]')
    >>> iso_dates(["31/01/2020"]) is None
    True
    """
    try:
        return np.array([np.datetime64("NaT") if cell is None else _utc(cell) for cell in cells], "datetime64[us]")
    except ValueError:
        return None


def parquet_dates(column: Any) -> np.ndarray:
    """Return the dates of a column of pyarrow's dates or timestamps, (n,) datetime64[us]."""
    pa = needed("pyarrow")

    return np.asarray(column.cast(pa.timestamp("us"), safe=False).to_numpy(), "datetime64[us]")


def _utc(cell: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(cell)
    return found if found.tzinfo is None else found.astimezone(datetime.UTC).replace(tzinfo=None)
