"""Solutions along a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewise._extras import needed
from edgewise.pde._outcome import Outcome
from edgewise.pde._solution import Solution

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Branch:
    """What `continue_in` returns: a solution for each value of a parameter, in the order in which they were found.

    values: those that were asked for, as far as they were reached, and the steps in between. outcome: CONVERGED if all
    were reached. `branch[-1]` is the last solution, and `for value, solution in branch` goes through all.
    """

    values: tuple[float, ...]
    solutions: tuple[Solution, ...]
    outcome: Outcome

    @property
    def reached(self) -> float:
        """The last value for which there is a solution."""
        return self.values[-1]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, number: int) -> Solution:
        return self.solutions[number]

    def __iter__(self) -> Iterator[tuple[float, Solution]]:
        return zip(self.values, self.solutions, strict=True)

    def frame(self) -> pd.DataFrame:
        """Return a table: value, estimated error, residual, parameters, and the constants of each solution."""
        pd = needed("pandas")

        return pd.DataFrame(
            {
                "value": value,
                "error": found.error,
                "residual": found.residual,
                "parameters": found.history[-1].parameters,
                **found.constants,
            }
            for value, found in self
        )

    def __repr__(self) -> str:
        return (
            f"Branch({len(self)} solutions from {self.values[0]:g} to {self.reached:g}, "
            f"outcome={self.outcome.name}: {self.outcome.message})"
        )
