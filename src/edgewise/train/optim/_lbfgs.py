"""Quasi-Newton training on all rows at once."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from edgewise.train.optim._batches import CHECKS, BatchProblem, BestParameters, Step, StepCallback, StopReason
from edgewise.train.optim._solver import GradientSolver, Needs, check_count


@dataclass(frozen=True)
class LBFGS(GradientSolver):
    """Limited-memory BFGS with a strong-Wolfe line search, on all rows at once.

    theta <- theta - t H g, with H the inverse Hessian estimated from the last `history` steps and gradients. `patience`
    is the number of steps without a better validation error after which the run ends; the best parameters on the
    validation rows are returned.

    Errors: InputError for settings out of range.

    >>> LBFGS(steps=200).history
    20

    Source: Nocedal and Wright, Numerical Optimization, algorithm 7.5.
    """

    needs: ClassVar[Needs] = Needs.ROWS

    steps: int = 300
    history: int = 20
    patience: int | None = None

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_count("history", self.history)
        check_count("patience", self.patience, optional=True)

    def minimize(self, problem: BatchProblem, callback: StepCallback = lambda step: False) -> StopReason:
        """Change the problem's parameters to the best ones found, and return why the run ended."""
        with torch.enable_grad():
            return _Run(self, problem, callback).run()


class _Stopped(Exception):
    """Raised by a callback that ends the run, to leave the line search."""


class _Run:
    """One run, in pieces of a few steps, each followed by a check; each piece starts with one more evaluation."""

    def __init__(self, settings: LBFGS, problem: BatchProblem, callback: StepCallback) -> None:
        self.settings, self.problem, self.callback = settings, problem, callback
        self.parameters = [*problem.parameters, *problem.constants]
        self.best = BestParameters(self.parameters)
        self.piece = max(10, -(-settings.steps // CHECKS))
        self.optimizer = torch.optim.LBFGS(
            self.parameters, history_size=settings.history, max_eval=25 * self.piece, tolerance_grad=1e-14,
            tolerance_change=1e-16, line_search_fn="strong_wolfe",
        )  # fmt: skip

    @property
    def steps(self) -> int:
        return self.optimizer.state[self.parameters[0]].get("n_iter", 0)

    def run(self) -> StopReason:
        reason = None
        while reason is None:
            reason = self._piece()
        self.best.restore()
        self.optimizer.zero_grad()
        return reason

    def _piece(self) -> StopReason | None:
        goal = min(self.steps + self.piece, self.settings.steps)
        self.optimizer.param_groups[0]["max_iter"] = goal - self.steps
        stopped = False
        try:
            self.optimizer.step(self._closure)
        except _Stopped:
            stopped = True  # in the middle of a line search, perhaps at a worse point
        train, validation = float(self._mean(backward=False)), self.problem.validation_error()
        if not stopped or (train if math.isnan(validation) else validation) < self.best.error:
            self.best.update(self.steps, train, validation)
        if self.callback(self._step((train, validation))) or stopped:
            return StopReason.STOPPED
        if not math.isfinite(train):
            return StopReason.DIVERGED
        if self.settings.patience is not None and self.steps - self.best.epoch >= self.settings.patience:
            return StopReason.EARLY_STOP
        return None if self.steps == goal < self.settings.steps else StopReason.STEPS_DONE

    def _closure(self) -> Tensor:
        self.optimizer.zero_grad()
        value = self._mean(backward=True)
        penalty = self.problem.penalty()
        if penalty is not None:
            penalty.backward()
            value = value + penalty.detach()
        if self.callback(self._step()):
            raise _Stopped
        return value

    def _mean(self, *, backward: bool) -> Tensor:
        """Return the mean loss over all rows; add its gradient to the parameters' if `backward`."""
        value = self.parameters[0].new_zeros(())
        with torch.set_grad_enabled(backward):
            for batch in self.problem.batches(None):
                part = self.problem.loss(batch) / len(self.problem)
                if backward:
                    part.backward()
                value += part.detach()
        return value

    def _step(self, errors: tuple[float, float] | None = None) -> Step:
        return Step(self.steps / self.settings.steps, self.steps, self.settings.steps, "step", errors)
