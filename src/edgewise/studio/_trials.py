"""What would be, without the whole network: an edge with other constants, the edges that a prune would remove."""

from __future__ import annotations

from typing import Any

import torch

from edgewise.formulas import functions as library
from edgewise.interpret import Cut, end_names, node_names, prune
from edgewise.networks.session import ACTIONS
from edgewise.nn import KAN, Edge, trace
from edgewise.plot import edge_formula
from edgewise.studio._desk import Desk
from edgewise.studio._network_view import number, numbers
from edgewise.studio._requests import Answer, check, request

_POINTS = 201


@request()
def trial(desk: Desk, at: int, edge: list[int], function: str, affine: list[float] | None = None) -> Answer:
    """An edge as c f(a x + b) + d: its curve, the error of the network with it, and the constants, fitted if None."""
    session = desk.at(at)
    shown = session.preview("set_function", edge, function, affine)
    depth, j, i = edge
    model = shown.session.state.situation.model
    with torch.no_grad():
        inputs = trace(model, session.table.x).inputs[depth][:, i]
    grid = torch.linspace(float(inputs.min()), float(inputs.max()), _POINTS, dtype=torch.float64)
    constants = tuple(model.layers[depth].affine.detach()[j, i].tolist())
    a, b, c, d = constants
    curve = c * library.get(function).torch(a * grid + b) + d
    return {
        "before": number(shown.before), "after": number(shown.after), "affine": numbers(constants, 12),
        "formula": edge_formula(function, constants, "x"), "x": numbers(grid), "y": numbers(curve.numpy()),
    }  # fmt: skip


@request()
def cutting(desk: Desk, at: int, arguments: dict[str, Any]) -> Answer:
    """What `prune` would remove with these arguments: edges of the network as it is, and the error afterwards."""
    session = desk.at(at)
    check(isinstance(arguments, dict), "'arguments' are named.", arguments)
    settings = ACTIONS["prune"].read((), arguments)
    settings["cuts"] = [Cut(**cut) for cut in settings["cuts"]]
    model, table = session.state.situation.model, session.table
    found = prune(model, table.x, table.y, **settings)
    gone = sorted(_gone(model, [(removal.what, removal.where) for removal in found.removed]))
    return {
        "edges": [list(edge) for edge in gone], "left": session.state.edges - len(gone),
        "before": number(found.error_before), "after": number(found.error_after),
    }  # fmt: skip


def _gone(model: KAN, removed: list[tuple[str, str]]) -> set[Edge]:
    """The edges that are named, or begin or end at a node that is: `prune` without names calls nodes x1, h1, y."""
    labels = node_names(model, None)
    edges = {text for what, text in removed if what == "edge"}
    nodes = {text.split(" into ")[0] for what, text in removed if what != "edge"}
    found = set()
    for depth, layer in enumerate(model.layers):
        ends = end_names(model, labels, depth)
        for j, i in layer.mask.nonzero().tolist():
            start, end = labels[depth][i], ends[j]
            if f"{start} → {end}" in edges or start in nodes or end.partition(", factor")[0] in nodes:
                found.add((depth, j, i))
    return found
