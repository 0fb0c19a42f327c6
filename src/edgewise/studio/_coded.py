"""Columns of text and of dates as numbers, as the form that begins a session takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgewise.tables.io import Table

_MOST = 0.5  # of the rows: a text with more levels says little about other rows
_SHOWN = 12  # levels in a note


def why_not(table: Table, name: str) -> str | None:
    """Return why a column of text or dates is no input; None where it can be one.

    >>> table = Table({}, 4, texts={"a": ["u", "v", "u", None], "b": ["p", "q", "r", "s"]})
    >>> why_not(table, "a"), why_not(table, "b")
    (None, 'it is text with 4 different values in 4 rows')
    """
    levels = len(levels_of(table, name))
    if levels < 2:
        return "it is the same in every row" if levels else "it is empty"
    if name in table.texts and levels > _MOST * table.n_rows:
        return f"it is text with {levels} different values in {table.n_rows} rows"
    return None


def levels_of(table: Table, name: str) -> list[str]:
    """Return the different texts or dates of a column, sorted, without gaps."""
    if name in table.texts:
        return sorted({cell for cell in table.texts[name] if cell is not None})
    days = table.dates[name]
    return [str(day) for day in np.unique(days[~np.isnat(days)])]


def with_codes(table: Table, names: Sequence[str]) -> tuple[Table, list[str]]:
    """Return a table in which columns of text are the numbers of their levels, and dates are days, and notes on them.

    The numbers are those of `edgewise fit`: levels are sorted, and counted from 0; days are since 1970-01-01. Gaps
    stay gaps. Names of other columns are passed over.

    >>> table, notes = with_codes(Table({}, 3, texts={"sex": ["male", None, "female"]}), ["sex"])
    >>> table.columns["sex"], notes
    (array([ 1., nan,  0.]), ["Column 'sex' as numbers: 0 is 'female', 1 is 'male'."])
    """
    columns, notes = dict(table.columns), []
    for name in names:
        if name in table.texts:
            levels = levels_of(table, name)
            codes = {level: float(code) for code, level in enumerate(levels)}
            columns[name] = np.array([np.nan if cell is None else codes[cell] for cell in table.texts[name]])
            said = [f"{code} is {level!r:.40}" for code, level in enumerate(levels)]
            more = [f"and so on, {len(said)} in all"] if len(said) > _SHOWN else []
            notes.append(f"Column {name!r} as numbers: {', '.join([*said[:_SHOWN], *more])}.")
        elif name in table.dates:
            days = table.dates[name].astype("datetime64[us]")
            values = (days - np.datetime64(0, "us")) / np.timedelta64(1, "D")
            columns[name] = np.where(np.isnat(days), np.nan, values)
            notes.append(f"Column {name!r} as numbers: days since 1970-01-01.")
    return replace(table, columns=columns), notes


def meaning(table: Table, name: str) -> dict[str, Any]:
    """Return what a column of text or dates stands for as numbers, as plain data.

    >>> meaning(Table({}, 2, texts={"sex": ["male", "female"]}), "sex")
    {'kind': 'codes', 'of': 'sex', 'levels': ['female', 'male']}
    """
    is_text = name in table.texts
    return {"kind": "codes" if is_text else "days", "of": name, "levels": levels_of(table, name) if is_text else []}
