"""The boundary of a domain of two coordinates, or a part of it: points and outward normals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.pde._curve import Curve, Region
from edgewise.pde._placed import Way, unit

_STEP = 1e-7  # to either side of a curve, over the size of the domain, where it is looked what is inside


@dataclass(frozen=True)
class Boundary:
    """What of some curves bounds a domain.

    A point of a curve belongs to it where the domain lies on the curve's inner side and not on its outer one. So the
    parts of a union that lie inside another part do not.
    """

    domain: Region
    pieces: tuple[Curve, ...]

    def curves(self) -> tuple[Curve, ...]:
        """Return the curves."""
        return self.pieces

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (count, 2) of equal density by length: a Sobol sequence, random ones, or equally spaced."""
        tried = len(unit(count, 1, seed, "random"))
        for _ in range(16):
            found = self._kept(self._fractions(tried, seed, how))
            if len(found) >= count:
                chosen = torch.arange(count) * len(found) // count if how == "grid" else slice(count)
                return found[chosen]
            tried = 2 * tried if not len(found) else math.ceil(1.1 * tried * count / len(found)) + 1
        raise InputError(f"None of these curves bounds the domain {self.domain!r:.80}.")

    def spaced(self, count: int) -> tuple[Tensor, Tensor]:
        """Return equally spaced points (n, 2), and their weights (n,) of an integral along the boundary."""
        whole = sum(curve.length for curve in self.pieces)
        points = self._kept(self._fractions(count, 0, "grid"))
        if not len(points):
            raise InputError(f"None of these curves bounds the domain {self.domain!r:.80}.")
        return points, torch.full((len(points),), whole / count, dtype=torch.float64)

    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, 2) that point outward, at points (n, 2) of the boundary."""
        far = torch.stack([curve.distances(points) for curve in self.pieces])
        normals = torch.stack([curve.normals(points) for curve in self.pieces])
        near = far <= far.min(0).values + 10 * self._step
        bounding = torch.stack([self._bounds(points, normal) for normal in normals])
        chosen = (near.double() + 2 * (near & bounding).double()).argmax(0)
        return normals[chosen, torch.arange(len(points))]

    @property
    def _step(self) -> float:
        return _STEP * math.dist(self.domain.low, self.domain.high)

    def _fractions(self, tried: int, seed: int, how: Way) -> Tensor:
        if how == "grid":
            return (torch.arange(tried, dtype=torch.float64) + 0.5) / tried
        return unit(tried, 1, seed, how)[:, 0]

    def _kept(self, fractions: Tensor) -> Tensor:
        """The points at fractions (n,) of the whole length that bound the domain, in this order."""
        ends = torch.tensor([0.0, *(curve.length for curve in self.pieces)], dtype=torch.float64).cumsum(0)
        place = fractions * ends[-1]
        number = (torch.searchsorted(ends, place, right=True) - 1).clamp(0, len(self.pieces) - 1)
        points, kept = fractions.new_zeros(len(fractions), 2), torch.zeros(len(fractions), dtype=torch.bool)
        for k, curve in enumerate(self.pieces):
            own = number == k
            at = curve.at((place[own] - ends[k]) / curve.length)
            normals = curve.normals(at)
            points[own], kept[own] = at, self._bounds(at, normals) & ~self._before(k, at, normals)
        return points[kept]

    def _bounds(self, points: Tensor, normals: Tensor) -> Tensor:
        inner, outer = points - self._step * normals, points + self._step * normals
        return self.domain.contains(inner) & ~self.domain.contains(outer)

    def _before(self, k: int, points: Tensor, normals: Tensor) -> Tensor:
        """Which points an earlier curve has as well, as where two shapes of a union have an edge in common."""
        found = torch.zeros(len(points), dtype=torch.bool)
        for curve in self.pieces[:k]:
            same = (curve.normals(points) * normals).sum(1) > 1 - 1e-9
            found |= same & (curve.distances(points) <= self._step)
        return found
