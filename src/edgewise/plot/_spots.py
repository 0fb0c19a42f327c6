"""What the picture of a network consists of: plain numbers, in units of the side of an edge's box."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgewise.plot._text import Label

Point = tuple[float, float]
Line = tuple[Point, ...]
Key = tuple[int, int, int]  # layer, j, i
Pairs = list[tuple[int, int]]  # the shown edges (j, i) of a layer

DOT, RING = 0.13, 0.27  # radii of sums and products
FACTOR = 0.8  # between the factors of a product
RISE = 0.7  # of a product beyond its factors
BESIDE = 0.13  # from a node to its name


@dataclass(frozen=True)
class NodeSpot:
    """One node of the picture of a network.

    Parameters
    ----------
    layer
        The number of its level, inputs first.
    index
        Its number there.
    kind
        "input", "sum" or "product".
    x, y
        Its place, in boxes.
    factors
        The points that its edges end in.
    """

    layer: int
    index: int
    kind: str
    x: float
    y: float
    factors: tuple[Point, ...]

    @property
    def radius(self) -> float:
        return RING if self.kind == "product" else DOT


@dataclass(frozen=True)
class EdgeSpot:
    """One shown edge: a line from its node to its box, and one on to its end.

    A line of two points between levels is drawn as a bend; the lines of a grid turn at right angles.

    Parameters
    ----------
    layer, j, i
        The edge, from node i to subnode j of a layer.
    box
        The center of its box, in boxes.
    size
        The width and height of its box, in boxes.
    lines
        The points of the two lines, in boxes.
    label
        A symbolic edge's formula, in the lower part of the box; None without one.
    strip
        The height of that part, in boxes.
    """

    layer: int
    j: int
    i: int
    box: Point
    size: Point
    lines: tuple[Line, Line]
    label: Label | None = None
    strip: float = 0.0

    @property
    def key(self) -> Key:
        return self.layer, self.j, self.i

    @property
    def start(self) -> Point:
        return self.lines[0][0]

    @property
    def end(self) -> Point:
        return self.lines[1][-1]


@dataclass(frozen=True)
class NameSpot:
    """A node's name.

    Parameters
    ----------
    layer, index
        The node.
    label
        The name.
    x, y
        Its anchor, in boxes.
    ha, va
        The side of the text that lies there, as matplotlib calls it.
    angle
        The angle of the text, in degrees.
    points
        The size of its font, in points.
    """

    layer: int
    index: int
    label: Label
    x: float
    y: float
    ha: str
    va: str
    angle: float
    points: float


@dataclass(frozen=True)
class Diagram:
    """A network in the plane, inputs at y = 0.

    Parameters
    ----------
    kind
        "levels" (above each other) or "grid" (a crossbar for each layer).
    unit
        The side of a box in inches.
    bounds
        Left, bottom, right and top of everything, names included, in boxes.
    nodes
        The nodes.
    edges
        The edges that are shown.
    names
        The names of the nodes.
    points
        The size of the formulas in the boxes, in points.
    note
        What tells of edges that are left out; None if none are.
    """

    kind: str
    unit: float
    bounds: tuple[float, float, float, float]
    nodes: list[NodeSpot]
    edges: list[EdgeSpot]
    names: list[NameSpot]
    points: float
    note: NameSpot | None = None

    @property
    def width(self) -> float:
        return self.bounds[2] - self.bounds[0]

    @property
    def height(self) -> float:
        return self.bounds[3] - self.bounds[1]


@dataclass(frozen=True)
class Room:
    """What the texts need, in boxes: `beside`, the width of each hidden node's name by (layer, node); `ends`, that of
    an input and an output; `cards`, the size of a symbolic edge's box."""

    beside: Mapping[tuple[int, int], float]
    ends: tuple[float, float]
    cards: Mapping[Key, Point]

    def widths(self, depth: int, pairs: Pairs) -> list[float]:
        """The widths of the boxes of edges of a layer."""
        return [self.cards.get((depth, j, i), (1.0, 1.0))[0] for j, i in pairs]

    def size_of_all(self, depth: int, pairs: Pairs) -> Point:
        """The width and height of boxes of a layer that are all alike."""
        heights = [self.cards.get((depth, j, i), (1.0, 1.0))[1] for j, i in pairs]
        return max(self.widths(depth, pairs), default=1.0), max(heights, default=1.0)


Placed = tuple[list[NodeSpot], list[EdgeSpot]]
