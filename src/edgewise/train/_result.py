"""What training gives back: the network, how it went, and what to try next."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edgewise.nn import KAN

if TYPE_CHECKING:
    import pandas as pd


class Row(NamedTuple):
    """One finished run of the solver; errors are root mean squares in the target's units."""

    round: int
    grid: int
    parameters: int
    train: float
    validation: float
    seconds: float


class Outcome(enum.Enum):
    """How training ended; `message` says what happened and what to try."""

    EXACT = "The error is at rounding level: the network can represent the target exactly."
    CONVERGED = (
        "The error no longer falls with more steps or a finer grid. If too large, try more nodes or another seed."
    )
    OVERFIT = (
        "A finer grid fitted the training rows better and the held-out rows worse, so the grid before it was kept. "
        "More rows or less noise would allow a finer one."
    )
    ROWS_EXHAUSTED = (
        "The error still fell at the finest grid that these rows support. More rows would lower it further."
    )
    GRIDS_DONE = "All requested grids were trained and the error still fell at the last. Finer grids may lower it."
    TIME_LIMIT = "The time limit ended training early; the best network so far is returned. Allow more time to go on."
    POOR = "The network explains less than half of the target's spread. Try more nodes or check the columns."

    @property
    def message(self) -> str:
        return self.value


@dataclass(frozen=True)
class FitResult:
    """A trained network and its record.

    `history` is a list of rows (round, grid, parameters, train, validation, seconds); `frame()` gives it as a pandas
    table. Errors are root mean squares in the target's units: `train_error` over all rows with the final network,
    `validation_error` over rows held out from the network that was chosen, before it was trained on them as well (NaN
    where none were held out).
    """

    model: KAN
    history: list[Row]
    outcome: Outcome
    train_error: float
    validation_error: float
    notes: list[str] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(self.history, columns=Row._fields)

    def __repr__(self) -> str:
        grid = self.history[-1].grid if self.history else 0
        return (
            f"FitResult(grid={grid}, train_error={self.train_error:.3g}, validation_error={self.validation_error:.3g}, "
            f"outcome={self.outcome.name}: {self.outcome.message})"
        )
