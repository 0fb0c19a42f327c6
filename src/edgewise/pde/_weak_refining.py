"""One network at one grid after another, for a weak form: as many test functions as the grid needs."""

from __future__ import annotations

import math

from torch import Tensor

from edgewise.nn import KAN, clone
from edgewise.pde._estimate import Estimate, estimate
from edgewise.pde._laws import Laws
from edgewise.pde._linear import Term
from edgewise.pde._objective import Objective
from edgewise.pde._refining import Refiner, State
from edgewise.pde._weak_term import weak_term

_TESTS = 2.0  # functions for each parameter
_FINER = 1.3  # cells of the functions that judge, over those of the functions that train
_OF_GRID = {1: 2.0, 2: 1.5, 3: 0.0}  # cells of the functions, over those of the network, by the number of coordinates
_MOST = 1600  # functions
_TURNS = 2


class WeakRefiner(Refiner):
    """Trains networks for a weak form."""

    def trained(self, state: State, grid: int) -> State:
        """Runs at one grid, before each of which knots move."""
        model, constants = state.model, state.constants
        for turn in range(_TURNS):
            model = self._adapted(model, grid)
            objective = self.objective(clone(model), constants, self.fresh)
            vector = self.monitor.minimize(self.solver, objective, f"grid {grid}")
            self.work += objective.steps * objective.seconds
            model, constants = clone(objective.network(vector)), objective.constants(vector)
            if self.monitor.ended() is not None or (turn == 0 and len(model.layers) == 1):
                break
        term = objective.terms[0]
        left = objective.residual(vector, term)
        train = float(left.square().mean().sqrt())
        other = self._term(len(vector), grid, _FINER)
        fresh = float(objective.residual(vector, other).square().mean().sqrt())
        self.monitor.record(grid, len(vector), train, fresh)
        return State(model, constants, grid, term.points[0], train, fresh)

    def estimated(self, state: State) -> Estimate:
        """The estimated error of a network, and whether it is one."""
        objective = Objective(self.problem, clone(state.model), state.constants, [self._at(state), *self.conditions])
        return estimate(self.problem, state.model, objective, self.seed)

    def relative(self, state: State) -> float:
        """What the equation leaves against new test functions, over its terms."""
        term = self._at(state)
        objective = Objective(self.problem, clone(state.model), state.constants, [term, *self.conditions])
        return objective.relative(objective.start, term)

    def _at(self, state: State) -> Term:
        size = Objective(self.problem, state.model, state.constants, []).layout.size
        return self._term(size, max(layer.grid for layer in state.model.layers), _FINER)

    def objective(
        self, model: KAN, constants: dict[str, float], inside: Tensor, each: Tensor | None = None,
        laws: Laws | None = None,
    ) -> Objective:  # fmt: skip
        """The weak form against the functions for training, whose points are those of its integrals."""
        size = Objective(self.problem, model, constants, []).layout.size
        term = self._term(size, max(layer.grid for layer in model.layers))
        return Objective(self.problem, model, constants, [term, *self.conditions])

    def _term(self, size: int, grid: int, finer: float = 1.0) -> Term:
        d = len(self.problem.domain.names)
        most = _MOST ** (1 / d)
        cells = min(most, max((_TESTS * size) ** (1 / d), _OF_GRID.get(d, 0.0) * grid))
        return weak_term(self.problem, 0, math.ceil(finer * cells))
