"""The solution of an equation of evolution: one function over all slabs of time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Order, below
from edgewise._typing import Array, Data
from edgewise.nn import KAN
from edgewise.pde._evolution import Evolution
from edgewise.pde._jet import Jet
from edgewise.pde._outcome import Outcome
from edgewise.pde._problem import Problem
from edgewise.pde._slab import Slab, by_slab, on_grid
from edgewise.pde._slab_network import network_of
from edgewise.pde._solution import Found, checked_order


class Level(NamedTuple):
    """One march through all of time: the accuracy asked of each slab, its size, and how it differs from the one before.

    cells: the most of a slab. change: relative L2 distance from the level before, an estimate of that one's error.
    """

    accuracy: float
    slabs: int
    cells: int
    parameters: int
    steps: int
    change: float
    seconds: float


@dataclass(frozen=True)
class Marched(Found):
    """What `march` returns: the unknowns as functions of all times and places.

    slabs: the pieces, in order. error: the estimated relative L2 error, its distance from a finer solution. reached:
    the time until which there is a solution, the end of the box unless the outcome says otherwise. history: the levels.
    """

    problem: Problem
    evolution: Evolution
    slabs: list[Slab]
    error: float
    outcome: Outcome
    history: list[Level]

    @property
    def reached(self) -> float:
        return self.slabs[-1].end

    @property
    def parameters(self) -> int:
        """The number of coefficients, all slabs together."""
        return sum(slab.inner.size for slab in self.slabs)

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]:
        """The unknown at points (n, d), with its derivatives up to an order of at most 4: a Jet, or a tuple of them."""
        orders = below(combinations_with_replacement(range(len(self.problem.box.names)), checked_order(order)))
        jets = tuple(self._jet(v, self.checked(points), orders) for v in range(self.problem.unknowns))
        return jets[0] if len(jets) == 1 else jets

    def _jet(self, v: int, points: Tensor, orders: list[Order]) -> Jet:
        names, space, time = self.problem.box.names, self.evolution.space, self.evolution.time
        found = {order: torch.empty(len(points), dtype=torch.float64) for order in orders}
        x, t = points[:, space].numpy(), points[:, time].numpy()
        for slab, rows in by_slab(self.slabs, t):
            for order in orders:
                part = self.evolution.part(v, order)
                found[order][rows] = torch.from_numpy(slab.scattered(part, t[rows], x[rows]))
        return Jet(found, names)

    def network(self, slab: int) -> KAN:
        """The network that a slab is: KAN([2, (0, [2] * R), unknowns]) of the coordinates, with locked edges of time.

        Its outputs are the unknowns from `slabs[slab].begin` to `slabs[slab].end`, to rounding. It can be drawn, saved,
        pruned and exported as any other.
        """
        return network_of(self.evolution, self.slabs[slab])

    def on_grid(self, t: Array, x: Array, unknown: int = 0) -> Array:
        """An unknown at all times and all places: (times, places)."""
        return on_grid(self.slabs, self.evolution.part(unknown, ()), t, x)

    def __repr__(self) -> str:
        return (
            f"Marched({len(self.slabs)} slabs until {self.problem.box.names[self.evolution.time]}={self.reached:g}, "
            f"parameters={self.parameters}, error={self.error:.2g}, outcome={self.outcome.name}: "
            f"{self.outcome.message})"
        )
