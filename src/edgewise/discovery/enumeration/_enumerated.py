"""Small formulas of a problem, found systematically."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from edgewise._typing import Formula
from edgewise.discovery.enumeration._operations import PLAIN
from edgewise.discovery.enumeration._search import Enumeration, Found
from edgewise.discovery.tables import Problem

ROWS = 40
"""The rows below which nothing is enumerated: too many small formulas fit."""

MOST_COLUMNS = 6
"""The columns up to which formulas are enumerated."""


class Enumerated:
    """The small formulas of a problem, lifted to its table.

    `first`, `short` and `long` yield the exact ones that little work finds, and more; there are none where rows are
    few, columns many, or numbers cannot be squared. `symbols` is the number up to which all formulas are tried, 0 for
    none.
    """

    def __init__(self, problem: Problem, ended: Callable[[], bool]) -> None:
        y = problem.target.numpy()
        possible = 0 < problem.n_columns <= MOST_COLUMNS and len(y) >= ROWS and problem.sound() and np.ptp(y) > 0
        self._problem = problem
        self._search = Enumeration(problem.columns.numpy(), y, ended) if possible else None
        self.first = self._lifted(Enumeration.first)
        self.short = self._lifted(Enumeration.short)
        self.long = self._lifted(Enumeration.long)

    @property
    def symbols(self) -> int:
        """The number of symbols up to which all formulas a f + b are tried."""
        return 0 if self._search is None else self._search.symbols

    def plain(self) -> list[Formula]:
        """Return the best of all formulas a f + b with f of each number of symbols."""
        return [*self._lifted(Enumeration.best_of_each)]

    def _lifted(self, find: Callable[[Enumeration], Iterable[Found]]) -> Iterator[Formula]:
        for each in () if self._search is None else find(self._search):
            yield self._problem.lift(each.program.expression(self._problem.names))


def described(columns: Sequence[str], symbols: int, rows: int, best: str) -> str:
    """Return which formulas were tried without gaps, and which of them is best, in words.

    >>> described(["x"], 4, 128, "2*x, error 0.1").split("; ")[1]
    'the best is 2*x, error 0.1.'
    """
    shown = {"square": "u^2", "cube": "u^3", "inverse": "1/u"}
    functions = ", ".join(shown.get(name, name) for name in PLAIN)
    return (
        f"Every formula a*f + b with f of at most {symbols} symbols was tried (symbols: {', '.join(columns)}, 1, "
        f"+ - * /, {functions}), compared on up to {rows} rows; the best is {best}."
    )
