"""Solving on a box of two coordinates: products of splines on finer and finer lattices that follow the solution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise.nn import KAN
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.solving._refining import ROUNDING, UNRESOLVED, Answer, Refiner, State, beginning, not_finite
from edgewise.pde.splines._lattice import Lattice, Patch
from edgewise.pde.splines._networks import network_of
from edgewise.pde.splines._space import Space
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._condition import Condition, Equation, Integral, Periodic
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.pde.statement._terms import Term, left, linearized
from edgewise.train.optim import LeastSquaresSolver, Needs

GAUSS = 4  # points of a cell by each coordinate: 16 for each coefficient
_ENTRIES = 4_000_000  # numbers that are held for a part of the points
_FAR = 10.0  # times the median: terms of an equation above which it counts less
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


class _Held(NamedTuple):
    """An equation at points, and how much its mean square counts."""

    equation: Equation
    weight: float
    patch: Patch

    def term(self, part: Patch) -> Term:
        return Term(
            self.equation, [side.flatten(0, 1) for side in part.sides], self.weight, part.weights.flatten()
        )  # fmt: skip


class LatticeObjective:
    """cost(vector) = sum over equations of weight * mean of residual^2, by Gauss points of the cells.

    The vector holds coefficients (functions, unknowns), flattened, and after them the unknown constants.
    """

    def __init__(self, problem: Problem, lattice: Lattice, boundary: int, seed: int) -> None:
        self.problem, self.lattice, self.names = problem, lattice, list(problem.numbers)
        self.size = len(lattice) * problem.unknowns
        self.start = torch.zeros(self.size + len(self.names), dtype=torch.float64)
        self.held = [_Held(problem.residual, 1.0, lattice.inside(GAUSS))]
        for condition in problem.conditions:
            patch = self._patch(condition, boundary, seed)
            self.held.append(_Held(condition.equation, condition.weight, patch))
        self.band = max(self._reach(held.patch) for held in self.held)

    @property
    def seconds(self) -> float:
        """About the time that a step takes on one core."""
        wide = (self.lattice.spaces[0].degree + 1) ** 2 * self.problem.unknowns
        rows = self.held[0].patch.weights.numel() * self.problem.unknowns
        return rows * (1e-5 + 2e-9 * wide**2) + 2e-10 * self.size * self.band**2

    def begin(self, coefficients: Tensor, constants: Mapping[str, float]) -> None:
        """Start at coefficients (functions, unknowns) and constants; see `_relate`."""
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([coefficients.flatten(), own])

    def relate(self) -> None:
        """Let the equation count less where its terms, at the start, are far larger than in most of the domain.

        There, as in corners where they are infinite, errors that are small relative to them would outweigh all else.
        The squares are multiplied by  (1 + (T / 10 M)^2)^-2,  T the root mean square of the terms in a cell, M its
        median over the domain.
        """
        inside = self.held[0].patch
        sizes = torch.cat([self._terms(part, self.start)[1] for part in self._parts(inside)])
        areas = inside.weights.sum(1)
        each = (sizes * inside.weights).sum(1) / areas
        rising = each.argsort()
        middle = each[rising][areas[rising].cumsum(0) >= 0.5][0]
        if float(middle) > 0:
            less = (1 + each / (_FAR**2 * middle)) ** -2
            weighed = Patch(inside.sides, inside.weights * less.unsqueeze(1))
            self.held[0] = self.held[0]._replace(patch=weighed)

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, vector[self.size :].tolist(), strict=True))

    def coefficients(self, vector: Tensor) -> Tensor:
        return vector[: self.size].view(len(self.lattice), -1)

    def network(self, vector: Tensor, accuracy: float = 1e-12) -> KAN:
        """The network that the lattice's function is, to a relative accuracy in L2."""
        return network_of(self.lattice, self.coefficients(vector), accuracy)

    def cost(self, vector: Tensor) -> float:
        total = 0.0
        for held in self.held:
            for part in self._parts(held.patch):
                term, jets = held.term(part), self._jets(part, vector)
                rest = left(self.problem, self.names, term, jets, vector[self.size :].expand(len(term), -1))
                total += held.weight / len(rest) * sum(float(term.weigh(r).square().sum()) for r in rest)
        return total if total == total else float("inf")

    def normal(self, vector: Tensor) -> Normal:
        """The normal equations at a vector."""
        normal = Normal(self.size, self.band, len(self.names))
        for held in self.held:
            for part in self._parts(held.patch):
                self._add(normal, held, part, vector)
        return normal

    def residual(self, vector: Tensor, patch: Patch) -> float:
        """The root mean square of what the equation leaves at points."""
        squares, count = 0.0, 0
        for part in self._parts(patch):
            term, jets = self.held[0].term(part), self._jets(part, vector)
            rest = left(self.problem, self.names, term, jets, vector[self.size :].expand(len(term), -1))
            squares += sum(float((term.weigh(r)).square().sum()) for r in rest)
            count = len(rest)
        return (squares / max(1, count)) ** 0.5

    def relative(self, vector: Tensor) -> float:
        """What the equation leaves over the size of its terms, as root mean squares with the weights of `relate`."""
        over, size = 0.0, 0.0
        for part in self._parts(self.held[0].patch):
            squares, terms = self._terms(part, vector)
            over += float((squares * part.weights).sum())
            size += float((terms * part.weights).sum())
        return (over / size) ** 0.5 if size > 0 else 0.0

    def _patch(self, condition: Condition, count: int, seed: int) -> Patch:
        if isinstance(condition.where, Face) and condition.also is None:
            return self.lattice.faces(condition.where.fixed, GAUSS)
        sides = [side.unsqueeze(1) for side in condition.points(count, seed)]
        return Patch(sides, torch.full(sides[0].shape[:2], 1 / len(sides[0]), dtype=torch.float64))

    def _reach(self, patch: Patch) -> int:
        """How far apart the numbers of unknowns are that one equation sees."""
        m = self.problem.unknowns
        numbers = torch.cat([self.lattice.at(side[:, :1], [()])[0] for side in patch.sides], 1)
        return int((numbers.max(1).values - numbers.min(1).values).max()) * m + m - 1

    def _parts(self, patch: Patch) -> Iterator[Patch]:
        groups, each = patch.weights.shape
        wide = (self.lattice.spaces[0].degree + 1) ** 2 * max(self.problem.unknowns, len(self.problem.orders))
        step = max(1, _ENTRIES // (each * wide))
        for k in range(0, groups, step):
            yield Patch([side[k : k + step] for side in patch.sides], patch.weights[k : k + step])

    def _jets(self, part: Patch, vector: Tensor) -> list[Jets]:
        own = self.coefficients(vector)
        return [self.lattice.jets(side, own, self.problem.orders) for side in part.sides]

    def _terms(self, part: Patch, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The squares of what the equations leave, and of the sizes of what they add up: each (C, Q)."""
        jets, over, whole = (
            self._jets(part, vector),
            torch.zeros_like(part.weights),
            torch.zeros_like(part.weights),
        )
        term = Term(self.held[0].equation, [side.flatten(0, 1) for side in part.sides], 1.0)
        for row in linearized(self.problem, self.names, term, jets, vector[self.size :]):
            parts = [by[o] * side[o] for by, side in zip(row.by, jets, strict=True) for o in by]
            rest = row.residual - sum_of(own.sum(1) for own in parts)
            sizes = rest.abs() + sum_of(own.abs().sum(1) for own in parts)
            over += row.residual.square().view_as(whole)
            whole += sizes.square().view_as(whole)
        return over, whole

    def _add(self, normal: Normal, held: _Held, part: Patch, vector: Tensor) -> None:
        m, shape, own = self.problem.unknowns, part.weights.shape, self.coefficients(vector)
        known = [self.lattice.at(side, self.problem.orders) for side in part.sides]
        jets: list[Jets] = [
            {order: (part @ own[numbers]).flatten(0, 1) for order, part in values.items()} for numbers, values in known
        ]
        found = linearized(self.problem, self.names, held.term(part), jets, vector[self.size :])
        columns = torch.cat([(numbers.unsqueeze(2) * m + torch.arange(m)).flatten(1) for numbers, _ in known], 1)
        root = (held.weight / len(found)) ** 0.5
        for row in found:
            rows = torch.cat([_entries(v, by, shape) for (_, v), by in zip(known, row.by, strict=True)], 2)
            constants, residual = row.constants.view(*shape, -1), row.residual.view(shape)
            normal.add(columns, root * rows, root * constants, root * residual)


def _entries(values: Mapping[tuple[int, ...], Tensor], by: Jets, shape: torch.Size) -> Tensor:
    """Derivatives (C, Q, K m) by the coefficients, given the functions' `values` and derivatives by jets (C Q, m)."""
    m = by[()].shape[1]
    whole = torch.zeros(*shape, values[()].shape[2], m, dtype=torch.float64)
    for order, slope in by.items():
        for q in range(m):
            if bool(slope[:, q].any()):
                whole[..., q].addcmul_(values[order], slope[:, q].view(*shape, 1))
    return whole.flatten(2)


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


def _state(level: _Level, error: float) -> State:
    """A level's solution as a network."""
    objective, vector = level.objective, level.vector
    model = objective.network(vector, max(_ROUNDING, _KEPT * min(error, 1.0)))
    return State(
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
    densities = [old.density(coefficients, k) for k in (0, 1)]
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
    found = problem.unknown(jets, at, (), objective.constants(vector))
    return found.value.unsqueeze(1) if isinstance(found, Jet) else torch.stack([jet.value for jet in found], 1)


def _change(before: Tensor, after: Tensor) -> float:
    return float((after - before).norm() / after.norm().clamp_min(1e-300))
