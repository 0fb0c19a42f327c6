"""The rows of a rectangle's equations that conditions on its edges take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._plane_edges import Edge
from edgewise.pde._plane_line import Line
from edgewise.pde._plane_space import PlaneSpace
from edgewise.pde._plane_state import State, pairs

_DIFFERENCES = ((-2.0, 1 / 12), (-1.0, -2 / 3), (1.0, 2 / 3), (2.0, -1 / 12))


class EdgeRows:
    """What conditions leave along edges, tested with the splines there: all of them in y, those left over in x."""

    def __init__(self, evolution: Evolution, space: PlaneSpace, edges: Sequence[Edge], lines: Sequence[Line]) -> None:
        self.evolution, self.space, self.edges, self.lines = evolution, space, edges, lines
        self.parts = {side: evolution.read(side.condition) for side in evolution.ends}

    def along(self, edge: Edge, state: State) -> tuple[Array, dict[Part, Array]]:
        """What a row leaves along its edge, (points, S), and its derivatives by parts."""
        left, slopes = self._read(edge, state)
        if not edge.derived:
            return left, slopes
        upper, found, total = dict(self.evolution.links), {}, np.zeros_like(left)
        for (c, a, _), slope in slopes.items():
            if c in upper:
                found[upper[c], a, 0], found[c, a, 1] = slope, -slope
                total += slope * (self._trace(edge, (upper[c], a, 0), state) - self._trace(edge, (c, a, 1), state))
        return total, found

    def at_rest(self, edge: Edge, state: State, before: Array, step: float) -> tuple[Array, dict[Part, Array]]:
        """The same for values at one time whose derivatives by time are not known: what they have to meet there.

        A derived row says that the condition's derivative by time is zero, with differences over a step of time. A row
        that values alone cannot meet keeps what was before.
        """
        left, slopes = self._read(edge, state)
        if edge.derived > 1 or any(b or not self.evolution.changing[c] for c, _, b in edge.slopes):
            kept = {(c, a, 0): np.full_like(left, s) for (c, a, _), s in edge.slopes.items() if c == edge.component}
            changes = state._replace(values=state.values - before[:, :, None])
            return np.add.reduce([s * self._trace(edge, part, changes) for part, s in kept.items()]), kept
        if not edge.derived:
            return left, slopes
        upper, found, total = dict(self.evolution.links), {}, np.zeros_like(left)
        for shift, weight in _DIFFERENCES:
            total += weight / step * self._read(edge, state._replace(times=state.times + shift * step))[0]
        for (c, a, _), slope in slopes.items():
            if c in upper:
                found[upper[c], a, 0] = slope
                total += slope * self._trace(edge, (upper[c], a, 0), state)
        return total, found

    def add_to(self, found: Array, edge: Edge, values: Array) -> None:
        """Add what a row leaves, tested, to (n_x, n_y, components, S)."""
        target = found if edge.side.coordinate == 0 else found.transpose(1, 0, 2, 3)
        tests = self.lines[edge.across].tests(None if edge.across else edge.component)
        target[edge.place(self.space), :, edge.component] += tests.T @ values

    def pattern(self, edge: Edge, a: tuple[int, int], slope: Array) -> Array:
        """The derivative of a tested row by a part, whose slope is given along the edge, as a block."""
        k, across = edge.side.coordinate, self.lines[edge.across]
        own, place = self.lines[k], edge.place(self.space)
        along = across.patterns(None if edge.across else edge.component, a[1 - k]) @ slope
        ends = np.zeros((len(own.space), own.band))
        columns = own.places[1].reshape(-1, own.band)[place]
        known = own.trace(edge.side.end, a[k])
        ends[place, columns >= 0] = known[columns[columns >= 0]]
        return np.outer(ends.ravel(), along) if k == 0 else np.outer(along, ends.ravel())

    def _read(self, edge: Edge, state: State) -> tuple[Array, dict[Part, Array]]:
        """What the condition leaves, whose row an edge is, and its derivatives by parts."""
        k, across = edge.side.coordinate, self.lines[edge.across]
        given = {part: torch.from_numpy(self._trace(edge, part, state).ravel()) for part in self.parts[edge.side]}
        points = np.empty((len(across.at), 2))
        points[:, k], points[:, 1 - k] = edge.side.end, across.at
        places = pairs(torch.from_numpy(points), state.times)
        left, slopes = self.evolution.left(edge.side.condition.equation, given, *places)
        shape = len(across.at), -1
        own = {part: slope[edge.row].numpy().reshape(shape) for part, slope in slopes.items()}
        return left[edge.row].numpy().reshape(shape), {part: slope for part, slope in own.items() if slope.any()}

    def _trace(self, edge: Edge, part: Part, state: State) -> Array:
        c, a, b = part
        k = edge.side.coordinate
        grid = state.part(c, b).reshape(*self.space.shape, -1)
        line = np.tensordot(self.lines[k].trace(edge.side.end, a[k]), grid, (0, k))
        return self.lines[1 - k].values(a[1 - k]) @ line
