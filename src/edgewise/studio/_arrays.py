"""A session from what Python holds: another session, a data frame, or arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise.networks.session import Session
from edgewise.studio._form import Form, why_not
from edgewise.tables.encoding import is_frame
from edgewise.tables.io import Table


def session_of(source: Any, target: Any, inputs: Sequence[str] | None) -> tuple[Session, list[str]]:
    """Return a session with the source, and notes on what it is begun without.

    Errors: InputError for arrays that do not fit each other, columns without numbers, and rows without a target.
    """
    if isinstance(source, Session):
        refuse(target, inputs)
        return source, []
    if target is None:
        raise InputError("Name the target: ew.studio.open(frame, target='y') or ew.studio.open(x, target=y).")
    table, name = _table(source, target, inputs), target if isinstance(target, str) else "y"
    others = {each: why_not(table, each) for each in (*table.texts, *table.dates) if each != name}
    usable = [each for each in table.order if each in table.columns or others.get(each, "") is None]
    made = Form(name, [each for each in usable if each != name] if inputs is None else list(inputs)).plan(table)
    reasons = {each: why for each, why in table.left_out if each not in (*others, name)} | {
        n: w for n, w in others.items() if w
    }
    left_out = [f"Column {each!r} is left out: {why}." for each, why in reasons.items() if inputs is None]
    return made.session(), [*left_out, *made.chosen.notes]


def refuse(target: Any, inputs: Any) -> None:
    """Raise InputError for a target or inputs beside a session."""
    if target is not None or inputs is not None:
        raise InputError("A session has its target and inputs already: leave both out.")


def _table(source: Any, target: Any, inputs: Sequence[str] | None) -> Table:
    """A data frame's columns, or those of an array and the array of a target, as a table."""
    if is_frame(source):
        if not isinstance(target, str):
            raise InputError(f"'target' must be the name of a column of the data frame. Got {type(target).__name__}.")
        wanted = None if inputs is None else {*inputs, target}
        return _of_columns(
            {str(n): source[n] for n in source.columns if wanted is None or str(n) in wanted}, len(source)
        )
    x, y = np.asarray(source), np.asarray(target)
    if x.ndim != 2 or y.shape != (len(x),):
        raise InputError(f"Give an array (n, d) and a target (n,). Got shapes {x.shape} and {y.shape}.")
    names = [f"x{k + 1}" for k in range(x.shape[1])] if inputs is None else list(inputs)
    if len({*names, "y"}) != x.shape[1] + 1:
        raise InputError(f"'inputs' must be {x.shape[1]} different names, none of them 'y'. Got {names!r}.")
    return _of_columns({**dict(zip(names, x.T, strict=True)), "y": y}, len(x))


def _of_columns(columns: Mapping[str, Any], rows: int) -> Table:
    """Columns of numbers, dates and texts; those of other cells are left out."""
    numbers, texts, dates, left_out = {}, {}, {}, []
    for name, values in columns.items():
        cells = np.asarray(values)
        if cells.dtype.kind == "M":
            dates[name] = cells
            left_out.append((name, "dates"))
            continue
        try:
            numbers[name] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            cells = np.asarray(values, dtype=object)
            gaps = np.array([cell is None or cell != cell for cell in cells])
            if all(isinstance(cell, str) for cell in cells[~gaps]):
                texts[name] = [None if gap else cell for cell, gap in zip(cells, gaps, strict=True)]
                left_out.append((name, "text"))
            else:
                left_out.append((name, "it holds no numbers, texts or dates"))
    return Table(numbers, rows, left_out, texts=texts, dates=dates, order=list(columns))
