"""Where an equation holds: what every domain can do, and unions, intersections and differences of two."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Literal

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.pde._boundary import Boundary
from edgewise.pde._corner import Corner, corners_of
from edgewise.pde._curve import Curve
from edgewise.pde._jet import Jet
from edgewise.pde._placed import Way, lattice, unit

_STEP = 1e-7  # over the size of a domain: curves that are nearer to each other count as one
_MOST = 2**21  # points that are tried before a domain counts as empty


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
        """Return the distance (n,) of points (n, d) from the boundary: positive inside, negative outside.

        Of a union, an intersection or a difference the sign is exact, and the size at most the distance inside.
        """

    @abstractmethod
    def level(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function of the coordinates: positive inside, zero on the boundary, negative outside."""

    @abstractmethod
    def curves(self) -> tuple[Curve, ...]:
        """Return the curves of which the boundary of a domain of two coordinates is made, or pieces of them."""

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return a smooth function that is positive inside and zero on the boundary, for an ansatz.

        It grows like the distance from the boundary, times a factor, but need not measure it further inside. In an
        ansatz it makes the unknown vanish on the whole boundary, whatever the network n is: distance(p) * n.

        Source: Rvachev's R-functions, as in Shapiro, Acta Numerica 16 (2007).
        """
        return self.level(p)

    def contains(self, points: Tensor) -> Tensor:
        """Return which of the points (n, d) are inside, (n,)."""
        return self.signed_distance(points) > 0

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d) inside, of equal density: a Sobol sequence, random ones, or a lattice of at most n."""
        unit(count, 1, seed, how)  # refuses what is no number or no way
        if how == "grid":
            share = len(self._inside(4096, 0, "sobol")) / 4096
            return lattice(lambda some: self._inside(some, seed, how), count, max(share, 1e-3))
        tried = int(count)
        while tried <= max(_MOST, 64 * count):
            found = self._inside(tried, seed, how)
            if len(found) >= count:
                return found[:count]
            tried *= 2
        raise InputError(f"This domain is empty or very thin: {self!r:.80} has {len(found)} of {tried // 2} points.")

    def boundary(self, *parts: Domain | Boundary) -> Boundary:
        """Return the boundary, or what of it is the boundary of the given shapes or edges that this was made of.

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
        """Return the corners of a domain of two coordinates, each with its angle."""
        return corners_of(self)

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
        if len(a.names) != 2:
            raise InputError(f"Only domains of two coordinates are combined. Got {', '.join(a.names)}.")
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
        a, b = self.first.signed_distance(points), self.second.signed_distance(points)
        if self.sign == "|":
            return torch.maximum(a, b)
        return torch.minimum(a, b if self.sign == "&" else -b)

    def level(self, p: SimpleNamespace) -> Jet:
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
        """Return a product for intersections and differences, which is smooth at corners; R-functions for unions."""
        if self.sign == "|" or self._shares(1):
            return self.level(p)
        return self.first.distance(p) * (self.second.distance(p) if self.sign == "&" else -self.second.level(p))

    def curves(self) -> tuple[Curve, ...]:
        others = self.second.curves()
        return self.first.curves() + (tuple(curve.flipped() for curve in others) if self.sign == "-" else others)

    def _shares(self, sense: int) -> bool:
        """Whether both have a piece of boundary in common, with the same side outside (1) or the opposite one (-1)."""
        return sense in self._shared

    @cached_property
    def _shared(self) -> set[int]:
        at, found = (torch.arange(64, dtype=torch.float64) + 0.5) / 64, set()
        step = _STEP * math.dist(self.low, self.high)
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
