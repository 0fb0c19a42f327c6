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
from edgewise.pde.solving._lattice import LatticeObjective, Local, inside
from edgewise.pde.solving._refining import Answer, NetworkState, Refiner, beginning, not_finite
from edgewise.pde.solving._settings import LATTICES, REFINEMENT
from edgewise.pde.splines._space import Products
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._condition import Integral
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.train.optim import LeastSquaresSolver, Needs


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
            if cost < (1 - LATTICES.tolerance) * normal.cost:
                damping, again = (damping / LATTICES.cut if damping > LATTICES.least_damping else 0.0), True
            elif damping > LATTICES.of_rounding and again:
                damping, again = 0.0, False  # little may have been gained for the damping alone
            else:
                self.settled = damping <= LATTICES.of_rounding
                break
        return vector, cost


def _lower(problem: Any, normal: Normal, vector: Tensor, damping: float) -> tuple[Tensor, float, float]:
    """A step with the least damping, from one on, that lowers the cost: vector, cost, and the damping."""
    while damping <= LATTICES.most_damping:
        step = normal.step(damping)
        if step is not None:
            cost = problem.cost(vector - step)
            if cost < normal.cost:
                return vector - step, cost, damping
            if float(normal.gradient @ step) < LATTICES.tolerance * normal.cost:
                break
        damping = max(LATTICES.least_damping if step is None else LATTICES.nonlinear, 10 * damping)
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
    def products(self) -> Products:
        return self.objective.products

    @cached_property
    def relative(self) -> float:
        """What is left of the equation over its terms."""
        return self.objective.relative(self.vector)

    @property
    def solved(self) -> bool:
        """Whether steps ended by themselves, and left little of the equation."""
        return self.settled and self.relative <= REFINEMENT.unresolved


def is_on_lattice(problem: Problem) -> bool:
    """Whether a problem has a box of two coordinates, residuals at points, no integrals, and no unknown functions."""
    box = isinstance(problem.domain, Box) and len(problem.domain.names) == 2
    integrals = any(isinstance(condition, Integral) for condition in problem.conditions)
    return box and not integrals and not isinstance(problem.residual, Weak) and not problem.functions


def on_lattice(refiner: Refiner, tolerance: float, lattices: int = len(LATTICES.cells)) -> Answer:
    """Solve on lattices until two solutions differ by less than a tolerance; return the one before the last.

    The difference is its error. Knots follow the solution, and each coordinate has as many as give it as large a share
    of the error. `lattices`: how many there are at most.
    """
    former, last, error = None, None, math.inf
    for cells in LATTICES.cells[:lattices]:
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
    return last.relative < LATTICES.falls * former.relative or last.relative < REFINEMENT.rounding


def _fits(refiner: Refiner, steps: int, objective: LatticeObjective) -> bool:
    in_time = refiner.work + steps * objective.seconds <= LATTICES.seconds
    return in_time and objective.band * objective.size <= LATTICES.band


def _state(level: _Level, error: float) -> NetworkState:
    """A level's solution as a network."""
    objective, vector, rounding = level.objective, level.vector, 1e-13
    model = objective.network(vector, max(rounding, LATTICES.omitted * min(error, 1.0)))
    return NetworkState(
        model, objective.constants(vector), max(level.products.counts), torch.empty(0), level.train, level.fresh
    )  # fmt: skip


def _prepared(refiner: Refiner, last: _Level | None, cells: int) -> LatticeObjective:
    """The objective on a lattice with this many cells, starting from where the last one ended."""
    problem = refiner.problem
    ends = zip(problem.domain.low, problem.domain.high, strict=True)
    products = _moved(last, cells) if last else Products.even(ends, (cells, cells), LATTICES.degree)
    objective = LatticeObjective(problem, products, refiner.boundary, refiner.seed)
    if last is None:
        objective.begin(_first(refiner, products), problem.numbers)
        if not math.isfinite(objective.cost(objective.start)):
            raise not_finite()
    else:
        coefficients = last.objective.coefficients(last.vector).numpy()
        known = products.projected(last.products, coefficients, products.degree + 1)
        objective.begin(torch.from_numpy(known), last.objective.constants(last.vector))
        objective.relate()
    return objective


def _first(refiner: Refiner, products: Products) -> Tensor:
    """The coefficients of a first guess, or zero."""
    problem, zero = refiner.problem, torch.zeros(len(products), refiner.problem.unknowns, dtype=torch.float64)
    if refiner.guess is None:
        return zero
    objective = LatticeObjective(beginning(problem, refiner.guess), products, refiner.boundary, refiner.seed)
    objective.begin(zero, problem.numbers)
    return objective.coefficients(refiner.monitor.minimize(BandNewton(refiner.solver.steps), objective, "start"))


def _moved(last: _Level, cells: int) -> Products:
    """Knots by de Boor's rule, and as many of each coordinate as the integral of its density asks for."""
    old = last.products
    parts = old.highest(last.objective.coefficients(last.vector).numpy())
    highest = [np.sqrt((part**2).sum(1, keepdims=True)) for part in parts]
    x, y = (
        max(float(part[:, 0] ** (1 / (line.degree + 1)) @ np.diff(line.cells)), 1e-300)
        for part, line in zip(highest, old.lines, strict=True)
    )
    aspect = min(LATTICES.aspect, max(1 / LATTICES.aspect, (x / y) ** 0.5))
    counts = (max(LATTICES.least, round(cells * aspect)), max(LATTICES.least, round(cells / aspect)))
    return old.moved(highest, counts, LATTICES.floor)


def _solved(refiner: Refiner, objective: LatticeObjective, floor: float) -> _Level:
    solver, cells = BandNewton(refiner.solver.steps, floor), max(objective.products.counts)
    vector = refiner.monitor.minimize(solver, objective, f"grid {cells}")
    refiner.work += solver.taken * objective.seconds
    train = objective.residual(vector, inside(objective.products, LATTICES.gauss))
    fresh = objective.residual(vector, inside(objective.products, LATTICES.gauss + 1))
    refiner.monitor.record(cells, len(vector), train, fresh)
    values = _sampled(refiner, objective, vector)
    floor = floor or LATTICES.least_cost * solver.first
    return _Level(objective, vector, values, solver.taken, solver.settled, train, fresh, floor)


def _sampled(refiner: Refiner, objective: LatticeObjective, vector: Tensor, count: int = 4000) -> Tensor:
    """The unknowns at many points, (n, unknowns)."""
    problem = objective.problem
    at = problem.domain.points(count, refiner.seed + 1)
    jets = Local.at(objective.products, at.unsqueeze(1), [()]).jets(objective.coefficients(vector))
    return values_of(problem.unknown(jets, at, (), objective.constants(vector)))


def _change(before: Tensor, after: Tensor) -> float:
    return float((after - before).norm() / after.norm().clamp_min(1e-300))
