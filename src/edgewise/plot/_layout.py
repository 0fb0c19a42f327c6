"""Where the nodes, edges and little curves of a network lie: plain numbers, without drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from edgewise.nn import KAN, KANLayer
from edgewise.nn._nodes import Nodes

_PITCH = 1.32  # of boxes beside each other
_ROW = 1.5  # of rows of boxes above each other
_MOST_IN_ROW = 34
_FACTOR = 0.8  # between the factors of a product
_RISE = 0.62  # of a product above its factors
_LEAST_WIDTH = 3.6

Point = tuple[float, float]


@dataclass(frozen=True)
class NodeSpot:
    """One node: `kind` is "input", "sum" or "product"; `factors` are the points that its edges end in."""

    layer: int
    index: int
    kind: str
    x: float
    y: float
    factors: tuple[Point, ...]


@dataclass(frozen=True)
class EdgeSpot:
    """One active edge (layer, j, i): a line from `start` to the box centred at `box`, then on to `end`."""

    layer: int
    j: int
    i: int
    start: Point
    box: Point
    end: Point


@dataclass(frozen=True)
class Diagram:
    """A network in the plane, inputs at y = 0, in units of the side of an edge's box."""

    width: float
    height: float
    nodes: list[NodeSpot]
    edges: list[EdgeSpot]


def diagram(model: KAN, least_width: float = _LEAST_WIDTH) -> Diagram:
    """Return the positions of everything in the picture of a network; masked edges have none.

    Boxes stand near the node that they share with fewer others, spread so that none overlap; more than 34 of
    them are staggered in rows. `least_width` makes room for long names.

    >>> import edgewise as ew
    >>> d = ew.plot.diagram(ew.KAN([2, (1, 1), 1]))
    >>> [node.kind for node in d.nodes], len(d.edges)
    (['input', 'input', 'sum', 'product', 'sum'], 8)
    """
    active = [_pairs(layer) for layer in model.layers]
    rows = [max(1, math.ceil(len(edges) / _MOST_IN_ROW)) for edges in active]
    widths = [_PITCH * (len(edges) - 1 + n) / n for edges, n in zip(active, rows, strict=True)]
    width = max(least_width, *widths, *(sum(_footprints(nodes)) for nodes in model.nodes))
    run = min(2.6, 0.8 + 0.05 * width)  # from a node to the nearest box
    levels, edges, y = [_nodes(model.nodes[0], 0, width, 0.0)], [], 0.0
    for depth, (pairs, n_rows) in enumerate(zip(active, rows, strict=True)):
        half = 0.5 + _ROW * (n_rows - 1) / 2
        middle = y + run + half
        levels.append(_nodes(model.nodes[depth + 1], depth + 1, width, middle + half + run))
        ends = [point for node in levels[-1] for point in node.factors]
        edges += _edges(depth, pairs, levels[-2], ends, (width, middle, n_rows))
        y = levels[-1][0].y
    return Diagram(width, y, [node for level in levels for node in level], edges)


def _pairs(layer: torch.nn.Module) -> list[tuple[int, int]]:
    assert isinstance(layer, KANLayer)
    return [(j, i) for j, i in layer.mask.nonzero().tolist()]


def _footprints(nodes: Nodes) -> list[float]:
    return [max(_PITCH, 0.5 + _FACTOR * arity) for arity in (1,) * nodes.n_sum + nodes.arities]


def _nodes(nodes: Nodes, layer: int, width: float, y: float) -> list[NodeSpot]:
    """One level of nodes, spread over the width; product nodes sit above their factors, which lie at y."""
    sizes = _footprints(nodes)
    level = y + (_RISE if nodes.arities else 0.0)
    stretch, left, spots = width / sum(sizes), 0.0, []
    for q, (size, group) in enumerate(zip(sizes, nodes.groups(), strict=True)):
        x = (left + size / 2) * stretch
        left += size
        product = q >= nodes.n_sum
        offsets = [_FACTOR * (k - (len(group) - 1) / 2) for k in range(len(group))]
        factors = tuple((x + offset, y) for offset in offsets) if product else ((x, level),)
        kind = "input" if layer == 0 else "product" if product else "sum"
        spots.append(NodeSpot(layer, q, kind, x, level, factors))
    return spots


def _edges(
    depth: int,
    pairs: list[tuple[int, int]],
    before: list[NodeSpot],
    ends: list[Point],
    place: tuple[float, float, int],
) -> list[EdgeSpot]:
    """The edges of one layer; `place` is the diagram's width, the middle of the boxes, and their rows."""
    width, middle, n_rows = place
    by_start = len(before) >= len(ends)

    def wish(edge: tuple[int, int]) -> Point:
        start, end = before[edge[1]].x, ends[edge[0]][0]
        return (start, end) if by_start else (end, start)

    ordered = sorted(pairs, key=wish)
    xs = spread([wish(edge)[0] for edge in ordered], _PITCH / n_rows, (_PITCH / 2, width - _PITCH / 2))
    spots = []
    for k, ((j, i), x) in enumerate(zip(ordered, xs, strict=True)):
        y = middle + _ROW * (k % n_rows - (n_rows - 1) / 2)
        spots.append(EdgeSpot(depth, j, i, (before[i].x, before[i].y), (x, y), ends[j]))
    return spots


def spread(wishes: list[float], pitch: float, bounds: tuple[float, float]) -> list[float]:
    """Return places at least `pitch` apart, inside the bounds if there is room, nearest to the sorted wishes.

    >>> spread([1.0, 1.0, 5.0], 1.0, (0.0, 10.0))
    [0.5, 1.5, 5.0]
    """
    low, high = bounds[0], max(bounds[0], bounds[1] - pitch * (len(wishes) - 1))
    blocks: list[tuple[float, int]] = []  # of (mean, members): least squares under order, by pooling
    for k, wish in enumerate(wishes):
        mean, members = wish - pitch * k, 1
        while blocks and blocks[-1][0] >= mean:
            other, count = blocks.pop()
            mean, members = (other * count + mean * members) / (count + members), count + members
        blocks.append((mean, members))
    flat = [min(max(mean, low), high) for mean, members in blocks for _ in range(members)]
    return [place + pitch * k for k, place in enumerate(flat)]
