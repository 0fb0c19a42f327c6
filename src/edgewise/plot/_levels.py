"""Levels of nodes above each other, and between two levels one row of boxes, in which no line meets a box."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from edgewise.nn import Nodes
from edgewise.plot._order import ordered, spread
from edgewise.plot._spots import BESIDE, DOT, FACTOR, RING, RISE, EdgeSpot, NodeSpot, Pairs, Placed, Point, Room

_GAP = 0.16  # between boxes
_APART = 0.25  # between nodes with their names
_LEAST_WIDTH = 2.4
_RUN, _SLOPE, _LONGEST = 0.55, 0.16, 3.2  # from a node to its boxes, by how far they lie aside


def levels(nodes: Sequence[Nodes], pairs: Sequence[Pairs], room: Room) -> Placed:
    """The nodes and edges of a network drawn bottom-up; boxes stand near the node that they share with fewer others."""
    order = ordered(nodes, pairs)
    extents = [_extents(level, depth, len(nodes), room) for depth, level in enumerate(nodes)]
    width = max(
        _LEAST_WIDTH,
        *(sum(room.widths(depth, layer)) + _GAP * len(layer) for depth, layer in enumerate(pairs)),
        *(sum(map(sum, sides)) + _APART * len(sides) for sides in extents),
    )
    below = _level(nodes[0], 0, _even(extents[0], list(range(nodes[0].n_nodes)), width), order[0])
    found, edges = list(below), []
    for depth, layer in enumerate(pairs):
        level = nodes[depth + 1]
        if depth + 1 == len(pairs):
            xs = _even(extents[-1], list(range(level.n_nodes)), width)
        else:
            xs = _nodes_x(level, extents[depth + 1], order[depth + 1], (below, layer), width)
        above = _level(level, depth + 1, xs, order[depth + 1])
        below, placed = _stacked(below, _row(depth, layer, room, (below, above), width), above)
        found += below
        edges += placed
    return found, edges


def _extents(nodes: Nodes, depth: int, count: int, room: Room) -> list[Point]:
    """How far each node reaches to the left and to the right, its name included."""
    sides = []
    for q, arity in enumerate((1,) * nodes.n_sum + nodes.arities):
        half = max(0.3, FACTOR * (arity - 1) / 2 + 0.2)
        if 0 < depth < count - 1:
            sides.append((half, max(half, (RING if arity > 1 else DOT) + BESIDE + room.beside[depth, q])))
        else:
            sides.append((max(half, room.ends[depth > 0] / 2),) * 2)
    return sides


def _even(extents: list[Point], order: list[int], width: float) -> list[float]:
    """The places of nodes spread over the width."""
    return _placed(extents, order, [(k + 0.5) * width / len(order) for k in range(len(order))], width)


def _placed(extents: list[Point], order: list[int], wishes: list[float], width: float) -> list[float]:
    """The places of nodes near their wishes, both in that order; of the last one, the name may stand out."""
    gaps = [extents[a][1] + extents[b][0] + _APART for a, b in pairwise(order)]
    places = spread(wishes, gaps, (extents[order[0]][0], width - extents[order[-1]][0]))
    return [x for _, x in sorted(zip(order, places, strict=True))]


def _nodes_x(
    nodes: Nodes, extents: list[Point], order: list[int], leads: tuple[list[NodeSpot], Pairs], width: float
) -> list[float]:
    """The places of hidden nodes: above the middle of what leads to them, the more evenly the more edges there are."""
    below, layer = leads
    groups = nodes.groups()
    of = {j: q for q, group in enumerate(groups) for j in group}
    line = list(dict.fromkeys(of[j] for j in order))
    evenly = len(layer) / (nodes.n_subnodes * len(below))
    wishes, even = [], _even(extents, line, width)
    for q in line:
        xs = [below[i].x for j, i in layer if j in groups[q]] or [even[q]]
        wishes.append(evenly * even[q] + (1 - evenly) * sum(xs) / len(xs))
    return _placed(extents, line, wishes, width)


def _level(nodes: Nodes, depth: int, xs: list[float], order: list[int]) -> list[NodeSpot]:
    """Nodes whose edges end at height 0; products rise above their factors, and sums beside them too."""
    rise = RISE if nodes.arities else 0.0
    place = {j: k for k, j in enumerate(order)}
    spots = []
    for q, (x, group) in enumerate(zip(xs, nodes.groups(), strict=True)):
        if q < nodes.n_sum:
            spots.append(NodeSpot(depth, q, "sum" if depth else "input", x, rise, ((x, rise),)))
            continue
        line = sorted(group, key=place.__getitem__)
        points = tuple((x + FACTOR * (line.index(j) - (len(group) - 1) / 2), 0.0) for j in group)
        spots.append(NodeSpot(depth, q, "product", x, rise, points))
    return spots


def _row(
    depth: int, layer: Pairs, room: Room, levels: tuple[list[NodeSpot], list[NodeSpot]], width: float
) -> list[EdgeSpot]:
    """The boxes of a layer at height 0, their lines not yet led on."""
    below, above = levels
    ends = [point for node in above for point in node.factors]
    by_start = len(below) >= len(ends)

    def wish(edge: tuple[int, int]) -> Point:
        start, end = below[edge[1]].x, ends[edge[0]][0]
        return (start, end) if by_start else (end, start)

    line = sorted(layer, key=wish)
    if not line:
        return []
    height, widths = room.size_of_all(depth, layer)[1], room.widths(depth, line)
    gaps = [(a + b) / 2 + _GAP for a, b in pairwise(widths)]
    bounds = ((widths[0] + _GAP) / 2, width - (widths[-1] + _GAP) / 2)
    xs = spread([wish(edge)[0] for edge in line], gaps, bounds)
    return [
        EdgeSpot(depth, j, i, (x, 0.0), (wide, height), (((below[i].x, below[i].y),), (ends[j],)))
        for (j, i), x, wide in zip(line, xs, widths, strict=True)
    ]


def _stacked(
    below: list[NodeSpot], boxes: list[EdgeSpot], above: list[NodeSpot]
) -> tuple[list[NodeSpot], list[EdgeSpot]]:
    """The boxes and the upper level at their heights, with room for lines that go far aside."""
    half = boxes[0].size[1] / 2 if boxes else 0.5
    lower = _run(edge.box[0] - edge.start[0] for edge in boxes)
    upper = _run(edge.box[0] - edge.end[0] for edge in boxes)
    middle = below[0].y + lower + half
    level = middle + half + upper
    lifted = [replace(n, y=n.y + level, factors=tuple((x, y + level) for x, y in n.factors)) for n in above]
    placed = []
    for edge in boxes:
        x, (end_x, end_y) = edge.box[0], edge.end
        lines = ((edge.start, (x, middle - half)), ((x, middle + half), (end_x, end_y + level)))
        placed.append(replace(edge, box=(x, middle), lines=lines))
    return lifted, placed


def _run(aside: Iterable[float]) -> float:
    longest = max((abs(x) for x in aside), default=0.0)
    return min(_RUN + _SLOPE * longest, _LONGEST)
