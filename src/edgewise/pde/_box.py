"""A product of intervals, and its faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import mul
from types import SimpleNamespace

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.pde._boundary import Boundary
from edgewise.pde._curve import Curve, Segment
from edgewise.pde._domain import Domain, both
from edgewise.pde._jet import Jet
from edgewise.pde._placed import Way, unit

_FARTHEST = 1e50  # |end| at most, and 1 / width at most: fourth powers of both stay finite
_NARROWEST = 1e-10  # width / |end| at least: half a million doubles lie in between


@dataclass(frozen=True)
class Box(Domain):
    """A product of intervals of named coordinates.

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
        for name, ends in ranges.items():
            sound = isinstance(ends, tuple | list) and len(ends) == 2 and all(is_number(end) for end in ends)
            if not sound or not ends[0] < ends[1]:
                raise InputError(
                    f"The range of {name!r} must be (low, high) with low < high, both finite. Got {ends!r}."
                )
            low, high = map(float, ends)
            farthest = max(abs(low), abs(high))
            if not (farthest <= _FARTHEST and high - low >= max(1 / _FARTHEST, _NARROWEST * farthest)):
                raise InputError(
                    f"The range of {name!r} must lie within {_FARTHEST:.0e} of 0, and be wider than {_NARROWEST:.0e} "
                    f"times its larger end, for double precision to tell its points apart. Got {ends!r}. Take another "
                    "unit or origin."
                )
        object.__setattr__(self, "names", tuple(ranges))
        object.__setattr__(self, "low", tuple(float(low) for low, _ in ranges.values()))
        object.__setattr__(self, "high", tuple(float(high) for _, high in ranges.values()))

    def signed_distance(self, points: Tensor) -> Tensor:
        low, high = self.ends
        beyond = torch.maximum(low - points, points - high)
        return -beyond.clamp_min(0).norm(dim=1) - beyond.max(1).values.clamp_max(0)

    def level(self, p: SimpleNamespace) -> Jet:
        return both(self._levels(p))

    def distance(self, p: SimpleNamespace) -> Jet:
        """Return the product of (x - low) (high - x) / (high - low) over the coordinates."""
        return reduce(mul, self._levels(p))

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d) inside: a Sobol sequence, uniform random ones, or a lattice of at most `count`."""
        low, high = self.ends
        return low + (high - low) * unit(count, len(self.names), seed, how)

    def face(self, **at: float) -> Face:
        """Return the face where one coordinate is at one of its ends, like face(t=0)."""
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
        """Return all faces, or those at both ends of the named coordinates."""
        for name in names:
            if name not in self.names:
                raise unknown("coordinate", name, self.names)
        chosen = [k for k, name in enumerate(self.names) if name in (names or self.names)]
        return Face(self, tuple((k, end) for k in chosen for end in (self.low[k], self.high[k])))

    def curves(self) -> tuple[Curve, ...]:
        return self.boundary().curves()

    def _levels(self, p: SimpleNamespace) -> list[Jet]:
        ends = zip(self.names, self.low, self.high, strict=True)
        return [(getattr(p, name) - low) * (high - getattr(p, name)) / (high - low) for name, low, high in ends]

    def __repr__(self) -> str:
        ends = zip(self.names, self.low, self.high, strict=True)
        return f"Box({', '.join(f'{name}=({low:g}, {high:g})' for name, low, high in ends)})"


@dataclass(frozen=True)
class Face:
    """Faces of a box, each a coordinate's number and the end where it is held."""

    box: Box
    fixed: tuple[tuple[int, float], ...]

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (n, d), as many on each face."""
        share = math.ceil(count / len(self.fixed))
        parts = []
        for number, (k, end) in enumerate(self.fixed):
            part = self.box.points(share, seed + number, how)
            part[:, k] = end
            parts.append(part)
        return torch.cat(parts)

    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, d) that point outward, at points (n, d) of the faces."""
        far = torch.stack([(points[:, k] - end).abs() for k, end in self.fixed])
        normals = torch.zeros(len(self.fixed), points.shape[1], dtype=torch.float64)
        for number, (k, end) in enumerate(self.fixed):
            normals[number, k] = 1.0 if end == self.box.high[k] else -1.0
        return normals[far.argmin(0)]

    def curves(self) -> tuple[Curve, ...]:
        """Return the faces of a box of two coordinates as segments."""
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


Side = Face | Boundary
"""Faces of a box, or the boundary of another domain."""
