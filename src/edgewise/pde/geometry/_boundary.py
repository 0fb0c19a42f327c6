"""Points in unit cubes, and what of curves or surfaces bounds a domain: points and outward normals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.pde.geometry._curve import Curve

Way = Literal["sobol", "random", "grid"]
_WAYS = get_args(Way)


def unit(count: int, d: int, seed: int, how: Way) -> Tensor:
    """Return points (n, d) in [0, 1]^d: a Sobol sequence, uniform random ones, or a lattice of at most `count`."""
    if how not in _WAYS:
        raise unknown("way to place points", how, _WAYS)
    if not is_int(count, 1):
        raise InputError(f"The number of points must be an int >= 1. Got {count!r}.")
    count = int(count)
    if how == "random":
        return torch.rand(count, d, generator=torch.Generator().manual_seed(int(seed)), dtype=torch.float64)
    if how == "grid":
        side = torch.linspace(0, 1, max(2, math.floor(count ** (1 / d) + 1e-9)), dtype=torch.float64)
        return torch.cartesian_prod(*[side] * d).reshape(-1, d)
    return torch.quasirandom.SobolEngine(d, scramble=True, seed=int(seed)).draw(count, dtype=torch.float64)


def lattice(kept: Callable[[int], Tensor], count: int, share: float) -> Tensor:
    """Return the largest lattice of which at most `count` points are kept; about a share of its points is."""
    tried = max(4, math.ceil(1.3 * count / share))
    found = kept(tried)
    while len(found) > count and tried > 4:
        tried = max(4, min(tried - 1, math.floor((math.sqrt(tried) - 0.5) ** 2)))
        found = kept(tried)
    return found


def even(count: int, d: int) -> Tensor:
    """Return evenly spread points (count, d) of [0, 1]^d, d = 1 or 2; the second are multiples of the golden ratio."""
    first = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return torch.stack([first, first * count * (5**0.5 - 1) / 2 % 1], 1)[:, :d]


class Region(Protocol):
    """What is inside some curves, as a `Domain` is."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def low(self) -> tuple[float, ...]: ...

    @property
    def high(self) -> tuple[float, ...]: ...

    def contains(self, points: Tensor) -> Tensor: ...

    def curves(self) -> tuple[Curve, ...]: ...


@dataclass(frozen=True)
class Boundary:
    """What of some curves, or surfaces, bounds a domain.

    A point of a curve belongs to it where the domain lies on the curve's inner side and not on its outer one. So the
    parts of a union that lie inside another part do not.

    Parameters
    ----------
    domain
        The domain of two or three coordinates that is bounded.
    pieces
        The curves, each with the side that is outside.
    """

    domain: Region
    pieces: tuple[Curve, ...]

    def curves(self) -> tuple[Curve, ...]:
        """Return the curves."""
        return self.pieces

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Return points (count, d) of equal density by length or area.

        Parameters
        ----------
        count
            The number of points.
        seed
            Seed of the Sobol sequence or of the random points.
        how
            "sobol" for a scrambled Sobol sequence, "random" for uniform random points, "grid" for equally spaced ones.

        Raises
        ------
        InputError
            Where none of the curves bounds the domain; for a number of points below 1, and an unknown `how`.
        """
        tried = len(unit(count, 1, seed, "random"))
        for _ in range(16):
            found = self._kept(self._fractions(tried, seed, how))
            if len(found) >= count:
                chosen = torch.arange(count) * len(found) // count if how == "grid" else slice(count)
                return found[chosen]
            tried = 2 * tried if not len(found) else math.ceil(1.1 * tried * count / len(found)) + 1
        raise InputError(f"None of these curves bounds the domain {self.domain!r:.80}.")

    def spaced(self, count: int) -> tuple[Tensor, Tensor]:
        """Return equally spaced points (n, d), and their weights (n,) of an integral along the boundary.

        Parameters
        ----------
        count
            The number of points on the whole length of the curves; those that do not bound the domain are left out.

        Raises
        ------
        InputError
            Where none of the curves bounds the domain.
        """
        whole = sum(curve.length for curve in self.pieces)
        points = self._kept(self._fractions(count, 0, "grid"))
        if not len(points):
            raise InputError(f"None of these curves bounds the domain {self.domain!r:.80}.")
        return points, torch.full((len(points),), whole / count, dtype=torch.float64)

    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, d) that point outward, at points of the boundary.

        Parameters
        ----------
        points : (n, d)
            Points of the boundary.
        """
        far = torch.stack([curve.distances(points) for curve in self.pieces])
        normals = torch.stack([curve.normals(points) for curve in self.pieces])
        near = far <= far.min(0).values + 10 * self._step
        bounding = torch.stack([self._bounds(points, normal) for normal in normals])
        chosen = (near.double() + 2 * (near & bounding).double()).argmax(0)
        return normals[chosen, torch.arange(len(points))]

    @property
    def _step(self) -> float:
        """How far to either side of a curve it is looked what is inside."""
        return 1e-7 * math.dist(self.domain.low, self.domain.high)

    def _fractions(self, tried: int, seed: int, how: Way) -> Tensor:
        d = len(self.domain.names) - 1
        return even(tried, d) if how == "grid" else unit(tried, d, seed, how)

    def _kept(self, fractions: Tensor) -> Tensor:
        """The points at fractions (n, d - 1), the first of the whole length, that bound the domain, in this order."""
        ends = torch.tensor([0.0, *(curve.length for curve in self.pieces)], dtype=torch.float64).cumsum(0)
        place = fractions[:, 0] * ends[-1]
        number = (torch.searchsorted(ends, place, right=True) - 1).clamp(0, len(self.pieces) - 1)
        points = fractions.new_zeros(len(fractions), len(self.domain.names))
        kept = torch.zeros(len(fractions), dtype=torch.bool)
        for k, curve in enumerate(self.pieces):
            own = number == k
            first = (place[own] - ends[k]) / curve.length
            at = curve.at(torch.cat([first[:, None], fractions[own, 1:]], 1))
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
