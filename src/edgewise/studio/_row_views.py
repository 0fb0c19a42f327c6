"""Requests that show the rows of a session: histograms, a sample of points to draw, one row at length."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewise._checks import is_int
from edgewise.networks.session import Session
from edgewise.studio._desk import Desk
from edgewise.studio._histograms import Bins
from edgewise.studio._network_view import number, numbers
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._rows import TEXTS, Quantity, inside, quantities

_DOTS = 2000
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
    shown = np.unique(np.linspace(0, count - 1, min(count, _DOTS)).round().astype(int))
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
