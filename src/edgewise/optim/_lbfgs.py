"""Quasi-Newton training on all rows at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.optim._run import CHECKS, Best, Ending, Step, Trainable, Watch
from edgewise.optim._settings import whole


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with a strong-Wolfe line search, on all rows at once.

    theta <- theta - t H g, with H the inverse Hessian that the last `history` steps and slopes suggest. `patience`
    ends the run after so many steps without a better held-out error; the best parameters on held-out rows are
    returned.

    Errors: InputError for settings out of range.

    >>> LBFGS(steps=200).history
    20

    Source: Nocedal and Wright, Numerical Optimization, algorithm 7.5.
    """

    steps: int = 300
    history: int = 20
    patience: int | None = None

    def __post_init__(self) -> None:
        whole("steps", self.steps)
        whole("history", self.history)
        whole("patience", self.patience, optional=True)

    def minimise(self, problem: Trainable, watch: Watch = lambda step: False) -> Ending:
        """Move the problem's parameters to the best that were found, and return why the run ended."""
        with torch.enable_grad():
            return _Run(self, problem, watch).run()


class _Ended(Exception):
    """Leaves a line search."""


class _Run:
    """One run, in pieces of a few steps with a check after each; a piece begins with one evaluation more."""

    def __init__(self, settings: LBFGS, problem: Trainable, watch: Watch) -> None:
        self.settings, self.problem, self.watch = settings, problem, watch
        self.parameters = [*problem.parameters, *problem.constants]
        self.best = Best(self.parameters)
        self.piece = max(10, -(-settings.steps // CHECKS))
        self.solver = torch.optim.LBFGS(
            self.parameters, history_size=settings.history, max_eval=25 * self.piece, tolerance_grad=1e-14,
            tolerance_change=1e-16, line_search_fn="strong_wolfe",
        )  # fmt: skip

    @property
    def steps(self) -> int:
        return self.solver.state[self.parameters[0]].get("n_iter", 0)

    def run(self) -> Ending:
        ending = None
        while ending is None:
            ending = self._piece()
        self.best.restore()
        self.solver.zero_grad()
        return ending

    def _piece(self) -> Ending | None:
        goal = min(self.steps + self.piece, self.settings.steps)
        self.solver.param_groups[0]["max_iter"] = goal - self.steps
        try:
            self.solver.step(self._closure)
        except _Ended:
            ended = True  # in the middle of a line search, perhaps at a worse point
        else:
            ended = False
        train, held = self._mean(), self.problem.held_out()
        if not ended or (train if math.isnan(held) else held) < self.best.least:
            self.best.see(self.steps, train, held)
        if self.watch(self._step((train, held))) or ended:
            return Ending.ENDED
        if not math.isfinite(train):
            return Ending.DIVERGED
        if self.settings.patience is not None and self.steps - self.best.epoch >= self.settings.patience:
            return Ending.FLAT
        return None if self.steps == goal < self.settings.steps else Ending.DONE

    def _closure(self) -> Tensor:
        self.solver.zero_grad()
        value = self._pass(lambda part: part.backward())
        penalty = self.problem.penalty()
        if penalty is not None:
            penalty.backward()
            value = value + penalty.detach()
        if self.watch(self._step()):
            raise _Ended
        return value

    def _pass(self, use: Callable[[Tensor], None]) -> Tensor:
        """The mean loss over all rows; `use` sees the share of each piece that memory holds."""
        value = self.parameters[0].new_zeros(())
        for batch in self.problem.batches(None):
            part = self.problem.loss(batch) / len(self.problem)
            use(part)
            value += part.detach()
        return value

    def _mean(self) -> float:
        with torch.no_grad():
            return float(self._pass(lambda part: None))

    def _step(self, errors: tuple[float, float] | None = None) -> Step:
        return Step(self.steps / self.settings.steps, self.steps, self.settings.steps, "step", errors)
