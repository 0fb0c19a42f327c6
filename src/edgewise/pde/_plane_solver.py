"""The stages of one slab on a rectangle, by Newton's steps whose systems are one sparse matrix for each rate."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np

from edgewise._typing import Array
from edgewise.pde._plane_fourier import FourierSolver
from edgewise.pde._plane_matrix import factored
from edgewise.pde._plane_space import PlaneSpace
from edgewise.pde._plane_system import PlaneSystem, State
from edgewise.pde._slab import Slab, polynomials, radau
from edgewise.pde._space import Space
from edgewise.pde._stages import stages

_STEPS = 12
_NEAR = 1e-2  # of the accuracy: what is left to Newton's method
_ROUNDING = 1e-13  # of a component's size: steps that are smaller are rounding
_SLOW = 0.3  # a ratio of one step to the one before, above which the slopes are found again


class PlaneSolved(NamedTuple):
    """A slab, an estimate of the error of its polynomials relative to the components' sizes, and the work it took.

    A slab whose steps did not converge has an infinite error.
    """

    slab: Slab
    by_time: float
    steps: int


class Factors(NamedTuple):
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
        self.factors: Factors | None = None
        self.direct = False
        self.ratio = 1.0  # of Newton's steps

    def solve(self, begins: Array, begin: float, length: float, scales: Array, guess: Array | None) -> PlaneSolved:
        """Return the slab that begins with (functions, components); `guess` are values at its stages."""
        values = np.repeat(begins[:, :, None], self.terms, 2) if guess is None else guess
        if self.factors is None or self.factors.length != length:
            self.factors = None
        before, rounds = math.inf, 0
        for taken in range(1, _STEPS + 1):
            if self.factors is None:
                self.factors = self._factored(self._state(values, begins, begin, length))
                if self.factors is None:
                    return self._failed(values, begins, begin, length, taken)
                rounds, self.ratio = rounds + 1, 1.0
            step = self._step(self.system.left(self._state(values, begins, begin, length)))
            sizes = np.maximum(scales, _largest(values - step))  # components may begin with zero
            size = float((_largest(step) / sizes).max())
            if not math.isfinite(size) or (rounds > 2 and size > 2 * before):
                return self._failed(values, begins, begin, length, taken)
            values = values - step
            if before < math.inf:
                self.ratio = size / before
            if size <= _ROUNDING or (self.ratio < 1 and size * self.ratio / (1 - self.ratio) <= _NEAR * self.accuracy):
                slab = self._slab(values, begins, begin, length)
                return PlaneSolved(slab, self._by_time(slab, sizes), taken)
            if self.ratio > _SLOW and before < math.inf and rounds < 3:
                self.factors = None
            before = size
        return self._failed(values, begins, begin, length, _STEPS)

    def _failed(self, values: Array, begins: Array, begin: float, length: float, taken: int) -> PlaneSolved:
        self.factors = None
        return PlaneSolved(self._slab(values, begins, begin, length), math.inf, taken)

    def _state(self, values: Array, begins: Array, begin: float, length: float) -> State:
        rates = (values - begins[:, :, None]) @ self.slopes.T / length
        return State(values, rates, begin + length * self.tau)

    def _factored(self, state: State) -> Factors | None:
        """The solvers at the middle stage of a state; None for singular systems."""
        m = self.terms // 2
        one = State(*(part[..., m : m + 1] for part in state))
        slopes, symbols = self.system.slopes(one), None if self.direct else self.system.symbols(one)
        length = float(state.times[-1] - state.times[0]) / (1 - self.tau[0])
        solvers = []
        for rate in self.stages.rates / length:
            matrix = slopes.matrix(rate.real if rate.imag == 0 else rate)
            solver = factored(matrix) if symbols is None else FourierSolver(matrix, symbols, rate)
            if solver is None:
                return None
            solvers.append(solver)
        return Factors(length, solvers)

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
        inner = np.empty_like(values)
        for c, own in enumerate(changing):
            given = values[:, c] - begins[:, c, None] if own else values[:, c]
            inner[:, c] = given @ self.stages.coefficients[own].T
        space = cast("Space", self.system.space)  # a slab asks of it only what both kinds of spaces have
        return Slab(begin, length, space, begins, inner, changing)

    def _by_time(self, slab: Slab, scales: Array) -> float:
        """The size of the polynomials' terms that were left out, from how the last ones fall, over the scales."""
        found = np.sqrt((self._samples(slab) ** 2).mean(0)) / scales[:, None]
        last, before = found[:, -2:].max(1), found[:, -4:-2].max(1)
        return float((last * np.minimum(1.0, np.sqrt(last / np.maximum(before, 1e-300)))).max())

    def _samples(self, slab: Slab) -> Array:
        """The polynomials' coefficients over the plane, (points, components, M)."""
        space: PlaneSpace = self.system.space
        middles = [(one.cells[1:] + one.cells[:-1]) / 2 for one in space.both]
        flat = space.values(slab.inner.reshape(len(space), -1), *middles)
        return flat.reshape(len(flat), *slab.inner.shape[1:])


def _largest(values: Array) -> Array:
    """The root mean square of each component's coefficients, the largest of the stages': (components,)."""
    return np.sqrt((values**2).mean(0)).max(1)
