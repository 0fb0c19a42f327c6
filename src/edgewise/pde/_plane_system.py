"""Galerkin's equations of one slab on a rectangle: what is left of them at the stages, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._plane_edges import Edge
from edgewise.pde._plane_fourier import Symbols, symbol
from edgewise.pde._plane_line import Line
from edgewise.pde._plane_matrix import Blocks, Gathered, Slopes, add, factored
from edgewise.pde._plane_rows import EdgeRows
from edgewise.pde._plane_space import PlaneSpace, lattice
from edgewise.pde._plane_state import State, pairs

_PREFERRED = 2.0  # a component whose derivative by time an equation has, over others
_ROUNDING = 1e-13  # of the largest coefficient
_ROUNDS = 3  # of Newton's method, for conditions on edges that are not linear


class PlaneSystem:
    """The equations tested with products of splines: as many as there are coefficients, (functions, components).

    Each equation belongs to a component, whose functions test it. The conditions on edges take the rows of the
    functions next to the edge, tested with the splines along it; the other test functions meet them, made homogeneous.
    """

    def __init__(self, evolution: Evolution, space: PlaneSpace, edges: list[Edge], owners: list[int]) -> None:
        self.evolution, self.space, self.edges, self.owners = evolution, space, edges, owners
        self.lines = [Line(one, k, edges, space, len(owners)) for k, one in enumerate(space.both)]
        self.rows = EdgeRows(evolution, space, edges, self.lines)
        self.gathered = Gathered(self.lines, len(owners))
        self.points = torch.from_numpy(lattice(self.lines[0].at, self.lines[1].at))

    def left(self, state: State) -> Array:
        """What is left of the equations, (functions, components, S)."""
        one, two = self.lines
        left = self.evolution.rest(self._given(state), *pairs(self.points, state.times)).numpy()
        found = np.empty((*self.space.shape, *state.values.shape[1:]))
        for e, c in enumerate(self.owners):
            values = left[e].reshape(len(one.at), len(two.at), -1)
            found[:, :, c] = np.einsum("xi,xys,yj->ijs", one.tests(c), values, two.tests(c), optimize=True)
        for edge in self.edges:
            self.rows.add_to(found, edge, self.rows.along(edge, state)[0])
        return found.reshape(state.values.shape)

    def slopes(self, state: State) -> Slopes:
        """The derivatives at a state of one time."""
        one, two = self.lines
        slopes = self.by_parts(state)
        found: Blocks = {}
        for (c, a, b), slope in slopes.items():
            for e, row in enumerate(self.owners):
                if bool(slope[e].any()):
                    values = slope[e].numpy().reshape(len(one.at), len(two.at))
                    part = two.patterns(row, a[1]) @ (one.patterns(row, a[0]) @ values).T  # the coordinates swapped
                    add(found, (row, c, b), part.T)
        for edge in self.edges:
            for (c, a, b), slope in self.rows.along(edge, state)[1].items():
                add(found, (edge.component, c, b), self.rows.pattern(edge, a, slope[:, 0]))
        return self.gathered.matrix(found)

    def symbols(self, state: State) -> Symbols | None:
        """The same with means of all coefficients, for waves, where both coordinates are periodic."""
        if not all(self.evolution.periods):
            return None
        found = [np.zeros((*self.space.shape, len(self.owners), len(self.owners)), dtype=complex) for _ in (0, 1)]
        for (c, a, b), slope in self.by_parts(state).items():
            for mean, row in zip(slope.mean(1).tolist(), self.owners, strict=True):
                if mean:
                    waves = (symbol(line, order) for line, order in zip(self.lines, a, strict=True))
                    found[b][..., row, c] += mean * np.outer(*waves)
        return Symbols(found[0], found[1])

    def by_parts(self, state: State) -> dict[Part, Tensor]:
        """The derivatives of the equations by the parts they read, at all points, (equations, points)."""
        return self.evolution.inside(self._given(state), *pairs(self.points, state.times))[1]

    def met(self, begins: Array, now: float, step: float) -> Array:
        """Coefficients (functions, components) near the given ones that meet the conditions on edges at a time.

        Differences by time of what conditions say are taken over a step. The other test functions see no change.
        """
        if not self.edges:
            return begins
        one, two = self.lines
        blocks: Blocks = {}
        for c in range(len(self.owners)):
            ones = np.ones((len(one.at), len(two.at)))
            blocks[c, c, 0] = (two.patterns(c, 0) @ (one.patterns(c, 0) @ ones).T).T
        mass, found, known, solver = self.gathered.matrix(blocks).matrix(0), begins, np.zeros(0), None
        for _ in range(_ROUNDS):
            state = State(found[:, :, None], np.zeros_like(found)[:, :, None], np.array([now]))
            left = (mass @ (found - begins).ravel()).reshape(*self.space.shape, -1, 1)
            whole = dict(blocks)
            for edge in self.edges:
                values, slopes = self.rows.at_rest(edge, state, begins, step)
                self.rows.add_to(left, edge, values)
                for (c, a, b), slope in slopes.items():
                    add(whole, (edge.component, c, b), self.rows.pattern(edge, a, slope[:, 0]))
            matrix = self.gathered.matrix(whole).matrix(0)
            if not np.array_equal(matrix.data, known):
                solver, known = factored(matrix), matrix.data
            if solver is None:
                raise InputError("The conditions on edges contradict each other, or say the same twice.")
            change = solver.solve(left.ravel())
            found = found - change.reshape(found.shape)
            if np.abs(change).max() <= _ROUNDING * np.abs(found).max():
                break
        return found

    def _given(self, state: State) -> dict[Part, Tensor]:
        """The parts that the equations read, at all points and times: (points * S,)."""
        one, two = self.lines
        found = {}
        for c, b in {(c, b) for c, _, b in self.evolution.parts}:
            grid = state.part(c, b).reshape(*self.space.shape, -1)
            orders = sorted(a for own, a, other in self.evolution.parts if (own, other) == (c, b))
            for first in {a[0] for a in orders}:
                half = np.tensordot(one.values(first), grid, 1)
                for a in orders:
                    if a[0] == first:
                        values = np.tensordot(half, two.values(a[1]), (1, 1)).transpose(0, 2, 1)
                        found[c, a, b] = torch.from_numpy(values.reshape(-1))
        return found


def owners_of(evolution: Evolution, slopes: Mapping[Part, Tensor]) -> list[int]:
    """The component to which each equation belongs: one whose derivative by time it has, if that can be for all."""
    count = len(evolution.components)
    scores = np.zeros((count, count))
    for (c, _, b), slope in slopes.items():
        if len(slope) != count:
            raise InputError(
                f"In two coordinates of space march takes as many equations as unknowns. Got {len(slope)} for {count}, "
                "each derivative by time counted with its own."
            )
        sizes = np.nan_to_num(slope.abs().mean(1).numpy())  # where it is not finite, the march says so
        scores[: len(sizes), c] = np.maximum(scores[: len(sizes), c], _share(sizes) + _PREFERRED * (sizes > 0) * b)
    _, found = linear_sum_assignment(-scores)
    return found.tolist()


def _share(sizes: Array) -> Array:
    return sizes / (sizes + sizes.max() + 1e-300)
