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

from edgewise.interpret import edge_scores
from edgewise.nn import KAN
from edgewise.plot._edges import EdgeCurve, edge_curves, rows_of, shown_range
from edgewise.plot._layout import Diagram, EdgeSpot, NodeSpot, Point, diagram
from edgewise.plot._names import node_names
from edgewise.plot._style import INK, SOFT, SYMBOLIC
from edgewise.plot._text import function_label

_INCH = 0.5  # an edge's box
_DOT, _RING = 0.13, 0.25  # radii of sums and products
_LETTER = 0.19  # mean width of a name's letter
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
    return max(3.6, *(len(names) * (_LETTER * max(map(len, names)) + 0.4) for names in ends), 0.0)


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
    boxes, borders, lines, colours = [], [], [], []
    for edge in plan.edges:
        curve, alpha = curves[_key(edge)], opacity[_key(edge)]
        (x, y), colour = edge.box, _colour(curve, max(alpha, 0.25))
        boxes.append(
            FancyBboxPatch((x - 0.42, y - 0.42), 0.84, 0.84, boxstyle="round,pad=0.08,rounding_size=0.14")
        )
        borders.append(colour)
        lines.append(_fitted(curve) * 0.78 + np.array([x, y]) - 0.39)
        colours.append(colour)
        if curve.function:
            text, is_math = function_label(curve.function)
            away, side = (-0.07, "right") if edge.end[0] > x + 0.01 else (0.07, "left")
            ax.text(
                x + away,
                y + 0.53,
                text,
                parse_math=is_math,
                color=SYMBOLIC,
                fontsize=8.5,
                ha=side,
                va="bottom",
                zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.4},
            )
    ax.add_collection(
        PatchCollection(boxes, facecolors="white", edgecolors=borders, linewidths=0.9, zorder=3)
    )
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=1.4, capstyle="round", zorder=4))


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
            ax.add_patch(
                Circle((node.x, node.y), _DOT, facecolor=INK, edgecolor="white", linewidth=1, zorder=5)
            )


def _draw_product(ax: Axes, node: NodeSpot) -> None:
    for x, y in node.factors:
        ax.plot([x, node.x], [y, node.y], color=INK, linewidth=1.3, zorder=2)
        ax.add_patch(Circle((x, y), 0.6 * _DOT, facecolor=INK, edgecolor="white", linewidth=0.8, zorder=5))
    ax.add_patch(
        Circle(
            (node.x, node.y), _RING, facecolor="white", edgecolor=INK, linewidth=1.4, zorder=5, gid="product"
        )
    )
    arm = 0.5 * _RING
    for sign in (1, -1):
        ax.plot(
            [node.x - arm, node.x + arm],
            [node.y - sign * arm, node.y + sign * arm],
            color=INK,
            linewidth=1.4,
            solid_capstyle="round",
            zorder=6,
        )


def _draw_names(ax: Axes, plan: Diagram, labels: list[list[str]], tilted: bool) -> None:
    last = len(labels) - 1
    for node in plan.nodes:
        name = labels[node.layer][node.index]
        if node.layer == 0:
            turn: dict[str, Any] = (
                {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if tilted else {"ha": "center"}
            )
            ax.text(
                node.x,
                node.y - 0.3,
                name,
                parse_math=False,
                color=INK,
                fontsize=11,
                va="top",
                zorder=6,
                **turn,
            )
        elif node.layer == last:
            ax.text(
                node.x,
                node.y + 0.36,
                name,
                parse_math=False,
                color=INK,
                fontsize=11,
                ha="center",
                va="bottom",
                zorder=6,
            )
        else:
            radius = _RING if node.kind == "product" else _DOT
            ax.text(
                node.x + radius + 0.07,
                node.y - 0.02,
                name,
                parse_math=False,
                color=SOFT,
                fontsize=8,
                va="center",
                zorder=6,
            )
