"""One network at one grid after another: knots, points or test functions, and runs of the solver."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.nn import KAN, Layout, adapt_grid, clone
from edgewise.pde.geometry._domain import Box, Domain
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.solving._estimate import Estimate, estimate
from edgewise.pde.solving._even_lattice import Known
from edgewise.pde.solving._noise import Uncertainty, tuned, uncertainty
from edgewise.pde.solving._objective import Objective
from edgewise.pde.solving._settings import REFINEMENT
from edgewise.pde.statement._coefficient import Call, Laws
from edgewise.pde.statement._condition import Left, Measured
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Term, term_of, weak_term
from edgewise.train import Monitor
from edgewise.train.optim import LM

Begin = Callable[[SimpleNamespace], Any]
"""A first guess of the unknown, or a tuple of several, as a function of the coordinates p."""


def beginning(problem: Problem, guess: Begin) -> Problem:
    """Return the problem whose solution is a first guess: its residual is the distance from it.

    Errors: InputError, when it is solved, for a guess that gives something else than numbers for each point.
    """

    def residual(u: Any, p: SimpleNamespace, *_: Any) -> Left:
        unknowns, values = (u,) if isinstance(u, Jet) else u, guess(p)
        guesses = values if isinstance(values, tuple) else (values,)
        if len(guesses) != len(unknowns):
            raise InputError(f"'start' must give {len(unknowns)} unknowns. Got {len(guesses)}.")
        at = next(iter(vars(p).values()))
        return tuple(
            one.value - (own if isinstance(own, Tensor) else at.new_full(at.shape, float(own)))
            for one, own in zip(unknowns, guesses, strict=True)
        )

    return replace(problem, residual=residual, conditions=())


def not_finite() -> InputError:
    """Return the error for an equation that is not finite where solving begins."""
    return InputError(
        "The equation is not finite where solving starts: at functions near 0, or at 'start'. Give a start where it "
        "is, as start=lambda p: 1 + p.x, or make the unknown of the network by an ansatz, as lambda n, p: 1 + p.x * n."
    )


def placed(
    domain: Domain, count: int, left: Callable[[Tensor], Tensor], seed: int, turn: int
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Points (n, d), half of them with a density that grows with the residual `left`, and weights (n,) of mean one.

    Weights are one over the density, so that sums over points remain integrals over the domain. Where the residual is
    not finite, the density is the least.

    Source: Wu et al., Computer Methods in Applied Mechanics and Engineering 403 (2023), for the density.
    """
    moved = int(REFINEMENT.moved * count)
    pool = domain.points(REFINEMENT.pool * moved, seed + 7919 * turn, "random")
    even = domain.points(count - moved, seed)

    def finite(points: Tensor) -> Tensor:
        return left(points).nan_to_num(nan=0.0, posinf=0.0)

    residual = finite(pool)
    mean = residual.mean().clamp_min(1e-300)
    density = 0.5 * (residual / mean + 1.0)
    chosen = torch.multinomial(density, moved, generator=torch.Generator().manual_seed(seed + turn))
    whole = torch.cat([density[chosen], 0.5 * (finite(even) / mean + 1.0)])
    each = 1.0 / (REFINEMENT.moved * whole + 1.0 - REFINEMENT.moved)
    return torch.cat([pool[chosen], even]), each / each.mean()


class NetworkState(NamedTuple):
    """A network, constants and unknown functions; inside: points that it was trained on, with their weights.

    train and fresh: root mean squares of what the equation leaves, at those points and at others.
    """

    model: KAN
    constants: dict[str, float]
    grid: int = 0
    inside: Tensor = torch.empty(0)
    train: float = float("nan")
    fresh: float = float("inf")
    laws: Laws | None = None


class Answer(NamedTuple):
    """What solving found: its estimated error, and what the equation leaves relative to its terms.

    settled: False where the equations were not solved to the end, so that the estimate says little. falls: whether a
    finer grid leaves less of the equations, as it must where there is a solution. unique: whether there is no other, as
    is known. advice: why there is none, where that is known.
    """

    state: NetworkState
    error: float
    relative: float
    settled: bool = True
    falls: bool = True
    unique: bool = False
    advice: str = ""

    @property
    def sound(self) -> bool:
        """Whether this is a solution, however accurate."""
        return self.settled and self.falls and self.relative <= REFINEMENT.unresolved and math.isfinite(self.error)


class Refiner:
    """Trains networks for a problem; `work` is about the seconds that its steps took on one core."""

    def __init__(
        self, problem: Problem, monitor: Monitor, solver: LM, points: int, boundary: int, adaptive: bool,
        guess: Begin | None = None,
    ) -> None:  # fmt: skip
        self.guess = guess
        self.problem, self.monitor, self.solver, self.adaptive = problem, monitor, solver, adaptive
        self.begins = dict(problem.numbers)
        self.seed, self.points, self.per, self.work = monitor.options.seed, points, REFINEMENT.per_parameter, 0.0
        self.boundary = boundary
        self.near: Known | None = None  # a solution that lattices begin with, and the cells of its network
        self.cells: list[Array] = []
        self.answered: Answer | None = None  # the last
        self.conditions = [term_of(condition, boundary, self.seed + 1) for condition in problem.conditions]
        self.fresh = problem.domain.points(
            max(points, REFINEMENT.least_fresh), self.seed + 123_457
        )  # those of no other seed

    def best_of(self, models: Sequence[KAN], grids: Sequence[int], tolerance: float = 0.0) -> NetworkState:
        """The best of several networks after the first grids, by what the equation leaves at fresh points.

        Or the first whose error is below a tolerance, if that is given, on the first grid where it is.
        """
        found = []
        for model in models:
            state = NetworkState(model, dict(self.begins), laws=self.problem.laws())
            for grid in grids:
                if not found or self.monitor.ended() is None:
                    state = self.trained(state, grid)
                if 0 < state.fresh <= tolerance and self.error(state) <= self.enough(state, tolerance):
                    break
            found.append(state)
            if self.monitor.ended() is not None:
                break
            if tolerance and model is not models[-1] and self.error(state) <= self.enough(state, tolerance):
                return state
        return min(found, key=lambda state: state.fresh)

    def trained(self, state: NetworkState, grid: int) -> NetworkState:
        """Runs at one grid, before each of which knots and points move, until there are points enough."""
        begun, per = state.grid > 0, self.per
        if state.laws and not begun and self.measured:
            state = self._drawn(self._adapted(state, grid))
        if self.guess is not None and not begun:
            state = self._guessed(self._adapted(state, grid), self.guess)
        for turn in range(2 * REFINEMENT.turns):
            state = self._adapted(state, grid)
            enough = per if turn else per // 2  # the first run need not be exact
            state = self._tuned(state, grid, begun or turn > 0)
            inside, each = self._placed(state, enough, turn + grid if begun or turn else 0)
            objective = self.objective(state, inside, each)
            if not begun and not turn and not math.isfinite(objective.cost(objective.start)):
                raise not_finite()
            before = self.monitor.steps
            vector = self.monitor.minimize(self.solver, objective, f"grid {grid}")
            self.work += (self.monitor.steps - before) * objective.seconds  # with those of a checkpoint
            state = _at(objective, vector)._replace(laws=objective.functions(vector))
            left, rows = objective.residual(vector, objective.terms[0]), objective.terms[0]
            train = float(rows.weigh(left).square().mean().sqrt())
            fresh = float(objective.residual(vector, rows.at([self.fresh])).square().mean().sqrt())
            if self.monitor.ended() is not None or (turn + 1 >= REFINEMENT.turns and fresh <= REFINEMENT.close * train):
                break
            if turn + 1 >= REFINEMENT.turns:
                if 2 * per > REFINEMENT.most_per_parameter or 2 * len(inside) > REFINEMENT.most_points:
                    break
                per *= 2
        self.monitor.record(grid, len(vector), train, fresh)
        return state._replace(grid=grid, inside=inside, train=train, fresh=fresh)

    def predicted(self, state: NetworkState, grid: int) -> float:
        """About the seconds that training at another grid takes on one core."""
        model = self._adapted(state, grid).model
        points = torch.empty(max(self.points, self.per * Layout(model).size), 0)
        term = Term(self.problem.residual, [points], 1.0)
        return REFINEMENT.turns * self.solver.steps * Objective(self.problem, model, state.constants, [term]).seconds

    def error(self, state: NetworkState) -> float:
        """The estimated error of a network."""
        return self.answer(state).error

    def uncertain(self, state: NetworkState) -> Uncertainty:
        """What the noise of the measurements makes uncertain."""
        objective = self.objective(state, state.inside if len(state.inside) else None)
        return uncertainty(objective, [k + 1 for k in self.measured])

    def enough(self, state: NetworkState, tolerance: float) -> float:
        """The tolerance, or with unknown functions a small part of what noise makes uncertain, where that is more."""
        if not state.laws or not self.measured:
            return tolerance
        values = torch.cat([c.values for c in self.problem.conditions if isinstance(c, Measured)])
        size = float(values.square().mean().sqrt())
        part = REFINEMENT.of_noise_on_line if len(self.problem.domain.names) == 1 else REFINEMENT.of_noise
        return max(tolerance, part * self.uncertain(state).solution / max(size, 1e-300))

    def calls(self, state: NetworkState) -> list[Call]:
        """Where unknown functions are called."""
        objective = self.objective(state)
        return objective.calls(objective.start)

    def answer(self, state: NetworkState) -> Answer:
        if self.answered is None or self.answered.state is not state:
            self.answered = self._answer(state)
        return self.answered

    def _answer(self, state: NetworkState) -> Answer:
        objective = self.judged(state)
        known, relative = self._estimated(state, objective), objective.relative(objective.start, objective.terms[0])
        falls = bool(self.measured) or known.kept < REFINEMENT.at_minimum or relative < REFINEMENT.rounding
        return Answer(state, known.error, relative, falls=falls)

    def objective(self, state: NetworkState, inside: Tensor | None = None, each: Tensor | None = None) -> Objective:
        """The equation at points, fresh ones unless others are given, and its conditions, for a copy of a network."""
        inner = Term(self.problem.residual, [self.fresh if inside is None else inside], 1.0, each)
        conditions = list(self.conditions)
        if state.laws is not None and state.laws.weights:
            for k, weight in zip(self.measured, state.laws.weights, strict=True):
                conditions[k] = conditions[k].weighted(weight)
        return Objective(self.problem, clone(state.model), state.constants, [inner, *conditions], state.laws)

    def judged(self, state: NetworkState) -> Objective:
        """The same by which a network is judged."""
        return self.objective(state)

    def _estimated(self, state: NetworkState, objective: Objective) -> Estimate:
        """The estimated error, and whether it is one."""
        self.monitor.show(f"grid {state.grid}", "estimating the error")
        return estimate(objective, self.seed)

    @property
    def measured(self) -> list[int]:
        """Which of the conditions are measurements."""
        return [k for k, condition in enumerate(self.problem.conditions) if isinstance(condition, Measured)]

    def _drawn(self, state: NetworkState) -> NetworkState:
        """A network drawn to the measurements, with unknown functions as they begin and hardly any equation.

        Joint training from nothing can end where a function vanishes, and the solution does not move.
        """
        inner = Term(self.problem.residual, [self._placed(state, self.per // 2, 0)[0]], REFINEMENT.hardly)
        terms = [inner, *self.conditions]
        objective = Objective(self.problem, clone(state.model), state.constants, terms, Laws.none())
        vector = self.monitor.minimize(self.solver, objective, "measurements")
        self.work += objective.steps * objective.seconds
        return _at(objective, vector)._replace(laws=state.laws)

    def _guessed(self, state: NetworkState, guess: Begin) -> NetworkState:
        """A network near a first guess."""
        problem = beginning(self.problem, guess)
        inner = Term(problem.residual, [self._placed(state, self.per // 2, 0)[0]], 1.0)
        objective = Objective(problem, clone(state.model), state.constants, [inner], Laws.none())
        vector = self.monitor.minimize(self.solver, objective, "start")
        return state._replace(model=clone(objective.network(vector)))

    def _tuned(self, state: NetworkState, grid: int, begun: bool) -> NetworkState:
        """Unknown functions with knots where they are called, and once there is a solution as smooth as it says."""
        if not state.laws:
            return state
        state = state._replace(laws=state.laws.adapted(self.calls(state), grid))
        if not begun or not self.measured:
            return state
        stated = [self.conditions[k].weight for k in self.measured]
        return state._replace(laws=tuned(self.objective(state), [k + 1 for k in self.measured], stated))

    def _adapted(self, state: NetworkState, grid: int) -> NetworkState:
        """The network with knots over the domain, and over what its nodes take there."""
        domain, sides = self.problem.domain, [side for term in self.conditions for side in term.points]
        rim = torch.stack(domain.ends) if isinstance(domain, Box) else domain.boundary().points(200)
        return state._replace(model=adapt_grid(state.model, torch.cat([self.fresh, *sides, rim]), grid))

    def _placed(self, state: NetworkState, per: int, turn: int) -> tuple[Tensor, Tensor | None]:
        """Even points at first, and moved ones at later turns, with their weights."""
        count = max(self.points, min(REFINEMENT.most_points, per * Layout(state.model).size))
        if not turn or not self.adaptive:
            return self.problem.domain.points(count, self.seed), None
        objective = self.objective(state)
        rows = objective.terms[0]
        return placed(
            self.problem.domain, count, lambda at: objective.residual(objective.start, rows.at([at])), self.seed, turn
        )


class WeakRefiner(Refiner):
    """Trains networks for a weak form."""

    def trained(self, state: NetworkState, grid: int) -> NetworkState:
        """Runs at one grid, before each of which knots move."""
        for turn in range(REFINEMENT.turns):
            objective = self.objective(self._adapted(state, grid))
            vector = self.monitor.minimize(self.solver, objective, f"grid {grid}")
            self.work += objective.steps * objective.seconds
            state = _at(objective, vector)
            if self.monitor.ended() is not None or (turn == 0 and len(state.model.layers) == 1):
                break
        term = objective.terms[0]
        train = float(objective.residual(vector, term).square().mean().sqrt())
        other = self._term(len(vector), grid, REFINEMENT.judged_finer)
        fresh = float(objective.residual(vector, other).square().mean().sqrt())
        self.monitor.record(grid, len(vector), train, fresh)
        return state._replace(grid=grid, inside=term.points[0], train=train, fresh=fresh)

    def objective(
        self, state: NetworkState, inside: Tensor | None = None, each: Tensor | None = None, finer: float = 1.0
    ) -> Objective:  # fmt: skip
        """The weak form against test functions, whose points are those of its integrals."""
        model = state.model
        term = self._term(Layout(model).size, max(layer.grid for layer in model.layers), finer)
        return Objective(self.problem, clone(model), state.constants, [term, *self.conditions])

    def judged(self, state: NetworkState) -> Objective:
        """The same against other test functions."""
        return self.objective(state, finer=REFINEMENT.judged_finer)

    def _term(self, size: int, grid: int, finer: float) -> Term:
        d = len(self.problem.domain.names)
        most = REFINEMENT.most_tests ** (1 / d)
        cells = min(most, max((REFINEMENT.tests * size) ** (1 / d), REFINEMENT.of_grid.get(d, 0.0) * grid))
        return weak_term(self.problem, 0, math.ceil(finer * cells))


def _at(objective: Objective, vector: Tensor) -> NetworkState:
    """The network and the constants at a vector."""
    return NetworkState(clone(objective.network(vector)), objective.constants(vector))
