"""The picture of a Kolmogorov-Arnold network: inputs below, a little curve on every edge, outputs on top."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret import EdgeCurve, edge_curves, edge_scores, node_names, rows_of
from edgewise.nn import KAN
from edgewise.plot._curves import unit_curve
from edgewise.plot._layout import PAGE, Frame, LayoutName, fitted
from edgewise.plot._spots import DOT, RING, Diagram, EdgeSpot, Key, Line, NameSpot, NodeSpot, Point
from edgewise.plot._style import INK, SOFT, SYMBOLIC, Picture

_FAINTEST, _FAINTEST_BOX = 0.18, 0.35
_CURVE = 0.74  # of a box's side
_CORNER = 0.09  # radius where a line turns


def network(
    model: KAN,
    x: Data | None = None,
    *,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    least: float = 0.0,
    layout: LayoutName = "auto",
    width: float = PAGE,
    ax: Axes | None = None,
) -> Axes:
    """Draw a network, its curve on every edge, and return the axes.

    Curves cover the range that the data takes. A line's opacity on white is tanh(3 score) of its attribution score, so
    what matters is dark. Symbolic edges are orange, with their formula of what enters, x, in rounded constants; "~ x^2"
    where that has no room. A dot is a sum, a circled cross the product of the sums that lead to it. Masked edges are
    not drawn, nor those that score less than `least`: a note says how many. Names like x1, theta_1 and k_B, and LaTeX
    between dollars, are set as mathematics, others as they are.

    `layout` is "levels", nodes above each other; "grid", a crossbar for each layer, legible when many edges join few
    nodes; or "auto", which takes levels as long as their boxes are 5 mm wide. The figure, made when `ax` is None, is as
    large as the network needs: up to `width` inches with boxes of 5 to 8 mm, wider only when even those do not fit.
    Save it with `ax.figure.savefig(path)`; in SVG every edge's line, box, curve and formula are groups with the ids
    "edge-LAYER-J-I-line" and so on, nodes and their names "node-LAYER-Q" and "name-LAYER-Q".

    Shapes: x (n, n_in), or None for points spread over the first layer's knots; `names` n_in strings, those of x's
    columns unless given; `target` one string or n_out. Errors: InputError for x, names or target of another width, an
    unknown layout, and numbers that are none.

    >>> import edgewise as ew, torch
    >>> model = ew.nn.set_function(ew.KAN([2, 3, 1]), (0, 0, 0), "sin")
    >>> ax = ew.plot.network(model, torch.rand(100, 2), names=["mass_kg", "speed"], target="energy")
    >>> "mass_kg" in [text.get_text() for text in ax.texts]
    True

    Source: Liu et al., KAN: Kolmogorov-Arnold Networks (2024), section 2.5.1.
    """
    for what, value, low in (("least", least, 0), ("width", width, 1)):
        if not is_number(value, low, 1000):
            raise InputError(f"The '{what}' parameter must be a number between {low} and 1000. Got {value!r}.")
    labels, rows = node_names(model, names, target, x), rows_of(model, x)
    scores = _scores(model, rows)
    hidden = {key for key, score in scores.items() if score < least}
    plan = fitted(model, labels, layout, _frame(ax, width), hidden, _note(len(hidden), least))
    ax = _axes(ax, plan)
    curves = {(curve.layer, curve.j, curve.i): curve for curve in edge_curves(model, rows)}
    for edge in sorted(plan.edges, key=lambda edge: scores[edge.key]):  # the important ones on top
        _draw_edge(ax, plan, edge, curves[edge.key], math.tanh(3 * scores[edge.key]))
    joined = {(e.layer, e.i) for e in plan.edges} | {(n.layer, n.index) for n in plan.nodes if n.layer}
    for node in plan.nodes:
        _draw_node(ax, node, INK if (node.layer, node.index) in joined else SOFT)
    for spot in [*plan.names, *([plan.note] if plan.note else [])]:
        shown = spot.layer in (0, len(labels) - 1) and (spot.layer, spot.index) in joined
        _draw_name(ax, spot, INK if shown else SOFT)
    return ax


def _note(count: int, least: float) -> str:
    edges = "1 edge scores" if count == 1 else f"{count} edges score"
    return f"{edges} below {least:g} and {'is' if count == 1 else 'are'} not drawn" if count else ""


def _scores(model: KAN, rows: Any) -> dict[Key, float]:
    """The score of every active edge."""
    scores = [np.nan_to_num(score.double().cpu().numpy()) for score in edge_scores(model, rows)]
    return {
        (depth, j, i): float(scores[depth][j, i])
        for depth, layer in enumerate(model.layers)
        for j, i in layer.mask.nonzero().tolist()
    }


def _frame(ax: Axes | None, width: float) -> Frame:
    if ax is None:
        return width, None
    box, size = ax.get_position(original=True), ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    return box.width * size[0], box.height * size[1]


def _axes(ax: Axes | None, plan: Diagram) -> Axes:
    left, bottom, right, top = plan.bounds
    if ax is None:
        figure = Picture(figsize=(plan.unit * plan.width, plan.unit * plan.height))
        ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.axis("off")
    return ax


def _shade(curve: EdgeCurve, opacity: float) -> tuple[float, float, float]:
    """The edge's color on white: mixed, not transparent, so that lines along each other darken nothing."""
    red, green, blue = (1 - opacity * (1 - part) for part in to_rgb(SYMBOLIC if curve.function else INK))
    return red, green, blue


def _draw_edge(ax: Axes, plan: Diagram, edge: EdgeSpot, curve: EdgeCurve, opacity: float) -> None:
    color, strong = _shade(curve, max(opacity, _FAINTEST)), _shade(curve, max(opacity, _FAINTEST_BOX))
    name, scale = "edge-{}-{}-{}".format(*edge.key), plan.unit / 0.3
    path = Path.make_compound_path(*(_path(plan.kind, line) for line in edge.lines))
    line = PathPatch(path, facecolor="none", edgecolor=color, linewidth=1.1 * scale, capstyle="round")
    (x, y), (wide, high) = edge.box, edge.size
    corner = (x - wide / 2 + 0.12, y - high / 2 + 0.12)
    box = FancyBboxPatch(corner, wide - 0.24, high - 0.24, boxstyle="round,pad=0.12,rounding_size=0.12")
    box.set(facecolor="white", edgecolor=strong, linewidth=0.8 * scale)
    points = (unit_curve(curve) - 0.5) * (_CURVE, _CURVE * (high - edge.strip)) + (x, y + edge.strip / 2)
    graph = Line2D(*points.T, color=strong, linewidth=1.2 * scale, solid_capstyle="round")
    for what, part, zorder in (("line", line, 1), ("box", box, 3), ("curve", graph, 4)):
        part.set(gid=f"{name}-{what}", zorder=zorder)
        ax.add_artist(part)
    if edge.label:
        text = ax.text(x, y - high / 2 + 0.52 * edge.strip, edge.label.text, color=SYMBOLIC, fontsize=plan.points)
        text.set(ha="center", va="center", zorder=5, gid=f"{name}-formula", **edge.label.style)


def _path(kind: str, line: Line) -> Path:
    """A bend that leaves and arrives upward, or straight lines with round corners."""
    if kind == "levels":
        (x0, y0), (x1, y1) = line
        lift = 0.45 * (y1 - y0)
        points = [(x0, y0), (x0, y0 + lift), (x1, y1 - lift), (x1, y1)]
        return Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    points, codes = [line[0]], [Path.MOVETO]
    for before, corner, after in zip(line, line[1:], line[2:], strict=False):
        points += [_towards(corner, before), corner, _towards(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*points, line[-1]], [*codes, Path.LINETO])


def _towards(corner: Point, other: Point) -> Point:
    far = math.dist(corner, other)
    share = min(_CORNER, far / 2) / far if far else 0.0
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])


def _draw_node(ax: Axes, node: NodeSpot, color: str) -> None:
    """A dot for a sum; for a product a circled cross, joined to the points where its factors' edges end."""
    name = f"node-{node.layer}-{node.index}"
    if node.kind != "product":
        _dot(ax, (node.x, node.y), DOT, color).set_gid(name)
        return
    line: dict[str, Any] = {"color": INK, "linewidth": 1.2, "solid_capstyle": "round"}
    for x, y in node.factors:
        ax.plot([x, node.x], [y, node.y], zorder=2, **line)
        _dot(ax, (x, y), 0.6 * DOT, INK)
    ring = Circle((node.x, node.y), RING, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=5, gid=name)
    ax.add_artist(ring)
    arm = np.array([-0.5, 0.5]) * RING
    for sign in (1, -1):
        ax.plot(node.x + arm, node.y + sign * arm, zorder=6, **line)


def _dot(ax: Axes, place: Point, radius: float, color: str) -> Circle:
    dot = Circle(place, radius, facecolor=color, edgecolor="white", linewidth=0.8, zorder=5)
    ax.add_artist(dot)
    return dot


def _draw_name(ax: Axes, spot: NameSpot, color: str) -> None:
    text = ax.text(spot.x, spot.y, spot.label.text, color=color, fontsize=spot.points, zorder=6)
    text.set(ha=spot.ha, va=spot.va, rotation=spot.angle, rotation_mode="anchor")  # type: ignore[call-arg]
    text.set(**spot.label.style, gid="note" if spot.layer < 0 else f"name-{spot.layer}-{spot.index}")
