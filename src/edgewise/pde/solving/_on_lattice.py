"""Solving by splines in one to three coordinates, on finer and finer lattices that follow the solution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.kernels import one_thread
from edgewise.pde.geometry._domain import Box
from edgewise.pde.geometry._jet import values_of
from edgewise.pde.solving._determinacy import is_linear, unknown_corners
from edgewise.pde.solving._lattice import Known, LatticeObjective
from edgewise.pde.solving._patches import inside
from edgewise.pde.solving._refining import Answer, NetworkState, Refiner, beginning, not_finite
from edgewise.pde.solving._settings import LATTICES, REFINEMENT
from edgewise.pde.splines._local import spline_jets
from edgewise.pde.splines._space import Products, Space
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._interface import SIDE, Pieced, outputs_at, pieces_at
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
            if problem.linear and vector is not before and damping <= LATTICES.of_rounding:
                self.settled = True
                if callback is not None:
                    callback(vector, cost)
                break
            if vector is not before and callback is not None and callback(vector, cost):
                break
            if cost > normal.cost:  # a step that the next one will make up for
                damping, again = 0.0, True
            elif cost < (1 - LATTICES.tolerance) * normal.cost:
                damping, again = (damping / LATTICES.cut if damping > LATTICES.least_damping else 0.0), True
            elif damping > LATTICES.of_rounding and again:
                damping, again = 0.0, False  # little may have been gained for the damping alone
            else:
                self.settled = damping <= LATTICES.of_rounding
                break
        return vector, cost


def _lower(problem: Any, normal: Normal, vector: Tensor, damping: float) -> tuple[Tensor, float, float]:
    """A step that lowers the cost: vector, cost, and the damping.

    A whole undamped step, or a half, a quarter, ... of it, which no change of units changes; else one with the least
    damping that does. A whole step may also raise the cost where the next one, by the same derivatives, is far shorter:
    costs are no measure where unknowns multiply each other.

    Source: Deuflhard, Newton Methods for Nonlinear Problems (2004), the natural monotonicity test.
    """
    while damping <= LATTICES.most_damping:
        step = normal.step(damping)
        if step is not None:
            gain, whole = normal.cost - normal.left, not problem.linear
            for _ in range(1 if damping > LATTICES.of_rounding or problem.linear else LATTICES.halvings):
                cost = problem.cost(vector - step)
                if cost < normal.cost or (whole and damping == 0 and _contracts(problem, normal, vector, step)):
                    return vector - step, cost, damping
                step, whole = step / 2, False
            if gain < LATTICES.tolerance * normal.cost:
                break
        damping = max(LATTICES.least_damping if step is None else LATTICES.nonlinear, 10 * damping)
    return vector, normal.cost, damping


def _contracts(problem: Any, normal: Normal, vector: Tensor, step: Tensor) -> bool:
    """Whether the step after a whole one, by the same derivatives, is far shorter."""
    left = problem.residuals(vector - step)
    after = normal.solved(left.numpy()) if bool(torch.isfinite(left).all()) else None
    return after is not None and normal.length(after) < LATTICES.contracts * normal.length(step)


def is_settled(objective: LatticeObjective, vector: Tensor, floor: float) -> bool:
    """Whether a step from here would gain nothing."""
    normal = objective.normal(vector)
    if normal.cost <= floor or objective.linear:
        return True
    return normal.step() is not None and normal.cost - normal.left < LATTICES.tolerance * normal.cost


@dataclass(frozen=True)
class _Level:
    """What was found on one lattice, in how many steps, and whether more would gain nothing."""

    objective: LatticeObjective
    vector: Tensor
    steps: int
    settled: bool
    train: float
    fresh: float
    floor: float

    @property
    def products(self) -> Products:
        return self.objective.products

    @property
    def cells(self) -> int:
        return self.products.size

    @property
    def known(self) -> Known:
        return self.objective.known(self.vector)

    @property
    def coefficients(self) -> Array:
        return self.objective.coefficients(self.vector).numpy()

    @cached_property
    def relative(self) -> float:
        """What is left of the equation over its terms."""
        return self.objective.relative(self.vector)

    @property
    def solved(self) -> bool:
        """Whether steps ended by themselves, and left little of the equation."""
        return self.settled and self.relative <= REFINEMENT.unresolved


def is_on_lattice(problem: Problem) -> bool:
    """Whether a problem has up to three coordinates, residuals at points, and no unknown functions."""
    few = len(problem.domain.names) in LATTICES.cells
    return few and not isinstance(problem.residual, Weak) and not problem.functions


@one_thread()
def on_lattice(refiner: Refiner, tolerance: float, lattices: int | None = None) -> Answer:
    """Solve on lattices until the error is less than a tolerance.

    The difference of two solutions is the error of the first of them. In several coordinates, where differences have
    fallen for three lattices, the next one, as they fall, is the error of the last solution. Knots follow the solution,
    and each coordinate has as many as give it as large a share of the error. `lattices`: how many there are at most.
    While layers are thinner than cells, knots follow those of an equation with larger second derivatives; such
    solutions do not count.
    """
    search = _Search(refiner, is_linear(refiner.problem))
    for cells in LATTICES.cells[len(refiner.problem.domain.names)][:lattices]:
        if not search.refined(cells, tolerance):
            break
    last = search.last
    assert last is not None
    if search.best is None:  # there is no other to compare it with
        return refiner.answer(_state(last, math.inf))._replace(relative=last.relative, settled=False)
    found, former, last, error = search.best
    settled = former.settled and last.settled
    apart = LATTICES.of_sides * SIDE if isinstance(refiner.problem, Pieced) else 0.0
    error = max(error, last.objective.missed(last.vector, refiner.seed), _doubted(refiner, last), apart)
    return Answer(_state(found, error), error, found.relative, settled, search.falls(former, last))


def _doubted(refiner: Refiner, level: _Level) -> float:
    """How much a solution changes if the equation has less weight near re-entrant corners without singular functions.

    Splines alone converge to something else there, which two lattices do not reveal.
    """
    corners = unknown_corners(refiner.problem)
    if not corners:
        return 0.0
    objective = LatticeObjective(refiner.problem, level.products, refiner.seed)
    objective.linear = level.objective.linear
    objective.doubt(corners)
    objective.follow(level.known, level.objective.constants(level.vector))
    vector, _ = BandNewton(refiner.solver.steps).minimize(objective, objective.start)
    return _distance(level, replace(level, objective=objective, vector=vector))


class _Found(NamedTuple):
    """A solution and its error, as the last two solutions tell it."""

    level: _Level
    former: _Level
    last: _Level
    error: float


class _Search:
    """The solutions of the last two lattices, and how much they differ.

    layers: the last solution of an equation with second derivatives as large as the cells' widths need; its knots are
    where layers are. The solution of the equation itself is not trusted where it would have the knots leave them.
    """

    def __init__(self, refiner: Refiner, linear: bool) -> None:
        self.refiner, self.linear = refiner, linear
        self.d = len(refiner.problem.domain.names)
        self.former: _Level | None = None
        self.last: _Level | None = None
        self.layers: _Level | None = None
        self.best: _Found | None = None
        self.distances: list[float] = []
        self.stalled, self.coarser = 0, 0.0  # of the equation: what was left on the last lattice with fewer cells

    def ended(self, tolerance: float) -> bool:
        former, last = self.former, self.last
        if former is None or last is None:
            return last is not None and self.refiner.monitor.ended() is not None
        if self.refiner.monitor.ended() is not None:
            return True
        found = self._found(former, last)
        error = found.error
        if self.refiner.measured:  # a small part of what noise makes uncertain is enough
            tolerance = max(tolerance, LATTICES.of_noise * last.objective.misfit(last.vector))
        if error <= tolerance and former.solved and last.settled and self.falls(former, last):
            self.best = found
            return True
        if self.best is None or error < LATTICES.gain * self.best.error or self.best.error > LATTICES.near:
            self.best, self.stalled = found, 0
        else:
            self.stalled += 1
        return self.stalled >= LATTICES.stalled[self.d]

    def _found(self, former: _Level, last: _Level) -> _Found:
        """The last solution where distances have fallen from lattice to lattice, else the one before it."""
        self.distances.append(_distance(former, last))
        if self.d == 1 or len(self.distances) < 3:
            return _Found(former, former, last, self.distances[-1])
        one, two, three = self.distances[-3:]
        rate = max(two / max(one, 1e-300), three / max(two, 1e-300), LATTICES.least_rate)
        if rate > LATTICES.most_rate:
            return _Found(former, former, last, three)
        return _Found(last, former, last, LATTICES.expected * rate * three)

    def falls(self, former: _Level, last: _Level) -> bool:
        """Whether a finer lattice leaves less of the equation, or both hardly any of one that was known to be soluble.

        That a linear one has a solution was asked before.
        """
        least = LATTICES.hardly if self.linear and self.d > 1 else REFINEMENT.rounding
        before = former.relative if former.cells < last.cells else max(former.relative, self.coarser)
        return last.relative < max(LATTICES.falls * before, least)

    def refined(self, cells: int, tolerance: float) -> bool:
        """Solve on lattices with this many cells; False where that is enough, or would be too much work."""
        first = self.last is None
        if first or self._left():
            self._settle(cells)
        for _ in range(1 if first else LATTICES.moves[self.d]):
            if not self._next(cells) or self.ended(tolerance):
                return False
        return True

    def _left(self) -> bool:
        """Whether knots would leave the layers."""
        if self.layers is None or self.last is None or self.last.relative < LATTICES.near:
            return False
        after = _narrowest(_moved(self.last, max(self.last.products.counts)))
        return after > LATTICES.lost * _narrowest(self.layers.products)

    def _settle(self, cells: int) -> None:
        """Move knots to where layers are, with the second derivatives that cells need for them."""
        narrowest, left = math.inf, math.inf
        for _ in range(LATTICES.settling[self.d]):
            near = self.layers
            products = _begun(self.refiner, cells) if near is None else _moved(near, cells)
            objective = _prepared(self.refiner, near, products, self.linear, raised=True)
            if not objective.raises:
                break
            self.layers = _solved(self.refiner, objective, 0.0)
            now = _narrowest(products)
            still = now > LATTICES.still * narrowest or self.layers.relative > LATTICES.still * left
            if still or self.refiner.monitor.ended() is not None:
                break
            narrowest, left = now, self.layers.relative
        self.last = self.layers or self.last

    def _next(self, cells: int) -> bool:
        """Solve on one lattice more."""
        refiner, last = self.refiner, self.last
        products = _begun(refiner, cells) if last is None else _moved(last, cells)
        objective = _prepared(refiner, last, products, self.linear)
        if last is not None:  # from a solution on a lattice steps are few
            steps = last.steps if self.former is not None else min(last.steps, LATTICES.followed)
            if not _fits(refiner, steps, objective, self._promises()):
                return False
        level = _solved(refiner, objective, 0.0 if last is None else last.floor)
        if refiner.monitor.ended() is not None and not level.settled and last is not None:
            return False
        self.former, self.last = None if last is self.layers else last, level
        if self.former is None:
            self.distances.clear()
        if self.former is not None and self.former.cells < level.cells:
            self.coarser = self.former.relative
        return True

    def _promises(self) -> bool:
        """Whether the error is still large, but finer lattices leave far less of the equation."""
        best, former, last = self.best, self.former, self.last
        if best is None or former is None or last is None or best.error <= LATTICES.unknown_error:
            return False
        return last.relative < LATTICES.promises * former.relative


def _narrowest(products: Products) -> float:
    return min(float(np.diff(line.cells).min()) for line in products.lines)


def _even(problem: Problem, cells: int) -> Products:
    """Even cells, as many by each coordinate of a box, and nearly square ones elsewhere."""
    domain = problem.domain
    sides = [high - low for low, high in zip(domain.low, domain.high, strict=True)]
    shares = [1.0 if isinstance(domain, Box) else side / max(sides) for side in sides]
    counts = [max(LATTICES.least, round(cells * share)) for share in shares]
    return Products.even(zip(domain.low, domain.high, strict=True), counts, LATTICES.degree[len(sides)])


def _begun(refiner: Refiner, cells: int) -> Products:
    """The first lattice: even, or with knots as dense as those of the solution that it starts from."""
    even = _even(refiner.problem, cells)
    d, ends = len(even.lines), refiner.cells
    if not ends:
        return even
    own = (Space(x, even.degree).moved(1 / np.diff(x), line.count, LATTICES.floor[d], LATTICES.growth)
           for x, line in zip(ends, even.lines, strict=True))  # fmt: skip
    return Products(tuple(own))


def _fits(refiner: Refiner, steps: int, objective: LatticeObjective, promising: bool) -> bool:
    in_time = refiner.work + steps * objective.seconds <= LATTICES.seconds * (LATTICES.longer if promising else 1.0)
    return in_time and objective.band * objective.size <= LATTICES.band


def _state(level: _Level, error: float) -> NetworkState:
    """A level's solution as a network."""
    objective, vector, rounding = level.objective, level.vector, 1e-13
    model = objective.network(vector, max(rounding, LATTICES.omitted * min(error, LATTICES.unknown_error)))
    return NetworkState(
        model, objective.constants(vector), max(level.products.counts), torch.empty(0), level.train, level.fresh
    )  # fmt: skip


def _prepared(
    refiner: Refiner, last: _Level | None, products: Products, linear: bool, *, raised: bool = False
) -> LatticeObjective:  # fmt: skip
    """The objective on a lattice, starting from where the last one ended."""
    problem = refiner.problem
    objective = LatticeObjective(problem, products, refiner.seed, raised=raised)
    objective.linear = linear
    if last is None and refiner.near is not None:
        objective.follow(refiner.near, {**problem.numbers, **refiner.begins})
    elif last is None:
        constants = {**problem.numbers, **refiner.begins}
        objective.begin(_first(refiner, products), constants)
        if not math.isfinite(objective.cost(objective.start)):
            raise not_finite()
        if refiner.guess is None and not objective.moves_integrals():
            objective.begin(objective.hill(), constants)
    else:
        objective.follow(last.known, last.objective.constants(last.vector))
    return objective


def _first(refiner: Refiner, products: Products) -> Tensor:
    """The coefficients of a first guess, or zero."""
    problem, zero = refiner.problem, torch.zeros(len(products), refiner.problem.unknowns, dtype=torch.float64)
    if refiner.guess is None:
        return zero
    objective = LatticeObjective(beginning(problem, refiner.guess), products, refiner.seed)
    objective.begin(zero, problem.numbers)
    return objective.coefficients(refiner.monitor.minimize(BandNewton(refiner.solver.steps), objective, "start"))


def _moved(last: _Level, cells: int) -> Products:
    """Knots by de Boor's rule, and as many of each coordinate as the integral of its density asks for."""
    old, problem = last.products, last.objective.problem
    if isinstance(problem.domain, Box) and not isinstance(problem, Pieced):
        highest = [np.sqrt((part**2).sum(1, keepdims=True)) for part in old.highest(last.coefficients)]
    else:
        highest = _highest_inside(last)
    d, degree, widths = len(old.lines), old.degree, [np.diff(line.cells)[:, None] for line in old.lines]
    least = LATTICES.rounding * float(np.abs(last.coefficients).max(initial=0.0))  # less is only rounding
    highest = [np.hypot(part, least * (2 / h) ** (degree + 1)) for part, h in zip(highest, widths, strict=True)]
    own = [
        max(float(part[:, 0] ** (1 / (degree + 1)) @ h[:, 0]), 1e-300) for part, h in zip(highest, widths, strict=True)
    ]
    mean = math.prod(size ** (1 / d) for size in own)
    aspects = [min(LATTICES.aspect, max(1 / LATTICES.aspect, size / mean)) for size in own]
    counts = [max(LATTICES.least, round(cells * aspect)) for aspect in aspects]
    return old.moved(highest, counts, LATTICES.floor[d], LATTICES.growth)


def _highest_inside(last: _Level) -> list[Array]:
    """Sizes of the derivative of order degree + 1 by each coordinate, per cell (cells, 1), of points in the domain.

    They are estimated by derivatives of a lower order q, of size m, as  m^((degree + 1) / q): in cells of which little
    is inside, higher ones are hardly determined.
    """
    old, problem, found = last.products, last.objective.problem, []
    points = torch.cat([side.flatten(0, 1) for held in last.objective.inner for side in held.patch.sides])
    cells, pieces = old.cell_of(points.numpy()), pieces_at(problem, points)
    for k, line in enumerate(old.lines):
        order = (k,) * LATTICES.seen_in_cut
        jets = spline_jets(old, torch.from_numpy(last.coefficients), points, [order])
        each = jets[order].square().view(len(points), -1, len(outputs_at(problem, 0))).sum(2)
        squares = each[torch.arange(len(points)), pieces].numpy()
        count = np.maximum(np.bincount(cells[:, k], minlength=line.count), 1)
        mean = np.sqrt(np.bincount(cells[:, k], squares, line.count) / count)
        found.append(mean[:, None] ** ((old.degree + 1) / len(order)))
    return found


def _solved(refiner: Refiner, objective: LatticeObjective, floor: float) -> _Level:
    monitor, cells = refiner.monitor, max(objective.products.counts)
    solver, before = BandNewton(refiner.solver.steps, floor), monitor.steps
    vector = monitor.minimize(solver, objective, f"grid {cells}")
    steps = max(1, monitor.steps - before) + (not objective.linear)  # with that which `follow` begins with
    refiner.work += steps * objective.seconds
    domain = objective.problem.domain
    others = inside(objective.products, objective.problem, LATTICES.gauss[len(domain.names)] + 1)
    train, fresh = objective.residual(vector), objective.residual(vector, others)
    monitor.record(cells, len(vector), train, fresh)
    settled, first = solver.settled, solver.first
    if not solver.taken:  # it is from a checkpoint
        settled, first = is_settled(objective, vector, floor), objective.cost(objective.start)
    level = _Level(objective, vector, steps, settled, train, fresh, floor or LATTICES.least_cost * first)
    rounded = level.relative == 0 and objective.cost(vector) < LATTICES.near_floor * level.floor
    return replace(level, settled=settled or rounded)


def _distance(former: _Level, last: _Level) -> float:
    """The distance of two solutions over the size of the last, in L2: the largest of the unknowns'.

    It is measured at the points of the last lattice, which lie where the solution varies. An unknown that is far
    smaller than the others, in the units of the equation, counts as a part of their size.
    """
    over, whole = torch.zeros(1).double(), torch.zeros(1).double()
    for held in last.objective.inner:
        (points,), weights = held.patch.flat(), held.patch.weights.flatten()
        values = [
            values_of(one.objective.problem.unknown(one.known(points), points, (), one.objective.constants(one.vector)))
            for one in (former, last)
        ]
        over = over + (weights[:, None] * (values[1] - values[0]).square()).sum(0)
        whole = whole + (weights[:, None] * values[1].square()).sum(0)
    units = last.objective.by_unknown.view(-1, len(whole)).amax(0)
    least = LATTICES.of_units * units * (whole.sqrt() / units).max()
    return float((over.sqrt() / torch.maximum(whole.sqrt(), least).clamp_min(1e-300)).max())
