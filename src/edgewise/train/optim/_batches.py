"""A run of a first-order solver: what it minimizes, where it is, why it ends, and the best parameters it has seen."""

import enum
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

CHECKS = 200  # in one run, at most


class BatchProblem(Protocol):
    """What a first-order solver minimizes: the mean of a loss over rows, plus a penalty that does not depend on them.

    Weight decay acts on `parameters` but not on `constants`. A minibatch is whatever `loss` takes; its length is its
    number of rows.
    """

    @property
    def parameters(self) -> Sequence[Tensor]: ...

    @property
    def constants(self) -> Sequence[Tensor]: ...

    def __len__(self) -> int:
        """Return the number of rows in an epoch."""
        ...

    def batches(self, size: int | None) -> Iterable[Any]:
        """Return the rows of one epoch: shuffled, in minibatches; for None in order, in chunks that fit in memory."""
        ...

    def count(self, size: int) -> int:
        """Return the number of minibatches in an epoch."""
        ...

    def loss(self, batch: Any) -> Tensor:
        """Return the sum of the losses of a minibatch's rows."""
        ...

    def penalty(self) -> Tensor | None: ...

    def validation_error(self) -> float:
        """Return the error on rows that are never trained on, NaN if there are none."""
        ...


class Step(NamedTuple):
    """Where a run is after a step; `errors` (mean loss, validation error) are given at checks only.

    `done` is the fraction of the run that is over; `number` of `total` counts epochs, or what `unit` says.
    """

    done: float
    number: int
    total: int
    unit: str = "epoch"
    errors: tuple[float, float] | None = None


StepCallback = Callable[[Step], bool]


class StopReason(enum.Enum):
    """Why a run of a first-order solver ended."""

    STEPS_DONE = enum.auto()
    EARLY_STOP = enum.auto()
    STOPPED = enum.auto()
    DIVERGED = enum.auto()


class BestParameters:
    """The parameters of the smallest validation error; without validation rows, the last with a finite loss."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [p.detach() for p in parameters]
        self.kept = [p.clone() for p in self.parameters]
        self.epoch, self.error = 0, math.inf

    def update(self, epoch: int, train: float, validation: float) -> None:
        unknown = math.isnan(validation)
        error = train if unknown else validation
        better = error < self.error
        if better:
            self.epoch, self.error = epoch, error
        if better or (unknown and math.isfinite(train)):
            for kept, now in zip(self.kept, self.parameters, strict=True):
                kept.copy_(now)

    def restore(self) -> None:
        for kept, now in zip(self.kept, self.parameters, strict=True):
            now.copy_(kept)
