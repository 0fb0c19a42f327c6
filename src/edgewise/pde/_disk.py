"""A disk."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise.pde._curve import Circle
from edgewise.pde._domain import Domain
from edgewise.pde._jet import Jet


@dataclass(frozen=True)
class Disk(Domain):
    """The points nearer to a center than a radius; the names of the coordinates come with the center.

    >>> disk = Disk(x=0, y=0, radius=1)
    >>> disk.signed_distance(torch.tensor([[0.25, 0.0], [2.0, 0.0]])).tolist()
    [0.75, -1.0]
    """

    names: tuple[str, ...]
    center: tuple[float, float]
    radius: float

    def __init__(self, *, radius: float, **center: float) -> None:
        if len(center) != 2 or not all(is_number(place) for place in center.values()):
            raise InputError(
                f"A Disk needs a center of two coordinates, like Disk(x=0, y=0, radius=1). Got {center!r}."
            )
        if not is_number(radius) or not radius > 0:
            raise InputError(f"The radius of a Disk must be a number > 0. Got {radius!r}.")
        x, y = center.values()
        object.__setattr__(self, "names", tuple(center))
        object.__setattr__(self, "center", (float(x), float(y)))
        object.__setattr__(self, "radius", float(radius))

    @property
    def low(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(place - self.radius for place in self.center)

    @property
    def high(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(place + self.radius for place in self.center)

    def signed_distance(self, points: Tensor) -> Tensor:
        return self.radius - (points - torch.tensor(self.center, dtype=torch.float64)).norm(dim=1)

    def level(self, p: SimpleNamespace) -> Jet:
        """Return (radius^2 - r^2) / (2 radius)."""
        x, y = ((getattr(p, name) - place) ** 2 for name, place in zip(self.names, self.center, strict=True))
        return (self.radius**2 - (x + y)) / (2 * self.radius)

    def curves(self) -> tuple[Circle, ...]:
        return (Circle(self.center, self.radius),)

    def __repr__(self) -> str:
        (one, two), (x, y) = self.names, self.center
        return f"Disk({one}={x:g}, {two}={y:g}, radius={self.radius:g})"
