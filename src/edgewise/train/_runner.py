"""One run of a second-order solver, and what is the same for every run of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise._deadline import cut
from edgewise.nn import KAN, Layout, clone
from edgewise.optim import CG, LM
from edgewise.train._error import error_of
from edgewise.train._loss import Loss
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import Options
from edgewise.train._penalty import penalty, smoothing_by_gcv
from edgewise.train._quadratic import Quadratic
from edgewise.train._result import Outcome
from edgewise.train._schedule import grid_of, spline_edges
from edgewise.train._split import Part, Split
from edgewise.train._table import Table

_COARSE = 1e-2  # tolerance of a run of few steps
_MOST = 2000  # parameters up to which the smoothing is chosen, as that takes a dozen factors


class _Late(Exception):
    """Leaves a run of a solver."""


@dataclass
class Runner:
    """Trains on parts of a split; errors are in its units. `loss` is the one of now: a robust one follows the rows."""

    split: Split
    given: Loss
    options: Options
    monitor: Monitor
    solver: LM | CG

    def __post_init__(self) -> None:
        self.loss = self.given

    def tune(self, model: KAN, part: Part) -> None:
        """Read what the loss reads from residuals from those of a network."""
        with torch.no_grad():
            self.loss = self.given.tuned(model(part.sample.x), part.sample.y)

    def descend(self, model: KAN, part: Part, form: Quadratic, steps: int | None = None) -> KAN:
        """The network after one run of the solver with a penalty, of at most so many steps.

        Where the fit has to end amid the rows, the run leaves off there and then, with its last step.
        """
        problem = Objective(clone(model), part.rows, form, self.loss, self._check)
        if problem.layout.size == 0:
            return model
        solver = self.solver
        if steps is not None:
            solver = replace(solver, steps=min(steps, solver.steps), tolerance=max(_COARSE, solver.tolerance))
        place = f"grid {grid_of(model)}"
        reached = problem.start

        def watch(vector: Tensor, cost: float) -> bool:
            nonlocal reached
            reached = vector
            return self.monitor.step(place) is not None

        def run() -> None:
            with suppress(_Late):
                solver.minimise(problem, problem.start, watch)

        self._cut(part, run)
        return clone(problem.network(reached))

    def penalty(self, model: KAN, part: Part, smoothing: float, sparsity: float = 0.0) -> Quadratic:
        return penalty(model, part.sample, sparsity, smoothing, loss=self.loss, rows=len(part.rows))

    def smoothing(self, model: KAN, part: Part) -> float:
        """The weight of the second differences: as given, or by cross-validation once parameters are many."""
        if not isinstance(self.options.smoothing, str):
            return self.options.smoothing
        size, rows = Layout(model).size, len(part.rows)
        if size < 0.25 * rows * model.n_out or size > _MOST or spline_edges(model) == 0:
            return 0.0
        problem = Objective(clone(model), part.rows, loss=self.loss)
        chosen = 0.0

        def choose() -> None:
            nonlocal chosen
            normal = problem.normal(problem.start)
            chosen = smoothing_by_gcv(model, part.sample, normal, problem.start, self.loss, rows)

        self._cut(part, choose)
        return chosen

    def _cut(self, part: Part, work: Callable[[], None]) -> None:
        """Do some work until the time is up; where rows come in a stream, which others' code reads, until it looks."""
        if isinstance(part.rows, Table):
            cut(self.monitor.deadline, work)
        else:
            work()

    def error(self, model: KAN, part: Part) -> float:
        return error_of(model, part.rows, self.loss)

    def held(self, model: KAN) -> float:
        """The error on the held-out rows, on the trained ones where none are."""
        return error_of(model, self.split.held, self.loss)

    def record(self, model: KAN) -> float:
        """Log a round; returns its error on the held-out rows."""
        held = self.held(model)
        self.log(model, self.error(model, self.split.train), held if self.split.has_held else math.nan)
        return held

    def log(self, model: KAN, train: float, validation: float) -> None:
        scale = self.split.units.scale
        self.monitor.record(grid_of(model), Layout(model).size, train * scale, validation * scale)

    def _check(self) -> None:
        if self.late():
            raise _Late

    def late(self) -> Outcome | None:
        """Why training has to end now, if it has to."""
        return self.monitor.ended()
