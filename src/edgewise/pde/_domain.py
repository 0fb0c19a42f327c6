"""Where an equation holds: a box of named coordinates, its faces, and points in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown

Way = Literal["sobol", "random", "grid"]
_WAYS = get_args(Way)


@dataclass(frozen=True)
class Box:
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
        object.__setattr__(self, "names", tuple(ranges))
        object.__setattr__(self, "low", tuple(float(low) for low, _ in ranges.values()))
        object.__setattr__(self, "high", tuple(float(high) for _, high in ranges.values()))

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Lower and upper ends, each (d,)."""
        return torch.tensor(self.low, dtype=torch.float64), torch.tensor(self.high, dtype=torch.float64)

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Points (n, d) inside: a Sobol sequence, uniform random ones, or a lattice of at most `count` of them."""
        low, high = self.ends
        return low + (high - low) * _unit(count, len(self.names), seed, how)

    def face(self, **at: float) -> Face:
        """The face where one coordinate is at one of its ends, like face(t=0)."""
        if len(at) != 1:
            raise InputError(f"A face fixes one coordinate, like face(x=0). Got {at!r}.")
        (name, value), = at.items()  # fmt: skip
        if name not in self.names:
            raise unknown("coordinate", name, self.names)
        k = self.names.index(name)
        if value not in (self.low[k], self.high[k]):
            raise InputError(f"{name!r} ends at {self.low[k]:g} and {self.high[k]:g}. Got {value!r}.")
        return Face(self, ((k, float(value)),))

    def boundary(self, *names: str) -> Face:
        """All faces, or those at both ends of the named coordinates."""
        for name in names:
            if name not in self.names:
                raise unknown("coordinate", name, self.names)
        return Face(
            self,
            tuple(
                (k, end)
                for k, name in enumerate(self.names)
                if name in (names or self.names)
                for end in (self.low[k], self.high[k])
            ),
        )


@dataclass(frozen=True)
class Face:
    """Faces of a box, each a coordinate's number and the end where it is held."""

    box: Box
    fixed: tuple[tuple[int, float], ...]

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Points (n, d), as many on each face."""
        share = math.ceil(count / len(self.fixed))
        parts = []
        for number, (k, end) in enumerate(self.fixed):
            part = self.box.points(share, seed + number, how)
            part[:, k] = end
            parts.append(part)
        return torch.cat(parts)


def _unit(count: int, d: int, seed: int, how: Way) -> Tensor:
    """Points (n, d) in [0, 1]^d."""
    if how not in _WAYS:
        raise unknown("way to place points", how, _WAYS)
    if not is_int(count, 1):
        raise InputError(f"The number of points must be an int >= 1. Got {count!r}.")
    if how == "random":
        return torch.rand(count, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if how == "grid":
        side = torch.linspace(0, 1, max(2, math.floor(count ** (1 / d) + 1e-9)), dtype=torch.float64)
        return torch.cartesian_prod(*[side] * d).reshape(-1, d)
    return torch.quasirandom.SobolEngine(d, scramble=True, seed=seed).draw(count, dtype=torch.float64)
