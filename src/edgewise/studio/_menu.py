"""What the page can offer: every action of a session with its arguments, from which it makes forms."""

from __future__ import annotations

import inspect
from typing import Any

from edgewise.formulas import functions as library
from edgewise.networks.session import ACTIONS, Action
from edgewise.studio._acts import LONG
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Answer, request

#: what is typed or chosen for an argument, by its name; the same for all actions
KINDS = {
    "affine": "constants", "cuts": "cuts", "depth": "integer", "direction": "direction", "edge": "edge",
    "edges": "edges", "factor": "integer", "formula": "text", "function": "function", "functions": "functions",
    "grid": "integer", "grids": "grids", "merge": "choice", "name": "text", "node": "node", "nodes": "nodes",
    "rounding": "choice", "seed": "integer", "slack": "number", "sparsity": "number", "steps": "integer",
    "threshold": "number", "weight": "number",
}  # fmt: skip


@request()
def actions(desk: Desk) -> Answer:
    """All actions, in the order of a menu, and the functions that an edge can become."""
    return {"actions": [_row(action) for action in ACTIONS.values()], "functions": list(library.names())}


def _row(action: Action) -> Answer:
    said = inspect.cleandoc(action.act.__doc__ or "").partition("\n")[0]
    arguments: list[dict[str, Any]] = [
        {"name": name, "kind": KINDS[name], "needed": taken.default is taken.empty,
         "default": None if taken.default is taken.empty else taken.default}
        for name, taken in action.takes.items()
    ]  # fmt: skip
    return {"name": action.name, "does": said, "long": action.name in LONG, "arguments": arguments}
