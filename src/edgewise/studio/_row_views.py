"""Requests that show the rows of a session: those chosen, histograms, a sample of points, one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise.networks.session import Session
from edgewise.studio._columns import Bins
from edgewise.studio._desk import Desk
from edgewise.studio._network_view import fitted, number, numbers, observed
from edgewise.studio._requests import Answer, check, request

Array = np.ndarray
FITTED, RESIDUAL = "fitted", "residual"
TEXTS = "texts"
"""The drawer of the texts of the session's rows, a list of them by column: inputs are numbers, names are none."""


@dataclass(frozen=True)
class Quantity:
    """What rows can be chosen by: its name, its values (n,), and whether it is a "column", "variable", "target", ...

    `of` is the target that a fitted value or a residual belongs to.
    """

    name: str
    kind: str
    values: Array
    of: str | None = None


def quantities(session: Session) -> list[Quantity]:
    """Return columns, variables, targets, and the fitted values and residuals of each target."""
    table, targets, columns = session.table, session.targets, session.columns
    x, y, given = table.x.numpy(), observed(session, table).numpy(), fitted(session, table).numpy()
    found = [
        Quantity(name, "column" if k < len(columns) else "variable", x[:, k]) for k, name in enumerate(session.names)
    ]
    found += [Quantity(name, "target", y[:, k]) for k, name in enumerate(targets)]
    taken = {one.name for one in found}
    for k, target in enumerate(targets):
        for kind, values in ((FITTED, given[:, k]), (RESIDUAL, y[:, k] - given[:, k])):
            bare = kind if len(targets) == 1 else f"{kind} of {target}"
            found.append(Quantity(_free(bare, taken), kind, values, target))
    return found


def _free(name: str, taken: set[str]) -> str:
    """A name that no column has."""
    while name in taken:
        name += " by the network"
    return name


def values_of(session: Session) -> dict[str, Array]:
    """Return what rows can be chosen by: each column, variable and target, fitted values and residuals, (n,) each."""
    return {one.name: one.values for one in quantities(session)}


def selected(session: Session, ranges: Sequence[Mapping[str, Any]] | None) -> Array | None:
    """Return a mask of the rows inside all ranges, {"name", "low", "high"}; None where all rows are.

    Errors: InputError for an unknown name, ends that are no numbers, and fewer than two rows.
    """
    return inside(values_of(session), ranges) if ranges else None


def inside(values: Mapping[str, Array], ranges: Sequence[Mapping[str, Any]] | None) -> Array | None:
    """Return what `selected` does, for values by name."""
    if not ranges:
        return None
    check(isinstance(ranges, list) and all(isinstance(r, dict) for r in ranges), "'rows' is a list of ranges.", ranges)
    mask = np.ones(len(next(iter(values.values()))), dtype=bool)
    for one in ranges:
        name, low, high = one.get("name"), one.get("low"), one.get("high")
        if not isinstance(name, str) or name not in values:
            raise unknown("column", name, values)
        check(is_number(low) and is_number(high), "The ends 'low' and 'high' of a range are numbers.", (low, high))
        mask &= (values[name] >= low) & (values[name] <= high)
    if mask.sum() < 2:
        raise InputError("Fewer than two rows are selected: make the range wider.")
    return mask


_KEPT = "rows"  # the drawer of the quantities of the state that was looked at last


@request()
def rows(desk: Desk, rows: Any = None) -> Answer:
    """Each column, target, fitted value and residual: its histogram over all and over the chosen rows, and a sample.

    The sample has at most 2000 rows, evenly drawn, the same ones at each call; `chosen` says which of them are among
    the chosen rows.
    """
    session = desk.session
    found = _quantities(desk, session)
    mask = inside({one.name: one.values for one in found}, rows)
    count = len(session.table.x)
    shown = np.unique(np.linspace(0, count - 1, min(count, 2000)).round().astype(int))
    return {
        "at": session.state.id, "rows": count, "selected": count if mask is None else int(mask.sum()),
        "columns": [_column(one, mask) for one in found],
        "sample": {
            "index": shown.tolist(), "values": [numbers(one.values[shown], 9) for one in found],
            "chosen": [1] * len(shown) if mask is None else mask[shown].astype(int).tolist(),
        },
    }  # fmt: skip


@request()
def row(desk: Desk, index: int) -> Answer:
    """All that is known of one row, by its number from 0 on."""
    session = desk.session
    last = len(session.table.x) - 1
    check(is_int(index, 0, last), f"Rows are numbered from 0 to {last}.", index)
    found = _quantities(desk, session)
    return {
        "index": index,
        "texts": [
            {"name": name, "text": texts[index]}
            for name, texts in desk.drawers.get(TEXTS, {}).items()
            if texts[index] is not None
        ],
        "values": [
            {"name": one.name, "kind": one.kind, "of": one.of, "value": number(one.values[index])} for one in found
        ],
    }


def _quantities(desk: Desk, session: Session) -> list[Quantity]:
    """The quantities of a state: computed once, while it is looked at."""
    kept = desk.drawers.get(_KEPT)
    if kept is None or kept[0] is not session:
        kept = desk.drawers[_KEPT] = (session, quantities(session))
    return kept[1]


def _column(one: Quantity, mask: np.ndarray | None) -> Answer:
    bins = Bins.of(one.values)
    row = bins.row(one.values)
    finite = one.values[np.isfinite(one.values)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (float("nan"),) * 2
    return {
        "name": one.name, "kind": one.kind, "of": one.of, "low": number(ends[0]), "high": number(ends[1]), **row,
        "selected": row["counts"] if mask is None else bins.counts(one.values[mask]),
    }  # fmt: skip
