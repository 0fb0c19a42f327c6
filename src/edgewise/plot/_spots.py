"""What the picture of a network consists of: plain numbers, in units of the side of an edge's box."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgewise.plot._text import Label

Point = tuple[float, float]
Line = tuple[Point, ...]
Key = tuple[int, int, int]  # layer, j, i
Pairs = list[tuple[int, int]]  # the shown edges (j, i) of a layer


@dataclass(frozen=True)
class DiagramStyle:
    """The sizes of a network's picture: lengths in boxes, fonts in points, and inches or degrees where that is said."""

    dot: float = 0.13  # radius of a sum
    ring: float = 0.27  # radius of a product
    factors: float = 0.8  # between the factors of a product
    rise: float = 0.7  # of a product beyond its factors
    beside: float = 0.13  # from a node to its name

    wire: float = 0.13  # grid: between a line and the boxes along it
    lead: float = 0.55  # grid: from a level of nodes to the first boxes
    tail: float = 0.4  # grid: from the last boxes to a level of nodes

    box_gap: float = 0.16  # levels: between boxes
    node_gap: float = 0.25  # levels: between nodes with their names
    narrowest: float = 2.4  # levels: width of the picture
    run: float = 0.55  # levels: from a node to a box right above it
    run_aside: float = 0.16  # levels: how much more for each box that it lies aside
    longest_run: float = 3.2  # levels

    name: float = 8.5  # font of inputs and outputs
    hidden_name: float = 6.5  # font of hidden nodes
    note: float = 6.5  # font of what tells of edges and inputs that are left out
    formula: float = 7.0  # font in boxes
    name_space: float = 0.09  # inches between names
    name_lines: int = 3  # that a name is broken into, at most
    roomy_names: int = 6  # that are given room beside each other, at most
    tilt: float = 45.0  # degrees of names that have no room beside each other
    steep_tilt: float = 65.0  # degrees, of names of which one is long
    long_name: float = 1.0  # inches
    levels_formula: float = 0.95  # inches, levels: beyond, the function of a formula stands alone
    grid_formula: float = 0.5  # inches, grid

    box_sizes: tuple[float, ...] = tuple(k / 100 for k in range(32, 19, -1))  # inches, 8 to 5 mm: the first that fits
    enlarged: float = 1.5  # at most, to fill given axes
    pad: float = 0.12  # around everything

    faintest: float = 0.18  # opacity of the line of an edge without a score
    faintest_box: float = 0.35  # opacity of its box and curve
    curve: float = 0.74  # side of the square that a curve fills
    corner: float = 0.09  # radius where a line turns


LOOK = DiagramStyle()


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
        return LOOK.ring if self.kind == "product" else LOOK.dot


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
        What tells of edges and inputs that are left out; None if none are.
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
