"""One network at one grid after another: knots, points, and runs of the solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.nn import KAN, adapt_grid, clone
from edgewise.optim import LM
from edgewise.pde._box import Box
from edgewise.pde._estimate import estimate
from edgewise.pde._objective import Objective, Term
from edgewise.pde._placing import placed
from edgewise.pde._problem import Problem
from edgewise.train import Monitor

_PER_PARAMETER = 12  # points: with 4, residuals between them were seen to be 100 times those at them
_MOST_PER_PARAMETER = 48
_MOST_POINTS = 60_000
_CLOSE = 1.5  # fresh residuals over trained ones, above which there are too few points
_TURNS = 2
_FRESH = 123_457  # added to a seed: points to judge on
_LEAST_FRESH = 2000
_RIM = 200  # points of the boundary that knots must reach


class State(NamedTuple):
    """A network and constants; inside: points that it was trained on, with their weights.

    train and fresh: root mean squares of what the equation leaves, at those points and at others.
    """

    model: KAN
    constants: dict[str, float]
    grid: int = 0
    inside: Tensor = torch.empty(0)
    train: float = float("nan")
    fresh: float = float("inf")


class Refiner:
    """Trains networks for a problem; `work` is about the seconds that its steps took on one core."""

    def __init__(
        self, problem: Problem, monitor: Monitor, solver: LM, points: int, boundary: int, adaptive: bool
    ) -> None:
        self.problem, self.monitor, self.solver, self.adaptive = problem, monitor, solver, adaptive
        self.seed, self.points, self.per, self.work = monitor.options.seed, points, _PER_PARAMETER, 0.0
        self.conditions = [
            Term(c.equation, c.points(boundary, self.seed + 1), c.weight) for c in problem.conditions
        ]  # fmt: skip
        self.fresh = problem.domain.points(max(points, _LEAST_FRESH), self.seed + _FRESH)

    def best_of(self, models: Sequence[KAN], grids: Sequence[int]) -> State:
        """The best of several networks after the first grids, by what the equation leaves at fresh points."""
        found = []
        for model in models:
            state = State(model, dict(self.problem.numbers))
            for grid in grids:
                if not found or self.monitor.ended() is None:
                    state = self.trained(state, grid)
            found.append(state)
            if self.monitor.ended() is not None:
                break
        return min(found, key=lambda state: state.fresh)

    def trained(self, state: State, grid: int) -> State:
        """Runs at one grid, before each of which knots and points move, until there are points enough."""
        model, constants, begun, per = state.model, state.constants, state.grid > 0, self.per
        for turn in range(2 * _TURNS):
            model = self._adapted(model, grid)
            enough = per if turn else per // 2  # the first run need not be exact
            inside, each = self._placed(model, constants, enough, turn + grid if begun or turn else 0)
            objective = self.objective(clone(model), constants, inside, each)
            before = self.monitor.steps
            vector = self.monitor.minimize(self.solver, objective, f"grid {grid}")
            self.work += (self.monitor.steps - before) * objective.seconds  # with those of a checkpoint
            model, constants = clone(objective.network(vector)), objective.constants(vector)
            left, rows = objective.residual(vector, objective.terms[0]), objective.terms[0]
            train = float(rows.weigh(left).square().mean().sqrt())
            fresh = float(objective.residual(vector, rows.at([self.fresh])).square().mean().sqrt())
            if self.monitor.ended() is not None or (turn + 1 >= _TURNS and fresh <= _CLOSE * train):
                break
            if turn + 1 >= _TURNS:
                if 2 * per > _MOST_PER_PARAMETER or 2 * len(inside) > _MOST_POINTS:
                    break
                per *= 2
        self.monitor.record(grid, len(vector), train, fresh)
        return State(model, constants, grid, inside, train, fresh)

    def predicted(self, state: State, grid: int) -> float:
        """About the seconds that training at another grid takes on one core."""
        model = self._adapted(state.model, grid)
        size = Objective(self.problem, model, state.constants, []).layout.size
        points = torch.empty(max(self.points, self.per * size), 0)
        term = Term(self.problem.residual, [points], 1.0)
        return _TURNS * self.solver.steps * Objective(self.problem, model, state.constants, [term]).seconds

    def error(self, state: State) -> float:
        """The estimated error of a network."""
        self.monitor.show(f"grid {state.grid}", "estimating the error")
        objective = self.objective(clone(state.model), state.constants, self.fresh)
        return estimate(self.problem, state.model, objective, self.seed)

    def relative(self, state: State) -> float:
        """What the equation leaves at fresh points, over its terms."""
        objective = self.objective(clone(state.model), state.constants, self.fresh)
        return objective.relative(objective.start, objective.terms[0])

    def objective(
        self, model: KAN, constants: dict[str, float], inside: Tensor, each: Tensor | None = None
    ) -> Objective:  # fmt: skip
        inner = Term(self.problem.residual, [inside], 1.0, each)
        return Objective(self.problem, model, constants, [inner, *self.conditions])

    def _adapted(self, model: KAN, grid: int) -> KAN:
        """The network with knots over the domain, and over what its nodes take there."""
        domain, sides = self.problem.domain, [side for term in self.conditions for side in term.points]
        rim = torch.stack(domain.ends) if isinstance(domain, Box) else domain.boundary().points(_RIM)
        return adapt_grid(model, torch.cat([self.fresh, *sides, rim]), grid)

    def _placed(
        self, model: KAN, constants: dict[str, float], per: int, turn: int
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Even points at first, and moved ones at later turns, with their weights."""
        count = max(self.points, min(_MOST_POINTS, per * Objective(self.problem, model, constants, []).layout.size))
        if not turn or not self.adaptive:
            return self.problem.domain.points(count, self.seed), None
        objective = self.objective(clone(model), constants, self.fresh)
        rows = objective.terms[0]
        return placed(
            self.problem.domain, count, lambda at: objective.residual(objective.start, rows.at([at])), self.seed, turn
        )
