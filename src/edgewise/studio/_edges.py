"""One edge, one node, one function that an edge could become, as the page shows them, and what would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.interpret import Cut, edge_curves, edge_scores, end_names, node_names, prune
from edgewise.interpret.symbolic import Candidate
from edgewise.networks.session import ACTIONS, Session
from edgewise.nn import KAN, Edge, trace
from edgewise.plot import edge_formula
from edgewise.studio._desk import Desk
from edgewise.studio._network_view import as_target, box_curve, number, numbers
from edgewise.studio._requests import Answer, check, request

_POINTS = 201  # of a curve


def edge_view(session: Session, edge: Edge, rows: Any = None) -> Answer:
    """Return an edge's curve over the chosen rows, a sample of them on it, and all that holds of it."""
    depth, j, i = edge
    model, x = session.state.situation.model, session.table.x
    layer = model.layers[depth]
    names = node_names(model, session.names, as_target(session.targets))
    rule = layer.rules.get((j, i))
    said: Answer = {
        "edge": list(edge), "there": bool(layer.mask[j, i]), "from": names[depth][i], "grid": layer.grid,
        "rule": rule.row() if rule is not None else {},
        "function": layer.symbols.get((j, i)), "affine": numbers(layer.affine.detach()[j, i], 12),
    }  # fmt: skip
    if not layer.mask[j, i]:
        return said
    chosen = x if rows is None else x[torch.as_tensor(rows)]
    curve = edge_curves(model, chosen, edges=[edge])[0]
    scores = [edge_scores(model, x, rows=rows, signed=signed)[depth][j, i].item() for signed in (False, True)]
    if curve.function is not None and curve.affine is not None:
        said["formula"] = edge_formula(curve.function, curve.affine, names[depth][i])
    few = np.linspace(0, len(curve.samples) - 1, min(400, len(curve.samples))).astype(int)
    some = np.linspace(0, len(curve.x) - 1, min(_POINTS, len(curve.x))).astype(int)
    return {
        **said, "score": number(scores[0]), "signed": number(scores[1]), "outside": number(curve.outside),
        "knots": numbers(curve.knots), "x": numbers(curve.x[some]), "y": numbers(curve.y[some]),
        "density": histogram(curve.samples), "dots": [numbers(curve.samples[few]), numbers(curve.values[few])],
        "box": box_curve(curve),
    }  # fmt: skip


def histogram(values: np.ndarray, bins: int = 40) -> Answer:
    """Return counts of finite values in bins of equal width, and the bins' edges."""
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=bins) if finite.size else (np.zeros(bins), np.linspace(0, 1, bins + 1))
    return {"edges": numbers(edges), "counts": [int(count) for count in counts]}


def candidate_view(session: Session, found: Candidate) -> Answer:
    """Return a function that an edge could become, with its curve where the edge's own is drawn."""
    return {
        "function": found.function, "error": number(found.network_error), "held_out": number(found.held_out),
        "curve_error": number(found.curve_error),
        "complexity": found.complexity, "accepted": found.accepted, "hazard": found.hazard,
        **_formula_view(session.state.situation.model, session.table.x, found.edge, found.function, found.affine),
    }  # fmt: skip


def _formula_view(model: KAN, x: torch.Tensor, edge: Edge, function: str, affine: tuple[float, ...]) -> Answer:
    """c f(a x + b) + d over what reaches an edge: its constants, its text and its curve."""
    depth, _, i = edge
    with torch.no_grad():
        inputs = trace(model, x).inputs[depth][:, i]
    grid = torch.linspace(float(inputs.min()), float(inputs.max()), _POINTS, dtype=torch.float64)
    a, b, c, d = affine
    curve = c * library.get(function).torch(a * grid + b) + d
    return {
        "affine": numbers(affine, 12), "formula": edge_formula(function, (a, b, c, d), "x"),
        "x": numbers(grid), "y": numbers(curve.numpy()),
    }  # fmt: skip


def node_view(session: Session, node: tuple[int, int], rows: Any = None) -> Answer:
    """Return what a node is called, computes and takes as values over the chosen rows."""
    depth, q = node
    model, x = session.state.situation.model, session.table.x
    names = node_names(model, session.names, as_target(session.targets))
    with torch.no_grad():
        seen = trace(model, x)
    levels = [*seen.inputs, seen.outputs]
    if depth >= len(levels) or q >= levels[depth].shape[1]:
        raise InputError(f"The network has no node {list(node)}: look at it again.")
    values = levels[depth][:, q].numpy()
    return {
        "node": list(node), "name": names[depth][q], "product": depth > 0 and q >= model.nodes[depth].n_sum,
        "values": histogram(values if rows is None else values[np.asarray(rows)]),
        "factors": [] if depth == 0 else [_terms(model, depth, j, names) for j in model.nodes[depth].groups()[q]],
    }  # fmt: skip


def _terms(model: KAN, depth: int, j: int, names: list[list[str]]) -> list[Answer]:
    """What a sum adds up: each edge that ends in subnode j, with its formula where it has one."""
    layer, found = model.layers[depth - 1], []
    for i in layer.mask[j].nonzero().flatten().tolist():
        function, start = layer.symbols.get((j, i)), names[depth - 1][i]
        constants = tuple(layer.affine.detach()[j, i].tolist())
        formula = None if function is None else edge_formula(function, constants, start)
        found.append({"edge": [depth - 1, j, i], "from": start, "formula": formula})
    return found


@request()
def trial(desk: Desk, at: int, edge: list[int], function: str, affine: list[float] | None = None) -> Answer:
    """An edge as c f(a x + b) + d: its curve, the error of the network with it, and the constants, fitted if None."""
    session = desk.at(at)
    shown = session.preview("set_function", edge, function, affine)
    depth, j, i = edge
    model = shown.session.state.situation.model
    constants = tuple(model.layers[depth].affine.detach()[j, i].tolist())
    return {
        "before": number(shown.before),
        "after": number(shown.after),
        **_formula_view(model, session.table.x, (depth, j, i), function, constants),
    }


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
