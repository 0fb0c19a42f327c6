"""The picture of a network, and of a tree of structure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
from edgewise.interpret.structure import Tree
from edgewise.nn import KAN
from edgewise.plot import _style as style
from edgewise.plot._curves import unit_curve
from edgewise.plot._layout import PAGE, Frame, LayoutName, fitted
from edgewise.plot._spots import LOOK, Diagram, EdgeSpot, Key, Line, NameSpot, NodeSpot, Point
from edgewise.plot._style import INK, SOFT, SYMBOLIC, Panel, Picture
from edgewise.plot._text import PLAIN, name_label, plain

_SIGNS = {"sum": "+", "product": "×", "function": "F"}


@dataclass(frozen=True)
class TreeStyle:
    """The sizes of the picture of a tree, in distances between its levels."""

    radius: float = 0.2  # of a node
    ring: float = 1.35  # around a node, in its radii
    column: float = 1.0  # between columns beside each other, at least
    gap: float = 0.12  # from a node to what is written beside it
    letter: float = 0.105  # width of one, to keep names apart
    below: float = 0.45  # from the lowest line to the end of the names
    inches: float = 0.9  # of one distance


_TREE = TreeStyle()

_Spot = tuple[Tree, float, float]


def tree(tree: Tree, ax: Axes | None = None) -> Axes:
    """Draw what `edgewise.structure.tree` found, and return the axes.

    Columns stand below, in an order without crossings. A plus joins a sum, a cross a product, an F any function of
    several groups; beside a node stands its closed form where that is known. A ring around a node says that one more
    function follows it.

    Parameters
    ----------
    tree
        What `edgewise.structure.tree` returned.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For anything else than a tree.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> f = ew.structure.surrogate(x, lambda x: torch.sin(x[:, 0] - x[:, 1]))
    >>> [text.get_text() for text in ew.plot.tree(ew.structure.tree(f)).texts]
    ['+', 'x1 - x2', '$x_{1}$', '$x_{2}$']
    """
    if not isinstance(tree, Tree):
        raise InputError(f"'tree' must be what structure.tree returns. Got {type(tree).__name__}.")
    spots, width = _placed(tree, 0.0)
    places = {id(node): (x, y) for node, x, y in spots}
    height = spots[0][2] + 2 * _TREE.radius
    ax = style.axes(ax, (_TREE.inches * (width + 0.2), _TREE.inches * (height + _TREE.below)))
    for node, x, y in spots:
        for x1, y1 in (places[id(child)] for child in node.children):
            ax.plot([x, x1], [y, y1], color=style.SOFT, linewidth=1.2, zorder=1)
        _draw(ax, node, x, y)
    ax.set_xlim(-0.1, width + 0.1)
    ax.set_ylim(-_TREE.below, height)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _placed(node: Tree, left: float) -> tuple[list[_Spot], float]:
    """Where a node and all below it stand, from `left` on, the node first, and the right end of what they take."""
    if not node.children:
        width = max(_TREE.column, _TREE.letter * len(plain(node.name)) + 2 * _TREE.gap)
        return [(node, left + width / 2, 0.0)], left + width
    spots: list[_Spot] = []
    tops, right = [], left
    for child in node.children:
        below, right = _placed(child, right)
        tops.append(below[0])
        spots += below
    x = (tops[0][1] + tops[-1][1]) / 2
    y = max(top[2] for top in tops) + 1.0
    return [(node, x, y), *spots], max(right, _kept(x) + _TREE.letter * len(plain(node.name)))


def _kept(x: float) -> float:
    """Where what is written beside a node at x begins."""
    return x + _TREE.ring * _TREE.radius + _TREE.gap / 2


def _draw(ax: Axes, node: Tree, x: float, y: float) -> None:
    if not node.children:
        label = name_label(node.name)
        ax.text(x, y - 0.05, label.text, ha="center", va="top", color=style.INK, fontsize=10, **label.style)
        return
    if node.outer:
        ax.add_patch(
            Circle(
                (x, y), _TREE.ring * _TREE.radius, facecolor="white", edgecolor=style.ACCENT, linewidth=1.0, zorder=2
            )
        )
    color = style.SYMBOLIC if node.name else style.INK
    ax.add_patch(Circle((x, y), _TREE.radius, facecolor="white", edgecolor=color, linewidth=1.3, zorder=3))
    ax.text(x, y, _SIGNS[node.kind], ha="center", va="center", color=color, fontsize=11, zorder=4)
    if node.name:
        ax.text(
            _kept(x), y + _TREE.radius / 2, plain(node.name), va="bottom", color=color, fontsize=8, zorder=4, **PLAIN
        )


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
    not drawn, nor inputs that no edge leaves: a note names them. Names like x1, theta_1 and k_B, and LaTeX between
    dollars, are set as mathematics, others as they are.

    Save the figure with `ax.figure.savefig(path)`; in SVG every edge's line, box, curve and formula are groups with the
    ids "edge-LAYER-J-I-line" and so on, nodes and their names "node-LAYER-Q" and "name-LAYER-Q".

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame. None takes points that are spread over the first layer's knots.
    names
        Names of the inputs; by default those that the network was trained with, those of the columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    least
        Edges that score less are not drawn: a note says how many.
    layout
        "levels", nodes above each other; "grid", a crossbar for each layer, legible when many edges join few nodes; or
        "auto", which takes levels as long as their boxes are 5 mm wide.
    width
        The width of a new figure in inches. It is as large as the network needs: up to `width` with boxes of 5 to 8 mm,
        wider only when even those do not fit.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For x, names or target of another width, an unknown layout, and numbers that are none.

    References
    ----------
    Liu et al., KAN: Kolmogorov-Arnold Networks (2024), section 2.5.1.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model = ew.nn.set_function(ew.KAN([2, 3, 1]), (0, 0, 0), "sin")
    >>> ax = ew.plot.network(model, torch.rand(100, 2), names=["mass_kg", "speed"], target="energy")
    >>> "mass_kg" in [text.get_text() for text in ax.texts]
    True
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
        ax = figure.add_axes((0, 0, 1, 1), axes_class=Panel)
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.axis("off")
    return ax


def _shade(curve: EdgeCurve, opacity: float) -> tuple[float, float, float]:
    """The edge's color on white: mixed, not transparent, so that lines along each other darken nothing."""
    red, green, blue = (1 - opacity * (1 - part) for part in to_rgb(SYMBOLIC if curve.function else INK))
    return red, green, blue


def _draw_edge(ax: Axes, plan: Diagram, edge: EdgeSpot, curve: EdgeCurve, opacity: float) -> None:
    color, strong = _shade(curve, max(opacity, LOOK.faintest)), _shade(curve, max(opacity, LOOK.faintest_box))
    name, scale = "edge-{}-{}-{}".format(*edge.key), plan.unit / 0.3
    path = Path.make_compound_path(*(_path(plan.kind, line) for line in edge.lines))
    line = PathPatch(path, facecolor="none", edgecolor=color, linewidth=1.1 * scale, capstyle="round")
    (x, y), (wide, high) = edge.box, edge.size
    corner = (x - wide / 2 + 0.12, y - high / 2 + 0.12)
    box = FancyBboxPatch(corner, wide - 0.24, high - 0.24, boxstyle="round,pad=0.12,rounding_size=0.12")
    box.set(facecolor="white", edgecolor=strong, linewidth=0.8 * scale)
    points = (unit_curve(curve) - 0.5) * (LOOK.curve, LOOK.curve * (high - edge.strip)) + (x, y + edge.strip / 2)
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
    share = min(LOOK.corner, far / 2) / far if far else 0.0
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])


def _draw_node(ax: Axes, node: NodeSpot, color: str) -> None:
    """A dot for a sum; for a product a circled cross, joined to the points where its factors' edges end."""
    name = f"node-{node.layer}-{node.index}"
    if node.kind != "product":
        _dot(ax, (node.x, node.y), LOOK.dot, color).set_gid(name)
        return
    line: dict[str, Any] = {"color": INK, "linewidth": 1.2, "solid_capstyle": "round"}
    for x, y in node.factors:
        ax.plot([x, node.x], [y, node.y], zorder=2, **line)
        _dot(ax, (x, y), 0.6 * LOOK.dot, INK)
    ring = Circle((node.x, node.y), LOOK.ring, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=5, gid=name)
    ax.add_artist(ring)
    arm = np.array([-0.5, 0.5]) * LOOK.ring
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
