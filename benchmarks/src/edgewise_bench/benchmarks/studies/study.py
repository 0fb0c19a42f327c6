"""A study: a benchmark whose cases are a grid of values, and whose table makes figures of groups of rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import inf, nan
from statistics import fmean, median
from typing import Any, ClassVar, NamedTuple

from edgewise_bench import Benchmark, Case, Cell, Row, Settings
from edgewise_bench.tables import grouped, known

Bound = float | Callable[[Row], float]
"""A limit, or what gives it for a row of a group."""


class Figure(NamedTuple):
    """A column of a study's table: its heading, and what is made of a stored column over the rows of a group.

    Truth values count as 0 and 1; rows without a value are left out. least, most: what the figure must reach, in each
    group; an infinite bound is none.
    """

    heading: str
    column: str
    of: Callable[[Sequence[float]], float] = median
    least: Bound = -inf
    most: Bound = inf

    def cell(self, rows: Sequence[Row]) -> Cell:
        values = known(rows, self.column)
        if not values:
            return Cell("")
        figure = self.of(values)
        least, most = (bound(rows[0]) if callable(bound) else bound for bound in (self.least, self.most))
        return Cell(f"{figure:.4g}", None if (least, most) == (-inf, inf) else least <= figure <= most)


class Study(Benchmark):
    """A benchmark that takes minutes to hours, and is measured when it is named.

    grid: the values that cases are made of, by name, or what returns them. by: columns by whose values the rows of the
    table are grouped; a last line is of all rows where `total` is set. figures: the other columns of the table. first,
    seeds: the first seed and how many of them a case is measured with; --seed N begins at first + N - 1.
    """

    slow = True
    parallel = True
    compares = ""
    by: ClassVar[tuple[str, ...]] = ()
    figures: ClassVar[tuple[Figure, ...]] = ()
    grid: ClassVar[Mapping[str, Iterable[Any] | Callable[[], Iterable[Any]]]] = {}
    total: ClassVar[bool] = False
    first: ClassVar[int] = 0
    seeds: ClassVar[int] = 1

    @abstractmethod
    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row | Iterator[Row]:
        """Measure the values of a case; return its row, or its rows."""

    def cases(self, settings: Settings) -> list[Case]:
        """List every combination of the values, with each seed; of a quick run the first one."""
        first = self.first + settings.seed - 1
        known = {name: values() if callable(values) else values for name, values in self.grid.items()}
        grid = known | ({"seed": range(first, first + self.seeds)} if self.seeds else {})
        found = [labeled(dict(zip(grid, values, strict=True))) for values in product(*grid.values())]
        return found[:1] if settings.quick else found

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        found = self.measured(case.values, settings)
        return [self.row(case, **row) for row in (found if isinstance(found, Iterator) else [found])]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = [[*map(Cell, key), *self._cells(group)] for key, group in grouped(rows, *self.by).items()]
        if self.total:
            lines.append([Cell("all"), *[Cell("")] * (len(self.by) - 1), *self._cells(rows)])
        return [*self.by, "cases", *(figure.heading for figure in self.figures)], lines

    def _cells(self, rows: Sequence[Row]) -> list[Cell]:
        done = [row for row in rows if not row.get("status")]
        if not done:
            return [Cell(str(rows[0]["status"])), *[Cell("")] * len(self.figures)]
        return [Cell(str(len(done))), *(figure.cell(done) for figure in self.figures)]


def labeled(values: Mapping[str, Any]) -> Case:
    """Return a case that is labeled by its values.

    >>> labeled({"law": "growth", "noise": 0.0}).label
    'law growth, noise 0'
    """
    shown = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items())
    return Case(", ".join(shown), dict(values))


def share_of(rows: Iterable[Row], column: str, over: str) -> float:
    """Return the sum of a column over that of another one."""
    rows = list(rows)
    whole = sum(known(rows, over))
    return sum(known(rows, column)) / whole if whole else nan


share = fmean
"""Of truth values: the share that is true."""
