"""Solving on a box of two coordinates: products of splines on finer and finer lattices that follow the solution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from edgewise.pde.geometry._domain import Box
from edgewise.pde.geometry._jet import values_of
from edgewise.pde.solving._lattice import GAUSS, Lattice, LatticeObjective
from edgewise.pde.solving._refining import ROUNDING, UNRESOLVED, Answer, NetworkState, Refiner, beginning, not_finite
from edgewise.pde.splines._space import Space
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._condition import Integral, Periodic
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.train.optim import LeastSquaresSolver, Needs

_TOLERANCE = 1e-3  # of the cost: a gain below it is the last
_LEAST_DAMPING, _MOST_DAMPING = 1e-15, 1e6  # tried after none, where rounding makes the matrix indefinite
_NONLINEAR = 1e-6  # where the equation is not linear
_CUT = 30.0  # what the damping falls by after a step
_ROUNDING_DAMPING = 1e-12  # a damping below it makes up for rounding only
_DEGREE = 7
_CELLS = (8, 12, 18, 27, 40, 60, 90)  # of each coordinate, where they need as many
_FLOOR = 0.3  # of the mean, added to the density of knots
_ASPECT = 2.0  # cells of a coordinate, over the mean of both, and the reverse
_LEAST = 4
_SECONDS = 40.0  # of steps on one core, about
_MOST = 40_000_000  # numbers of a band: 320 MB
_SAMPLES = 4000
_ROUNDING = 1e-13
_LESS = 0.9  # of what the equation leaves on the lattice before, as there must be where there is a solution
_LEAST_COST = 1e-25  # of that at zero: below it there is only rounding
_KEPT = 1e-3  # of the estimated error: what products that are left out may add up to


class BandNewton(LeastSquaresSolver):
    """Minimizes the squares of a `LatticeObjective`; `settled` says whether an undamped step would gain nothing more.

    (H + mu diag H) s = g,  theta <- theta - s.  mu begins at 0, and grows tenfold until the cost falls. A cost below
    `floor` is rounding; `first` is the cost at the start.
    """

    needs: ClassVar[Needs] = Needs.MATRIX

    def __init__(self, steps: int, floor: float = 0.0) -> None:
        self.steps, self.floor, self.first = steps, floor, 0.0
        self.taken, self.settled = 0, False

    def minimize(
        self, problem: Any, start: Tensor, callback: Callable[[Tensor, float], bool] | None = None
    ) -> tuple[Tensor, float]:
        vector, cost, damping, again = start, float("inf"), 0.0, True
        for taken in range(1, self.steps + 1):
            self.taken = taken
            normal, before = problem.normal(vector), vector
            cost = normal.cost
            self.first = cost if taken == 1 else self.first
            if cost <= self.floor:
                self.settled = True
                break
            vector, cost, damping = _lower(problem, normal, vector, damping)
            if vector is not before and callback is not None and callback(vector, cost):
                break
            if cost < (1 - _TOLERANCE) * normal.cost:
                damping, again = (damping / _CUT if damping > _LEAST_DAMPING else 0.0), True
            elif damping > _ROUNDING_DAMPING and again:
                damping, again = 0.0, False  # little may have been gained for the damping alone
            else:
                self.settled = damping <= _ROUNDING_DAMPING
                break
        return vector, cost


def _lower(problem: Any, normal: Normal, vector: Tensor, damping: float) -> tuple[Tensor, float, float]:
    """A step with the least damping, from one on, that lowers the cost: vector, cost, and the damping."""
    while damping <= _MOST_DAMPING:
        step = normal.step(damping)
        if step is not None:
            cost = problem.cost(vector - step)
            if cost < normal.cost:
                return vector - step, cost, damping
            if float(normal.gradient @ step) < _TOLERANCE * normal.cost:
                break
        damping = max(_LEAST_DAMPING if step is None else _NONLINEAR, 10 * damping)
    return vector, normal.cost, damping


@dataclass(frozen=True)
class _Level:
    """What was found on one lattice, in how many steps, and whether more would gain nothing."""

    objective: LatticeObjective
    vector: Tensor
    values: Tensor
    steps: int
    settled: bool
    train: float
    fresh: float
    floor: float

    @property
    def lattice(self) -> Lattice:
        return self.objective.lattice

    @cached_property
    def relative(self) -> float:
        """What is left of the equation over its terms."""
        return self.objective.relative(self.vector)

    @property
    def solved(self) -> bool:
        """Whether steps ended by themselves, and left little of the equation."""
        return self.settled and self.relative <= UNRESOLVED


def is_on_lattice(problem: Problem) -> bool:
    """Whether a problem has a box of two coordinates, residuals at points, no integrals, and no unknown functions."""
    box = isinstance(problem.domain, Box) and len(problem.domain.names) == 2
    integrals = any(isinstance(condition, Integral) for condition in problem.conditions)
    return box and not integrals and not isinstance(problem.residual, Weak) and not problem.functions


def on_lattice(refiner: Refiner, tolerance: float, lattices: int = len(_CELLS)) -> Answer:
    """Solve on lattices until two solutions differ by less than a tolerance; return the one before the last.

    The difference is its error. Knots follow the solution, and each coordinate has as many as give it as large a share
    of the error. `lattices`: how many there are at most.
    """
    former, last, error = None, None, math.inf
    for cells in _CELLS[:lattices]:
        objective = _prepared(refiner, last, cells)
        if last is not None and not _fits(refiner, last.steps, objective):
            break
        level = _solved(refiner, objective, 0.0 if last is None else last.floor)
        ended = refiner.monitor.ended() is not None
        if ended and not level.settled and last is not None:
            break
        former, last = last, level
        error = math.inf if former is None else _change(former.values, last.values)
        done = former is not None and error <= tolerance and former.solved and last.settled and _falls(former, last)
        if ended or done:
            break
    assert last is not None
    if former is None:  # there is no other to compare it with
        return refiner.answer(_state(last, math.inf))._replace(relative=last.relative, settled=False)
    settled = former.settled and last.settled
    return Answer(_state(former, error), error, former.relative, settled, _falls(former, last))


def _falls(former: _Level, last: _Level) -> bool:
    """Whether a finer lattice leaves less of the equation."""
    return last.relative < _LESS * former.relative or last.relative < ROUNDING


def _fits(refiner: Refiner, steps: int, objective: LatticeObjective) -> bool:
    in_time = refiner.work + steps * objective.seconds <= _SECONDS
    return in_time and objective.band * objective.size <= _MOST


def _state(level: _Level, error: float) -> NetworkState:
    """A level's solution as a network."""
    objective, vector = level.objective, level.vector
    model = objective.network(vector, max(_ROUNDING, _KEPT * min(error, 1.0)))
    return NetworkState(
        model, objective.constants(vector), max(level.lattice.cells), torch.empty(0), level.train, level.fresh
    )  # fmt: skip


def _prepared(refiner: Refiner, last: _Level | None, cells: int) -> LatticeObjective:
    """The objective on a lattice with this many cells, starting from where the last one ended."""
    problem = refiner.problem
    lattice = _even(problem, cells) if last is None else _moved(problem, last, cells)
    objective = LatticeObjective(problem, lattice, refiner.boundary, refiner.seed)
    if last is None:
        objective.begin(_first(refiner, lattice), problem.numbers)
        if not math.isfinite(objective.cost(objective.start)):
            raise not_finite()
    else:
        known = lattice.projected(last.lattice, last.objective.coefficients(last.vector))
        objective.begin(known, last.objective.constants(last.vector))
        objective.relate()
    return objective


def _first(refiner: Refiner, lattice: Lattice) -> Tensor:
    """The coefficients of a first guess, or zero."""
    problem, zero = refiner.problem, torch.zeros(len(lattice), refiner.problem.unknowns, dtype=torch.float64)
    if refiner.guess is None:
        return zero
    objective = LatticeObjective(beginning(problem, refiner.guess), lattice, refiner.boundary, refiner.seed)
    objective.begin(zero, problem.numbers)
    return objective.coefficients(refiner.monitor.minimize(BandNewton(refiner.solver.steps), objective, "start"))


def _even(problem: Problem, cells: int) -> Lattice:
    ends = zip(problem.domain.low, problem.domain.high, strict=True)
    x, y = (Space(np.linspace(low, high, cells + 1), _DEGREE) for low, high in ends)
    return Lattice((x, y), _inner(problem, (cells, cells)))


def _moved(problem: Problem, last: _Level, cells: int) -> Lattice:
    """Knots by de Boor's rule, and as many of each coordinate as the integral of its density asks for."""
    old, coefficients = last.lattice, last.objective.coefficients(last.vector)
    densities = old.densities(coefficients)
    parts = zip(densities, old.spaces, strict=True)
    x, y = (max(float(d @ np.diff(space.cells)), 1e-300) for d, space in parts)
    aspect = min(_ASPECT, max(1 / _ASPECT, (x / y) ** 0.5))
    counts = (max(_LEAST, round(cells * aspect)), max(_LEAST, round(cells / aspect)))
    one, two = (
        space.moved(density, count, _FLOOR)
        for space, density, count in zip(old.spaces, densities, counts, strict=True)
    )  # fmt: skip
    return Lattice((one, two), _inner(problem, counts))


def _inner(problem: Problem, cells: tuple[int, int]) -> int:
    """The coordinate that is numbered first, so that the band is narrow: a periodic one, or that of fewer cells."""
    for condition in problem.conditions:
        if isinstance(condition, Periodic):
            return problem.domain.names.index(condition.name)
    return 0 if cells[0] < cells[1] else 1


def _solved(refiner: Refiner, objective: LatticeObjective, floor: float) -> _Level:
    solver, cells = BandNewton(refiner.solver.steps, floor), max(objective.lattice.cells)
    vector = refiner.monitor.minimize(solver, objective, f"grid {cells}")
    refiner.work += solver.taken * objective.seconds
    train = objective.residual(vector, objective.lattice.inside(GAUSS))
    fresh = objective.residual(vector, objective.lattice.inside(GAUSS + 1))
    refiner.monitor.record(cells, len(vector), train, fresh)
    values = _sampled(refiner, objective, vector)
    floor = floor or _LEAST_COST * solver.first
    return _Level(objective, vector, values, solver.taken, solver.settled, train, fresh, floor)


def _sampled(refiner: Refiner, objective: LatticeObjective, vector: Tensor) -> Tensor:
    """The unknowns at many points, (n, unknowns)."""
    problem = objective.problem
    at = problem.domain.points(_SAMPLES, refiner.seed + 1)
    jets = objective.lattice.jets(at.unsqueeze(1), objective.coefficients(vector), [()])
    return values_of(problem.unknown(jets, at, (), objective.constants(vector)))


def _change(before: Tensor, after: Tensor) -> float:
    return float((after - before).norm() / after.norm().clamp_min(1e-300))
