"""Rows that a person chose: ranges of columns, fitted values and residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.session import Session
from edgewise.studio._requests import check

Array = np.ndarray
FITTED, RESIDUAL = "fitted", "residual"


def values_of(session: Session) -> dict[str, Array]:
    """Return what rows can be chosen by: each column, variable and target, fitted values and residuals, (n,) each."""
    table, targets = session.table, session.targets
    with torch.no_grad():
        fitted = session.state.situation.model(table.x)
    found = {name: table.x[:, k].numpy() for k, name in enumerate(session.names)}
    found |= {name: table.y[:, k].numpy() for k, name in enumerate(targets)}
    for k, name in enumerate(targets):
        ending = "" if len(targets) == 1 else f" of {name}"
        found[f"{FITTED}{ending}"] = fitted[:, k].numpy()
        found[f"{RESIDUAL}{ending}"] = (table.y[:, k] - fitted[:, k]).numpy()
    return found


def selected(session: Session, ranges: Sequence[Mapping[str, Any]] | None) -> Array | None:
    """Return a mask of the rows inside all ranges, {"name", "low", "high"}; None where all rows are.

    Errors: InputError for an unknown name, ends that are no numbers, and fewer than two rows.
    """
    if not ranges:
        return None
    check(isinstance(ranges, list) and all(isinstance(r, dict) for r in ranges), "'rows' is a list of ranges.", ranges)
    values = values_of(session)
    mask = np.ones(len(session.table.x), dtype=bool)
    for one in ranges:
        name, low, high = one.get("name"), one.get("low"), one.get("high")
        if name not in values:
            raise unknown("column", name, values)
        check(is_number(low) and is_number(high), "The ends 'low' and 'high' of a range are numbers.", (low, high))
        mask &= (values[name] >= low) & (values[name] <= high)
    if mask.sum() < 2:
        raise InputError("Fewer than two rows are selected: make the range wider.")
    return mask
