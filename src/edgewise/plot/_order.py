"""The order of nodes beside each other that lets few lines cross, and places that keep it."""

from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean

import numpy as np
from scipy.optimize import isotonic_regression

from edgewise.nn import Nodes
from edgewise.plot._spots import Pairs

_SWEEPS = 4
_MOST_PAIRS = 60  # in a layer whose nodes are put in order; where all is joined to all, order does not help

Order = list[list[int]]  # for each level its subnodes in the order of their places, a product's beside each other


def natural(nodes: Sequence[Nodes]) -> Order:
    """Every level as it is numbered."""
    return [list(range(level.n_subnodes)) for level in nodes]


def ordered(nodes: Sequence[Nodes], pairs: Sequence[Pairs]) -> Order:
    """Hidden nodes, and the factors of products, by the mean place of what they are joined to; inputs and outputs stay.

    Sugiyama's method: sweeps up and down, of which the order with the fewest crossings is kept.
    """
    best = order = natural(nodes)
    if any(len(layer) > _MOST_PAIRS for layer in pairs):
        return best
    least = crossings(nodes, pairs, best)
    for sweep in range(_SWEEPS):
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
