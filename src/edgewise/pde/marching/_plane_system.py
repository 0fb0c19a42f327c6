"""Galerkin's equations of one slab on a rectangle, and Newton's steps with one sparse matrix for each rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import LinearOperator, SuperLU, gmres, splu
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._evolution import Evolution, Part, pairs
from edgewise.pde.marching._plane_edges import Edge, EdgeRows, Line, PlaneState
from edgewise.pde.marching._settings import PLANE_STEPS
from edgewise.pde.marching._slab import Slab, Solved, polynomials, stages
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products, grid_points

Blocks = dict[tuple[int, int, int], Array]
"""By row's component, column's component and order by time: (n_x * band_x, n_y * band_y), as of `Line.patterns`."""


class Slopes(NamedTuple):
    """Derivatives of the equations by the coefficients, and by their derivatives by time, on one pattern."""

    pattern: csc_matrix
    values: Array
    rates: Array

    def matrix(self, factor: complex) -> csc_matrix:
        """The former plus the latter times a factor."""
        data = self.values + factor * self.rates
        return csc_matrix((data, self.pattern.indices, self.pattern.indptr), self.pattern.shape)


class Gathered:
    """Makes matrices of blocks; coefficient c of function i is number i * components + c."""

    def __init__(self, lines: Sequence[Line], components: int) -> None:
        self.lines, self.components = lines, components

    def matrix(self, blocks: Mapping[tuple[int, int, int], Array]) -> Slopes:
        both = tuple(sorted({(row, c) for row, c, _ in blocks}))
        pattern, order = self._pattern(both)
        nothing = np.zeros((self.lines[0].diagonals, self.lines[1].diagonals))
        data = [np.concatenate([blocks.get((row, c, b), nothing).ravel() for row, c in both])[order] for b in (0, 1)]
        return Slopes(pattern, data[0], data[1])

    def _pattern(self, both: tuple[tuple[int, int], ...]) -> tuple[csc_matrix, Array]:
        """Where the entries of pairs of components are in the whole matrix, and their order in it."""
        if both not in self._patterns:
            (rows_x, columns_x), (rows_y, columns_y) = (line.places for line in self.lines)
            count, width = self.components, len(self.lines[1].space)
            rows = (rows_x[:, None] * width + rows_y).ravel()
            columns = np.where((columns_x[:, None] < 0) | (columns_y < 0), -1, columns_x[:, None] * width + columns_y)
            columns = columns.ravel()
            kept = np.flatnonzero(columns >= 0)
            numbers = np.concatenate([kept + k * len(columns) for k in range(len(both))]) + 1.0
            size = len(self.lines[0].space) * width * count
            down = np.concatenate([rows[kept] * count + r for r, _ in both])
            right = np.concatenate([columns[kept] * count + c for _, c in both])
            pattern = csc_matrix(coo_matrix((numbers, (down, right)), (size, size)))
            self._patterns[both] = pattern, pattern.data.astype(np.int64) - 1
        return self._patterns[both]

    @cached_property
    def _patterns(self) -> dict[tuple[tuple[int, int], ...], tuple[csc_matrix, Array]]:
        return {}


def factored(matrix: csc_matrix) -> SuperLU | None:
    """Return the solver of a matrix whose pattern is symmetric; None if it is singular."""
    try:
        return splu(matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=PLANE_STEPS.pivot, options={"SymmetricMode": True})
    except RuntimeError:
        return None


def add(blocks: Blocks, key: tuple[int, int, int], part: Array) -> None:
    blocks[key] = blocks[key] + part if key in blocks else part


class Symbols(NamedTuple):
    """What equations with constant coefficients do to waves, by values and by derivatives by time.

    Each (n_x, n_y, components, components).
    """

    values: Array
    rates: Array


class FourierSolver:
    """Solves by minimal residuals, from the inverse of the equations with their coefficients' means."""

    def __init__(self, matrix: csc_matrix, symbols: Symbols, factor: complex) -> None:
        self.matrix = matrix.tocsr()
        self.inverse = np.linalg.pinv(symbols.values + factor * symbols.rates, rcond=1e-13)
        self.failed = False

    def solve(self, right: Array) -> Array:
        size = right.size
        near = LinearOperator((size, size), self._near)
        whole = right.astype(complex)
        found, _ = gmres(self.matrix, whole, rtol=PLANE_STEPS.residual, restart=PLANE_STEPS.most, maxiter=2, M=near)
        off = np.linalg.norm(self.matrix @ found - whole)
        self.failed = self.failed or not off <= PLANE_STEPS.far * np.linalg.norm(whole)
        return found if np.iscomplexobj(right) else found.real

    def _near(self, right: Array) -> Array:
        n, m, count, _ = self.inverse.shape
        waves = np.fft.fft2(right.reshape(n, m, count), axes=(0, 1))
        return np.fft.ifft2((self.inverse @ waves[..., None])[..., 0], axes=(0, 1)).ravel()


def symbol(line: Line, order: int) -> Array:
    """What the products of equal cells' splines with their derivatives do to each wave: (n,)."""
    n, band = len(line.space), line.band
    row = (line.patterns(None, order) @ np.ones(len(line.at))).reshape(n, band)[0]
    shifts = np.arange(band) - line.space.degree
    return np.exp(2j * np.pi * np.outer(np.arange(n), shifts) / n) @ row


class PlaneSystem:
    """The equations tested with products of splines: as many as there are coefficients, (functions, components).

    Each equation belongs to a component, whose functions test it. The conditions on edges take the rows of the
    functions next to the edge, tested with the splines along it; the other test functions meet them, made homogeneous.
    """

    def __init__(self, evolution: Evolution, space: Products, edges: list[Edge], owners: list[int]) -> None:
        self.evolution, self.space, self.edges, self.owners = evolution, space, edges, owners
        self.lines = [Line(one, k, edges, space, len(owners)) for k, one in enumerate(space.lines)]
        self.rows = EdgeRows(evolution, space, edges, self.lines)
        self.gathered = Gathered(self.lines, len(owners))
        self.points = torch.from_numpy(grid_points(line.at for line in self.lines))

    def left(self, state: PlaneState) -> Array:
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

    def slopes(self, state: PlaneState) -> Slopes:
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

    def symbols(self, state: PlaneState) -> Symbols | None:
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

    def by_parts(self, state: PlaneState) -> dict[Part, Tensor]:
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
        for _ in range(PLANE_STEPS.rounds):
            state = PlaneState(found[:, :, None], np.zeros_like(found)[:, :, None], np.array([now]))
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
            if np.abs(change).max() <= PLANE_STEPS.rounding * np.abs(found).max():
                break
        return found

    def _given(self, state: PlaneState) -> dict[Part, Tensor]:
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
        scores[: len(sizes), c] = np.maximum(
            scores[: len(sizes), c], _share(sizes) + PLANE_STEPS.preferred * (sizes > 0) * b
        )
    _, found = linear_sum_assignment(-scores)
    return found.tolist()


def _share(sizes: Array) -> Array:
    return sizes / (sizes + sizes.max() + 1e-300)


def owners_at(evolution: Evolution, space: Products, begins: Array) -> list[int]:
    """The component to which each equation belongs, seen at initial values."""
    system = PlaneSystem(evolution, space, [], list(range(len(evolution.components))))
    start = PlaneState(begins[:, :, None], np.zeros_like(begins)[:, :, None], np.array(evolution.duration[:1]))
    return owners_of(evolution, system.by_parts(start))


class RateSolvers(NamedTuple):
    """The solvers for each chosen rate, at some length of a slab."""

    length: float
    solvers: list[Any]


class PlaneSolver:
    """Solves the slabs of one space, M stages each.

    All stages' equations have the slopes of the middle of the slab, so that they fall into one system for each rate.
    These are kept while the space and the length stay and the steps converge.
    """

    def __init__(self, system: PlaneSystem, terms: int, accuracy: float) -> None:
        self.system, self.terms, self.accuracy = system, terms, accuracy
        self.stages, (self.tau, _) = stages(terms), radau(terms)
        self.slopes = polynomials(True, terms, self.tau, 1) @ self.stages.coefficients[True]
        self.factors: RateSolvers | None = None
        self.direct = False
        self.ratio = 1.0  # of Newton's steps

    def solve(self, begins: Array, begin: float, length: float, scales: Array, guess: Array | None) -> Solved:
        """Return the slab that begins with (functions, components); `guess` are values at its stages."""
        values = np.repeat(begins[:, :, None], self.terms, 2) if guess is None else guess
        if self.factors is not None and self.factors.length != length:
            self.factors = None
        before, rounds = math.inf, 0
        for taken in range(1, PLANE_STEPS.steps + 1):
            if self.factors is None:
                self.factors = self._factored(self._state(values, begins, begin, length))
                if self.factors is None:
                    return self._failed(values, begins, begin, length, taken)
                rounds, self.ratio = rounds + 1, 1.0
            step = self._step(self.system.left(self._state(values, begins, begin, length)))
            sizes = np.maximum(scales, _largest_stage(values - step))  # components may begin with zero
            size = float((_largest_stage(step) / sizes).max())
            if not math.isfinite(size) or (rounds > 2 and size > 2 * before):
                return self._failed(values, begins, begin, length, taken)
            values = values - step
            if before < math.inf:
                self.ratio = size / before
            if size <= PLANE_STEPS.small or (
                self.ratio < 1 and size * self.ratio / (1 - self.ratio) <= PLANE_STEPS.near * self.accuracy
            ):
                slab = self._slab(values, begins, begin, length)
                return Solved(slab, slab.left_out(sizes, 1), taken)
            if self.ratio > PLANE_STEPS.slow and before < math.inf and rounds < 3:
                self.factors = None
            before = size
        return self._failed(values, begins, begin, length, PLANE_STEPS.steps)

    def _failed(self, values: Array, begins: Array, begin: float, length: float, taken: int) -> Solved:
        self.factors = None
        return Solved(self._slab(values, begins, begin, length), math.inf, taken)

    def _state(self, values: Array, begins: Array, begin: float, length: float) -> PlaneState:
        rates = (values - begins[:, :, None]) @ self.slopes.T / length
        return PlaneState(values, rates, begin + length * self.tau)

    def _factored(self, state: PlaneState) -> RateSolvers | None:
        """The solvers at the middle stage of a state; None for singular systems."""
        m = self.terms // 2
        one = PlaneState(*(part[..., m : m + 1] for part in state))
        slopes, symbols = self.system.slopes(one), None if self.direct else self.system.symbols(one)
        length = float(state.times[-1] - state.times[0]) / (1 - self.tau[0])
        solvers = []
        for rate in self.stages.rates / length:
            matrix = slopes.matrix(rate.real if rate.imag == 0 else rate)
            solver = factored(matrix) if symbols is None else FourierSolver(matrix, symbols, rate)
            if solver is None:
                return None
            solvers.append(solver)
        return RateSolvers(length, solvers)

    def _step(self, left: Array) -> Array:
        """Newton's step, to be subtracted, from what is left: both (functions, components, M)."""
        assert self.factors is not None
        right = left.reshape(-1, self.terms) @ self.stages.into.T
        found = np.zeros((len(right), self.terms))
        for number, solver in enumerate(self.factors.solvers):
            own = right[:, number] if self.stages.rates[number].imag else np.real(right[:, number])
            found += np.real(np.outer(solver.solve(np.ascontiguousarray(own)), self.stages.back[:, number]))
        if any(isinstance(solver, FourierSolver) and solver.failed for solver in self.factors.solvers):
            self.direct, self.factors = True, None  # from now on
        return found.reshape(left.shape)

    def _slab(self, values: Array, begins: Array, begin: float, length: float) -> Slab:
        """The slab with values at the stages."""
        changing = self.system.evolution.changing
        inner = self.stages.inner(values - (begins * np.array(changing))[:, :, None], changing)
        return Slab(begin, length, self.system.space, begins, inner, changing)


def _largest_stage(values: Array) -> Array:
    """The root mean square of each component's coefficients, the largest of the stages': (components,)."""
    return np.sqrt((values**2).mean(0)).max(1)
