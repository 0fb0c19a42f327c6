"""First-order solvers: Adam on minibatches, and L-BFGS on all rows at once."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from edgewise._errors import InputError, unknown
from edgewise.train.optim._solver import (
    CHECKS,
    BatchProblem,
    BestParameters,
    GradientSolver,
    Needs,
    Step,
    StepCallback,
    StopReason,
    check_count,
    check_number,
)

Schedule = Callable[[torch.optim.Optimizer, int], LRScheduler]
ScheduleName = Literal["constant", "cosine", "one_cycle", "plateau"]
"""Names of the learning-rate schedules of `Adam`."""
PrecisionName = Literal["float64", "float32", "bfloat16", "float16"]
"""Names of the precisions in which `Adam` computes matrix products."""

_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def _one_cycle(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peaks, total_steps=steps, cycle_momentum=False)


def _plateau(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    return ReduceLROnPlateau(optimizer, factor=0.5, patience=9, threshold=0.0)


_SCHEDULES: dict[ScheduleName, Schedule] = {
    "constant": lambda optimizer, steps: ConstantLR(optimizer, factor=1.0),
    "cosine": CosineAnnealingLR,
    "one_cycle": _one_cycle,
    "plateau": _plateau,
}


@dataclass(frozen=True)
class Adam(GradientSolver):
    """Adam with decoupled weight decay on shuffled minibatches; returns the best parameters on the validation rows.

    m <- 0.9 m + 0.1 g,  v <- 0.999 v + 0.001 g^2,  theta <- (1 - r decay) theta - r m^ / (sqrt v^ + 1e-8)

    Parameters
    ----------
    epochs
        Passes over the rows, at most.
    batch
        Rows that are in memory at a time.
    rate
        The rate r at the start; it follows `schedule`.
    schedule
        "constant", "cosine" (to zero), "one_cycle" (up from 1/25 over three tenths of the run, then down), "plateau"
        (halved after ten checks without a better validation error), or a function of the optimizer and the number of
        steps that returns a `torch.optim.lr_scheduler`.
    weight_decay
        The decay.
    clip
        Limit of the gradient's norm; None for no limit.
    accumulate
        Batches of a step, which sees `batch` times `accumulate` rows; a smaller last step of an epoch counts for
        proportionally less.
    precision
        That of the parameters, "float32" or "float64" (None: the network's own), or, with float32 parameters, that of
        the network's matrix products: "bfloat16" or "float16".
    patience
        Epochs without a better validation error after which the run ends; None for no such end.

    Raises
    ------
    InputError
        For settings out of range.

    References
    ----------
    Kingma and Ba, Adam (2015); Loshchilov and Hutter, Decoupled weight decay (2019).

    Examples
    --------
    >>> from edgewise.optim import Adam
    >>> Adam(epochs=50, schedule="one_cycle").batch
    256
    """

    needs: ClassVar[Needs] = Needs.BATCHES

    epochs: int = 200
    batch: int = 256
    rate: float = 3e-3
    schedule: ScheduleName | Schedule = "cosine"
    weight_decay: float = 0.0
    clip: float | None = None
    accumulate: int = 1
    precision: PrecisionName | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "accumulate"):
            check_count(name, getattr(self, name))
        check_count("patience", self.patience, optional=True)
        check_number("rate", self.rate, above=True)
        check_number("weight_decay", self.weight_decay)
        if self.clip is not None:
            check_number("clip", self.clip, above=True)
        if self.precision not in (None, *get_args(PrecisionName)):
            raise unknown("precision", self.precision, get_args(PrecisionName))
        names = get_args(ScheduleName)
        kind = self.schedule if isinstance(self.schedule, type) else LRScheduler
        if self.schedule not in names and not (callable(self.schedule) and issubclass(kind, LRScheduler)):
            raise unknown("schedule", self.schedule, [*names, "a function that returns a torch scheduler"])

    def dtype(self, own: torch.dtype) -> torch.dtype:
        if self.precision is None:
            return own
        return torch.float64 if self.precision == "float64" else torch.float32

    def minimize(self, problem: BatchProblem, callback: StepCallback = lambda step: False) -> StopReason:
        """Change the problem's parameters to the best ones found, and return why the run ended.

        Parameters
        ----------
        problem
            The rows, the loss and the parameters.
        callback
            Called with each step; the run ends when it returns True.
        """
        with torch.enable_grad():
            return _AdamRun(self, problem, callback).run()


class _AdamRun:
    """One run; nothing is read back from the device between two checks."""

    def __init__(self, settings: Adam, problem: BatchProblem, callback: StepCallback) -> None:
        self.settings, self.problem, self.callback = settings, problem, callback
        self.parameters = [*problem.parameters, *problem.constants]
        self.device = self.parameters[0].device
        half = _HALF.get(settings.precision or "")
        self.cast = nullcontext() if half is None else torch.autocast(self.device.type, dtype=half)
        scaled = half is torch.float16 and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.length = -(-problem.count(settings.batch) // settings.accumulate)  # steps in an epoch
        self.optimizer = self._optimizer()
        schedule = settings.schedule if callable(settings.schedule) else _SCHEDULES[settings.schedule]
        self.schedule = schedule(self.optimizer, settings.epochs * self.length)
        if not isinstance(self.schedule, LRScheduler):
            raise InputError(f"'schedule' must return a torch.optim.lr_scheduler object. Got {self.schedule!r}.")
        self.best = BestParameters(self.parameters)
        self.full = 0  # rows of a full step
        self.sum: Tensor | float = 0.0  # of the losses since the last check
        self.rows = 0

    def _optimizer(self) -> torch.optim.AdamW:
        groups = [{"params": list(self.problem.parameters), "weight_decay": self.settings.weight_decay}]
        if self.problem.constants:
            groups.append({"params": list(self.problem.constants), "weight_decay": 0.0})
        return torch.optim.AdamW(groups, lr=self.settings.rate, fused=self.device.type in ("cpu", "cuda"))

    def run(self) -> StopReason:
        epochs = self.settings.epochs
        every = -(-epochs // CHECKS)
        reason = None
        for epoch in range(1, epochs + 1):
            reason = StopReason.STOPPED if self._epoch(epoch) else None
            if reason or epoch % every == 0 or epoch == epochs:
                reason = self._check(epoch) or reason
            if reason:
                break
        self.best.restore()
        self.optimizer.zero_grad()
        return reason or StopReason.STEPS_DONE

    def _epoch(self, epoch: int) -> bool:
        """Train on all rows once; return True if the run has to end."""
        parts, steps = 0, 0
        for batch in self.problem.batches(self.settings.batch):
            self.full = self.full or min(len(batch) * self.settings.accumulate, len(self.problem))
            self._backward(batch)
            parts += 1
            if parts == self.settings.accumulate:
                parts, steps = 0, steps + 1
                if self._update(epoch, steps):
                    return True
        return bool(parts) and self._update(epoch, steps + 1)

    def _backward(self, batch: Any) -> None:
        with self.cast:
            loss = self.problem.loss(batch)
        penalty = self.problem.penalty()
        total = loss if penalty is None else loss + penalty * len(batch)
        self.scaler.scale(total / self.full).backward()
        self.sum = self.sum + loss.detach()
        self.rows += len(batch)

    def _update(self, epoch: int, steps: int) -> bool:
        """Take a step; return True if the run has to end."""
        if self.settings.clip is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        done = (epoch - 1 + steps / self.length) / self.settings.epochs
        return self.callback(Step(done, epoch, self.settings.epochs))

    def _check(self, epoch: int) -> StopReason | None:
        train, validation = float(self.sum) / max(1, self.rows), self.problem.validation_error()
        self.sum, self.rows = 0.0, 0
        self.best.update(epoch, train, validation)
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(train if math.isnan(validation) else validation)
        epochs = self.settings.epochs
        stop = self.callback(Step(epoch / epochs, epoch, epochs, errors=(train, validation)))
        if not math.isfinite(train):
            return StopReason.DIVERGED
        patience = self.settings.patience
        if patience is not None and epoch - self.best.epoch >= patience:
            return StopReason.EARLY_STOP
        return StopReason.STOPPED if stop else None


@dataclass(frozen=True)
class LBFGS(GradientSolver):
    """Limited-memory BFGS with a strong-Wolfe line search, on all rows at once.

    theta <- theta - t H g, with H the inverse Hessian estimated from the last steps and gradients. The best parameters
    on the validation rows are returned.

    Parameters
    ----------
    steps
        Steps at most.
    history
        How many of the last steps and gradients H is estimated from.
    patience
        Steps without a better validation error after which the run ends; None for no such end.

    Raises
    ------
    InputError
        For settings out of range.

    References
    ----------
    Nocedal and Wright, Numerical Optimization, algorithm 7.5.

    Examples
    --------
    >>> from edgewise.optim import LBFGS
    >>> LBFGS(steps=200).history
    20
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
        """Change the problem's parameters to the best ones found, and return why the run ended.

        Parameters
        ----------
        problem
            The rows, the loss and the parameters.
        callback
            Called with each step; the run ends when it returns True.
        """
        with torch.enable_grad():
            return _LBFGSRun(self, problem, callback).run()


class _Stopped(Exception):
    """Raised by a callback that ends the run, to leave the line search."""


class _LBFGSRun:
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
