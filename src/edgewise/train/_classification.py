"""Networks for classes, trained by second-order steps over a path of penalties."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from edgewise._workers import Workers
from edgewise.nn import KAN, adapt_grid
from edgewise.train._context import Partition, Trained, rescale_knots
from edgewise.train._objective import Quadratic, penalty
from edgewise.train._options import grid_of, spline_edges
from edgewise.train._result import Outcome
from edgewise.train._second_order import SecondOrderTrainer
from edgewise.train._starts import is_additive
from edgewise.train._tuning import TUNING


class _Rung(NamedTuple):
    """A point of the regularization path: the validation error, the network, the weight of the penalty."""

    error: float
    model: KAN
    weight: float


class ClassificationTrainer(SecondOrderTrainer):
    """Trains a network on classes along a regularization path on each grid, and selects by the validation error.

    mean cross-entropy + w sum_e (variance of c + roughness of c): without it, separable classes drive the outputs to
    infinity. Each w starts from the network of the one before. Knots move only when the grid changes, so that all
    weights share the same functions.
    """

    first, next = 10, 4  # steps from an untrained network, and from the network of the weight before
    products: int | None = None  # matrix products in a step

    def run(self, model: KAN, schedule: Sequence[int | None]) -> Trained:
        trained = self.context.trained
        if is_additive(model):
            # Each weight has one minimum, and the one before is near; the path goes on, so no step has to be exact.
            self.first, self.next, self.products = 3, 2, 6
        best = _Rung(self.validation_error(model) if trained else math.inf, model, TUNING.weights[0])
        start = model if trained else self._start(model, schedule[0])
        outcome = Outcome.GRIDS_DONE if len(schedule) > 1 else Outcome.CONVERGED
        for grid in schedule:
            if grid is not None and grid != grid_of(start):
                start = adapt_grid(start, self.split.train.subsample.x, grid)
            found = self._path(start, grid)
            better = found.error < 0.99 * best.error
            best = found if better else best
            if ended := self.monitor.ended():
                return Trained(best.model, best.model, ended, self.loss)
            if not better:
                outcome = Outcome.OVERFIT
                break
            start = found.model
        return self._polish(best, outcome)

    def _polish(self, best: _Rung, outcome: Outcome) -> Trained:
        """Train the selected network on all rows; keep the result unless it is worse."""
        selected, full = best.model, self.split.full
        if not self.split.leaves_out:
            return Trained(selected, selected, outcome, self.loss)
        grid = grid_of(selected) if spline_edges(selected) else None
        model = self._train(selected, full, grid, best.weight, self.next)
        error = self.error(model, full)
        if error > 1.05 * self.error(selected, full):  # the knots moved, and with them a hidden curve
            return Trained(selected, selected, outcome, self.loss)
        self.context.record(model, error, math.nan)
        return Trained(model, selected, outcome, self.loss)

    def _start(self, model: KAN, grid: int | None) -> KAN:
        """Train several first networks once, and return the best on validation rows."""
        restarts, seed = self.context.options.restarts, self.context.options.seed
        count = (1 if is_additive(model) else TUNING.class_starts) if isinstance(restarts, str) else restarts
        if grid is None:
            return model
        x = self.split.train.subsample.x
        if count == 1:
            return adapt_grid(model, x, grid)
        firsts = [adapt_grid(rescale_knots(model, x, seed + 1000 * k) if k else model, x, grid) for k in range(count)]
        workers = self.context.workers()
        starts = self._side_by_side(workers, firsts, grid) if workers.count > 1 else self._one_by_one(firsts, grid)
        tried = [(self.validation_error(start), start) for start in starts]
        return min(tried, key=lambda pair: pair[0])[1]

    def _one_by_one(self, firsts: Sequence[KAN], grid: int) -> Iterator[KAN]:
        """Yield trained starts until the fit has to end, but for the first."""
        for k, first in enumerate(firsts):
            if k and self.monitor.ended():
                return
            with self.context.start_threads():
                start = self._first(first, grid)
            yield start

    def _side_by_side(self, workers: Workers, firsts: Sequence[KAN], grid: int) -> Iterator[KAN]:
        """Yield starts that workers train."""
        for start, steps in workers(ClassificationTrainer._apart, [(self._worker(), first, grid) for first in firsts]):
            self.monitor.add(steps)
            yield start

    def _worker(self) -> ClassificationTrainer:
        """Return this trainer as a worker has it."""
        found = ClassificationTrainer(self.context.apart())
        found.first, found.products = self.first, self.products
        return found

    def _apart(self, model: KAN, grid: int) -> tuple[KAN, int]:
        """Return a start, and how many steps it took."""
        return self._first(model, grid), self.monitor.steps

    def _first(self, model: KAN, grid: int) -> KAN:
        return self._train(model, self.split.train, grid, TUNING.weights[0], self.first)

    def _path(self, model: KAN, grid: int | None) -> _Rung:
        """Return the point of the path with the smallest validation error."""
        last = best = self._rung(model, grid, TUNING.weights[0], self.first)
        worse = 0
        for weight in TUNING.weights[1:]:
            if worse == TUNING.weaker_weights or self.monitor.ended():
                break
            last = self._rung(last.model, grid, weight, self.next)
            worse = 0 if last.error < 0.995 * best.error else worse + 1
            best = min(best, last, key=lambda rung: rung.error)
        for weight in TUNING.stronger_weights:
            if best.weight * 10 < weight or self.monitor.ended():
                break
            best = min(best, self._rung(best.model, grid, weight, self.next), key=lambda rung: rung.error)
        return best

    def _rung(self, model: KAN, grid: int | None, weight: float, steps: int) -> _Rung:
        model = self._train(model, self.split.train, grid, weight, steps)
        return _Rung(self.record(model), model, weight)

    def _train(self, model: KAN, part: Partition, grid: int | None, weight: float, steps: int) -> KAN:
        form = Quadratic() if grid is None else penalty(model, part.subsample, 0.0, 0.0, ridge=weight)
        return self.descend(model, part, form, steps, self.products)
