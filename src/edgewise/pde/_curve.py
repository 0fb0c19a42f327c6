"""Pieces of boundaries: straight segments and circles, with the normals that point outward."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


class Curve(ABC):
    """A curve in the plane of which one side, `sense` = 1 or -1, is the outside."""

    sense: int

    @property
    @abstractmethod
    def length(self) -> float:
        """The length."""

    @abstractmethod
    def at(self, t: Tensor) -> Tensor:
        """Return the points (n, 2) at fractions t (n,) of the length."""

    @abstractmethod
    def normals(self, points: Tensor) -> Tensor:
        """Return the unit normals (n, 2) that point outward, at points (n, 2) of the curve."""

    @abstractmethod
    def distances(self, points: Tensor) -> Tensor:
        """Return how far points (n, 2) are from the curve, (n,)."""

    @abstractmethod
    def flipped(self) -> Curve:
        """Return the same curve with its other side outside."""

    def matches(self, other: Curve) -> bool:
        """Return whether both are the same set of points."""
        return self == other or self.flipped() == other


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
        return start + t[:, None] * along

    def normals(self, points: Tensor) -> Tensor:
        _, (x, y) = self._line()
        return self.sense * torch.stack([y, -x]).to(points).expand(len(points), 2) / self.length

    def distances(self, points: Tensor) -> Tensor:
        start, along = self._line()
        t = ((points - start) @ along / self.length**2).clamp(0, 1)
        return (points - self.at(t)).norm(dim=1)

    def flipped(self) -> Segment:
        return replace(self, sense=-self.sense)

    def _line(self) -> tuple[Tensor, Tensor]:
        start, end = (torch.tensor(point, dtype=torch.float64) for point in (self.start, self.end))
        return start, end - start


@dataclass(frozen=True)
class Circle(Curve):
    """A circle; with `sense` 1 the outside is away from the center."""

    center: tuple[float, float]
    radius: float
    sense: int = 1

    @property
    def length(self) -> float:
        return 2 * math.pi * self.radius

    def at(self, t: Tensor) -> Tensor:
        angle = 2 * math.pi * t
        return self._middle() + self.radius * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)

    def normals(self, points: Tensor) -> Tensor:
        away = points - self._middle()
        return self.sense * away / away.norm(dim=1, keepdim=True).clamp_min(1e-300)

    def distances(self, points: Tensor) -> Tensor:
        return ((points - self._middle()).norm(dim=1) - self.radius).abs()

    def flipped(self) -> Circle:
        return replace(self, sense=-self.sense)

    def _middle(self) -> Tensor:
        return torch.tensor(self.center, dtype=torch.float64)
