"""What holds on the edges of a rectangle: the rows of the system that say it, and the test functions that are left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._conditions import at_start
from edgewise.pde.marching._evolution import Evolution, Part, Side, pairs
from edgewise.pde.splines._space import Products, Space


class PlaneState(NamedTuple):
    """Coefficients of the components and of their derivatives by time, each (functions, components, S), at times."""

    values: Array
    rates: Array
    times: Array

    def part(self, c: int, b: int) -> Array:
        return (self.rates if b else self.values)[:, c]


@dataclass(frozen=True)
class Edge:
    """One row of a condition on one edge, which takes the place of a layer of a component's test functions.

    row: of the condition's equations. layer: how many rows the component has on this edge before. derived: how
    many derivatives by time of the condition it stands for, which follow for unknowns with u.tt. slopes: means of the
    row's derivatives by the parts that it reads.
    """

    side: Side
    row: int
    component: int
    layer: int
    derived: int
    slopes: dict[Part, float]

    @property
    def across(self) -> int:
        """The coordinate along the edge."""
        return 1 - self.side.coordinate

    def place(self, space: Products) -> int:
        """The number of the functions of the edge's coordinate whose rows it takes."""
        own = space.lines[self.side.coordinate]
        return self.layer if self.side.end == own.cells[0] else len(own) - 1 - self.layer

    def functions(self, space: Products) -> Array:
        """What the condition says of the functions of the edge's coordinate, which are constant along it: (n,)."""
        own, k = space.lines[self.side.coordinate], self.side.coordinate
        found = np.zeros(len(own))
        for (c, a, _), slope in self.slopes.items():
            if c == self.component and a[1 - k] == 0:
                found += slope * own.at(self.side.end, a[k])
        return found


def edges_of(evolution: Evolution, space: Products, begins: Array) -> list[Edge]:
    """Each row of the conditions at ends, with the component that it determines, as the initial values let see.

    That is the one whose value, or derivative of the highest order, the row reads most of; of an unknown and its
    derivative by time the latter.
    """
    found: list[Edge] = []
    for side in evolution.ends:
        left, slopes = at_start(evolution, side, space, begins)
        for row in range(len(left)):
            means = {part: float(slope[row].mean()) for part, slope in slopes.items() if bool(slope[row].any())}
            if not means:
                raise InputError(f"A condition at {_name(evolution, side)} says nothing of the unknowns.")
            own = Edge(side, row, _component(evolution, means, slopes, row), 0, 0, means)
            found += [replace(edge, layer=_layers(found, edge)) for edge in (own, *_derived(evolution, own))]
    for edge in found:
        if edge.layer > space.lines[edge.side.coordinate].degree // 2:
            raise InputError(f"There are too many conditions at {_name(evolution, edge.side)}.")
    return found


def test_functions(space: Space, edges: list[Edge], plane: Products) -> Array:
    """The functions of one coordinate that meet the edges' conditions, in the columns of those that are not taken.

    The columns of those that are taken are zero: (n, n).
    """
    found = np.eye(len(space))
    if edges:
        rows, taken = np.stack([edge.functions(plane) for edge in edges]), [edge.place(plane) for edge in edges]
        scale = np.abs(rows).max(1, keepdims=True)
        rows = rows / np.where(scale > 0, scale, 1.0)
        found[:, taken], singular = 0.0, 1e-12
        if np.isfinite(rows).all() and np.linalg.cond(rows[:, taken]) < 1 / singular:
            others = np.setdiff1d(np.arange(len(space)), taken)
            found[np.array(taken)[:, None], others] = -np.linalg.solve(rows[:, taken], rows[:, others])
    return found


def _component(evolution: Evolution, means: dict[Part, float], slopes: dict[Part, Tensor], row: int) -> int:
    later = [c for c, _, b in means if evolution.components[c][1] > 0 and b == 0]
    if later:
        return max(later)
    return max(means, key=lambda part: (sum(part[1]) + part[2], float(slopes[part][row].abs().mean())))[0]


def _derived(evolution: Evolution, own: Edge) -> Iterator[Edge]:
    """The rows that follow for derivatives by time of a row's component."""
    upper = dict(evolution.links)
    while own.component in upper:
        slopes = {(upper[c], a, b): slope for (c, a, b), slope in own.slopes.items() if c in upper}
        own = replace(own, component=upper[own.component], derived=own.derived + 1, slopes=slopes)
        yield own


def _layers(found: list[Edge], edge: Edge) -> int:
    return sum(one.component == edge.component and one.side[1:] == edge.side[1:] for one in found)


def _name(evolution: Evolution, side: Side) -> str:
    return f"{evolution.problem.box.names[evolution.spaces[side.coordinate]]}={side.end:g}"


class Line:
    """One coordinate of a system: its Gauss points, functions and test functions there, and products of both."""

    def __init__(self, space: Space, coordinate: int, edges: list[Edge], plane: Products, components: int) -> None:
        self.space, self.band = space, 2 * space.degree + 1
        self.at, self.weights = space.gauss(space.degree // 2 + 1)
        self._values: dict[int, Array] = {}
        self._traces: dict[tuple[float, int], Array] = {}
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

    def trace(self, end: float, order: int) -> Array:
        """All functions, or derivatives, at an end: (n,)."""
        if (end, order) not in self._traces:
            self._traces[end, order] = self.space.at(end, order)
        return self._traces[end, order]

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


class EdgeRows:
    """What conditions leave along edges, tested with the splines there: all of them in y, those left over in x."""

    def __init__(self, evolution: Evolution, space: Products, edges: Sequence[Edge], lines: Sequence[Line]) -> None:
        self.evolution, self.space, self.edges, self.lines = evolution, space, edges, lines
        self.parts = {side: evolution.read(side.condition) for side in evolution.ends}

    def along(self, edge: Edge, state: PlaneState) -> tuple[Array, dict[Part, Array]]:
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

    def at_rest(self, edge: Edge, state: PlaneState, before: Array, step: float) -> tuple[Array, dict[Part, Array]]:
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
        for shift, weight in ((-2.0, 1 / 12), (-1.0, -2 / 3), (1.0, 2 / 3), (2.0, -1 / 12)):
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

    def pattern(self, edge: Edge, a: tuple[int, ...], slope: Array) -> Array:
        """The derivative of a tested row by a part, whose slope is given along the edge, as a block."""
        k, across = edge.side.coordinate, self.lines[edge.across]
        own, place = self.lines[k], edge.place(self.space)
        along = across.patterns(None if edge.across else edge.component, a[1 - k]) @ slope
        ends = np.zeros((len(own.space), own.band))
        columns = own.places[1].reshape(-1, own.band)[place]
        known = own.trace(edge.side.end, a[k])
        ends[place, columns >= 0] = known[columns[columns >= 0]]
        return np.outer(ends.ravel(), along) if k == 0 else np.outer(along, ends.ravel())

    def _read(self, edge: Edge, state: PlaneState) -> tuple[Array, dict[Part, Array]]:
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

    def _trace(self, edge: Edge, part: Part, state: PlaneState) -> Array:
        c, a, b = part
        k = edge.side.coordinate
        grid = state.part(c, b).reshape(*self.space.shape, -1)
        line = np.tensordot(self.lines[k].trace(edge.side.end, a[k]), grid, (0, k))
        return self.lines[1 - k].values(a[1 - k]) @ line
