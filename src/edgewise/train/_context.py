"""What the trainers of one fit share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import torch

from edgewise.nn import KAN, Layout
from edgewise.optim import Solver
from edgewise.train._choices import grid_of
from edgewise.train._loss import Loss
from edgewise.train._monitor import Monitor
from edgewise.train._options import Options
from edgewise.train._result import Outcome
from edgewise.train._split import Split

S = TypeVar("S", bound=Solver)


@dataclass(frozen=True)
class Context(Generic[S]):
    """The rows and settings of a fit. Errors are in the units of `split`.

    `trained`: the network was trained before, and goes on from there. `automatic`: the validation error chooses among
    the grids; otherwise all of them are trained. `dtype` is that of the network as it was given.
    """

    split: Split
    loss: Loss
    solver: S
    options: Options
    monitor: Monitor
    sparsity: float
    trained: bool
    automatic: bool
    dtype: torch.dtype

    def record(self, model: KAN, train: float, validation: float) -> None:
        """Add a row to the history."""
        scale = self.split.units.scale
        self.monitor.record(grid_of(model), Layout(model).size, train * scale, validation * scale)


class Trained(NamedTuple):
    """What a trainer returns.

    `selected` is the network before it was trained on all rows, `loss` the loss as it was last tuned.
    """

    model: KAN
    selected: KAN
    outcome: Outcome
    loss: Loss
