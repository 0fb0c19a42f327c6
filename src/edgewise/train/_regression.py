"""Second-order training on numbers: grid after grid, keeping the one with the smallest validation error."""

import math
from collections.abc import Sequence
from typing import Any

from edgewise._deadline import Deadline, cut
from edgewise.nn import KAN, Layout, adapt_grid, clone, has_shapes
from edgewise.train._choices import own_grids, spline_edges, too_fine
from edgewise.train._data import Table
from edgewise.train._objective import Objective, Quadratic
from edgewise.train._penalty import penalty, smoothing_by_gcv
from edgewise.train._result import Outcome
from edgewise.train._safeguard import objective
from edgewise.train._second_order import SecondOrderTrainer
from edgewise.train._split import Partition, Trained
from edgewise.train._starts import best_start

_PROMISING = 1e-6  # in standard deviations of the target: the solution may be exact
_EXACT = 1e-13  # in standard deviations of the target
_LITTLE = 0.4  # an error, in standard deviations of the target
_FAR = 2.0  # times the error and the scores before
_MAX_PARAMETERS = 2000  # up to which the smoothing is chosen: that factors a dozen matrices


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
            if best_error < _EXACT:
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
        if error < _LITTLE or Layout(model).size > 0.5 * count:
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
            lowest = _FAR * self._scored(best, part)
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
        if size < 0.25 * rows * model.n_out or size > _MAX_PARAMETERS or spline_edges(model) == 0:
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
        if has_shapes(model) or error > _PROMISING or Layout(model).size > 0.25 * len(part.rows) * model.n_out:
            return model
        for _ in range(8):
            freed = self.descend(model, part, Quadratic())
            after = self.error(freed, part)
            if after > error / 3:
                break
            model, error = freed, after
            if error < _EXACT or self.monitor.ended():
                break
        return model
