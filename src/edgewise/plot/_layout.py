"""Where everything in the picture of a network lies: plain numbers, without drawing."""

import math
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, TypeVar

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.interpret import node_names
from edgewise.nn import KAN, Nodes
from edgewise.plot._levels import grid, levels
from edgewise.plot._spots import LOOK, Diagram, EdgeSpot, Key, NameSpot, NodeSpot, Pairs, Placed, Room
from edgewise.plot._text import Label, broken, edge_label, has_glyphs, height, math_name, name_label, width

Labels = Sequence[Sequence[Label]]


def place_names(kind: str, nodes: Sequence[NodeSpot], labels: Labels, unit: float) -> list[NameSpot]:
    """The names of all nodes of a picture whose boxes are `unit` inches wide."""
    last = len(labels) - 1
    levels = [[node for node in nodes if node.layer == level] for level in range(len(labels))]
    rows = kind == "grid" and last % 2 == 1
    spots = _ends(levels[0], labels[0], unit, above=False)
    above = _kept(levels[-1], labels[-1], LOOK.name, 0.0) if rows else _ends(levels[-1], labels[-1], unit, above=True)
    if kind == "grid" and not rows and len(above) == 1:  # in the corner, from where a name goes back over the boxes
        above = [replace(above[0], ha="right", x=above[0].x + LOOK.dot)]
    spots += above
    for level in range(1, last):
        on_line = kind == "grid" and level % 2 == 1
        spots += _kept(levels[level], labels[level], LOOK.hidden_name, 0.06 if on_line else None)
    return spots


def _kept(nodes: Sequence[NodeSpot], labels: Sequence[Label], size: float, lift: float | None) -> list[NameSpot]:
    """Names at the right of their nodes, above a line that leads on there when `lift` is a height above it."""
    side, spots = "center" if lift is None or size == LOOK.name else "bottom", []
    for node in nodes:
        x, y = node.x + node.radius + LOOK.beside, node.y + (lift or 0.0)
        spots.append(NameSpot(node.layer, node.index, labels[node.index], x, y, "left", side, 0.0, size))
    return spots


def _ends(nodes: Sequence[NodeSpot], labels: Sequence[Label], unit: float, *, above: bool) -> list[NameSpot]:
    """Names under inputs or over outputs: side by side, in lines where that is enough, and tilted where it is not."""
    line = sorted(nodes, key=lambda node: node.x)
    shown = _side_by_side([node.x * unit for node in line], [labels[node.index] for node in line])
    sign, half = (1 if above else -1), 0.35 * LOOK.name / 72 / unit
    longest = max(width(label, LOOK.name) for label in labels)
    angle = 0.0 if shown else LOOK.steep_tilt if longest > LOOK.long_name else LOOK.tilt
    spots = []
    for k, node in enumerate(line):
        y = node.y + sign * (node.radius + LOOK.beside)
        if shown:
            place = (node.x, y, "center", "bottom" if above else "top")
        else:
            place = (node.x, y + sign * half * math.cos(math.radians(angle)), "left" if above else "right", "center")
        label = shown[k] if shown else labels[node.index]
        spots.append(NameSpot(node.layer, node.index, label, *place, angle, LOOK.name))
    return spots


def _side_by_side(xs: Sequence[float], labels: Sequence[Label]) -> list[Label] | None:
    """The labels, broken into lines where they are too wide for their places in inches; None if that is not enough."""
    gaps = [b - a for a, b in pairwise(xs)]
    near = [min(gaps[max(0, k - 1) : k + 1], default=math.inf) - LOOK.name_space for k in range(len(xs))]
    shown = []
    for label, most in zip(labels, near, strict=True):
        ways = [broken(label, lines, LOOK.name) for lines in range(1, LOOK.name_lines + 1)]
        shown.append(next((way for way in ways if width(way, LOOK.name) <= most), ways[-1]))
    widths = [width(label, LOOK.name) for label in shown]
    fits = all((a + b) / 2 + LOOK.name_space <= gap + 1e-9 for a, b, gap in zip(widths, widths[1:], gaps, strict=False))
    return shown if fits else None


def corners(spot: NameSpot, unit: float) -> list[tuple[float, float]]:
    """The corners of a name's rectangle, in boxes."""
    wide = width(spot.label, spot.points) / unit
    high = height(spot.label, spot.points) / unit
    left = {"left": 0.0, "center": -wide / 2, "right": -wide}[spot.ha]
    low = {"bottom": 0.0, "center": -high / 2, "top": -high}[spot.va]
    turn = math.radians(spot.angle)
    return [
        (spot.x + x * math.cos(turn) - y * math.sin(turn), spot.y + x * math.sin(turn) + y * math.cos(turn))
        for x in (left, left + wide)
        for y in (low, low + high)
    ]


PAGE = 7.0  # inches: the width of a page's text
Frame = tuple[float, float | None]  # what a diagram is to fit in: width and height in inches
LayoutName = Literal["auto", "levels", "grid"]
Spot = TypeVar("Spot", NodeSpot, NameSpot)
LAYOUTS = {"levels": levels, "grid": grid}
_SYMBOL = re.compile(r"\\?[A-Za-z]+(_\{[^^]*\})?")


def diagram(
    model: KAN,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    *,
    layout: LayoutName = "auto",
    width: float = PAGE,
    hidden: Collection[Key] = (),
) -> Diagram:
    """Return the positions of everything in the picture of a network.

    Masked and hidden edges have none; a note names the inputs that no shown edge leaves.

    Parameters
    ----------
    model
        The network.
    names
        Names of the inputs; by default those that the network was trained with, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    layout
        "levels" puts rows of nodes above each other with a row of boxes between two, nodes ordered so that few lines
        cross; "grid" puts a box where the column and the row of its nodes meet, which is legible when all is joined to
        all; "auto" takes the levels if their boxes are at least 5 mm wide within `width`, and the grid if not.
    width
        The width of the picture, in inches.
    hidden
        Edges (layer, j, i) to be left out.

    Raises
    ------
    InputError
        For names of another number, an unknown layout, and a width that is no number of inches.

    Examples
    --------
    >>> import edgewise as ew
    >>> d = ew.plot.diagram(ew.KAN([2, (1, 1), 1]))
    >>> d.kind, [node.kind for node in d.nodes], len(d.edges)
    ('levels', ['input', 'input', 'sum', 'product', 'sum'], 8)
    """
    if not is_number(width, 1, 100):
        raise InputError(f"The 'width' parameter must be a number of inches between 1 and 100. Got {width!r}.")
    return fitted(model, node_names(model, names, target), layout, (float(width), None), hidden)


def fitted(
    model: KAN,
    names: Sequence[Sequence[str]],
    layout: LayoutName,
    frame: Frame,
    hidden: Collection[Key] = (),
    note: str = "",
) -> Diagram:
    """The diagram with the largest boxes that fits a frame; without a height, it is wider than that if need be."""
    if layout not in ("auto", *LAYOUTS):
        raise unknown("layout", layout, ["auto", *LAYOUTS])
    labels = [[name_label(name) for name in level] for level in names]
    pairs: list[Pairs] = [
        [(j, i) for j, i in layer.mask.nonzero().tolist() if (depth, j, i) not in hidden]
        for depth, layer in enumerate(model.layers)
    ]
    note = ". ".join(filter(None, [note, _unused(names[0], _used(model, pairs))]))
    kinds = list(LAYOUTS) if layout == "auto" else [layout]
    width, height = frame

    def scale(found: Diagram) -> float:
        """How much larger it may become in the frame."""
        wide, high = found.width * found.unit, found.height * found.unit
        return min(width / wide, math.inf if height is None else height / high)

    every = (_diagram(model, labels, kind, unit, pairs, note) for kind in kinds for unit in LOOK.box_sizes)
    found = next((way for way in every if scale(way) >= 1), None)
    if height is None:
        return found or _diagram(model, labels, kinds[-1], LOOK.box_sizes[-1], pairs, note)
    found = found or max((_diagram(model, labels, kind, LOOK.box_sizes[-1], pairs, note) for kind in kinds), key=scale)
    return _scaled(found, min(scale(found), LOOK.enlarged))


def _scaled(found: Diagram, factor: float) -> Diagram:
    """The same with everything smaller or larger, texts too."""
    names = [replace(spot, points=spot.points * factor) for spot in found.names]
    note = found.note and replace(found.note, points=found.note.points * factor)
    return replace(found, unit=found.unit * factor, points=found.points * factor, names=names, note=note)


def _diagram(model: KAN, labels: Labels, kind: str, unit: float, pairs: Sequence[Pairs], note: str) -> Diagram:
    formulas = _formulas(model, pairs, labels, LOOK.levels_formula if kind == "levels" else LOOK.grid_formula)
    used = _used(model, pairs)
    place, shown = {i: k for k, i in enumerate(used)}, [[labels[0][i] for i in used], *labels[1:]]
    room = _room(shown, {(d, j, place[i] if d == 0 else i): text for (d, j, i), text in formulas.items()}, unit)
    joined = [[(j, place[i]) for j, i in pairs[0]], *pairs[1:]]
    nodes, edges = LAYOUTS[kind]([Nodes(len(used)), *model.nodes[1:]], joined, room)
    names = [_numbered(spot, used) for spot in place_names(kind, nodes, shown, unit)]
    nodes = [_numbered(node, used) for node in nodes]
    edges = [replace(edge, i=used[edge.i]) if edge.layer == 0 else edge for edge in edges]
    edges = [
        replace(edge, label=formulas[edge.key], strip=edge.size[1] - 1) if edge.key in formulas else edge
        for edge in edges
    ]
    bounds = _bounds((nodes, edges), names, unit)
    if not note:
        return Diagram(kind, unit, bounds, nodes, edges, names, LOOK.formula)
    letter = width(Label(note, False), LOOK.note) / len(note) / unit
    label = Label(textwrap.fill(note, max(24, int(0.93 * (bounds[2] - bounds[0]) / letter))), False)
    said = NameSpot(-1, 0, label, bounds[0] + LOOK.pad, bounds[1], "left", "top", 0.0, LOOK.note)
    bounds = _bounds((nodes, edges), [*names, said], unit)
    return Diagram(kind, unit, bounds, nodes, edges, names, LOOK.formula, said)


def _used(model: KAN, pairs: Sequence[Pairs]) -> list[int]:
    """The inputs that edges leave; all of them where there are no edges."""
    return sorted({i for _, i in pairs[0]}) or list(range(model.nodes[0].n_nodes))


def _numbered(spot: Spot, used: Sequence[int]) -> Spot:
    """The same of an input under its number in the network."""
    return replace(spot, index=used[spot.index]) if spot.layer == 0 else spot


def _unused(names: Sequence[str], used: Sequence[int]) -> str:
    """Say which inputs no edge leaves: the first of them by name.

    >>> _unused(["a", "b", "c"], [1]), _unused(["a"], [0])
    ('Not used: a, c', '')
    """
    rest, most = [name for i, name in enumerate(names) if i not in used], 4
    more = f" and {len(rest) - most} more" if len(rest) > most else ""
    return f"Not used: {', '.join(rest[:most])}{more}" if rest else ""


def _formulas(model: KAN, pairs: Sequence[Pairs], labels: Labels, widest: float) -> dict[Key, Label]:
    """What stands in the boxes of symbolic edges, as long as there is room: all of the formula, or after a tilde its
    function; of the name of what enters, or of x."""
    plain = "u" if Label("$x$", True) in labels[0] else "x"
    found = {}
    for depth, layer in enumerate(pairs):
        symbols, affine = model.layers[depth].symbols, model.layers[depth].affine.tolist()
        for j, i in layer:
            if (j, i) not in symbols:
                continue
            function, (a, b, c, d) = symbols[j, i], affine[j][i]
            names = [*_mathtext(labels[depth][i]), plain]
            ways = [edge_label(function, (a, b, c, d), name, digits) for name in names for digits in (3, 2)]
            ways += [Label("$\\sim\\," + edge_label(function, name=name).text[1:], True) for name in names]
            found[depth, j, i] = next((way for way in ways if width(way, LOOK.formula) <= widest), ways[-1])
    return found


def _mathtext(label: Label) -> list[str]:
    """The name in mathematics, or nothing where the font of mathematics lacks a character."""
    if label.is_math:
        inner = label.text[1:-1]
        return [inner if _SYMBOL.fullmatch(inner) else f"{{{inner}}}"]  # a group: it may hold an exponent already
    return [math_name(label.text)] if has_glyphs(label.text, "DejaVu Sans") else []


def _room(labels: Labels, formulas: dict[Key, Label], unit: float) -> Room:
    beside = {
        (level, q): width(label, LOOK.hidden_name) / unit
        for level in range(1, len(labels) - 1)
        for q, label in enumerate(labels[level])
    }
    cards = {
        key: (max(1.0, width(label, LOOK.formula) / unit + 0.25), 1.1 + height(label, LOOK.formula) / unit)
        for key, label in formulas.items()
    }
    return Room(beside, (_end(labels[0], unit), _end(labels[-1], unit)), cards)


def _end(labels: Sequence[Label], unit: float) -> float:
    """The width that a few inputs or outputs need for their names, in two lines where they break."""
    if len(labels) > LOOK.roomy_names:
        return 0.0
    return max(width(broken(label, 2, LOOK.name), LOOK.name) for label in labels) / unit


def _bounds(placed: Placed, names: Sequence[NameSpot], unit: float) -> tuple[float, float, float, float]:
    points = list(_points(*placed)) + [corner for spot in names for corner in corners(spot, unit)]
    xs, ys = zip(*points, strict=True)
    return min(xs) - LOOK.pad, min(ys) - LOOK.pad, max(xs) + LOOK.pad, max(ys) + LOOK.pad


def _points(nodes: Sequence[NodeSpot], edges: Sequence[EdgeSpot]) -> Iterator[tuple[float, float]]:
    for node in nodes:
        r = node.radius
        yield from ((node.x - r, node.y - r), (node.x + r, node.y + r), *node.factors)
    for edge in edges:
        (x, y), (wide, high) = edge.box, edge.size
        yield from ((x - wide / 2, y - high / 2), (x + wide / 2, y + high / 2))
        yield from (point for line in edge.lines for point in line)
