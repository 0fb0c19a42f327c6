"""The solution of an equation of evolution on a rectangle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._jets import Order
from edgewise._typing import Array
from edgewise.nn import KAN
from edgewise.pde._jet import Jet
from edgewise.pde._marched import Marched
from edgewise.pde._plane_march import plane_of
from edgewise.pde._slab import by_slab

_CHUNK = 4000
_PER_CELL = 4  # places of a curve in each cell


@dataclass(frozen=True, repr=False)
class PlaneMarched(Marched):
    """What `march` returns for two coordinates of space: the unknowns as functions of all times and places.

    Its attributes are those of `Marched`; a slab is no network.
    """

    def _jet(self, v: int, points: Tensor, orders: list[Order]) -> Jet:
        found = {order: torch.empty(len(points), dtype=torch.float64) for order in orders}
        x, t = points[:, list(self.evolution.spaces)].numpy(), points[:, self.evolution.time].numpy()
        for slab, rows in by_slab(self.slabs, t):
            for some in np.array_split(rows, max(1, len(rows) // _CHUNK)):
                for order in orders:
                    values = slab.scattered(self.evolution.part(v, order), t[some], x[some])
                    found[order][some] = torch.from_numpy(values)
        return Jet(found, self.problem.box.names)

    def network(self, slab: int) -> KAN:
        raise InputError("Only slabs of equations in one coordinate of space are networks.")

    def finer(self, free: int, held: Mapping[int, float]) -> Array:
        """Places in the cells of the slab at a time."""
        if free == self.evolution.time:
            return np.empty(0)
        slab = next(slab for slab, _ in by_slab(self.slabs, np.array([held[self.evolution.time]])))
        return plane_of(slab).both[self.evolution.spaces.index(free)].gauss(_PER_CELL)[0]

    def on_grid(self, t: Array, x: Array, unknown: int = 0) -> Array:
        """An unknown at all times and at all places of two coordinates, x = (first, second): (times, first, second)."""
        first, second = (np.asarray(line, dtype=np.float64) for line in x)
        parts = [
            self._on_lines(v, np.asarray(t, dtype=np.float64), first, second) for v in self.problem.outputs_of(unknown)
        ]
        return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]

    def _on_lines(self, v: int, t: Array, first: Array, second: Array) -> Array:
        found = np.empty((len(t), len(first), len(second)))
        c, _, _ = self.evolution.part(v, ())
        for slab, rows in by_slab(self.slabs, t):
            coefficients = slab.coefficients(c, (t[rows] - slab.begin) / slab.length)
            values = plane_of(slab).values(coefficients, first, second)
            found[rows] = values.T.reshape(-1, len(first), len(second))
        return found
