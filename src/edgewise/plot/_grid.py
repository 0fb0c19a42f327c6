"""A crossbar for each layer: columns cross rows, and the box of an edge stands where the two of its nodes meet.

Columns lead up and rows to the right, by turns, so that a network of any size is drawn without a crossing that is not a
right angle. A line bends into each box that it feeds; where two lines cross without a bend they are not joined.
"""

from collections.abc import Sequence

from edgewise.nn import Nodes
from edgewise.plot._spots import BESIDE, DOT, RISE, EdgeSpot, Line, NodeSpot, Pairs, Placed, Point, Room

_WIRE = 0.13  # between a line and the boxes along it
_LEAD = 0.55  # from a level of nodes to the first boxes
_TAIL = 0.4  # from the last boxes to a level of nodes


def grid(nodes: Sequence[Nodes], pairs: Sequence[Pairs], room: Room) -> Placed:
    """The nodes and edges of a network drawn as crossbars, inputs below the first."""
    pitches = [_pitch(nodes, pairs, depth, room) for depth in range(len(nodes))]
    below = [NodeSpot(0, q, "input", q * pitches[0], 0.0, ((q * pitches[0], 0.0),)) for q in range(nodes[0].n_nodes)]
    found, edges, corner = list(below), [], (below[-1].x, 0.0)
    for depth, layer in enumerate(pairs):
        size = room.size_of_all(depth, layer)
        upward = depth % 2 == 0
        level, join = (_rows, _up_and_right) if upward else (_columns, _right_and_up)
        above = level(nodes[depth + 1], depth + 1, corner, size, pitches[depth + 1])
        ends = [point for node in above for point in node.factors]
        for j, i in layer:
            box, lines = join((below[i].x, below[i].y), ends[j], size)
            edges.append(EdgeSpot(depth, j, i, box, size, lines))
        corner = _corner(above, room, upward)
        found += above
        below = above
    return found, edges


def _pitch(nodes: Sequence[Nodes], pairs: Sequence[Pairs], level: int, room: Room) -> float:
    """Between the lines of a level: the boxes of the layers before and after it lie there, and the names of columns."""
    side = 0 if level % 2 == 0 else 1
    sizes = [room.size_of_all(depth, pairs[depth])[side] for depth in (level - 1, level) if 0 <= depth < len(pairs)]
    names = [room.beside[level, q] for q in range(nodes[level].n_nodes) if (level, q) in room.beside]
    name = max(names) + DOT + BESIDE if names and side == 0 else 0.0
    return max(*sizes, name) + 2 * _WIRE


def _rows(nodes: Nodes, depth: int, corner: Point, size: Point, pitch: float) -> list[NodeSpot]:
    """Nodes at the right end of rows, the first on top."""
    x = corner[0] + _WIRE + size[0] + _TAIL
    top = corner[1] + _LEAD + size[1] + _WIRE + pitch * (nodes.n_subnodes - 1)
    return _spots(nodes, depth, [(x, top - pitch * j) for j in range(nodes.n_subnodes)], (RISE, 0.0))


def _columns(nodes: Nodes, depth: int, corner: Point, size: Point, pitch: float) -> list[NodeSpot]:
    """Nodes at the upper end of columns."""
    left = corner[0] + _LEAD + size[0] + _WIRE
    y = corner[1] + _TAIL
    return _spots(nodes, depth, [(left + pitch * j, y) for j in range(nodes.n_subnodes)], (0.0, RISE))


def _spots(nodes: Nodes, depth: int, ends: list[Point], rise: Point) -> list[NodeSpot]:
    spots = []
    for q, group in enumerate(nodes.groups()):
        points = [ends[j] for j in group]
        x, y = (sum(part) / len(group) for part in zip(*points, strict=True))
        product = q >= nodes.n_sum
        x, y = (x + rise[0], y + rise[1]) if product else (x, y)
        spots.append(NodeSpot(depth, q, "product" if product else "sum", x, y, tuple(points)))
    return spots


def _corner(above: list[NodeSpot], room: Room, upward: bool) -> Point:
    """Where the next layer's boxes may begin: beyond the last level and, beside rows, its names."""
    x, y = max(node.x for node in above), max(node.y for node in above)
    if upward:
        names = [room.beside.get((node.layer, node.index), 0.0) for node in above]
        x += max(node.radius for node in above) + BESIDE + max(names)
    return x, y


def _up_and_right(start: Point, end: Point, size: Point) -> tuple[Point, tuple[Line, Line]]:
    """Up a column, into the box at its right, out at the top and along the row above it."""
    x, y = start[0] + _WIRE + size[0] / 2, end[1] - _WIRE - size[1] / 2
    into = (start, (start[0], y), (x - size[0] / 2, y))
    return (x, y), (into, ((x, y + size[1] / 2), (x, end[1]), end))


def _right_and_up(start: Point, end: Point, size: Point) -> tuple[Point, tuple[Line, Line]]:
    """Along a row, into the box below it, out at its right and up the column there."""
    x, y = end[0] - _WIRE - size[0] / 2, start[1] - _WIRE - size[1] / 2
    into = (start, (x, start[1]), (x, y + size[1] / 2))
    return (x, y), (into, ((x + size[0] / 2, y), (end[0], y), end))
