"""The picture of a Kolmogorov-Arnold network: inputs below, a little curve on every edge, outputs on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.path import Path

from edgewise.interpret import EdgeCurve, edge_curves, edge_scores, node_names, rows_of
from edgewise.nn import KAN
from edgewise.plot._edges import shown_range
from edgewise.plot._layout import Diagram, EdgeSpot, NodeSpot, Point, diagram
from edgewise.plot._style import INK, SOFT, SYMBOLIC
from edgewise.plot._text import function_label

_INCH = 0.5  # an edge's box
_DOT, _RING = 0.13, 0.25  # radii of sums and products
_LETTER = 0.19  # mean width of a name's letter
_BOX = "round,pad=0.08,rounding_size=0.14"
_MOST_LEVEL = 6  # names that are given room beside each other


def network(
    model: KAN,
    x: Any = None,
    *,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a network bottom-up, its curve on every edge, and return the axes.

    Curves cover the range that the data takes. A line's opacity is tanh(3 score) of its attribution score,
    so what matters is dark. Spline edges are dark blue; symbolic edges are orange and named. A dot is a
    sum, a circled cross a product. Masked edges are not drawn. The figure, made when `ax` is None, grows
    with the network; save it with `ax.figure.savefig(path)`.

    Shapes: x (n, n_in), or None for points spread over the first layer's knots; `names` n_in strings;
    `target` one string or n_out. Names are printed as they are. Errors: InputError for x, names or target
    of another width.

    >>> import edgewise as ew, torch
    >>> model = ew.nn.set_function(ew.KAN([2, 3, 1]), 0, 0, 0, "sin")
    >>> ax = ew.plot.network(model, torch.rand(100, 2), names=["mass_kg", "speed"], target="energy")
    >>> "mass_kg" in [text.get_text() for text in ax.texts]
    True

    Source: Liu et al., KAN: Kolmogorov-Arnold Networks (2024), section 2.5.1.
    """
    labels = node_names(model, names, target)
    rows = rows_of(model, x)
    plan = diagram(model, _room(labels))
    curves = {(curve.layer, curve.j, curve.i): curve for curve in edge_curves(model, rows)}
    scores = [np.nan_to_num(score.double().cpu().numpy()) for score in edge_scores(model, rows)]
    faintest = 0.1 if len(plan.edges) <= 60 else 0.06
    opacity = {_key(e): max(faintest, math.tanh(3 * float(scores[e.layer][e.j, e.i]))) for e in plan.edges}
    tilted = _tilted(labels[0], plan.width)
    ax = _axes(ax, plan, labels, tilted)
    _draw_lines(ax, plan, curves, opacity)
    _draw_boxes(ax, plan, curves, opacity)
    _draw_nodes(ax, plan)
    _draw_names(ax, plan, labels, tilted)
    return ax


def _room(labels: list[list[str]]) -> float:
    """The width that the names of a few inputs or outputs need side by side."""
    ends = [names for names in (labels[0], labels[-1]) if len(names) <= _MOST_LEVEL]
    return max([3.6] + [len(names) * (_LETTER * max(map(len, names)) + 0.4) for names in ends])


def _tilted(names: list[str], width: float) -> bool:
    """Whether the longest input name needs more room than lies between two inputs."""
    return max(map(len, names)) * _LETTER > width / len(names) - 0.2


def _axes(ax: Axes | None, plan: Diagram, labels: list[list[str]], tilted: bool) -> Axes:
    longest = max(map(len, labels[0]))
    below = 0.45 + (longest * 0.13 + 0.2 if tilted else 0.3)
    side = max(0.25, (longest * 0.13 - 0.6) if tilted else 0.25)
    left, right, bottom, top = -side, plan.width + 0.25, -below, plan.height + 0.85
    if ax is None:
        figure = Figure(figsize=(_INCH * (right - left), _INCH * (top - bottom)))
        ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.axis("off")
    return ax


def _colour(curve: EdgeCurve, alpha: float) -> tuple[float, float, float, float]:
    return to_rgba(SYMBOLIC if curve.function else INK, alpha)


def _key(edge: EdgeSpot) -> tuple[int, int, int]:
    return edge.layer, edge.j, edge.i


def _draw_lines(ax: Axes, plan: Diagram, curves: dict[Any, EdgeCurve], opacity: dict[Any, float]) -> None:
    """Faint lines first, so that the important ones lie on top."""
    paths, colours = [], []
    for edge in sorted(plan.edges, key=lambda e: opacity[_key(e)]):
        (x, y), colour = edge.box, _colour(curves[_key(edge)], opacity[_key(edge)])
        paths += [_bend(edge.start, (x, y - 0.5)), _bend((x, y + 0.5), edge.end)]
        colours += [colour, colour]
    ax.add_collection(PathCollection(paths, facecolors="none", edgecolors=colours, linewidths=1.3, zorder=1))


def _bend(start: Point, end: Point) -> Path:
    """A curve that leaves and arrives a little upward."""
    lift = 0.4 * (end[1] - start[1])
    points = [start, (start[0], start[1] + lift), (end[0], end[1] - lift), end]
    return Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])


def _draw_boxes(ax: Axes, plan: Diagram, curves: dict[Any, EdgeCurve], opacity: dict[Any, float]) -> None:
    boxes, lines, colours = [], [], []
    for edge in plan.edges:
        curve, alpha, (x, y) = curves[_key(edge)], opacity[_key(edge)], edge.box
        boxes.append(FancyBboxPatch((x - 0.42, y - 0.42), 0.84, 0.84, boxstyle=_BOX))
        lines.append(_fitted(curve) * 0.78 + np.array([x, y]) - 0.39)
        colours.append(_colour(curve, max(alpha, 0.25)))
        if curve.function:
            _label(ax, edge, curve.function)
    ax.add_collection(PatchCollection(boxes, facecolors="white", edgecolors=colours, linewidths=0.9, zorder=3))
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=1.4, capstyle="round", zorder=4))


def _label(ax: Axes, edge: EdgeSpot, function: str) -> None:
    """A symbolic edge's function above its box, on the side that its line turns away from."""
    text, is_math = function_label(function)
    right = edge.end[0] > edge.box[0] + 0.01
    x, y = edge.box[0] + (-0.07 if right else 0.07), edge.box[1] + 0.53
    halo = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.4}
    place: dict[str, Any] = {"ha": "right" if right else "left", "va": "bottom", "bbox": halo, "zorder": 6}
    ax.text(x, y, text, parse_math=is_math, color=SYMBOLIC, fontsize=8.5, **place)


def _fitted(curve: EdgeCurve) -> np.ndarray:
    """The curve scaled into the unit square, (points, 2); a constant lies in the middle."""
    low, high = shown_range(curve)
    start, span = curve.x[0], curve.x[-1] - curve.x[0]
    flat = high - low <= 1e-12 * max(abs(low), abs(high))
    across = (curve.x - start) / span if span > 0 else np.linspace(0, 1, len(curve.x))
    with np.errstate(invalid="ignore"):
        up = np.full_like(across, 0.5) if flat else (curve.y - low) / (high - low)
        up = np.where((up < -0.02) | (up > 1.02), np.nan, up)
    return np.column_stack([across, up])


def _draw_nodes(ax: Axes, plan: Diagram) -> None:
    for node in plan.nodes:
        if node.kind == "product":
            _draw_product(ax, node)
        else:
            _dot(ax, (node.x, node.y), _DOT, INK if _used(plan, node) else SOFT)


def _dot(ax: Axes, place: Point, radius: float, colour: str) -> None:
    ax.add_patch(Circle(place, radius, facecolor=colour, edgecolor="white", linewidth=1, zorder=5))


def _draw_product(ax: Axes, node: NodeSpot) -> None:
    """A circled cross, joined to the points where its factors' edges end."""
    line: dict[str, Any] = {"color": INK, "linewidth": 1.4, "solid_capstyle": "round"}
    for x, y in node.factors:
        ax.plot([x, node.x], [y, node.y], zorder=2, **line)
        _dot(ax, (x, y), 0.6 * _DOT, INK)
    ring = Circle((node.x, node.y), _RING, facecolor="white", edgecolor=INK, linewidth=1.4, zorder=5)
    ring.set_gid("product")
    ax.add_patch(ring)
    arm = np.array([-0.5, 0.5]) * _RING
    for sign in (1, -1):
        ax.plot(node.x + arm, node.y + sign * arm, zorder=6, **line)


def _draw_names(ax: Axes, plan: Diagram, labels: list[list[str]], tilted: bool) -> None:
    """Names as they are, dollars and underscores too: inputs below, outputs above, hidden nodes beside."""
    below: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 11}
    if tilted:
        below |= {"ha": "right", "rotation": 40, "rotation_mode": "anchor"}
    above: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 11}
    beside: dict[str, Any] = {"va": "center", "fontsize": 8}
    for node in plan.nodes:
        colour = INK if _used(plan, node) else SOFT
        x, y, style = node.x, node.y - 0.3, below
        if node.layer == len(labels) - 1:
            y, style = node.y + 0.36, above
        elif node.layer > 0:
            radius = _RING if node.kind == "product" else _DOT
            x, y, colour, style = node.x + radius + 0.07, node.y - 0.02, SOFT, beside
        ax.text(x, y, labels[node.layer][node.index], color=colour, parse_math=False, zorder=6, **style)


def _used(plan: Diagram, node: NodeSpot) -> bool:
    """Whether an input reaches anything."""
    return node.layer > 0 or any(edge.layer == 0 and edge.i == node.index for edge in plan.edges)
