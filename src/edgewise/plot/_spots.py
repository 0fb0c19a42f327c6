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
    """One node: `kind` is "input", "sum" or "product"; `factors` are the points that its edges end in."""

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
    """One shown edge (layer, j, i): a line from its node to the box centered at `box`, and one on to `end`.

    `size` is the box's width and height. A line of two points between levels is drawn as a bend; the lines of a grid
    turn at right angles. `label` is a symbolic edge's formula, in the lower part of the box that is `strip` high.
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
    """A node's name: its anchor, the side of the text that lies there, its angle in degrees, its size in points."""

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
    """A network in the plane, inputs at y = 0; `unit` is the side of a box in inches.

    `kind` is "levels" (above each other) or "grid" (a crossbar for each layer). `bounds` are left, bottom, right
    and top of everything, names included; `points` is the size of the formulas in the boxes; `note` tells of edges
    that are left out.
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
