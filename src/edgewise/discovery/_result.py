"""What discovery gives back."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise._typing import Array
from edgewise.discovery._candidate import Candidate

if TYPE_CHECKING:
    import pandas as pd


class Outcome(enum.Enum):
    """Why discovery stopped; `message` says what that means and what to try."""

    EXACT = "The formula reproduces the data to rounding."
    NOISE = "The formula leaves only noise: no richer model predicts held-out rows better."
    TOO_FEW_ROWS = (
        "The rows are too few to tell a law from chance, so none is claimed; the best supported formula is given. "
        "Try more rows, or fewer columns."
    )
    UNSEEN = (
        "The formula fits the rows, but between them it has a pole, a jump or a number that no row determines. "
        "Add rows there, or take a simpler formula of the front."
    )
    APPROXIMATE = (
        "No formula reached the accuracy of the best model: the one given is an approximation. "
        "Try more rows, fewer columns, or a longer time limit."
    )
    TIME_LIMIT = "The time limit ended the search; the best formula so far is given. Allow more time to go on."

    @property
    def message(self) -> str:
        return self.value


@dataclass(frozen=True, repr=False)
class Discovery(Sequence[Candidate]):
    """Formulas for a table, from simple to accurate.

    `best` is the one to use, `found[i]` the i-th of the front, `equations` the front as a pandas table. `noise` is
    the estimated noise over the target's spread (0: none seen), `relative` whether errors are relative to each value,
    `stages` what was done, in words.
    """

    candidates: list[Candidate]
    best: Candidate
    outcome: Outcome
    noise: float
    relative: bool
    names: tuple[str, ...]
    target: str
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    stages: list[str] = field(repr=False, default_factory=list)
    settings: dict[str, object] = field(repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, index: int) -> Candidate:
        return self.candidates[index]

    @property
    def equations(self) -> pd.DataFrame:
        """The front as a table: complexity, error, formula, best."""
        import pandas as pd

        rows = [(c.complexity, c.error, str(c.expression), c is self.best) for c in self.candidates]
        return pd.DataFrame(rows, columns=["complexity", "error", "formula", "best"])

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML file about all of it, and return its path.

        Errors: InputError where the file cannot be written.
        """
        from edgewise.discovery._report import report_discovery

        return report_discovery(self, self.outcome.message, path)

    def __repr__(self) -> str:
        rows = "\n".join(f"{'>' if c is self.best else ' '} {i}  {c}" for i, c in enumerate(self.candidates))
        return f"Discovery of {self.target}: {self.outcome.message}\n{rows}"
