"""Adam on shuffled minibatches, for problems too large for second order."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import unknown
from edgewise.optim._run import CHECKS, Best, Ending, Step, Trainable, Watch
from edgewise.optim._schedule import Schedule
from edgewise.optim._settings import real, whole

_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_PRECISIONS = ("float64", "float32", *_HALF)


@dataclass(frozen=True)
class Adam:
    """Adam with decoupled weight decay on shuffled minibatches; the best parameters on held-out rows are returned.

    m <- 0.9 m + 0.1 g,  v <- 0.999 v + 0.001 g^2,  theta <- (1 - r decay) theta - r m^ / (sqrt v^ + 1e-8)

    with the rate r = `rate` times the `schedule`'s share, a name, a function of the share of the run done, or a
    `Schedule`. A step sees `batch` times `accumulate` rows, of which `batch` are in memory at a time; the last step of
    an epoch sees what is left, and counts for as much less. `clip` limits the gradient's norm. `precision` is that of
    the parameters, "float32" or "float64" (None: as the network has it), or, with float32 parameters, that of the
    network's matrix products: "bfloat16" or "float16". `patience` ends the run after so many epochs without a better
    held-out error.

    Errors: InputError for settings out of range.

    >>> Adam(epochs=50, schedule="one_cycle").batch
    256

    Source: Kingma and Ba, Adam (2015); Loshchilov and Hutter, Decoupled weight decay (2019).
    """

    epochs: int = 200
    batch: int = 256
    rate: float = 3e-3
    schedule: str | Callable[[float], float] | Schedule = "cosine"
    weight_decay: float = 0.0
    clip: float | None = None
    accumulate: int = 1
    precision: str | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "accumulate"):
            whole(name, getattr(self, name))
        whole("patience", self.patience, optional=True)
        real("rate", self.rate, above=True)
        real("weight_decay", self.weight_decay)
        if self.clip is not None:
            real("clip", self.clip, above=True)
        if self.precision is not None and self.precision not in _PRECISIONS:
            raise unknown("precision", self.precision, _PRECISIONS)
        if not isinstance(self.schedule, Schedule):
            Schedule(self.schedule)

    def dtype(self, own: torch.dtype) -> torch.dtype:
        """The type of the parameters, where a network's own is `own`."""
        if self.precision is None:
            return own
        return torch.float64 if self.precision == "float64" else torch.float32

    def minimise(self, problem: Trainable, watch: Watch = lambda step: False) -> Ending:
        """Move the problem's parameters to the best that were found, and return why the run ended."""
        with torch.enable_grad():
            return _Run(self, problem, watch).run()


class _Run:
    """One run; nothing is read back from the device between two checks."""

    def __init__(self, settings: Adam, problem: Trainable, watch: Watch) -> None:
        self.settings, self.problem, self.watch = settings, problem, watch
        given = settings.schedule
        self.schedule = given if isinstance(given, Schedule) else Schedule(given)
        self.parameters = [*problem.parameters, *problem.constants]
        self.device = self.parameters[0].device
        half = _HALF.get(settings.precision or "")
        self.cast = nullcontext() if half is None else torch.autocast(self.device.type, dtype=half)
        scaled = half is torch.float16 and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.solver = self._solver()
        self.best = Best(self.parameters)
        count = problem.count(settings.batch)
        self.length = None if count is None else -(-count // settings.accumulate)  # steps in an epoch
        self.whole = 0  # rows of a full step
        self.sum: Tensor | float = 0.0  # of the losses since the last check
        self.rows = 0

    def _solver(self) -> torch.optim.AdamW:
        groups = [{"params": list(self.problem.parameters), "weight_decay": self.settings.weight_decay}]
        if self.problem.constants:
            groups.append({"params": list(self.problem.constants), "weight_decay": 0.0})
        return torch.optim.AdamW(groups, lr=self.settings.rate, fused=self.device.type in ("cpu", "cuda"))

    def run(self) -> Ending:
        epochs = self.settings.epochs
        every = -(-epochs // CHECKS)
        for epoch in range(1, epochs + 1):
            ending = Ending.ENDED if self._epoch(epoch) else None
            if ending or epoch % every == 0 or epoch == epochs:
                ending = self._check(epoch) or ending
            if ending:
                break
        self.best.restore()
        self.solver.zero_grad()
        return ending or Ending.DONE

    def _epoch(self, epoch: int) -> bool:
        """Train on all rows once; returns whether to end here."""
        parts, steps = 0, 0
        for batch in self.problem.batches(self.settings.batch):
            self.whole = self.whole or min(len(batch) * self.settings.accumulate, len(self.problem))
            self._backward(batch)
            parts += 1
            if parts == self.settings.accumulate:
                parts, steps = 0, steps + 1
                if self._update(epoch, steps):
                    return True
        if parts:
            steps += 1
            if self._update(epoch, steps):
                return True
        self.length = steps
        return False

    def _backward(self, batch: Any) -> None:
        with self.cast:
            loss = self.problem.loss(batch)
        penalty = self.problem.penalty()
        total = loss if penalty is None else loss + penalty * len(batch)
        self.scaler.scale(total / self.whole).backward()
        self.sum = self.sum + loss.detach()
        self.rows += len(batch)

    def _update(self, epoch: int, steps: int) -> bool:
        """One step; returns whether to end the run."""
        if self.settings.clip is not None:
            self.scaler.unscale_(self.solver)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        rate = self.settings.rate * self.schedule.share(self._done(epoch, steps - 0.5), self.best.errors)
        for group in self.solver.param_groups:
            group["lr"] = rate
        self.scaler.step(self.solver)
        self.scaler.update()
        self.solver.zero_grad()
        return self.watch(Step(self._done(epoch, steps), epoch, self.settings.epochs))

    def _done(self, epoch: int, steps: float) -> float:
        """The share of the run that is over; an epoch of unknown length is halfway through."""
        part = min(1.0, steps / self.length) if self.length else 0.5
        return (epoch - 1 + part) / self.settings.epochs

    def _check(self, epoch: int) -> Ending | None:
        train, held = float(self.sum) / max(1, self.rows), self.problem.held_out()
        self.sum, self.rows = 0.0, 0
        self.best.see(epoch, train, held)
        ended = self.watch(Step(epoch / self.settings.epochs, epoch, self.settings.epochs, errors=(train, held)))
        if not math.isfinite(train):
            return Ending.DIVERGED
        patience = self.settings.patience
        if patience is not None and epoch - self.best.epoch >= patience:
            return Ending.FLAT
        return Ending.ENDED if ended else None
