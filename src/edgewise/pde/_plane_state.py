"""The components of a rectangle's equations at some times, and their derivatives."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._typing import Array


class State(NamedTuple):
    """Coefficients of the components and of their derivatives by time, each (functions, components, S), at times."""

    values: Array
    rates: Array
    times: Array

    def part(self, c: int, b: int) -> Array:
        return (self.rates if b else self.values)[:, c]


def pairs(points: Tensor, times: Array) -> tuple[Tensor, Tensor]:
    """Times and points of all pairs, the times faster."""
    return torch.from_numpy(times).repeat(len(points)), points.repeat_interleave(len(times), 0)
