"""Second-order training on targets: grid after grid, the best on held-out rows kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgewise.nn import KAN, Layout, adapt_grid, has_shapes
from edgewise.train._penalty import penalty
from edgewise.train._quadratic import Quadratic
from edgewise.train._result import Outcome
from edgewise.train._runner import Runner
from edgewise.train._schedule import grid_of, spline_edges, too_fine
from edgewise.train._split import Part
from edgewise.train._starts import best_start

_PROMISING = 1e-6  # of the target's spread: the solution may be exact
_EXACT = 1e-13  # of the target's spread
_FAR = 2.0  # times what error and scores were before


class SecondOrder:
    """Trains a network coarse to fine; one that is `trained` already goes on from what it is."""

    def __init__(self, runner: Runner, sparsity: float, trained: bool) -> None:
        self.runner, self.sparsity, self.trained = runner, sparsity, trained
        self.split, self.late = runner.split, runner.late

    def run(self, model: KAN, schedule: Sequence[int | None], automatic: bool) -> tuple[KAN, KAN, Outcome]:
        """The network, what it was before it was trained on the held-out rows as well, and how it ended."""
        if not self.trained:
            coarse = model if schedule[0] is None else adapt_grid(model, self.split.train.sample.x, schedule[0])
            runner = self.runner
            model = best_start(coarse, self.split, runner.given, runner.options, runner.solver, runner.monitor)
        chosen, outcome = self._grow(model, schedule, automatic)
        polished = self._polish(chosen) if self.split.leaves_out and not self.late() else chosen
        if len(schedule) == 1 and outcome is Outcome.GRIDS_DONE:
            outcome = Outcome.CONVERGED
        return polished, chosen, outcome

    def _grow(self, model: KAN, schedule: Sequence[int | None], automatic: bool) -> tuple[KAN, Outcome]:
        """Grid after grid, the best on held-out rows kept, or the last where the grids are given."""
        runner = self.runner
        runner.tune(model, self.split.train)
        best, best_error, worse, error = model, math.inf, 0, math.inf
        if self.trained and automatic:
            best_error = runner.held(model)
        outcome = Outcome.GRIDS_DONE
        for number, grid in enumerate(schedule):
            if automatic and number and too_fine(model, grid, self.split.final, self.runner.solver):
                outcome = Outcome.ROWS_EXHAUSTED
                break
            model = self._train(model, self.split.train, grid)
            error = runner.record(model)
            if runner.given is not runner.loss and best_error < math.inf:
                best_error = runner.held(best)  # by the loss of now
            if error < best_error:
                worse = 0 if error < 0.8 * best_error else worse + 1
                best, best_error = model, error
            else:
                worse += 1
            if best_error < _EXACT:
                outcome = Outcome.EXACT
                break
            # Until something is learned, a finer grid may be all that is missing.
            if automatic and worse >= (2 if best_error < 0.3 else 4):
                outcome = Outcome.OVERFIT if error > 1.2 * best_error else Outcome.CONVERGED
                break
            if ended := self.late():
                outcome = ended
                break
        return best if automatic else model, outcome

    def _polish(self, model: KAN) -> KAN:
        """The chosen grid trained on all rows, kept unless that spoils it."""
        runner, whole = self.runner, self.split.whole
        before = runner.error(model, whole)
        polished = self._train(model, whole, grid_of(model) if spline_edges(model) else None)
        after = runner.error(polished, whole)
        if runner.given is not runner.loss:
            before = runner.error(model, whole)
        if after > before * (1 + 1e-6) and self.sparsity == 0:
            return model
        runner.log(polished, after, math.nan)  # no row is held out any more
        return polished

    def _train(self, model: KAN, part: Part, grid: int | None) -> KAN:
        """Three runs at one grid; the knots move before all but the last."""
        if grid is None:
            return self.runner.descend(model, part, Quadratic())
        if self.sparsity > 0:
            return self._sparse(model, part, grid)
        smoothing = 0.0
        for turn in range(3):
            if turn < 2:
                model = adapt_grid(model, part.sample.x, grid)
                smoothing = self.runner.smoothing(model, part)
            self.runner.tune(model, part)
            model = self.runner.descend(model, part, self.runner.penalty(model, part, smoothing))
            if self.late():
                return model
        return self._exact(model, part)

    def _sparse(self, model: KAN, part: Part, grid: int) -> KAN:
        """Up to eight runs with sparsity, reweighted in each, as long as error and scores, as they really are, fall.

        Within a run the scores' sensitivities are frozen, so that it can end where only the frozen scores are small. A
        network that was trained before is kept where the first run ends far above it.
        """
        runner, best, least = self.runner, model, math.inf
        if self.trained:
            best = adapt_grid(model, part.sample.x, grid)
            runner.tune(best, part)
            least = _FAR * self._scored(best, part)
        for _ in range(8):
            model = adapt_grid(model, part.sample.x, grid)
            runner.tune(model, part)
            form = runner.penalty(model, part, runner.smoothing(model, part), self.sparsity)
            model = runner.descend(model, part, form)
            objective = self._scored(model, part)
            if objective >= least:
                break
            best, least = model, objective
            if self.late():
                break
        return best

    def _scored(self, model: KAN, part: Part) -> float:
        """The error's square and the sparsity times the scores, as they are."""
        layout, form = Layout(model), penalty(model, part.sample, self.sparsity, 0.0)
        # The form's value at its own network is half the scores.
        return self.runner.error(model, part) ** 2 + 2 * form.at(layout, layout.read(model))

    def _exact(self, model: KAN, part: Part) -> KAN:
        """On the way to an exact solution, run on without penalties, which bar the curved way there."""
        error = self.runner.error(model, part)
        if has_shapes(model) or error > _PROMISING or Layout(model).size > 0.25 * len(part.rows) * model.n_out:
            return model
        for _ in range(8):
            freed = self.runner.descend(model, part, Quadratic())
            after = self.runner.error(freed, part)
            if after > error / 3:
                break
            model, error = freed, after
            if error < _EXACT or self.late():
                break
        return model
