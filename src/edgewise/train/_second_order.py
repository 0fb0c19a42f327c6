"""Second-order training, on numbers and on classes: runs of a solver on the rows of a fit, and brief refits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from edgewise._callbacks import callbacks, calling
from edgewise._deadline import Deadline, cut
from edgewise._renamed import replaced
from edgewise.nn import KAN, Layout, adapt_grid, clone, has_shapes, shaped
from edgewise.train._context import Context, Partition, Trained, objective
from edgewise.train._data import Table
from edgewise.train._loss import error_of, tuned
from edgewise.train._objective import Objective, Quadratic, penalty, smoothing_by_gcv
from edgewise.train._options import grid_of, own_grids, spline_edges, too_fine
from edgewise.train._result import Outcome
from edgewise.train._starts import best_start
from edgewise.train._tuning import TUNING
from edgewise.train.optim import LM, LeastSquaresSolver


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
            solver = solver.rough(TUNING.coarse, products=products)
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


@dataclass(frozen=True)
class RefitPass:
    """A refit is about to pass over its rows: what a callback raises then ends it, and nothing has changed.

    Actions that try much, such as `edgewise.symbolic.candidates`, refit a network for each trial.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> def check(event):
    ...     raise TimeoutError("enough")
    >>> x = torch.rand(50, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> y = torch.sin(3 * x)
    >>> model = ew.fit(ew.KAN([1, 1], grid=3, seed=0), x, y).model
    >>> with ew.calling(check, ew.train.RefitPass):
    ...     ew.symbolic.candidates(model, x, y, (0, 0, 0))
    Traceback (most recent call last):
    TimeoutError: enough
    """


def refit_check(check: Callable[[], object]) -> AbstractContextManager[None]:
    """Call a function before each pass of the refits inside: the former name of `edgewise.calling`.

    Parameters
    ----------
    check
        The function; what it raises ends the refit.
    """
    replaced("edgewise.train.refit_check(f)", "edgewise.calling(f, edgewise.train.RefitPass)")
    return calling(lambda event: check(), RefitPass)


def _present_check() -> None:
    for callback in callbacks(RefitPass):
        callback(RefitPass())


def refit(model: KAN, table: Table, steps: int, tolerance: float = 1e-4) -> tuple[KAN, float]:
    """Return the network after some Levenberg-Marquardt steps, and its error, infinite if undefined.

    Parameters
    ----------
    model
        The network; it is not changed.
    table
        The rows.
    steps
        Steps at most.
    tolerance
        Relative decrease of the cost below which a run ends.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.train import Table, refit
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> _, error = refit(ew.KAN([1, 1], grid=3), Table(x, x**2, torch.ones(20, dtype=torch.float64)), steps=20)
    >>> error < 1e-6
    True
    """
    if error_of(model, table) == float("inf"):
        return model, float("inf")
    solver = LM(steps=steps, tolerance=tolerance, damping=1e-4)
    for _ in range(5 if has_shapes(model) else 1):  # to find the differences that a monotone edge forbids
        form = penalty(model, table, 0.0, 0.0) if spline_edges(model) else Quadratic()
        problem = Objective(clone(model), table, form, check=_present_check)
        if problem.layout.size:
            vector, _ = solver.minimize(problem, problem.start)
            model = clone(problem.network(vector))
    model = shaped(model)
    return model, error_of(model, table)


class RegressionTrainer(SecondOrderTrainer):
    """Trains a network from coarse to fine grids; one that was trained before continues from what it is."""

    def run(self, model: KAN, schedule: Sequence[Any]) -> Trained:
        if not self.context.trained:
            coarse = model if schedule[0] is None else adapt_grid(model, self.split.train.subsample.x, schedule[0])
            model = best_start(coarse, self.context)
        selected, outcome = self._grow(model, schedule)
        polished = self._polish(selected) if self.split.leaves_out and not self.monitor.ended() else selected
        if len(schedule) == 1 and outcome is Outcome.GRIDS_DONE:
            outcome = Outcome.CONVERGED
        return Trained(polished, selected, outcome, self.loss)

    def _grow(self, model: KAN, schedule: Sequence[Any]) -> tuple[KAN, Outcome]:
        """Train grid after grid; return the best on validation rows, or the last if the grids are given."""
        automatic = self.context.automatic
        self.tune(model, self.split.train)
        best, best_error, worse, error = model, math.inf, 0, math.inf
        if self.context.trained and automatic:
            best_error = self.validation_error(model)
        outcome = Outcome.GRIDS_DONE
        for number, grid in enumerate(schedule):
            if automatic and number and too_fine(model, grid, self.split.final, self.context.solver):
                outcome = Outcome.ROWS_EXHAUSTED
                break
            model = self._train(model, self.split.train, grid)
            error = self.record(model)
            if self.context.loss is not self.loss and best_error < math.inf:
                best_error = self.validation_error(best)  # with the loss in use
            if error < best_error:
                worse = 0 if error < 0.8 * best_error else worse + 1
                best, best_error = model, error
            else:
                worse += 1
            if best_error < TUNING.exact:
                outcome = Outcome.EXACT
                break
            # As long as nothing is learned, a finer grid may be all that is missing.
            if automatic and worse >= (2 if best_error < 0.3 else 4):
                outcome = Outcome.OVERFIT if error > 1.2 * best_error else Outcome.CONVERGED
                break
            if ended := self.monitor.ended():
                outcome = ended
                break
        return best if automatic else model, outcome

    def _polish(self, model: KAN) -> KAN:
        """Train the selected grid on all rows; keep the result unless it is worse."""
        full = self.split.full
        before = self.error(model, full)
        polished = self._train(model, full, own_grids(model) if spline_edges(model) else None)
        after = self.error(polished, full)
        if self.context.loss is not self.loss:
            before = self.error(model, full)
        if after > before * (1 + 1e-6) and self.context.sparsity == 0:
            return model
        self.context.record(polished, after, math.nan)  # no row is held out any more
        return polished

    def _train(self, model: KAN, part: Partition, grid: Any) -> KAN:
        """Train on one grid. If the fit ends here, return the best of its runs, or the network as it was before.

        New knots change a network's curves: one that is stopped soon after may be far worse than before.
        """
        if grid is None:
            return self.descend(model, part, Quadratic())
        runs = [model]
        sparse = self.context.sparsity > 0
        trained = self._sparse(model, part, grid) if sparse else self._smooth(model, part, grid, runs)
        return self._best([trained, *runs], part.in_memory) if self.monitor.ended() else trained

    def _smooth(self, model: KAN, part: Partition, grid: Any, runs: list[KAN]) -> KAN:
        """Three runs on one grid, noted in `runs`; the knots move before all but the last."""
        smoothing = 0.0
        for turn in range(3):
            if turn < 2:
                model = adapt_grid(model, part.subsample.x, grid)
                smoothing = self._smoothing(model, part)
            self.tune(model, part)
            model = self.descend(model, part, self._penalty(model, part, smoothing))
            runs.append(model)
            if turn == 0 and not self.monitor.ended():
                model = self._freed(model, part)
            if self.monitor.ended():
                return model
        return self._exact(model, part)

    def _freed(self, model: KAN, part: Partition) -> KAN:
        """Return a network that has learned little, trained once more without penalties, if that helps.

        Cells with few rows are expected to be as rough as others, all the more the larger the error: curves that are
        flat would stay flat.
        """
        error, count = self.error(model, part), len(part.rows) * model.n_out
        if error < TUNING.little or Layout(model).size > 0.5 * count:
            return model
        freed = self.descend(model, part, Quadratic())
        return freed if self.error(freed, part) < 0.5 * error else model

    def _sparse(self, model: KAN, part: Partition, grid: Any) -> KAN:
        """Up to eight reweighted runs with sparsity, as long as error and scores, as they really are, fall.

        Within a run the scores' sensitivities are frozen, so a run may end where only the frozen scores are small. A
        network that was trained before is kept if the first run ends far above it.
        """
        best, lowest = model, math.inf
        if self.context.trained:
            best = adapt_grid(model, part.subsample.x, grid)
            self.tune(best, part)
            lowest = TUNING.given_up * self._scored(best, part)
        for _ in range(8):
            model = adapt_grid(model, part.subsample.x, grid)
            self.tune(model, part)
            form = self._penalty(model, part, self._smoothing(model, part), self.context.sparsity)
            model = self.descend(model, part, form)
            objective = self._scored(model, part)
            if objective >= lowest:
                break
            best, lowest = model, objective
            if self.monitor.ended():
                break
        return best

    def _penalty(self, model: KAN, part: Partition, smoothing: float, sparsity: float = 0.0) -> Quadratic:
        return penalty(model, part.subsample, sparsity, smoothing, loss=self.loss, rows=len(part.rows))

    def _smoothing(self, model: KAN, part: Partition) -> float:
        """Return the weight of the second differences: as given, or by cross-validation if parameters are many."""
        if not isinstance(self.context.options.smoothing, str):
            return self.context.options.smoothing
        size, rows = Layout(model).size, len(part.rows)
        if size < 0.25 * rows * model.n_out or size > TUNING.smoothed_parameters or spline_edges(model) == 0:
            return 0.0
        problem = Objective(clone(model), part.rows, loss=self.loss)
        chosen = 0.0

        def choose() -> None:
            nonlocal chosen
            equations = problem.normal_equations(problem.start)
            chosen = smoothing_by_gcv(model, part.subsample, equations, problem.start, self.loss, rows)

        cut(self.monitor.deadline if isinstance(part.rows, Table) else Deadline.never(), choose)
        return chosen

    def _scored(self, model: KAN, part: Partition) -> float:
        return objective(model, part, self.loss, self.context.sparsity)

    def _best(self, models: Sequence[KAN], part: Partition) -> KAN:
        """Return the network with the smallest error, or with sparsity the smallest objective, the first of equals."""
        return min(models, key=lambda model: self._scored(model, part))

    def _exact(self, model: KAN, part: Partition) -> KAN:
        """Near an exact solution, go on without penalties: they block the curved path that leads there."""
        error = self.error(model, part)
        if has_shapes(model) or error > TUNING.promising or Layout(model).size > 0.25 * len(part.rows) * model.n_out:
            return model
        for _ in range(8):
            freed = self.descend(model, part, Quadratic())
            after = self.error(freed, part)
            if after > error / 3:
                break
            model, error = freed, after
            if error < TUNING.exact or self.monitor.ended():
                break
        return model
