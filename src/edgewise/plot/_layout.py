"""Where everything in the picture of a network lies: plain numbers, without drawing."""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.interpret import node_names
from edgewise.nn import KAN
from edgewise.plot._levels import grid, levels
from edgewise.plot._spots import BESIDE, DOT, Diagram, EdgeSpot, Key, NameSpot, NodeSpot, Pairs, Placed, Room
from edgewise.plot._text import Label, broken, edge_label, has_glyphs, height, math_name, name_label, width

NAME, HIDDEN, NOTE = 8.5, 6.5, 6.5  # sizes of the font in points
_MOST_LINES = 3
_SPACE = 0.09  # inches between names
_TILT, _STEEP, _LONG = 45.0, 65.0, 1.0  # degrees; the steeper for names longer than that number of inches

Labels = Sequence[Sequence[Label]]


def place_names(kind: str, nodes: Sequence[NodeSpot], labels: Labels, unit: float) -> list[NameSpot]:
    """The names of all nodes of a picture whose boxes are `unit` inches wide."""
    last = len(labels) - 1
    levels = [[node for node in nodes if node.layer == level] for level in range(len(labels))]
    rows = kind == "grid" and last % 2 == 1
    spots = _ends(levels[0], labels[0], unit, above=False)
    above = _kept(levels[-1], labels[-1], NAME, 0.0) if rows else _ends(levels[-1], labels[-1], unit, above=True)
    if kind == "grid" and not rows and len(above) == 1:  # in the corner, from where a name goes back over the boxes
        above = [replace(above[0], ha="right", x=above[0].x + DOT)]
    spots += above
    for level in range(1, last):
        on_line = kind == "grid" and level % 2 == 1
        spots += _kept(levels[level], labels[level], HIDDEN, 0.06 if on_line else None)
    return spots


def _kept(nodes: Sequence[NodeSpot], labels: Sequence[Label], size: float, lift: float | None) -> list[NameSpot]:
    """Names at the right of their nodes, above a line that leads on there when `lift` is a height above it."""
    side, spots = "center" if lift is None or size == NAME else "bottom", []
    for node in nodes:
        x, y = node.x + node.radius + BESIDE, node.y + (lift or 0.0)
        spots.append(NameSpot(node.layer, node.index, labels[node.index], x, y, "left", side, 0.0, size))
    return spots


def _ends(nodes: Sequence[NodeSpot], labels: Sequence[Label], unit: float, *, above: bool) -> list[NameSpot]:
    """Names under inputs or over outputs: side by side, in lines where that is enough, and tilted where it is not."""
    line = sorted(nodes, key=lambda node: node.x)
    shown = _side_by_side([node.x * unit for node in line], [labels[node.index] for node in line])
    sign, half = (1 if above else -1), 0.35 * NAME / 72 / unit
    longest = max(width(label, NAME) for label in labels)
    angle = 0.0 if shown else _STEEP if longest > _LONG else _TILT
    spots = []
    for k, node in enumerate(line):
        y = node.y + sign * (node.radius + BESIDE)
        if shown:
            place = (node.x, y, "center", "bottom" if above else "top")
        else:
            place = (node.x, y + sign * half * math.cos(math.radians(angle)), "left" if above else "right", "center")
        label = shown[k] if shown else labels[node.index]
        spots.append(NameSpot(node.layer, node.index, label, *place, angle, NAME))
    return spots


def _side_by_side(xs: Sequence[float], labels: Sequence[Label]) -> list[Label] | None:
    """The labels, broken into lines where they are too wide for their places in inches; None if that is not enough."""
    gaps = [b - a for a, b in pairwise(xs)]
    near = [min(gaps[max(0, k - 1) : k + 1], default=math.inf) - _SPACE for k in range(len(xs))]
    shown = []
    for label, most in zip(labels, near, strict=True):
        ways = [broken(label, lines, NAME) for lines in range(1, _MOST_LINES + 1)]
        shown.append(next((way for way in ways if width(way, NAME) <= most), ways[-1]))
    widths = [width(label, NAME) for label in shown]
    fits = all((a + b) / 2 + _SPACE <= gap + 1e-9 for a, b, gap in zip(widths, widths[1:], gaps, strict=False))
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
LAYOUTS = {"levels": levels, "grid": grid}
_FORMULA = 7.0  # size of the font in boxes, in points
_WIDEST_LABEL = {"levels": 0.95, "grid": 0.5}  # inches; beyond, the function stands alone
_UNITS = tuple(k / 100 for k in range(32, 19, -1))  # inches a box may be wide, 8 to 5 mm
_LARGEST = 1.5  # how much a diagram is enlarged to fill given axes
_FEW = 6  # names that are given room beside each other
_PAD = 0.12
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
    """Return the positions of everything in the picture of a network; masked and hidden edges have none.

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
    kinds = list(LAYOUTS) if layout == "auto" else [layout]
    width, height = frame

    def scale(found: Diagram) -> float:
        """How much larger it may become in the frame."""
        wide, high = found.width * found.unit, found.height * found.unit
        return min(width / wide, math.inf if height is None else height / high)

    every = (_diagram(model, labels, kind, unit, hidden, note) for kind in kinds for unit in _UNITS)
    found = next((way for way in every if scale(way) >= 1), None)
    if height is None:
        return found or _diagram(model, labels, kinds[-1], _UNITS[-1], hidden, note)
    found = found or max((_diagram(model, labels, kind, _UNITS[-1], hidden, note) for kind in kinds), key=scale)
    return _scaled(found, min(scale(found), _LARGEST))


def _scaled(found: Diagram, factor: float) -> Diagram:
    """The same with everything smaller or larger, texts too."""
    names = [replace(spot, points=spot.points * factor) for spot in found.names]
    note = found.note and replace(found.note, points=found.note.points * factor)
    return replace(found, unit=found.unit * factor, points=found.points * factor, names=names, note=note)


def _diagram(model: KAN, labels: Labels, kind: str, unit: float, hidden: Collection[Key], note: str) -> Diagram:
    pairs: list[Pairs] = [
        [(j, i) for j, i in layer.mask.nonzero().tolist() if (depth, j, i) not in hidden]
        for depth, layer in enumerate(model.layers)
    ]
    formulas = _formulas(model, pairs, labels, _WIDEST_LABEL[kind])
    room = _room(labels, formulas, unit)
    nodes, edges = LAYOUTS[kind](model.nodes, pairs, room)
    edges = [
        replace(edge, label=formulas[edge.key], strip=edge.size[1] - 1) if edge.key in formulas else edge
        for edge in edges
    ]
    names = place_names(kind, nodes, labels, unit)
    bounds = _bounds((nodes, edges), names, unit)
    told = NameSpot(-1, 0, Label(note, False), bounds[0] + _PAD, bounds[1], "left", "top", 0.0, NOTE) if note else None
    if told:
        bounds = _bounds((nodes, edges), [*names, told], unit)
    return Diagram(kind, unit, bounds, nodes, edges, names, _FORMULA, told)


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
            found[depth, j, i] = next((way for way in ways if width(way, _FORMULA) <= widest), ways[-1])
    return found


def _mathtext(label: Label) -> list[str]:
    """The name in mathematics, or nothing where the font of mathematics lacks a character."""
    if label.is_math:
        inner = label.text[1:-1]
        return [inner if _SYMBOL.fullmatch(inner) else f"{{{inner}}}"]  # a group: it may hold an exponent already
    return [math_name(label.text)] if has_glyphs(label.text, "DejaVu Sans") else []


def _room(labels: Labels, formulas: dict[Key, Label], unit: float) -> Room:
    beside = {
        (level, q): width(label, HIDDEN) / unit
        for level in range(1, len(labels) - 1)
        for q, label in enumerate(labels[level])
    }
    cards = {
        key: (max(1.0, width(label, _FORMULA) / unit + 0.25), 1.1 + height(label, _FORMULA) / unit)
        for key, label in formulas.items()
    }
    return Room(beside, (_end(labels[0], unit), _end(labels[-1], unit)), cards)


def _end(labels: Sequence[Label], unit: float) -> float:
    """The width that a few inputs or outputs need for their names, in two lines where they break."""
    if len(labels) > _FEW:
        return 0.0
    return max(width(broken(label, 2, NAME), NAME) for label in labels) / unit


def _bounds(placed: Placed, names: Sequence[NameSpot], unit: float) -> tuple[float, float, float, float]:
    points = list(_points(*placed)) + [corner for spot in names for corner in corners(spot, unit)]
    xs, ys = zip(*points, strict=True)
    return min(xs) - _PAD, min(ys) - _PAD, max(xs) + _PAD, max(ys) + _PAD


def _points(nodes: Sequence[NodeSpot], edges: Sequence[EdgeSpot]) -> Iterator[tuple[float, float]]:
    for node in nodes:
        r = node.radius
        yield from ((node.x - r, node.y - r), (node.x + r, node.y + r), *node.factors)
    for edge in edges:
        (x, y), (wide, high) = edge.box, edge.size
        yield from ((x - wide / 2, y - high / 2), (x + wide / 2, y + high / 2))
        yield from (point for line in edge.lines for point in line)
