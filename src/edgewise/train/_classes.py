"""Second-order training of a classifier: from strong to weak regularisation, as held-out rows decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from edgewise.nn import KAN, adapt_grid
from edgewise.optim import CG
from edgewise.train._penalty import penalty
from edgewise.train._quadratic import Quadratic
from edgewise.train._result import Outcome
from edgewise.train._runner import Runner
from edgewise.train._schedule import grid_of, spline_edges
from edgewise.train._split import Part
from edgewise.train._starts import respread

#: weights of the penalty, in nats for coefficients of size one
_AMOUNTS = (1e-3, 1e-4, 1e-5, 1e-6)
_STRONGER = (1e-2, 1e-1)  # tried while the strongest is the best
_STARTS = 4  # of a network with more than one layer
_PATIENCE = 1  # weaker ones tried after the best
_FIRST, _NEXT = 10, 4  # steps from a network that is not trained, and from that of the amount before
_FLAT_FIRST, _FLAT_NEXT = 3, 2  # of one layer of sums: each amount has one minimum, and the one before is near
_FLAT_INNER = 6  # and products with its matrix in such a step: the path goes on, so none has to be exact


class Classes:
    """Trains a network on classes at each grid along a path of regularisation, and keeps the best on held-out rows.

    mean cross-entropy + w sum_e (variance of c + roughness of c): without it, classes that can be separated drive the
    outputs to infinity. Each w starts from the one before. Knots move only when the grid changes, so that all of them
    minimise over the same functions.
    """

    def __init__(self, runner: Runner, trained: bool) -> None:
        self.runner, self.split, self.trained = runner, runner.split, trained
        self.first, self.next = _FIRST, _NEXT

    def run(self, model: KAN, schedule: Sequence[int | None]) -> tuple[KAN, KAN, Outcome]:
        """The network, what it was before it was trained on the held-out rows as well, and how it ended."""
        if _flat(model):
            self._shorten()
        best = (self.runner.held(model) if self.trained else math.inf, model, _AMOUNTS[0])
        start = model if self.trained else self._start(model, schedule[0])
        outcome = Outcome.GRIDS_DONE if len(schedule) > 1 else Outcome.CONVERGED
        for grid in schedule:
            if grid is not None and grid != grid_of(start):
                start = adapt_grid(start, self.split.train.sample.x, grid)
            found = self._path(start, grid)
            better = found[0] < 0.99 * best[0]
            best = found if better else best
            if ended := self.runner.late():
                return best[1], best[1], ended
            if not better:
                outcome = Outcome.OVERFIT
                break
            start = found[1]
        _, chosen, amount = best
        if not self.split.leaves_out:
            return chosen, chosen, outcome
        whole = self.split.whole
        model = self._train(chosen, whole, self._grid(chosen), amount, self.next)
        error = self.runner.error(model, whole)
        if error > 1.05 * self.runner.error(chosen, whole):  # the knots moved, and with them a hidden curve
            return chosen, chosen, outcome
        self.runner.log(model, error, math.nan)
        return model, chosen, outcome

    def _shorten(self) -> None:
        """Take the shorter steps, and fewer, that are enough for one layer of sums."""
        self.first, self.next = _FLAT_FIRST, _FLAT_NEXT
        solver = self.runner.solver
        if isinstance(solver, CG):
            self.runner = replace(self.runner, solver=replace(solver, inner=min(_FLAT_INNER, solver.inner)))

    def _start(self, model: KAN, grid: int | None) -> KAN:
        """The best on held-out rows of several first networks, each trained once."""
        restarts = self.runner.options.restarts
        count = (1 if _flat(model) else _STARTS) if isinstance(restarts, str) else restarts
        if grid is None:
            return model
        few = self.split.train.sample.x
        if count == 1:
            return adapt_grid(model, few, grid)
        tried = []
        for k in range(count):
            if k and self.runner.late():
                break
            first = respread(model, few, self.runner.options.seed + 1000 * k) if k else model
            start = self._train(adapt_grid(first, few, grid), self.split.train, grid, _AMOUNTS[0], self.first)
            tried.append((self.runner.held(start), start))
        return min(tried, key=lambda pair: pair[0])[1]

    def _path(self, model: KAN, grid: int | None) -> tuple[float, KAN, float]:
        """The least held-out error along the path, its network and its amount."""
        last = best = self._rung(model, grid, _AMOUNTS[0], self.first)
        worse = 0
        for amount in _AMOUNTS[1:]:
            if worse == _PATIENCE or self.runner.late():
                break
            last = self._rung(last[1], grid, amount, self.next)
            worse = 0 if last[0] < 0.995 * best[0] else worse + 1
            best = min(best, last, key=lambda rung: rung[0])
        for amount in _STRONGER:
            if best[2] * 10 < amount or self.runner.late():
                break
            best = min(best, self._rung(best[1], grid, amount, self.next), key=lambda rung: rung[0])
        return best

    def _rung(self, model: KAN, grid: int | None, amount: float, steps: int) -> tuple[float, KAN, float]:
        model = self._train(model, self.split.train, grid, amount, steps)
        return self.runner.record(model), model, amount

    def _train(self, model: KAN, part: Part, grid: int | None, weight: float, steps: int) -> KAN:
        if grid is None:
            return self.runner.descend(model, part, Quadratic(), steps)
        form = penalty(model, part.sample, 0.0, 0.0, ridge=weight)
        return self.runner.descend(model, part, form, steps)

    def _grid(self, model: KAN) -> int | None:
        return grid_of(model) if spline_edges(model) else None


def _flat(model: KAN) -> bool:
    """Whether a network is one layer of sums: its loss is convex in the splines."""
    return len(model.layers) == 1 and not any(nodes.arities for nodes in model.nodes)
