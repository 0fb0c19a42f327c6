"""A polygon as intersections and unions of the half planes of its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import mul

from edgewise.pde._domain import both, either
from edgewise.pde._jet import Jet

Point = tuple[float, float]


@dataclass(frozen=True)
class Formula:
    """One edge, or the intersection or the union of several formulas."""

    edge: int = -1
    parts: tuple[Formula, ...] = ()
    union: bool = False


def formula_of(vertices: Sequence[Point], order: Sequence[int]) -> Formula:
    """Return the formula of a polygon whose vertices, in this order, go counterclockwise.

    The vertices on the convex hull cut the boundary into chains. The polygon is the intersection of what the chains
    bound. A chain of several edges is a pocket of the hull, and what it bounds is the union over the chains into which
    the pocket's own hull cuts it; and so on. This misses shapes that wind around themselves: check it.

    Source: Dobkin, Guibas, Hershberger and Snoeyink, Algorithmica 10 (1993).
    """
    corners = [k for k in range(len(order)) if order[k] in _hull(vertices, order)]
    turned = [*order[corners[0] :], *order[: corners[0]], order[corners[0]]]
    edges = [_first_on_line(vertices, edge) for edge in _edges(len(vertices), turned)]
    return _joined(vertices, turned, edges, union=False)


def level_of(formula: Formula, lines: Sequence[Jet], *, outermost: bool = False) -> Jet:
    """Return a function that is positive inside, from such functions of the edges' half planes.

    With `outermost` it is right only inside, and smoother: an outermost intersection is a product.
    """
    if not formula.parts:
        return lines[formula.edge]
    levels = [level_of(part, lines) for part in formula.parts]
    if formula.union:
        return either(levels)
    return reduce(mul, levels) if outermost else both(levels)


def _joined(vertices: Sequence[Point], chain: list[int], edges: list[int], *, union: bool) -> Formula:
    """The formula of a chain of vertices, cut where it touches its convex hull."""
    if len(edges) == 1:
        return Formula(edges[0])
    hull = _hull(vertices, chain)
    cuts = [k for k, vertex in enumerate(chain) if vertex in hull]
    if cuts[0] != 0 or cuts[-1] != len(chain) - 1:
        cuts = sorted({0, *cuts, len(chain) - 1})
    found = [_joined(vertices, chain[a : b + 1], edges[a:b], union=not union) for a, b in pairwise(cuts)]
    parts = tuple(dict.fromkeys(found))  # two edges on one line count once: a product would have a double zero there
    return parts[0] if len(parts) == 1 else Formula(parts=parts, union=union)


def _edges(n: int, chain: list[int]) -> list[int]:
    """The number of the edge between each two vertices of a chain: that of the vertex where it starts."""
    return [min(a, b) if abs(a - b) == 1 else n - 1 for a, b in pairwise(chain)]


def _first_on_line(vertices: Sequence[Point], edge: int) -> int:
    """The first edge that lies on the line of an edge and goes the same way."""

    def ends(k: int) -> tuple[Point, Point]:
        return vertices[k], vertices[(k + 1) % len(vertices)]

    a, b = ends(edge)
    for k in range(edge):
        c, d = ends(k)
        along = (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1])
        small = 1e-12 * along
        if along > 0 and abs(_turn(a, b, c)) <= small and abs(_turn(a, b, d)) <= small:
            return k
    return edge


def _hull(vertices: Sequence[Point], chain: Sequence[int]) -> set[int]:
    """The vertices of a chain that lie on its convex hull, those within its edges too."""
    ordered = sorted(set(chain), key=lambda k: vertices[k])
    found: set[int] = set()
    for sense in (1, -1):
        kept: list[int] = []
        for k in ordered:
            while len(kept) > 1 and sense * _turn(vertices[kept[-2]], vertices[kept[-1]], vertices[k]) < 0:
                kept.pop()
            kept.append(k)
        found.update(kept)
    return found


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
