"""The choice of a target and inputs from a table in which inputs may be text or dates, or have gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.tables.io._table import Table, check_infinite, check_range

if TYPE_CHECKING:
    import pandas as pd

_UNIQUE = 0.5  # of the rows: a text with more levels says little about other rows


@dataclass(frozen=True)
class MixedSelection:
    """What a fit takes: a DataFrame `x` of n rows, and `y` (n,), finite numbers.

    `names` are the columns of x, `target` is y's, `notes` say in whole sentences what was left out and why.
    """

    x: pd.DataFrame
    y: np.ndarray
    names: list[str]
    target: str
    notes: list[str]


def frame_of(table: Table, names: Sequence[str]) -> pd.DataFrame:
    """Return the named columns as a DataFrame: numbers, dates and texts, with gaps; `attrs["units"]` holds the units.

    Errors: InputError for a column that is missing or of another kind.
    """
    pd = needed("pandas")

    known = {**table.columns, **table.texts, **table.dates}
    for name in names:
        if name not in known:
            table.require(name, "input column")
    frame = pd.DataFrame({name: _column(known[name]) for name in names})
    if table.units:
        frame.attrs["units"] = dict(table.units)
    return frame


def select_mixed(table: Table, target: str, inputs: Sequence[str] | None = None) -> MixedSelection | None:
    """Return the inputs and the target, with gaps in the inputs; None where all inputs are numbers without gaps.

    `inputs` defaults to every column but the target. Left out with a note: rows without a target; columns that are
    empty, the same in every row, or equal to an earlier one; texts that have a level for more than half of the rows,
    unless `inputs` names them.

    Errors: InputError as `Table.select`, for columns of text or dates as for unknown ones if they are the target.

    >>> table = Table({"y": np.arange(6.0)}, n_rows=6, texts={"a": ["u", "v", "u", "u", None, "v"]})
    >>> select_mixed(table, "y").x["a"].isna().sum()
    np.int64(1)
    """
    table.require(target, "target column")
    kinds = {**table.columns, **{name: _codes(cells) for name, cells in (*table.texts.items(), *table.dates.items())}}
    wide = replace(table, columns=kinds)
    notes: list[str] = []
    chosen = wide.without_empty(wide.chosen(target, inputs), inputs is not None, notes)
    rows = wide.complete_rows([target], notes)
    y = wide.target_rows(target, rows)
    numbers = [name for name in chosen if name in table.columns]
    for name in numbers:
        there = rows[~np.isnan(kinds[name][rows])]
        check_infinite(name, kinds[name][there], there)
        check_range(name, kinds[name][there])
    others = [name for name in chosen if name not in table.columns and _varies(name, kinds[name][rows], table, notes)]
    if inputs is None:
        others = [name for name in others if name in table.dates or _repeats(name, kinds[name][rows], notes)]
    kept = [*wide.informative(numbers, rows, notes), *others]
    if not others and not any(np.isnan(kinds[name][rows]).any() for name in kept):
        return None
    if not kept:
        raise InputError(f"No input is left to explain {target!r}: the table needs another column that varies.")
    return MixedSelection(frame_of(table, kept).iloc[rows].reset_index(drop=True), y, kept, target, notes)


def _column(cells: Any) -> Any:
    return cells if isinstance(cells, np.ndarray) else np.array(cells, dtype=object)


def _codes(cells: Any) -> np.ndarray:
    """Return a number for each distinct cell, NaN for gaps."""
    pd = needed("pandas")

    codes = pd.factorize(_column(cells))[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def _varies(name: str, codes: np.ndarray, table: Table, notes: list[str]) -> bool:
    if codes.min() != codes.max():  # also where there are gaps
        return True
    cells = table.texts.get(name, table.dates.get(name))
    assert cells is not None
    notes.append(f"Input {name!r} is left out: it is {str(cells[0])[:30]!r} in every row.")
    return False


def _repeats(name: str, codes: np.ndarray, notes: list[str]) -> bool:
    levels = len(np.unique(codes[~np.isnan(codes)]))
    if levels <= _UNIQUE * len(codes):
        return True
    notes.append(f"Input {name!r} is left out: it is text with {levels} different values in {len(codes)} rows.")
    return False
