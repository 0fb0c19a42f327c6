"""Everything about a network's parts as tables: edges, nodes, interactions, curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from edgewise._extras import needed
from edgewise._typing import Data
from edgewise.interpret._arrange import end_names, node_names
from edgewise.interpret._curves import edge_curves, shape_of, straightness
from edgewise.interpret._scores import (
    By,
    Region,
    edge_scores,
    interactions,
    node_scores,
    region_of,
    spread_of,
    table_of,
)
from edgewise.nn import KAN, Edge, edge_derivatives, trace

if TYPE_CHECKING:
    import pandas as pd

Names = Sequence[str] | None
_SCORES = {"score": 0.0, "signed": 0.0}  # the places of their columns, filled in by `_with_scores`


def edge_table(
    model: KAN, x: Data, *, names: Names = None, target: str | Names = None, rows: Region = None, by: By = None
) -> pd.DataFrame:
    """Return a table with a line for each active edge: where it is, what it does, how much it matters.

    layer, j, i     the edge, from node i to subnode j of a layer
    start, end      their names, inputs by those of their columns
    kind, function  "spline" and the basis, or "symbolic" and the function's name
    score, signed   see `edgewise.interpret.edge_scores`
    low, high       what its inputs reach on the rows
    outside         the share of rows beyond its knots, 0 for a symbolic edge
    curvature       rms phi''(h) Var h / sd phi: 0 for a line
    straight        the share of the curve's variance that a line explains
    shape           "line", "parabola", "rising", "hill", "3 turns", ...: a hint which function to try

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    names
        Names of the inputs; by default those that the network was trained with, those of the columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default.
    by
        "output" makes a line for each output, named in the column `output`; None takes all outputs together.

    Raises
    ------
    InputError
        For x, names or target of another width, and for rows that are no region of x.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(100, 2, generator=torch.Generator().manual_seed(0))
    >>> model = ew.nn.set_function(ew.KAN([2, 1]), (0, 0, 0), "x", (2.0, 0.0, -1.0, 0.0))
    >>> table = ew.interpret.edge_table(model, x, names=["mass", "speed"])
    >>> table.loc[0, ["start", "end", "function", "shape"]].tolist()
    ['mass', 'y', 'x', 'line']
    """
    labels = node_names(model, names, target, x)
    region = region_of(table_of(model, x), rows)
    bends = _curvatures(model, region)
    lines = [
        {
            **_place(model, labels, (curve.layer, curve.j, curve.i)),
            "kind": "symbolic" if curve.function else "spline",
            "function": curve.function or model.layers[curve.layer].basis.name,
            **_SCORES,
            "low": curve.samples.min(),
            "high": curve.samples.max(),
            "outside": curve.outside,
            "curvature": float(bends[curve.layer][curve.j, curve.i]),
            "straight": straightness(curve.samples, curve.values),
            "shape": shape_of(curve.x, curve.y),
        }
        for curve in edge_curves(model, region)
    ]
    scored = [edge_scores(model, x, rows=rows, by=by, signed=signed) for signed in (False, True)]
    return _with_scores(lines, ("layer", "j", "i"), scored, labels[-1] if by else None)


def node_table(
    model: KAN, x: Data, *, names: Names = None, target: str | Names = None, rows: Region = None, by: By = None
) -> pd.DataFrame:
    """Return a table with a line for each input and hidden node: name, kind, scores, values, edges.

    `layer` is the layer that the node enters, `kind` "input", "sum" or "product"; `mean` and `spread` are those of its
    values on the rows, `into` and `out` count its edges.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    names
        Names of the inputs; by default those that the network was trained with, those of the columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default.
    by
        "output" makes a line for each output, named in the column `output`; None takes all outputs together.

    Raises
    ------
    InputError
        For x, names or target of another width, and for rows that are no region of x.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> table = ew.interpret.node_table(ew.KAN([2, (1, 1), 1]), torch.rand(50, 2), names=["mass", "speed"])
    >>> table[["name", "kind", "out"]].values.tolist()
    [['mass', 'input', 3], ['speed', 'input', 3], ['h1', 'sum', 1], ['h2', 'product', 1]]
    """
    labels = node_names(model, names, target, x)
    with torch.no_grad():
        inputs = trace(model, region_of(table_of(model, x), rows)).inputs
    lines = [
        {
            "layer": depth,
            "node": q,
            "name": labels[depth][q],
            "kind": "input" if depth == 0 else "sum" if q < nodes.n_sum else "product",
            **_SCORES,
            "mean": float(inputs[depth][:, q].mean()),
            "spread": float(inputs[depth][:, q].std(correction=0)),
            "into": int(model.layers[depth - 1].mask[group].sum()) if depth else 0,
            "out": int(model.layers[depth].mask[:, q].sum()),
        }
        for depth, nodes in enumerate(model.nodes[:-1])
        for q, group in enumerate(nodes.groups())
    ]
    scored = [node_scores(model, x, rows=rows, by=by, signed=signed) for signed in (False, True)]
    return _with_scores(lines, ("layer", "node"), scored, labels[-1] if by else None)


def interaction_table(
    model: KAN, x: Data, *, names: Names = None, target: str | Names = None, rows: Region = None, by: By = None
) -> pd.DataFrame:
    """Return a table of all pairs of inputs, those that act together most strongly first.

    Columns first, second, interaction, signed: see `edgewise.interpret.interactions`.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    names
        Names of the inputs; by default those that the network was trained with, those of the columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default.
    by
        "output" makes a line for each output, named in the column `output`; None takes all outputs together.

    Raises
    ------
    InputError
        For x, names or target of another width, and for rows that are no region of x.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model = ew.KAN([3, 2, 1], seed=1)
    >>> table = ew.interpret.interaction_table(model, torch.rand(50, 3), names=["a", "b", "c"])
    >>> table.columns.tolist(), len(table)
    (['first', 'second', 'interaction', 'signed'], 3)
    """
    pd = needed("pandas")

    labels = node_names(model, names, target, x)
    size, signed = (interactions(model, x, rows=rows, by=by, signed=s) for s in (False, True))
    size, signed = (part.cpu() if by else part.cpu().unsqueeze(0) for part in (size, signed))
    lines = [
        {
            **({"output": labels[-1][o]} if by else {}),
            "first": labels[0][a],
            "second": labels[0][b],
            "interaction": float(size[o, a, b]),
            "signed": float(signed[o, a, b]),
        }
        for o in range(len(size))
        for a in range(model.n_in)
        for b in range(a + 1, model.n_in)
    ]
    columns = [*(["output"] if by else []), "first", "second", "interaction", "signed"]
    table = pd.DataFrame(lines, columns=columns)
    return table.sort_values("interaction", ascending=False, kind="stable", ignore_index=True)


def curve_table(
    model: KAN,
    x: Data | None = None,
    *,
    edges: Iterable[Edge] | None = None,
    names: Names = None,
    target: str | Names = None,
) -> pd.DataFrame:
    """Return every curve as numbers, a line for each point: its place and names, x, y, count, outside.

    Points are spread evenly over what the data reach, and more where the data are dense; `count` is how many rows lie
    nearest to a point, so that the counts of a curve add up to the rows (10 000 of them at most). `outside` tells a
    point beyond the knots.
    `curve_table(...).to_csv(path, index=False)` writes a file.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame. None takes points that are spread over the first layer's knots.
    edges
        The edges, each (layer, j, i); all active ones by default.
    names
        Names of the inputs; by default those that the network was trained with, those of the columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...

    Raises
    ------
    InputError
        For x, names or target of another width, and for edges that the network does not have.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> table = ew.interpret.curve_table(ew.KAN([2, 1]), torch.rand(50, 2), names=["mass", "speed"])
    >>> table.groupby("start")["count"].sum().to_dict()
    {'mass': 50, 'speed': 50}
    """
    pd = needed("pandas")

    labels = node_names(model, names, target, x)
    parts = []
    for curve in edge_curves(model, x, edges=edges):
        low, high = curve.knots
        outside = ((curve.x < low) | (curve.x > high)) & (curve.function is None)
        points = {"x": curve.x, "y": curve.y, "count": curve.counts, "outside": outside}
        parts.append(pd.DataFrame({**_place(model, labels, (curve.layer, curve.j, curve.i)), **points}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _place(model: KAN, labels: list[list[str]], edge: Edge) -> dict[str, Any]:
    depth, j, i = edge
    ends = end_names(model, labels, depth)
    return {"layer": depth, "j": j, "i": i, "start": labels[depth][i], "end": ends[j]}


def _curvatures(model: KAN, x: Tensor) -> list[Tensor]:
    """rms phi''(h) Var h / sd phi of every edge, 0 where its function is constant: (n_out, n_in) a layer."""
    with torch.no_grad():
        passed, found = trace(model, x), []
        for depth, h in enumerate(passed.inputs):
            bend = edge_derivatives(model.layers[depth], h, 2).square().mean(0).sqrt()
            sizes = spread_of(passed.edges[depth])
            found.append(torch.where(sizes > 0, bend * spread_of(h).square() / sizes, 0))
    return found


def _with_scores(lines: list[Any], place: Sequence[str], scored: list[Any], outputs: list[str] | None) -> pd.DataFrame:
    """The lines as a table with scores and signed scores filled in, once for each output where these are named."""
    pd = needed("pandas")

    places = [[line[key] for key in place] for line in lines]
    parts = []
    for o in range(len(outputs or [""])):
        score, signed = ([float(part[depth][..., *at].reshape(-1)[o]) for depth, *at in places] for part in scored)
        parts.append(pd.DataFrame(lines).assign(score=score, signed=signed))
    if outputs is None:
        return parts[0]
    return pd.concat(parts, keys=outputs, names=["output"]).reset_index(0).reset_index(drop=True)
