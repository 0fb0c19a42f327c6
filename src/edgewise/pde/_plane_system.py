"""Galerkin's equations of one slab on a rectangle: what is left of them at the stages, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._plane_edges import Edge, test_functions, traces
from edgewise.pde._plane_space import PlaneSpace, lattice
from edgewise.pde._space import Space

_PREFERRED = 2.0  # a component whose derivative by time an equation has, over others


class State(NamedTuple):
    """Coefficients of the components and of their derivatives by time, each (functions, components, S), at times."""

    values: Array
    rates: Array
    times: Array

    def part(self, c: int, b: int) -> Array:
        return (self.rates if b else self.values)[:, c]


class Slopes(NamedTuple):
    """Derivatives of the equations by the coefficients, and by their derivatives by time, on one pattern."""

    pattern: csc_matrix
    values: Array
    rates: Array

    def matrix(self, factor: complex) -> csc_matrix:
        """The former plus the latter times a factor."""
        data = self.values + factor * self.rates
        return csc_matrix((data, self.pattern.indices, self.pattern.indptr), self.pattern.shape)


class PlaneSystem:
    """The equations tested with products of splines: as many as there are coefficients, (functions, components).

    Each equation belongs to a component, whose functions test it. The conditions on edges take the rows of the
    functions next to the edge, tested with the splines along it; the other test functions meet them, made homogeneous.
    """

    def __init__(self, evolution: Evolution, space: PlaneSpace, edges: list[Edge], owners: list[int]) -> None:
        self.evolution, self.space, self.edges, self.owners = evolution, space, edges, owners
        self.lines = [_Line(one, k, edges, space, len(owners)) for k, one in enumerate(space.both)]
        self.points = torch.from_numpy(lattice(self.lines[0].at, self.lines[1].at))

    def left(self, state: State) -> Array:
        """What is left of the equations, (functions, components, S)."""
        one, two = self.lines
        left = self.evolution.remainder(self._given(state), *self._places(self.points, state.times)).numpy()
        found = np.empty((*self.space.shape, *state.values.shape[1:]))
        for e, c in enumerate(self.owners):
            values = left[e].reshape(len(one.at), len(two.at), -1)
            found[:, :, c] = np.einsum("xi,xys,yj->ijs", one.tests(c), values, two.tests(c), optimize=True)
        for edge in self.edges:
            values, _ = self._along(edge, state)
            target = found if edge.side.coordinate == 0 else found.transpose(1, 0, 2, 3)
            target[edge.place(self.space), :, edge.component] += self._tests(edge).T @ values
        return found.reshape(state.values.shape)

    def slopes(self, state: State) -> Slopes:
        """The derivatives at a state of one time."""
        one, two = self.lines
        slopes = self.by_parts(state)
        found: dict[tuple[int, int, int], Array] = {}
        for (c, a, b), slope in slopes.items():
            for e, row in enumerate(self.owners):
                if bool(slope[e].any()):
                    values = slope[e].numpy().reshape(len(one.at), len(two.at))
                    part = two.patterns(row, a[1]) @ (one.patterns(row, a[0]) @ values).T  # the coordinates swapped
                    _add(found, (row, c, b), part.T)
        for edge in self.edges:
            _, slopes = self._along(edge, state)
            for (c, a, b), slope in slopes.items():
                _add(found, (edge.component, c, b), self._edge_pattern(edge, a, slope[:, 0]))
        return self._assembled(found)

    def by_parts(self, state: State) -> dict[Part, Tensor]:
        """The derivatives of the equations by the parts they read, at all points, (equations, points)."""
        return self.evolution.inside(self._given(state), *self._places(self.points, state.times))[1]

    def _assembled(self, found: dict[tuple[int, int, int], Array]) -> Slopes:
        pairs = tuple(sorted({(row, c) for row, c, _ in found}))
        pattern, order = self._pattern(pairs)
        nothing = np.zeros((self.lines[0].diagonals, self.lines[1].diagonals))
        data = [
            np.concatenate([found.get((row, c, b), nothing).ravel() for row, c in pairs])[order] for b in (0, 1)
        ]
        return Slopes(pattern, data[0], data[1])

    def _pattern(self, pairs: tuple[tuple[int, int], ...]) -> tuple[csc_matrix, Array]:
        """Where the entries of pairs of components are in the whole matrix, and their order in it."""
        if pairs not in self._patterns:
            (rows_x, columns_x), (rows_y, columns_y) = (line.places for line in self.lines)
            count, width = len(self.owners), len(self.space.y)
            rows = (rows_x[:, None] * width + rows_y).ravel()
            columns = np.where((columns_x[:, None] < 0) | (columns_y < 0), -1, columns_x[:, None] * width + columns_y)
            columns = columns.ravel()
            kept = np.flatnonzero(columns >= 0)
            where = [(rows[kept] * count + r, columns[kept] * count + c) for r, c in pairs]
            numbers = np.concatenate([kept + k * len(columns) for k in range(len(pairs))]) + 1.0
            size = len(self.space) * count
            both = (np.concatenate([r for r, _ in where]), np.concatenate([c for _, c in where]))
            pattern = coo_matrix((numbers, both), (size, size)).tocsc()
            self._patterns[pairs] = pattern, pattern.data.astype(np.int64) - 1
        return self._patterns[pairs]

    @cached_property
    def _patterns(self) -> dict[tuple[tuple[int, int], ...], tuple[csc_matrix, Array]]:
        return {}

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

    def _along(self, edge: Edge, state: State) -> tuple[Array, dict[Part, Array]]:
        """What a row leaves along its edge, (points, S), and its derivatives by parts."""
        k, across = edge.side.coordinate, self.lines[edge.across]
        parts = {*self.evolution.read(edge.side.condition)}
        if edge.derived:
            parts |= {(c, a, b) for low, up in self.evolution.links for c, b in ((low, 1), (up, 0)) for _, a, _ in parts}
        given = {part: self._trace(edge, part, state) for part in parts}
        points = np.empty((len(across.at), 2))
        points[:, k], points[:, 1 - k] = edge.side.end, across.at
        tensors = {part: torch.from_numpy(values.ravel()) for part, values in given.items()}
        left, slopes = self.evolution.left(
            edge.side.condition.equation, tensors, *self._places(torch.from_numpy(points), state.times)
        )
        shape = len(across.at), -1
        own = {part: slope[edge.row].numpy().reshape(shape) for part, slope in slopes.items()}
        own = {part: slope for part, slope in own.items() if slope.any()}
        if not edge.derived:
            return left[edge.row].numpy().reshape(shape), own
        upper, found = dict(self.evolution.links), {}
        total = np.zeros((len(across.at), len(state.times)))
        for (c, a, _), slope in own.items():
            if c in upper:
                found[upper[c], a, 0], found[c, a, 1] = slope, -slope
                total += slope * (given[upper[c], a, 0] - given[c, a, 1])
        return total, found

    def _trace(self, edge: Edge, part: Part, state: State) -> Array:
        c, a, b = part
        k = edge.side.coordinate
        grid = state.part(c, b).reshape(*self.space.shape, -1)
        line = np.tensordot(traces(self.space.both[k], edge.side.end, a[k]), grid, (0, k))
        return self.lines[1 - k].values(a[1 - k]) @ line

    def _tests(self, edge: Edge) -> Array:
        """The splines along an edge that test what is left there: all in y, and in x those that the edges leave."""
        return self.lines[edge.across].tests(None if edge.across else edge.component)

    def _edge_pattern(self, edge: Edge, a: tuple[int, int], slope: Array) -> Array:
        k, across = edge.side.coordinate, self.lines[edge.across]
        own, place = self.lines[k], edge.place(self.space)
        along = across.patterns(None if edge.across else edge.component, a[1 - k]) @ slope
        ends = np.zeros((len(own.space), own.band))
        diagonals = np.arange(own.band)
        columns = own.places[1].reshape(-1, own.band)[place]
        known = traces(own.space, edge.side.end, a[k])
        ends[place, diagonals[columns >= 0]] = known[columns[columns >= 0]]
        return np.outer(ends.ravel(), along) if k == 0 else np.outer(along, ends.ravel())

    def _places(self, points: Tensor, times: Array) -> tuple[Tensor, Tensor]:
        """Times and points of all pairs, the times faster."""
        return torch.from_numpy(times).repeat(len(points)), points.repeat_interleave(len(times), 0)


class _Line:
    """One coordinate of a system: its Gauss points, functions and test functions there, and products of both."""

    def __init__(self, space: Space, coordinate: int, edges: list[Edge], plane: PlaneSpace, components: int) -> None:
        self.space, self.band = space, 2 * space.degree + 1
        self.at, self.weights = space.gauss((space.degree + 3) // 2 + 1)
        self._values: dict[int, Array] = {}
        self._patterns: dict[tuple[int | None, int], csr_matrix] = {}
        own = [edge for edge in edges if edge.side.coordinate == coordinate]
        chosen = [test_functions(space, [e for e in own if e.component == c], plane) for c in range(components)]
        weighted = self.weights[:, None] * self.values(0)
        self._tests: dict[int | None, Array] = {None: weighted} | {c: weighted @ z for c, z in enumerate(chosen)}

    @property
    def diagonals(self) -> int:
        return len(self.space) * self.band

    def values(self, order: int) -> Array:
        """All functions, or derivatives, at all points: (points, n)."""
        if order not in self._values:
            self._values[order] = self.space.matrix(self.at, order).toarray()
        return self._values[order]

    def tests(self, component: int | None) -> Array:
        """The test functions of a component, or all functions, times the weights: (points, n)."""
        return self._tests[component]

    def patterns(self, component: int | None, order: int) -> csr_matrix:
        """Products of test function i and the derivative of function i + d - degree at points: (n * band, points)."""
        if (component, order) not in self._patterns:
            rows, columns = self.places
            products = self.tests(component).T[rows] * self.values(order).T[columns] * (columns >= 0)[:, None]
            self._patterns[component, order] = csr_matrix(products)
        return self._patterns[component, order]

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """The functions i and i + d - degree, -1 where there is none: each (n * band,)."""
        n, k = len(self.space), self.space.degree
        rows = np.repeat(np.arange(n), self.band)
        columns = rows + np.tile(np.arange(self.band), n) - k
        return rows, columns % n if self.space.periodic else np.where((columns < 0) | (columns >= n), -1, columns)


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
        sizes = slope.abs().mean(1).numpy()
        scores[: len(sizes), c] = np.maximum(scores[: len(sizes), c], _share(sizes) + _PREFERRED * (sizes > 0) * b)
    _, found = linear_sum_assignment(-scores)
    return found.tolist()


def _share(sizes: Array) -> Array:
    return sizes / (sizes + sizes.max() + 1e-300)


def _add(found: dict[tuple[int, int, int], Array], key: tuple[int, int, int], part: Array) -> None:
    found[key] = found[key] + part if key in found else part
