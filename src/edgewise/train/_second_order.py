"""Runs of a second-order solver on the rows of a fit, and a brief one on a table."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from edgewise.nn import KAN, clone, has_shapes, shaped
from edgewise.train._choices import grid_of, spline_edges
from edgewise.train._data import Table
from edgewise.train._error import error_of, tuned
from edgewise.train._objective import Objective, Quadratic
from edgewise.train._penalty import penalty
from edgewise.train._refit_check import present_check
from edgewise.train._split import Context, Partition, Trained
from edgewise.train.optim import LM, LeastSquaresSolver

_COARSE = 1e-2  # tolerance of a run of few steps


class SecondOrderTrainer(ABC):
    """Trains with a second-order solver. `loss` is the loss in use: a robust loss is re-tuned to the residuals."""

    def __init__(self, context: Context[LeastSquaresSolver]) -> None:
        self.context, self.split, self.monitor = context, context.split, context.monitor
        self.loss = context.loss

    @abstractmethod
    def run(self, model: KAN, schedule: Sequence[int | None]) -> Trained:
        """Train a network on each grid of a schedule ([None]: on the grids it has)."""

    def tune(self, model: KAN, part: Partition) -> None:
        """Tune the loss to the network's residuals."""
        self.loss = tuned(self.context.loss, model, part.subsample)

    def descend(
        self, model: KAN, part: Partition, penalty: Quadratic, steps: float = math.inf, products: int | None = None
    ) -> KAN:
        """Return the network after one run of the solver: a rough one if its steps, and products in each, are limited.

        If the fit has to end in the middle of a pass over the rows, the run ends there, with its last step.
        """
        check = self.monitor.check if part.rows.ranks.alone else _go_on  # ranks end a run together, after a step
        problem = Objective(clone(model), part.rows, penalty, self.loss, check)
        if problem.layout.size == 0:
            return model
        solver = self.context.solver
        if steps < math.inf:
            solver = solver.rough(_COARSE, products=products)
        place, stream = f"grid {grid_of(model)}", not isinstance(part.rows, Table)
        return clone(problem.network(self.monitor.minimize(solver, problem, place, steps, stream=stream)))

    def error(self, model: KAN, part: Partition) -> float:
        return error_of(model, part.rows, self.loss)

    def validation_error(self, model: KAN) -> float:
        """Return the error on the validation rows, or on the training rows if there are none."""
        return error_of(model, self.split.validation, self.loss)

    def record(self, model: KAN) -> float:
        """Add a row to the history; return its validation error."""
        error = self.validation_error(model)
        self.context.record(model, self.error(model, self.split.train), error if self.split.validates else math.nan)
        return error


def _go_on() -> None:
    """Do not stop in the middle of a pass."""


_TURNS = 5  # to find the differences that a monotone edge forbids


def refit(model: KAN, table: Table, steps: int, tolerance: float = 1e-4) -> tuple[KAN, float]:
    """Return the network after at most `steps` Levenberg-Marquardt steps, and its error, infinite if undefined."""
    if error_of(model, table) == float("inf"):
        return model, float("inf")
    solver = LM(steps=steps, tolerance=tolerance, damping=1e-4)
    for _ in range(_TURNS if has_shapes(model) else 1):
        form = penalty(model, table, 0.0, 0.0) if spline_edges(model) else Quadratic()
        problem = Objective(clone(model), table, form, check=present_check())
        if problem.layout.size:
            vector, _ = solver.minimize(problem, problem.start)
            model = clone(problem.network(vector))
    model = shaped(model)
    return model, error_of(model, table)
