"""Formulas on real tables of numbers: what they predict on rows not searched on, their size, and what they cost."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.real._numbers import REAL_TABLES, half_of, numbers
from edgewise_bench.benchmarks.real._regressors import REGRESSORS, Learned, Regressor, learned, warm_up
from edgewise_bench.benchmarks.real._summary import TOP, summary
from edgewise_bench.benchmarks.searchers import Predict, Searcher
from edgewise_bench.benchmarks.searchers import Table as SearchTable
from edgewise_bench.benchmarks.tabular import Table, folds, missing_packages, read_frame, regression_scores

SPLITS = 5
_SECONDS, _QUICK = 10.0, 2.0
_OVERTIME = 600.0
_FOUND = ("choice", "r2", "rmse", "complexity", "formulas", "first", "seconds", "formula", "outcome", "status")


class Tables(Benchmark):
    """Every regressor on every table and each of five splits, on one thread of a separate process.

    Libraries that search for formulas all have the same seconds. A row is one choice of a library: the formula that it
    chose, the most accurate one of its front on the test rows ("top", which nobody can choose), the flexible model
    that edgewise compares formulas with ("ceiling"), Operon's most accurate formula on the training rows ("accurate").
    """

    name = "tables"
    title = "Formulas on real tables: R2 on rows not searched on, medians over the splits"
    file = "tables.csv"
    columns = ("rows", "inputs", *_FOUND)
    parallel = True
    slow = True
    compares = "regressors"
    note = (
        "top: the best of edgewise's front on the test rows, an upper bound; ceiling: the flexible model that it "
        "compares formulas with; complexity, formulas on the front, seconds to the first and to the end: edgewise's. "
        "Below, its distance from linear on the worst table, and in the median table from trees, top and ceiling; "
        "tables on which it is above both choices of Operon; tables below 0.2 where linear is above 0.4; the worst "
        "split's complexity, formulas and seconds"
    )
    tables: ClassVar[tuple[Table, ...]] = REAL_TABLES
    regressors: ClassVar[Mapping[str, Regressor]] = REGRESSORS

    def missing(self) -> str:
        return missing_packages()

    def cases(self, settings: Settings) -> list[Case]:
        if self.missing():
            return []
        tables, splits = (self.tables[:1], 1) if settings.quick else (self.tables, SPLITS)
        return [
            self._case(table, split, library, settings)
            for half in ("development", "held")
            for library in settings.regressors
            for table in tables
            if half_of(table) == half
            for split in range(splits)
        ]

    def _case(self, table: Table, split: int, library: str, settings: Settings) -> Case:
        searches = isinstance(self.regressors[library], Searcher)
        limit = (settings.budget or (_QUICK if settings.quick else _SECONDS)) if searches else 0.0
        effort = settings.effort if library == "edgewise" else ""
        searching = f", {limit:g} s" * searches + f", {effort}" * bool(effort)
        values = {"half": half_of(table), "table": table.name, "split": split, "library": library}
        return Case(
            f"{values['half']}, {table.name}, split {split}: {library}{searching}",
            {**values, "limit": limit, "effort": effort},
        )

    def frame(self, table: Table) -> pd.DataFrame:
        """Return a table as its package ships it."""
        return read_frame(table)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        given = case.values
        table = next(table for table in self.tables if table.name == given["table"])
        try:
            x, y = numbers(self.frame(table), table)
        except InputError as error:
            return [self.row(case, status=f"left out: {error}")]
        train, test = list(folds("regression", x, y, SPLITS))[given["split"]]
        rows = x.to_numpy()
        library = self.regressors[given["library"]]
        warm_up(library)
        task = SearchTable(rows[train], y[train], list(x.columns), given["split"], given["limit"], given["effort"])
        with clock() as spent:
            found = learned(library, task)
        shared = {"rows": len(x), "inputs": x.shape[1], "seconds": spent.wall, **_described(found)}
        return [
            self.row(case, choice=choice, **shared, **scores)
            for choice, scores in _scores(found, rows[test], y[test]).items()
        ]

    def time_limit(self, case: Case) -> float:
        return 2 * case.values["limit"] + _OVERTIME

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return summary(rows)


def _described(found: Learned) -> Row:
    known = {"complexity": found.complexity, "first": found.first, "formulas": len(found.front) or None}
    return {name: value for name, value in known.items() if value is not None} | {
        "formula": found.formula,
        "outcome": found.outcome,
    }


def _scores(found: Learned, x: Array, y: Array) -> dict[str, dict[str, float]]:
    """Return the scores of each choice, and of the formula of the front that is the best here."""

    def scores(predict: Predict) -> dict[str, float]:
        with np.errstate(all="ignore"):
            return regression_scores(y, predict(x))

    own = {choice: scores(predict) for choice, predict in found.choices.items()}
    front = [of for of in map(scores, found.front) if np.isfinite(of["r2"])]
    return own | ({TOP: max(front, key=lambda of: of["r2"])} if front else {})
