"""Curves in the plane and surfaces in space, of which one side is outside."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


class Curve(ABC):
    """A curve in the plane, or a surface in space, of which one side, `sense` = 1 or -1, is the outside."""

    sense: int

    @property
    @abstractmethod
    def length(self) -> float:
        """The length; the area of a surface."""

    @abstractmethod
    def at(self, t: Tensor) -> Tensor:
        """Return the points (n, d) at fractions t (n, d - 1), of equal density by length or area."""

    @abstractmethod
    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, d) that point outward, at points (n, d) of the curve."""

    @abstractmethod
    def distances(self, points: Tensor) -> Tensor:
        """Return how far points (n, d) are from the curve, (n,)."""

    @abstractmethod
    def flipped(self) -> Curve:
        """Return the same curve with its other side outside."""

    def matches(self, other: Curve) -> bool:
        """Return whether both are the same set of points."""
        return self == other or self.flipped() == other


@dataclass(frozen=True)
class Segment(Curve):
    """The straight line from a point to another; with `sense` 1 the outside is on its right.

    >>> Segment((0, 0), (2, 0)).normals(torch.tensor([[1.0, 0.0]])).tolist()
    [[0.0, -1.0]]
    """

    start: tuple[float, float]
    end: tuple[float, float]
    sense: int = 1

    @property
    def length(self) -> float:
        return math.dist(self.start, self.end)

    def at(self, t: Tensor) -> Tensor:
        start, along = self._line()
        return start + t[:, :1] * along

    def normals(self, points: Tensor) -> Tensor:
        _, (x, y) = self._line()
        return self.sense * torch.stack([y, -x]).to(points).expand(len(points), 2) / self.length

    def distances(self, points: Tensor) -> Tensor:
        start, along = self._line()
        t = ((points - start) @ along / self.length**2).clamp(0, 1)
        return (points - self.at(t[:, None])).norm(dim=1)

    def flipped(self) -> Segment:
        return replace(self, sense=-self.sense)

    def _line(self) -> tuple[Tensor, Tensor]:
        start, end = (torch.tensor(point, dtype=torch.float64) for point in (self.start, self.end))
        return start, end - start


@dataclass(frozen=True)
class _Round(Curve):
    """The points at a distance from a center; with `sense` 1 the outside is away from it."""

    center: tuple[float, ...]
    radius: float
    sense: int = 1

    def normals(self, points: Tensor) -> Tensor:
        away = points - self._middle()
        return self.sense * away / away.norm(dim=1, keepdim=True).clamp_min(1e-300)

    def distances(self, points: Tensor) -> Tensor:
        return ((points - self._middle()).norm(dim=1) - self.radius).abs()

    def flipped(self) -> Self:
        return replace(self, sense=-self.sense)

    def _middle(self) -> Tensor:
        return torch.tensor(self.center, dtype=torch.float64)


class Circle(_Round):
    """A circle."""

    @property
    def length(self) -> float:
        return 2 * math.pi * self.radius

    def at(self, t: Tensor) -> Tensor:
        angle = 2 * math.pi * t[:, 0]
        return self._middle() + self.radius * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)


class Sphere(_Round):
    """A sphere."""

    @property
    def length(self) -> float:
        return 4 * math.pi * self.radius**2

    def at(self, t: Tensor) -> Tensor:
        height, angle = 1 - 2 * t[:, 0], 2 * math.pi * t[:, 1]
        around = (1 - height**2).clamp_min(0).sqrt()
        return self._middle() + self.radius * torch.stack([around * angle.cos(), around * angle.sin(), height], 1)


@dataclass(frozen=True)
class Rectangle(Curve):
    """A face of a box of three coordinates, from `low` to `high`, of which coordinate `k` is held.

    With `sense` 1 the outside is above it.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    k: int
    sense: int = 1

    @property
    def length(self) -> float:
        return math.prod(b - a for i, (a, b) in enumerate(zip(self.low, self.high, strict=True)) if i != self.k)

    def at(self, t: Tensor) -> Tensor:
        low, high = self._ends()
        points = low.repeat(len(t), 1)
        others = [i for i in range(3) if i != self.k]
        points[:, others] += t * (high - low)[others]
        return points

    def normals(self, points: Tensor) -> Tensor:
        found = torch.zeros_like(points)
        found[:, self.k] = float(self.sense)
        return found

    def distances(self, points: Tensor) -> Tensor:
        low, high = self._ends()
        return (points - points.clamp(low, high)).norm(dim=1)

    def flipped(self) -> Rectangle:
        return replace(self, sense=-self.sense)

    def _ends(self) -> tuple[Tensor, Tensor]:
        return torch.tensor(self.low, dtype=torch.float64), torch.tensor(self.high, dtype=torch.float64)
