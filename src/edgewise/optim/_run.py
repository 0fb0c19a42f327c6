"""A run of a gradient solver: what it minimises, where it is, how it ends, and the best parameters that it saw."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

CHECKS = 200  # in one run, at most


class Trainable(Protocol):
    """What a gradient solver minimises: the mean of a loss over rows, and a penalty that no row changes.

    The loss depends on each of `parameters`, which weight decay pulls to zero, and `constants`, which it leaves alone.
    A minibatch is whatever `loss` takes; its length is its number of rows.
    """

    @property
    def parameters(self) -> Sequence[Tensor]: ...

    @property
    def constants(self) -> Sequence[Tensor]: ...

    def __len__(self) -> int:
        """Rows in an epoch."""
        ...

    def batches(self, size: int | None) -> Iterable[Any]:
        """The rows of one epoch, shuffled, in minibatches; for None in order, in pieces that memory holds."""
        ...

    def count(self, size: int) -> int | None:
        """How many minibatches an epoch has, where that is known."""
        ...

    def loss(self, batch: Any) -> Tensor:
        """The sum over the rows of a minibatch."""
        ...

    def penalty(self) -> Tensor | None: ...

    def held_out(self) -> float:
        """The error on rows that are never trained on, NaN where there are none."""
        ...


class Step(NamedTuple):
    """Where a run is, after each step; `errors` (mean loss, held-out error) are given at checks only.

    `done` is the share of the run that is over, from 0 to 1; `number` of `total` counts epochs, or what `unit` says.
    """

    done: float
    number: int
    total: int
    unit: str = "epoch"
    errors: tuple[float, float] | None = None


#: sees each step, and may return True to end the run
Watch = Callable[[Step], bool]


class Ending(enum.Enum):
    """Why a run ended."""

    DONE = enum.auto()
    FLAT = enum.auto()
    ENDED = enum.auto()
    DIVERGED = enum.auto()


class Best:
    """The parameters of the least held-out error; without held-out rows, the last that gave a number."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [p.detach() for p in parameters]
        self.kept = [p.clone() for p in self.parameters]
        self.errors: list[float] = []
        self.epoch, self.least = 0, math.inf

    def see(self, epoch: int, train: float, held: float) -> None:
        error = train if math.isnan(held) else held
        self.errors.append(error)
        better = error < self.least
        if better:
            self.epoch, self.least = epoch, error
        if better or (math.isnan(held) and math.isfinite(train)):
            for kept, now in zip(self.kept, self.parameters, strict=True):
                kept.copy_(now)

    def restore(self) -> None:
        for kept, now in zip(self.kept, self.parameters, strict=True):
            now.copy_(kept)
