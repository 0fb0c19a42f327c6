"""The states of a session from a file, each field checked: what a file says can be anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edgewise._checks import is_int, is_number
from edgewise.nn import KAN
from edgewise.session._actions import ACTIONS
from edgewise.session._archive import NO_SESSION, Damaged
from edgewise.session._rows import Rows, Variable
from edgewise.session._situation import Situation
from edgewise.session._state import State

_FIELDS = {"parent", "branch", "name", "arguments", "error", "note", "forbidden", "variables"}


def read_states(rows: Sequence[Any], models: Sequence[KAN], table: Rows) -> tuple[State, ...]:
    """The states, each a child of an earlier one, with networks that read the columns and give the targets."""
    return tuple(
        _state(number, row, model, table) for number, (row, model) in enumerate(zip(rows, models, strict=True))
    )


def check_history(states: Sequence[State], at: Any, line: Any, undone: Any) -> None:
    """Require a place in the history, and that what was undone leads on from there, step by step."""
    _require(isinstance(line, str) and line and isinstance(undone, list))
    _require(all(is_int(place, 0, len(states) - 1) for place in (at, *undone)))
    for place in reversed(undone):
        _require(states[place].parent == at)
        at = place


def check_variables(states: Sequence[State], rows: Rows) -> None:
    """Require that every variable can be computed from the columns before it; InputError says what cannot."""
    known: set[tuple[Variable, ...]] = {()}
    for state in states:
        variables = state.situation.variables
        for count in range(1, len(variables) + 1):
            if variables[:count] not in known:
                rows.check(variables[: count - 1], variables[count - 1])
                known.add(variables[:count])


def are_texts(value: object) -> bool:
    """Whether this is a list of texts."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _state(number: int, row: Any, model: KAN, table: Rows) -> State:
    """A state of its row; what its action took is read as if it had been given now."""
    _require(isinstance(row, dict) and set(row) == _FIELDS)
    parent, name, error = row["parent"], row["name"], row["error"]
    _require(all(isinstance(row[field], str) for field in ("branch", "name", "note")) and row["branch"])
    _require(error == float("inf") or is_number(error, 0))
    _require(are_texts(row["forbidden"]) and isinstance(row["variables"], list))
    _require(all(are_texts(pair) and len(pair) == 2 for pair in row["variables"]))
    variables = tuple(Variable(*pair) for pair in row["variables"])
    sound = model.n_in == len(table.names) + len(variables) and model.n_out == len(table.targets)
    if not sound or model.dtype != torch.float64:
        raise Damaged(f"holds a network ({number}.safetensors) that does not fit its rows: save the session again")
    arguments: dict[str, Any] = {}
    if number == 0:
        _require(parent is None and name == "start" and row["arguments"] == {})
    else:
        _require(is_int(parent, 0, number - 1) and name in ACTIONS and isinstance(row["arguments"], dict))
        arguments = ACTIONS[name].read((), row["arguments"])
    situation = Situation(model, variables, tuple(row["forbidden"]))
    return State(number, parent, row["branch"], name, arguments, situation, float(error), row["note"])


def _require(sound: object) -> None:
    if not sound:
        raise Damaged(NO_SESSION)
