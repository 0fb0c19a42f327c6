"""Two states of the session side by side: networks, formulas, errors, and where they differ on the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgewise._checks import is_int
from edgewise.networks.session import Session
from edgewise.studio._desk import Desk
from edgewise.studio._network_view import formula_view, network_view, number, numbers
from edgewise.studio._requests import Answer, check, request

_BINS = 31
_LISTED = 10  # rows that differ most
_SHOWN = 400  # rows of the plot against a column
Array = np.ndarray


@request()
def compare(desk: Desk, a: int, b: int) -> Answer:
    """What differs between two states: each with its network, and the differences of their outputs, b less a."""
    session = desk.session
    check(is_int(a, 0) and is_int(b, 0), "'a' and 'b' are numbers of states.", (a, b))
    found = session.compare(a, b)
    first, second = session.goto(a), session.goto(b)
    return {
        "a": _side(first), "b": _side(second), "moved": number(found.moved),
        "became": [{"edge": list(edge), "was": was, "is": is_} for edge, (was, is_) in found.became.items()],
        "curves": [{"edge": list(edge), "moved": number(value)} for edge, value in found.curves.items()],
        "same_nodes": first.state.situation.model.widths == second.state.situation.model.widths,
        "targets": [_target(first, second, k) for k in range(len(session.targets))],
    }  # fmt: skip


def _side(session: Session) -> Answer:
    state = session.state
    view = network_view(state.situation.model, session.table.x, session.names, list(session.targets))
    return {
        **state.row(), "error": number(state.error), "formula": formula_view(session), "view": view,
        "variables": [{"name": v.name, "formula": v.formula} for v in session.variables],
    }  # fmt: skip


def _target(first: Session, second: Session, k: int) -> Answer:
    """One target's differences: how they are distributed, in which rows they are largest, and against each column."""
    columns, target = _columns(first, k), first.targets[k]
    before, after = (_fitted(each)[:, k] for each in (first, second))
    difference = after - before
    finite = np.isfinite(difference)
    largest = np.argsort(-np.where(finite, np.abs(difference), np.inf), kind="stable")[:_LISTED]
    shown = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(finite))[:_SHOWN])
    return {
        "target": target,
        "histogram": _histogram(difference[finite]),
        "undefined": int((~finite).sum()),
        "largest": {
            "row": largest.tolist(), "columns": {name: numbers(values[largest]) for name, values in columns.items()},
            "a": numbers(before[largest]), "b": numbers(after[largest]), "difference": numbers(difference[largest]),
        },
        "sample": {
            "columns": {name: numbers(values[shown]) for name, values in columns.items()},
            "difference": numbers(difference[shown]),
        },
    }  # fmt: skip


def _columns(session: Session, k: int) -> dict[str, Array]:
    """The columns that the session was begun with, and the target."""
    count = len(session.columns)
    x, y = session.table.x[:, :count].numpy(), session.table.y.numpy()
    return {**{name: x[:, i] for i, name in enumerate(session.columns)}, session.targets[k]: y[:, k]}


def _fitted(session: Session) -> Array:
    with torch.no_grad():
        return session.state.situation.model(session.table.x).numpy()


def _histogram(values: Array) -> dict[str, Any]:
    """Counts between ends of bins that are symmetric about 0."""
    end = float(np.abs(values).max(initial=0.0))
    if end == 0:
        return {"ends": [], "counts": []}
    counts, ends = np.histogram(values, _BINS, (-end, end))
    return {"ends": numbers(ends), "counts": counts.tolist()}
