"""One point of a session's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgewise.nn import Layout
from edgewise.session._situation import Situation


@dataclass(frozen=True)
class State:
    """What an action left: the network, its error, and where in the history it stands.

    `id` counts from 0, the start; `parent` is the id of the state that the action `name` was done in, with
    `arguments`; `branch` the line of states that it belongs to; `error` a root mean square in the target's units.
    """

    id: int
    parent: int | None
    branch: str
    name: str
    arguments: Mapping[str, Any]
    situation: Situation
    error: float
    note: str = ""

    @property
    def call(self) -> str:
        """The action as it is written: prune_edge((0, 1, 0))."""
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    @property
    def parameters(self) -> int:
        """Numbers that training may change."""
        return Layout(self.situation.model).size

    @property
    def edges(self) -> int:
        return sum(int(layer.mask.sum()) for layer in self.situation.model.layers)

    @property
    def splines(self) -> int:
        """Edges that are no function of the library yet."""
        return sum(int(layer.spline_mask().sum()) for layer in self.situation.model.layers)

    def row(self) -> dict[str, Any]:
        """The state as one row of a table."""
        return {
            "id": self.id, "parent": self.parent, "branch": self.branch, "action": self.call, "error": self.error,
            "parameters": self.parameters, "edges": self.edges, "splines": self.splines, "note": self.note,
        }  # fmt: skip
