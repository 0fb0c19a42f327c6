"""A session from what Python holds: another session, a data frame, or arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise.networks.session import Session
from edgewise.studio._form import first_network, placed
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
    chosen = table.select(name, inputs)
    model, _ = first_network(len(chosen.names), len(chosen.y))
    session = Session(placed(model, chosen.x, chosen.y), chosen.x, chosen.y, chosen.names, target=name)
    left_out = [f"Column {name!r} is left out: {reason}." for name, reason in table.left_out]
    return session, [*left_out, *chosen.notes]


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
        columns = {str(name): source[name] for name in source.columns if wanted is None or str(name) in wanted}
        return _numbers(columns, len(source), wanted is not None)
    x, y = np.asarray(source), np.asarray(target)
    if x.ndim != 2 or y.shape != (len(x),):
        raise InputError(f"Give an array (n, d) and a target (n,). Got shapes {x.shape} and {y.shape}.")
    names = [f"x{k + 1}" for k in range(x.shape[1])] if inputs is None else list(inputs)
    if len({*names, "y"}) != x.shape[1] + 1:
        raise InputError(f"'inputs' must be {x.shape[1]} different names, none of them 'y'. Got {names!r}.")
    return _numbers({**dict(zip(names, x.T, strict=True)), "y": y}, len(x), True)


def _numbers(columns: dict[str, Any], rows: int, all_of_them: bool) -> Table:
    found, left_out = {}, []
    for name, values in columns.items():
        try:
            found[name] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            left_out.append((name, "it holds no numbers"))
    if left_out and all_of_them:
        raise InputError(f"Column {left_out[0][0]!r} holds no numbers: leave it out, or make it numbers.")
    return Table(found, rows, left_out)
