"""Two layouts of nodes and boxes: levels above each other, and a crossbar for each layer."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from statistics import fmean

import numpy as np
from scipy.optimize import isotonic_regression

from edgewise.nn import Nodes
from edgewise.plot._spots import LOOK, EdgeSpot, Line, NodeSpot, Pairs, Placed, Point, Room

Order = list[list[int]]  # for each level its subnodes in the order of their places, a product's beside each other


def natural(nodes: Sequence[Nodes]) -> Order:
    """Every level as it is numbered."""
    return [list(range(level.n_subnodes)) for level in nodes]


def ordered(nodes: Sequence[Nodes], pairs: Sequence[Pairs]) -> Order:
    """Hidden nodes, and the factors of products, by the mean place of what they are joined to; inputs and outputs stay.

    Sugiyama's method: sweeps up and down, of which the order with the fewest crossings is kept.
    """
    sweeps, most_pairs = 4, 60  # pairs of a layer: where all is joined to all, order does not help
    best = order = natural(nodes)
    if any(len(layer) > most_pairs for layer in pairs):
        return best
    least = crossings(nodes, pairs, best)
    for sweep in range(sweeps):
        order = [list(level) for level in order]
        upward = sweep % 2 == 0
        levels = range(1, len(nodes)) if upward else range(len(nodes) - 2, 0, -1)
        for level in levels:
            order[level] = _sorted(nodes, pairs, order, level, upward)
        count = crossings(nodes, pairs, order)
        if count < least:
            best, least = order, count
    return best


def _sorted(nodes: Sequence[Nodes], pairs: Sequence[Pairs], order: Order, level: int, upward: bool) -> list[int]:
    """One level by what lies below it or above it; the last level's nodes stay, and only their factors move."""
    groups, place = nodes[level].groups(), {j: k for k, j in enumerate(order[level])}
    if upward:
        below = _node_places(nodes[level - 1], order[level - 1])
        found = {j: [below[i] for end, i in pairs[level - 1] if end == j] for j in place}
        share = len(order[level]) / max(1, nodes[level - 1].n_nodes)
    else:
        above = {j: float(k) for k, j in enumerate(order[level + 1])}
        joined = [[above[j] for j, i in pairs[level] if i == q] for q in range(len(groups))]
        found = {j: joined[q] for q, group in enumerate(groups) for j in group}
        share = len(order[level]) / max(1, len(order[level + 1]))
    wish = {j: share * fmean(near) if near else float(place[j]) for j, near in found.items()}
    groups = [sorted(group, key=lambda j: (wish[j] * upward, place[j])) for group in groups]
    if level < len(nodes) - 1:
        groups.sort(key=lambda group: (fmean([wish[j] for j in group]), place[group[0]]))
    return [j for group in groups for j in group]


def crossings(nodes: Sequence[Nodes], pairs: Sequence[Pairs], order: Order) -> int:
    """How many pairs of edges cross when each is a straight line from its node to its subnode."""
    total = 0
    for depth, layer in enumerate(pairs):
        before = _node_places(nodes[depth], order[depth])
        after = {j: k for k, j in enumerate(order[depth + 1])}
        ends = sorted((before[i], after[j]) for j, i in layer)
        total += sum(a[0] < b[0] and a[1] > b[1] for k, a in enumerate(ends) for b in ends[k + 1 :])
    return total


def _node_places(nodes: Nodes, order: Sequence[int]) -> list[float]:
    place = {j: k for k, j in enumerate(order)}
    return [fmean([place[j] for j in group]) for group in nodes.groups()]


def spread(wishes: Sequence[float], gaps: Sequence[float], bounds: tuple[float, float]) -> list[float]:
    """Return places with at least the given gaps between neighbors, inside the bounds if there is room, nearest to
    the wishes.

    >>> spread([1.0, 1.0, 5.0], [1.0, 1.0], (0.0, 10.0))
    [0.5, 1.5, 5.0]
    """
    offsets = list(accumulate(gaps, initial=0.0))
    low, high = bounds[0], max(bounds[0], bounds[1] - offsets[-1])
    flat = isotonic_regression(np.subtract(wishes, offsets)).x.clip(low, high)
    return (flat + offsets).tolist()


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
    name = max(names) + LOOK.dot + LOOK.beside if names and side == 0 else 0.0
    return max(*sizes, name) + 2 * LOOK.wire


def _rows(nodes: Nodes, depth: int, corner: Point, size: Point, pitch: float) -> list[NodeSpot]:
    """Nodes at the right end of rows, the first on top."""
    x = corner[0] + LOOK.wire + size[0] + LOOK.tail
    top = corner[1] + LOOK.lead + size[1] + LOOK.wire + pitch * (nodes.n_subnodes - 1)
    return _spots(nodes, depth, [(x, top - pitch * j) for j in range(nodes.n_subnodes)], (LOOK.rise, 0.0))


def _columns(nodes: Nodes, depth: int, corner: Point, size: Point, pitch: float) -> list[NodeSpot]:
    """Nodes at the upper end of columns."""
    left = corner[0] + LOOK.lead + size[0] + LOOK.wire
    y = corner[1] + LOOK.tail
    return _spots(nodes, depth, [(left + pitch * j, y) for j in range(nodes.n_subnodes)], (0.0, LOOK.rise))


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
        x += max(node.radius for node in above) + LOOK.beside + max(names)
    return x, y


def _up_and_right(start: Point, end: Point, size: Point) -> tuple[Point, tuple[Line, Line]]:
    """Up a column, into the box at its right, out at the top and along the row above it."""
    x, y = start[0] + LOOK.wire + size[0] / 2, end[1] - LOOK.wire - size[1] / 2
    into = (start, (start[0], y), (x - size[0] / 2, y))
    return (x, y), (into, ((x, y + size[1] / 2), (x, end[1]), end))


def _right_and_up(start: Point, end: Point, size: Point) -> tuple[Point, tuple[Line, Line]]:
    """Along a row, into the box below it, out at its right and up the column there."""
    x, y = end[0] - LOOK.wire - size[0] / 2, start[1] - LOOK.wire - size[1] / 2
    into = (start, (x, start[1]), (x, y + size[1] / 2))
    return (x, y), (into, ((x + size[0] / 2, y), (end[0], y), end))


def levels(nodes: Sequence[Nodes], pairs: Sequence[Pairs], room: Room) -> Placed:
    """The nodes and edges of a network drawn bottom-up; boxes stand near the node that they share with fewer others."""
    order = ordered(nodes, pairs)
    extents = [_extents(level, depth, len(nodes), room) for depth, level in enumerate(nodes)]
    width = max(
        LOOK.narrowest,
        *(sum(room.widths(depth, layer)) + LOOK.box_gap * len(layer) for depth, layer in enumerate(pairs)),
        *(sum(map(sum, sides)) + LOOK.node_gap * len(sides) for sides in extents),
    )
    below = _level(nodes[0], 0, _even(extents[0], list(range(nodes[0].n_nodes)), width), order[0])
    found, edges = list(below), []
    for depth, layer in enumerate(pairs):
        level = nodes[depth + 1]
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
        half = max(0.3, LOOK.factors * (arity - 1) / 2 + 0.2)
        if 0 < depth < count - 1:
            sides.append(
                (half, max(half, (LOOK.ring if arity > 1 else LOOK.dot) + LOOK.beside + room.beside[depth, q]))
            )
        else:
            sides.append((max(half, room.ends[depth > 0] / 2),) * 2)
    return sides


def _even(extents: list[Point], order: list[int], width: float) -> list[float]:
    """The places of nodes spread over the width."""
    return _placed(extents, order, [(k + 0.5) * width / len(order) for k in range(len(order))], width)


def _placed(extents: list[Point], order: list[int], wishes: list[float], width: float) -> list[float]:
    """The places of nodes near their wishes, both in that order; of the last one, the name may stand out."""
    gaps = [extents[a][1] + extents[b][0] + LOOK.node_gap for a, b in pairwise(order)]
    places = spread(wishes, gaps, (extents[order[0]][0], width - extents[order[-1]][0]))
    return [x for _, x in sorted(zip(order, places, strict=True))]


def _nodes_x(
    nodes: Nodes, extents: list[Point], order: list[int], leads: tuple[list[NodeSpot], Pairs], width: float
) -> list[float]:
    """The places of hidden nodes and outputs: above what leads to them, the more evenly the more edges there are."""
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
    rise = LOOK.rise if nodes.arities else 0.0
    place = {j: k for k, j in enumerate(order)}
    spots = []
    for q, (x, group) in enumerate(zip(xs, nodes.groups(), strict=True)):
        if q < nodes.n_sum:
            spots.append(NodeSpot(depth, q, "sum" if depth else "input", x, rise, ((x, rise),)))
            continue
        line = sorted(group, key=place.__getitem__)
        points = tuple((x + LOOK.factors * (line.index(j) - (len(group) - 1) / 2), 0.0) for j in group)
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
    gaps = [(a + b) / 2 + LOOK.box_gap for a, b in pairwise(widths)]
    bounds = ((widths[0] + LOOK.box_gap) / 2, width - (widths[-1] + LOOK.box_gap) / 2)
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
    return min(LOOK.run + LOOK.run_aside * longest, LOOK.longest_run)
