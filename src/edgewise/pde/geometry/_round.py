"""Disks and balls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from types import SimpleNamespace
from typing import ClassVar

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise.pde.geometry._curve import Circle, Sphere
from edgewise.pde.geometry._domain import Domain
from edgewise.pde.geometry._jet import Jet


@dataclass(frozen=True)
class _Round(Domain):
    """The points nearer to a center than a radius."""

    names: tuple[str, ...]
    center: tuple[float, ...]
    radius: float

    def __init__(self, *, radius: float, **center: float) -> None:
        d, kind = self._coordinates, type(self).__name__
        if len(center) != d or not all(is_number(place) for place in center.values()):
            number, places = ("two", "x=0, y=0") if d == 2 else ("three", "x=0, y=0, z=0")
            raise InputError(
                f"A {kind} needs a center of {number} coordinates, like {kind}({places}, radius=1). Got {center!r}."
            )
        if not is_number(radius) or not radius > 0:
            raise InputError(f"The radius of a {kind} must be a number > 0. Got {radius!r}.")
        object.__setattr__(self, "names", tuple(center))
        object.__setattr__(self, "center", tuple(map(float, center.values())))
        object.__setattr__(self, "radius", float(radius))

    _coordinates: ClassVar[int]

    @property
    def low(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(place - self.radius for place in self.center)

    @property
    def high(self) -> tuple[float, ...]:  # type: ignore[override]
        return tuple(place + self.radius for place in self.center)

    def signed_distance(self, points: Tensor) -> Tensor:
        """Return the distance (n,) of points from the boundary: positive inside, negative outside.

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        """
        return self.radius - (points - torch.tensor(self.center, dtype=torch.float64)).norm(dim=1)

    def level(self, p: SimpleNamespace) -> Jet:
        """Return (radius^2 - r^2) / (2 radius).

        Parameters
        ----------
        p
            The coordinates as attributes, each a `Jet`, like p.x.
        """
        squares = ((getattr(p, name) - place) ** 2 for name, place in zip(self.names, self.center, strict=True))
        return (self.radius**2 - reduce(add, squares)) / (2 * self.radius)

    def __repr__(self) -> str:
        places = ", ".join(f"{name}={place:g}" for name, place in zip(self.names, self.center, strict=True))
        return f"{type(self).__name__}({places}, radius={self.radius:g})"


@dataclass(frozen=True, init=False, repr=False)
class Disk(_Round):
    """The points nearer to a center than a radius; the names of the coordinates come with the center.

    Parameters
    ----------
    radius
        The radius, positive, in the unit of the coordinates.
    **center
        The two coordinates of the center by their names.

    Raises
    ------
    InputError
        For a center that is not two finite numbers, and a radius that is no number > 0.

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import Disk
    >>> disk = Disk(x=0, y=0, radius=1)
    >>> disk.signed_distance(torch.tensor([[0.25, 0.0], [2.0, 0.0]])).tolist()
    [0.75, -1.0]
    """

    _coordinates: ClassVar[int] = 2

    def curves(self) -> tuple[Circle, ...]:
        """Return the circle that bounds the disk."""
        return (Circle(self.center, self.radius),)


@dataclass(frozen=True, init=False, repr=False)
class Ball(_Round):
    """The points of three coordinates nearer to a center than a radius; their names come with the center.

    Parameters
    ----------
    radius
        The radius, positive, in the unit of the coordinates.
    **center
        The three coordinates of the center by their names.

    Raises
    ------
    InputError
        For a center that is not three finite numbers, and a radius that is no number > 0.

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import Ball
    >>> ball = Ball(x=0, y=0, z=0, radius=1)
    >>> ball.signed_distance(torch.tensor([[0.0, 0.25, 0.0]])).tolist()
    [0.75]
    """

    _coordinates: ClassVar[int] = 3

    def curves(self) -> tuple[Sphere, ...]:
        """Return the sphere that bounds the ball."""
        return (Sphere(self.center, self.radius),)
