"""Where an equation holds: boxes and their faces, and unions, intersections and differences of two domains."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import mul
from types import SimpleNamespace
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.pde.geometry._boundary import Boundary, Way, even, lattice, unit
from edgewise.pde.geometry._corner import Corner, corners_of
from edgewise.pde.geometry._curve import Curve, Rectangle, Segment
from edgewise.pde.geometry._jet import Jet

Place = float | Callable[[SimpleNamespace], Tensor]
"""A number, or a function of the point p."""


class Domain(ABC):
    """A set of points of named coordinates: `Box`, `Disk`, `Polygon`, and what `|`, `&` and `-` make of two of them.

    Subclasses have the names of their coordinates and the ends `low` and `high` of a box around them.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Lower and upper ends of the coordinates, each (d,)."""
        return torch.tensor(self.low, dtype=torch.float64), torch.tensor(self.high, dtype=torch.float64)

    @abstractmethod
    def signed_distance(self, points: Tensor) -> Tensor:
        """Return the distance (n,) of points from the boundary: positive inside, negative outside.

        Of a union, an intersection or a difference the sign is exact, and the size at most the distance inside.

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        """

    @abstractmethod
    def level(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function of the coordinates: positive inside, zero on the boundary, negative outside.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """

    @abstractmethod
    def curves(self) -> tuple[Curve, ...]:
        """Return the curves, or surfaces, of which the boundary of a domain is made, or pieces of them."""

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function that is positive inside and zero on the boundary, for an ansatz.

        It grows like the distance from the boundary, times a factor, but need not measure it further inside. In an
        ansatz it makes the unknown vanish on the whole boundary, whatever the network n is: distance(p) * n.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.

        References
        ----------
        Rvachev's R-functions, as in Shapiro, Acta Numerica 16 (2007).
        """
        return self.level(p)

    def contains(self, points: Tensor) -> Tensor:
        """Return which of the points are inside, (n,).

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        """
        return self.signed_distance(points) > 0

    def encloses(self, points: Tensor) -> Tensor:
        """Return which of the points are inside or on the boundary, (n,), but for rounding.

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        """
        return self.signed_distance(points) >= -1e-13 * math.dist(self.low, self.high)

    def piecewise(self, inside: Place, outside: Place) -> Callable[[SimpleNamespace], Tensor]:
        """Return a function of p that is one thing in this domain, and another outside of it.

        Parameters
        ----------
        inside, outside
            Numbers, or functions of the point p.

        Examples
        --------
        >>> import torch
        >>> from types import SimpleNamespace
        >>> from edgewise.pde import Disk
        >>> k = Disk(x=0, y=0, radius=1).piecewise(100.0, lambda p: p.x)
        >>> k(SimpleNamespace(x=torch.tensor([0.5, 2.0]), y=torch.zeros(2))).tolist()
        [100.0, 2.0]
        """

        def value(p: SimpleNamespace) -> Tensor:
            at = torch.stack([getattr(p, name) for name in self.names], 1).to(torch.float64)
            parts = [part(p) if callable(part) else torch.full_like(at[:, 0], part) for part in (inside, outside)]
            return torch.where(self.encloses(at), *parts)

        return value

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d) inside, of equal density.

        Parameters
        ----------
        count
            The number of points; for a lattice, at most as many.
        seed
            Seed of the Sobol sequence or of the random points.
        how
            "sobol" for a scrambled Sobol sequence, "random" for uniform random points, "grid" for a lattice.

        Raises
        ------
        InputError
            For an empty or very thin domain, a number of points below 1, and an unknown `how`.
        """
        unit(count, 1, seed, how)  # refuses what is no number or no way
        if how == "grid":
            share = len(self._inside(4096, 0, "sobol")) / 4096
            return lattice(lambda some: self._inside(some, seed, how), count, max(share, 1e-3))
        tried, most = int(count), max(2**21, 64 * count)  # before the domain counts as empty
        while tried <= most:
            found = self._inside(tried, seed, how)
            if len(found) >= count:
                return found[:count]
            tried *= 2
        raise InputError(f"This domain is empty or very thin: {self!r:.80} has {len(found)} of {tried // 2} points.")

    def boundary(self, *parts: Domain | Boundary | Face) -> Boundary:
        """Return the boundary, or what of it is the boundary of the given shapes, edges or faces that this was made of.

        Parameters
        ----------
        *parts
            Shapes that this was made of, and edges and faces of theirs. None are given for the whole boundary.

        Raises
        ------
        InputError
            For shapes, edges and faces that are no part of the boundary.

        Examples
        --------
        >>> from edgewise.pde import Disk
        >>> hole = Disk(x=0, y=0, radius=0.5)
        >>> ring = Disk(x=0, y=0, radius=1) - hole
        >>> round(float(ring.boundary(hole).points(9).norm(dim=1).max()), 6)
        0.5
        """
        curves = self.curves()
        if parts:
            asked = [curve for part in parts for curve in part.curves()]
            curves = tuple(curve for curve in curves if any(curve.matches(other) for other in asked))
            if not curves:
                raise InputError(f"{parts[0]!r:.80} is no part of the boundary of {self!r:.80}.")
        return Boundary(self, curves)

    def __or__(self, other: Domain) -> Combined:
        return Combined(self, other, "|")

    def __and__(self, other: Domain) -> Combined:
        return Combined(self, other, "&")

    def __sub__(self, other: Domain) -> Combined:
        return Combined(self, other, "-")

    def corners(self) -> tuple[Corner, ...]:
        """Return the corners of a domain of two coordinates, each with its angle; none of others."""
        return self._corners

    @cached_property
    def _corners(self) -> tuple[Corner, ...]:
        return corners_of(self) if len(self.names) == 2 else ()

    def _inside(self, tried: int, seed: int, how: Way) -> Tensor:
        low, high = self.ends
        points = low + (high - low) * unit(tried, len(self.names), seed, how)
        return points[self.contains(points)]


@dataclass(frozen=True)
class Combined(Domain):
    """The union `a | b`, the intersection `a & b` or the difference `a - b` of two domains of the same coordinates."""

    first: Domain
    second: Domain
    sign: Literal["|", "&", "-"]

    def __post_init__(self) -> None:
        a, b = self.first, self.second
        if not isinstance(b, Domain):
            raise InputError(f"A domain combines with another one, like a | b. Got {type(b).__name__}.")
        if a.names != b.names:
            raise InputError(
                f"Both domains need the same coordinates. Got {', '.join(a.names)} and {', '.join(b.names)}."
            )
        if len(a.names) not in (2, 3):
            raise InputError(f"Only domains of two or three coordinates are combined. Got {', '.join(a.names)}.")
        if self.sign != "|" and (len(self._ends()[0]) == 0 or not self._any()):
            raise InputError(f"This domain is empty: {a!r:.60} {self.sign} {b!r:.60}.")

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.first.names

    @property
    def low(self) -> tuple[float, ...]:  # type: ignore[override]
        return self._ends()[0]

    @property
    def high(self) -> tuple[float, ...]:  # type: ignore[override]
        return self._ends()[1]

    def signed_distance(self, points: Tensor) -> Tensor:
        """Return the distance (n,) of points from the boundary: positive inside, negative outside.

        Parameters
        ----------
        points : (n, 2)
            Points, one a row.
        """
        a, b = self.first.signed_distance(points), self.second.signed_distance(points)
        if self.sign == "|":
            return torch.maximum(a, b)
        return torch.minimum(a, b if self.sign == "&" else -b)

    def level(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function of the coordinates, by R-functions: positive inside, zero on the boundary.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.

        Raises
        ------
        InputError
            For unions of two parts that touch along an edge only.
        """
        a, b = self.first.level(p), self.second.level(p)
        if self.sign != "|":
            return both([a, b if self.sign == "&" else -b])
        if self._shares(-1):
            raise InputError(
                "Two parts of a union that only touch, along an edge in common, have no smooth distance: it would "
                "vanish on that edge. Let them overlap, or write them as one Polygon."
            )
        return either([a, b])

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return a product for intersections and differences, which is smooth at corners; R-functions for unions.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        if self.sign == "|" or self._shares(1):
            return self.level(p)
        return self.first.distance(p) * (self.second.distance(p) if self.sign == "&" else -self.second.level(p))

    def curves(self) -> tuple[Curve, ...]:
        """Return the curves of both domains, of which the boundary is made; those of a subtracted one are flipped."""
        others = self.second.curves()
        return self.first.curves() + (tuple(curve.flipped() for curve in others) if self.sign == "-" else others)

    def _shares(self, sense: int) -> bool:
        """Whether both have a piece of boundary in common, with the same side outside (1) or the opposite one (-1)."""
        return sense in self._shared

    @cached_property
    def _shared(self) -> set[int]:
        at, found = even(64, len(self.names) - 1), set()
        step = 1e-7 * math.dist(self.low, self.high)  # curves that are nearer count as one
        for one in self.first.curves():
            points = one.at(at)
            for two in self.second.curves():
                near = two.distances(points) <= step
                alike = (one.normals(points) * two.normals(points)).sum(1)[near]
                alike = -alike if self.sign == "-" else alike
                found |= {sense for sense in (1, -1) if bool((sense * alike > 1 - 1e-9).any())}
        return found

    def _ends(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        a, b = self.first, self.second
        if self.sign == "-":
            return a.low, a.high
        of_low, of_high = (min, max) if self.sign == "|" else (max, min)
        low, high = tuple(map(of_low, a.low, b.low)), tuple(map(of_high, a.high, b.high))
        return (low, high) if all(one < two for one, two in zip(low, high, strict=True)) else ((), ())

    def _any(self) -> bool:
        return any(len(self._inside(tried, 0, "sobol")) for tried in (2**10, 2**15, 2**20))

    def __repr__(self) -> str:
        return f"({self.first!r} {self.sign} {self.second!r})"


def both(levels: Iterable[Jet]) -> Jet:
    """Return a function that is positive where all are: a + b - sqrt(a^2 + b^2)."""
    first, *others = levels
    for other in others:
        first = first + other - torch.sqrt(first * first + other * other)  # type: ignore[arg-type]
    return first


def either(levels: Iterable[Jet]) -> Jet:
    """Return a function that is positive where any is: a + b + sqrt(a^2 + b^2)."""
    return -both([-level for level in levels])


@dataclass(frozen=True)
class Box(Domain):
    """A product of intervals of named coordinates.

    Parameters
    ----------
    **ranges
        The ends (low, high) of each coordinate by its name, in its unit.

    Raises
    ------
    InputError
        For no coordinate, and ranges that are not finite, not ascending, or too narrow for double precision.

    Examples
    --------
    >>> from edgewise.pde import Box
    >>> square = Box(x=(-1, 1), y=(-1, 1))
    >>> square.points(100, seed=0).shape
    torch.Size([100, 2])
    >>> len(square.boundary().points(40))
    40
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __init__(self, **ranges: tuple[float, float]) -> None:
        if not ranges:
            raise InputError("A Box needs at least one coordinate, like Box(x=(0, 1)).")
        limit = 1e50  # of |end| and 1 / width: fourth powers of both stay finite
        narrowest = 1e-10  # width / |end|: half a million doubles lie in between
        for name, ends in ranges.items():
            sound = isinstance(ends, tuple | list) and len(ends) == 2 and all(is_number(end) for end in ends)
            if not sound or not ends[0] < ends[1]:
                raise InputError(
                    f"The range of {name!r} must be (low, high) with low < high, both finite. Got {ends!r}."
                )
            low, high = map(float, ends)
            farthest = max(abs(low), abs(high))
            if not (farthest <= limit and high - low >= max(1 / limit, narrowest * farthest)):
                raise InputError(
                    f"The range of {name!r} must lie within {limit:.0e} of 0, and be wider than {narrowest:.0e} "
                    f"times its larger end, for double precision to tell its points apart. Got {ends!r}. Take another "
                    "unit or origin."
                )
        object.__setattr__(self, "names", tuple(ranges))
        object.__setattr__(self, "low", tuple(float(low) for low, _ in ranges.values()))
        object.__setattr__(self, "high", tuple(float(high) for _, high in ranges.values()))

    def signed_distance(self, points: Tensor) -> Tensor:
        """Return the distance (n,) of points from the boundary: positive inside, negative outside.

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        """
        low, high = self.ends
        beyond = torch.maximum(low - points, points - high)
        return -beyond.clamp_min(0).norm(dim=1) - beyond.max(1).values.clamp_max(0)

    def level(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function of the coordinates: positive inside, zero on the boundary, negative outside.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        return both(self._levels(p))

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return the product of (x - low) (high - x) / (high - low) over the coordinates.

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        return reduce(mul, self._levels(p))

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d) inside.

        Parameters
        ----------
        count
            The number of points; for a lattice, at most as many.
        seed
            Seed of the Sobol sequence or of the random points.
        how
            "sobol" for a scrambled Sobol sequence, "random" for uniform random points, "grid" for a lattice.

        Raises
        ------
        InputError
            For a number of points below 1, and an unknown `how`.
        """
        low, high = self.ends
        return low + (high - low) * unit(count, len(self.names), seed, how)

    def face(self, **at: float) -> Face:
        """Return the face where one coordinate is at one of its ends, like face(t=0).

        Parameters
        ----------
        **at
            One coordinate by its name, and the end where it is held.

        Raises
        ------
        InputError
            For no or several coordinates, an unknown one, and values that are no end of it.
        """
        if len(at) != 1:
            raise InputError(f"A face fixes one coordinate, like face(x=0). Got {at!r}.")
        (name, value), = at.items()  # fmt: skip
        if name not in self.names:
            raise unknown("coordinate", name, self.names)
        k = self.names.index(name)
        if value not in (self.low[k], self.high[k]):
            raise InputError(f"{name!r} ends at {self.low[k]:g} and {self.high[k]:g}. Got {value!r}.")
        return Face(self, ((k, float(value)),))

    def boundary(self, *names: str) -> Face:  # type: ignore[override]
        """Return all faces, or those at both ends of the named coordinates.

        Parameters
        ----------
        *names
            Names of coordinates. None are given for all faces.

        Raises
        ------
        InputError
            For an unknown coordinate.
        """
        for name in names:
            if name not in self.names:
                raise unknown("coordinate", name, self.names)
        chosen = [k for k, name in enumerate(self.names) if name in (names or self.names)]
        return Face(self, tuple((k, end) for k in chosen for end in (self.low[k], self.high[k])))

    def curves(self) -> tuple[Curve, ...]:
        """Return the edges of a box of two coordinates, or the faces of one of three; InputError for other boxes."""
        return self.boundary().curves()

    def _levels(self, p: SimpleNamespace) -> list[Jet]:
        ends = zip(self.names, self.low, self.high, strict=True)
        return [(getattr(p, name) - low) * (high - getattr(p, name)) / (high - low) for name, low, high in ends]

    def __repr__(self) -> str:
        ends = zip(self.names, self.low, self.high, strict=True)
        return f"Box({', '.join(f'{name}=({low:g}, {high:g})' for name, low, high in ends)})"


@dataclass(frozen=True)
class Face:
    """Faces of a box, each a coordinate's number and the end where it is held.

    Parameters
    ----------
    box
        The box.
    fixed
        For each face the number of the coordinate, and the end where it is held.
    """

    box: Box
    fixed: tuple[tuple[int, float], ...]

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d), as many on each face.

        Parameters
        ----------
        count
            The number of points, rounded up to a multiple of the number of faces; for a lattice, at most as many.
        seed
            Seed of the Sobol sequence or of the random points on the first face; the next faces have the next seeds.
        how
            "sobol" for a scrambled Sobol sequence, "random" for uniform random points, "grid" for a lattice.
        """
        share = math.ceil(count / len(self.fixed))
        parts = []
        for number, (k, end) in enumerate(self.fixed):
            part = self.box.points(share, seed + number, how)
            part[:, k] = end
            parts.append(part)
        return torch.cat(parts)

    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, d) that point outward, at points of the faces.

        Parameters
        ----------
        points : (n, d)
            Points of the faces.
        """
        far = torch.stack([(points[:, k] - end).abs() for k, end in self.fixed])
        normals = torch.zeros(len(self.fixed), points.shape[1], dtype=torch.float64)
        for number, (k, end) in enumerate(self.fixed):
            normals[number, k] = 1.0 if end == self.box.high[k] else -1.0
        return normals[far.argmin(0)]

    def curves(self) -> tuple[Curve, ...]:
        """Return the faces of a box of two coordinates as segments, of three as rectangles; InputError for others."""
        if len(self.box.names) == 3:
            return tuple(self._rectangle(k, end) for k, end in self.fixed)
        if len(self.box.names) != 2:
            raise InputError(f"Only boxes of two coordinates have edges. Got {self.box!r}.")
        found = []
        for k, end in self.fixed:
            corners = [(end, end), (end, end)]
            for number, other in enumerate((self.box.low[1 - k], self.box.high[1 - k])):
                corners[number] = (end, other) if k == 0 else (other, end)
            outside_right = (end == self.box.high[k]) == (k == 0)
            found.append(Segment(corners[0], corners[1], 1 if outside_right else -1))
        return tuple(found)

    def _rectangle(self, k: int, end: float) -> Rectangle:
        low, high = (tuple(end if i == k else place for i, place in enumerate(side)) for side in self._sides())
        return Rectangle(low, high, k, 1 if end == self.box.high[k] else -1)  # type: ignore[arg-type]

    def _sides(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.box.low, self.box.high
