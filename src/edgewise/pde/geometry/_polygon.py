"""A polygon, and its formula: intersections and unions of the half planes of its edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import mul
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.pde.geometry._boundary import Boundary
from edgewise.pde.geometry._curve import Segment
from edgewise.pde.geometry._domain import Domain, both, either
from edgewise.pde.geometry._jet import Jet

Point = tuple[float, float]


@dataclass(frozen=True)
class Polygon(Domain):
    """The inside of a closed line through vertices; edge k goes from vertex k to the next.

    Parameters
    ----------
    vertices
        Three or more points (x, y), in either direction around; also an array (n, 2).
    names
        The names of the two coordinates.

    Raises
    ------
    InputError
        For fewer than three vertices, neighbors that are equal, vertices on one line, and edges that cross or touch.

    Examples
    --------
    >>> from edgewise.pde import Polygon
    >>> lshape = Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
    >>> lshape.area
    3.0
    >>> lshape.edge(2).points(3).shape
    torch.Size([3, 2])
    """

    vertices: tuple[tuple[float, float], ...]
    names: tuple[str, ...] = ("x", "y")

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", _checked(self.vertices))
        if len(self.names) != 2 or len(set(self.names)) != 2 or not all(isinstance(name, str) for name in self.names):
            raise InputError(f"A Polygon needs the names of two coordinates, like ('x', 'y'). Got {self.names!r}.")
        object.__setattr__(self, "names", tuple(self.names))
        if (crossing := _crossing(self.vertices)) is not None:
            raise InputError(
                f"The edges of a Polygon must not cross or touch. Edges {crossing[0]} and {crossing[1]} do."
            )

    @property
    def low(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(map(min, zip(*self.vertices, strict=True)))

    @property
    def high(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(map(max, zip(*self.vertices, strict=True)))

    @property
    def area(self) -> float:
        """The area."""
        return abs(_twice_area(self.vertices)) / 2

    def edge(self, number: int) -> Boundary:
        """Return the edge from a vertex to the next one.

        Parameters
        ----------
        number
            The number of the vertex, from 0.

        Raises
        ------
        InputError
            For a number that no vertex has.
        """
        if not is_int(number, 0, len(self.vertices) - 1):
            raise InputError(
                f"The edges of this Polygon have the numbers 0 to {len(self.vertices) - 1}. Got {number!r}."
            )
        return Boundary(self, (self.curves()[number],))

    def signed_distance(self, points: Tensor) -> Tensor:
        """Return the distance (n,) of points from the nearest edge: positive inside, negative outside.

        Parameters
        ----------
        points : (n, 2)
            Points, one a row.
        """
        far = torch.stack([edge.distances(points) for edge in self.curves()]).min(0).values
        return torch.where(self.contains(points), far, -far)

    def contains(self, points: Tensor) -> Tensor:
        """Return which of the points are inside, (n,).

        Parameters
        ----------
        points : (n, 2)
            Points, one a row.
        """
        x, y = points.to(torch.float64).unbind(1)
        inside = torch.zeros(len(points), dtype=torch.bool)
        for (x0, y0), (x1, y1) in self._edges:
            if y0 != y1:
                between = (y0 > y) != (y1 > y)
                inside ^= between & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        return inside

    def level(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function of the coordinates, by R-functions: positive inside, zero on the boundary.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        return level_of(self._formula, self._lines(p))

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return a product: of the distances from the edges of the convex hull and, by R-functions, from its pockets.

        That of a convex polygon is the product of the distances from its edges, a polynomial.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        return level_of(self._formula, self._lines(p), outermost=True)

    def curves(self) -> tuple[Segment, ...]:
        """Return the edges as segments, each with its outer side."""
        sense = 1 if _twice_area(self.vertices) > 0 else -1
        return tuple(Segment(start, end, sense) for start, end in self._edges)

    @property
    def _edges(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        return list(pairwise([*self.vertices, self.vertices[0]]))

    def _lines(self, p: SimpleNamespace) -> list[Jet]:
        """The distance from the line of each edge, positive on its inner side."""
        x, y = (getattr(p, name) for name in self.names)
        found = []
        for edge in self.curves():
            (x0, y0), (x1, y1), scale = edge.start, edge.end, edge.sense / edge.length
            found.append((y - y0) * ((x1 - x0) * scale) - (x - x0) * ((y1 - y0) * scale))
        return found

    @cached_property
    def _formula(self) -> Formula:
        turned = _twice_area(self.vertices) < 0
        order = list(range(len(self.vertices)))
        found = formula_of(self.vertices, order[::-1] if turned else order)
        low, high = self.ends
        points = low - 0.2 * (high - low) + 1.4 * (high - low) * torch.rand(
            4096, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )  # fmt: skip
        at = SimpleNamespace(**Jet.coordinates(points, self.names, [()]))
        if not torch.equal(level_of(found, self._lines(at)).value > 0, self.contains(points)):
            raise InputError(
                "The smooth distance of this Polygon is not known: its edges are wound too much into each other. Write "
                "it as a union or a difference of simpler ones."
            )
        return found

    def __repr__(self) -> str:
        return f"Polygon({', '.join(f'({x:g}, {y:g})' for x, y in self.vertices)})"


def _checked(vertices: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """The vertices as pairs of numbers."""
    given = vertices.tolist() if isinstance(vertices, np.ndarray | Tensor) else vertices
    try:
        found = [tuple(point) for point in given]
    except TypeError:
        found = []
    if len(found) < 3 or not all(len(point) == 2 and all(map(is_number, point)) for point in found):
        raise InputError(f"A Polygon needs at least three vertices (x, y), finite numbers. Got {vertices!r:.100}.")
    points = tuple((float(x), float(y)) for x, y in found)
    for k, point in enumerate(points):
        if point == points[k - 1]:
            raise InputError(
                f"Neighboring vertices of a Polygon must differ, the last and the first too. Got {point} twice."
            )
    if all(_turn(points[0], points[1], point) == 0 for point in points):
        raise InputError("The vertices of a Polygon must not lie on one line.")
    return points


def _twice_area(vertices: Sequence[tuple[float, float]]) -> float:
    """Twice the area, negative where the vertices go clockwise."""
    return math.fsum(a * d - b * c for (a, b), (c, d) in pairwise([*vertices, vertices[0]]))


def _crossing(vertices: Sequence[tuple[float, float]]) -> tuple[int, int] | None:
    """Two edges that have a point in common which is no vertex between them."""
    edges, n = list(pairwise([*vertices, vertices[0]])), len(vertices)
    for i in range(n):
        for j in range(i + 1, n):
            if j == i + 1 or (i == 0 and j == n - 1):
                (a, b), (c, d) = (edges[i], edges[j]) if j == i + 1 else (edges[j], edges[i])
                if _turn(a, b, d) == 0 and (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1]) < 0:
                    return i, j
            elif _meet(edges[i], edges[j]):
                return i, j
    return None


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Twice the area of the triangle: positive where c is on the left of the way from a to b."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(one: tuple, two: tuple) -> bool:
    """Whether two segments have a point in common."""
    (a, b), (c, d) = one, two
    turns = [_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)]
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = zip(turns, (c, d, a, b), ((a, b), (a, b), (c, d), (c, d)), strict=True)
    return any(
        turn == 0 and all(min(p[k], q[k]) <= point[k] <= max(p[k], q[k]) for k in range(2))
        for turn, point, (p, q) in ends
    )


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
