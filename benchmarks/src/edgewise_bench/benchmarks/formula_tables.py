"""Formulas on real tables of numbers: what they predict on rows not searched on, their size, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import sympy

from edgewise._typing import Array
from edgewise_bench import OURS, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks import real_tables
from edgewise_bench.benchmarks.estimator import Estimator
from edgewise_bench.benchmarks.estimators import ESTIMATORS
from edgewise_bench.benchmarks.searchers import SEARCHERS, OperonForTables, Predict, Searched, Searcher
from edgewise_bench.benchmarks.searchers import Table as SearchTable
from edgewise_bench.benchmarks.tabular import OnTables, Result
from edgewise_bench.tables import grouped, number


class Trees(Estimator):
    """Gradient boosting of scikit-learn, which unlike its boosting on histograms also works on tens of rows."""

    name = "trees"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(random_state=seed, **chosen)


Regressor = Searcher | Estimator
REGRESSORS: dict[str, Regressor] = {
    library.name: library
    for library in (
        SEARCHERS["edgewise"], ESTIMATORS["constant"], ESTIMATORS["linear"], Trees(), ESTIMATORS["ebm"],
        OperonForTables(), SEARCHERS["gplearn"],
    )
}  # fmt: skip


TOP, CEILING, ACCURATE = "top", "ceiling", "accurate"
_LINEAR, _TREES, _OPERON = "linear", "trees", "pyoperon"
_FACTS = (("complexity", "complexity"), ("formulas", "formulas"), ("first", "first s"), ("seconds", "seconds"))


Scores = Mapping[str, Mapping[str, float]]
"""R2 by table, then by choice."""


class Judged(NamedTuple):
    """What is asked of edgewise, what was measured, and whether that is enough."""

    asked: str
    measured: str
    passed: bool


def summary(rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Return the headings and the lines: one a table, then what is asked over the tables of each half."""
    bounded = 10  # tables from which limits are held to
    names = list(dict.fromkeys(_choice(row) for row in rows))
    head = ["table", "half", "rows", "inputs", *names, *(title for _, title in _FACTS)]
    lines, below = [], []
    for (half,), own in grouped(rows, "half").items():
        results: dict[str, dict[str, float]] = {}
        for (table,), group in grouped(own, "table").items():
            found = {name: Result.of("regression", of) for name in names if (of := _of(group, name))}
            if any(row["rows"] for row in group):  # the table can be read
                results[table] = {name: -result.deficit for name, result in found.items()}
            sizes = next(((str(row["rows"]), str(row["inputs"])) for row in group if row["rows"]), ("", ""))
            facts = (Cell(_median(_of(group, OURS), column)) for column, _ in _FACTS)
            scores = (found[name].cell if name in found else Cell("") for name in names)
            lines.append([Cell(table), Cell(half), *map(Cell, sizes), *scores, *facts])
        for judged in _judged(results, _of(own, OURS)):
            cells = [Cell(judged.asked), Cell(half), Cell(str(len(results))), Cell("")]
            passed = judged.passed if len(results) >= bounded else None
            below.append([*cells, Cell(judged.measured, passed), *[Cell("")] * (len(head) - 5)])
    return head, [*lines, *below]


def _choice(row: Row) -> str:
    return f"{row['library']} {row['choice']}".strip()


def _of(rows: Sequence[Row], name: str) -> list[Row]:
    """Return the rows of a choice; a split that failed counts for each choice of its library."""
    library = name.split()[0]
    return [row for row in rows if _choice(row) == name or (row["status"] and row["library"] == library)]


def _median(rows: Sequence[Row], column: str) -> str:
    known = [value for row in rows if (value := number(row, column)) < math.inf]
    return f"{median(known):.3g}" if known else ""


def _judged(results: Scores, ours: Sequence[Row]) -> Iterator[Judged]:
    """Yield what is asked of edgewise, as far as it and what it is compared with are measured."""
    too_low, easy_above = 0.2, 0.4
    complexity, formulas, first, most_seconds = 30, 8, 1.0, 30.0
    yield from _against_others(results)
    poor = [table for table, own in results.items()
            if own.get(OURS, 1.0) < too_low and own.get(_LINEAR, 0.0) > easy_above]  # fmt: skip
    if any({OURS, _LINEAR} <= set(own) for own in results.values()):
        asked = f"not below {too_low:g}"
        yield Judged(asked, ", ".join(poor) or "none", not poor)
    for column, asked, most, sign in (
        ("complexity", f"complexity <= {complexity}", complexity, 1),
        ("formulas", f"formulas >= {formulas}", formulas, -1),
        ("first", f"first <= {first:g} s", first, 1),
        ("seconds", f"seconds <= {most_seconds:g}", most_seconds, 1),
    ):
        known = [value for row in ours if (value := number(row, column)) < math.inf]
        if known:
            worst = max(known, key=lambda value, sign=sign: sign * value)
            yield Judged(asked, f"{worst:.3g}", sign * worst <= sign * most)


def _against_others(results: Scores) -> Iterator[Judged]:
    below, near = 0.02, 0.03
    if gaps := _gaps(results, _LINEAR):
        least, where = min((gap, table) for table, gap in gaps.items())
        yield Judged(f"linear - {below:g}, all", f"{least:+.3f} ({where})", least >= -below)
    if gaps := _gaps(results, _TREES):
        middle = median(gaps.values())
        yield Judged(f"trees - {below:g}, median", f"{middle:+.3f}", middle >= -below)
    if gaps := _gaps(results, _OPERON, f"{_OPERON} {ACCURATE}"):
        above = sum(gap > 0 for gap in gaps.values())
        yield Judged("above Operon on 2/3", f"{above} of {len(gaps)}", 3 * above >= 2 * len(gaps))
    for choice in (TOP, CEILING):
        if gaps := _gaps(results, f"{OURS} {choice}"):
            middle = median(gaps.values())
            yield Judged(f"{choice} - {near:g}, median", f"{middle:+.3f}", middle >= -near)


def _gaps(results: Scores, *others: str) -> dict[str, float]:
    """Return by table how far edgewise is above the best of some others, where all of them are measured."""
    found = {}
    for table, own in results.items():
        if {OURS, *others} <= set(own):
            best = max(own[other] for other in others)
            found[table] = 0.0 if own[OURS] == best else own[OURS] - best  # both may have failed: infinite
    return found


_FOUND = ("choice", "r2", "rmse", "complexity", "formulas", "first", "seconds", "formula", "outcome", "status")


class Tables(OnTables):
    """Every regressor on every table and each of five splits, on one thread of a separate process.

    Libraries that search for formulas all have the same seconds. A row is one choice of a library: the formula that it
    chose, the most accurate one of its front on the test rows ("top", which nobody can choose), the flexible model
    that edgewise compares formulas with ("ceiling"), Operon's most accurate formula on the training rows ("accurate").
    """

    name = "tables"
    title = "Formulas on real tables: R2 on rows not searched on, medians over the splits"
    overtime = 600.0
    columns = ("rows", "inputs", *_FOUND)
    compares = "regressors"
    note = (
        "top: the best of edgewise's front on the test rows, an upper bound; ceiling: the flexible model that it "
        "compares formulas with; complexity, formulas on the front, seconds to the first and to the end: edgewise's. "
        "Below, its distance from linear on the worst table, and in the median table from trees, top and ceiling; "
        "tables on which it is above both choices of Operon; tables below 0.2 where linear is above 0.4; the worst "
        "split's complexity, formulas and seconds"
    )
    tables = real_tables.REAL_TABLES
    regressors: ClassVar[Mapping[str, Regressor]] = REGRESSORS

    def cases(self, settings: Settings) -> list[Case]:
        if self.missing():
            return []
        tables, splits = (self.tables[:1], 1) if settings.quick else (self.tables, self.splits)
        return [
            self._case(table, split, library, settings)
            for half in ("development", "held")
            for library in settings.regressors
            for table in tables
            if table.half == half
            for split in range(splits)
        ]

    def _case(self, table: real_tables.Table, split: int, library: str, settings: Settings) -> Case:
        seconds, quick = 10.0, 2.0
        searches = isinstance(self.regressors[library], Searcher)
        limit = (settings.budget or (quick if settings.quick else seconds)) if searches else 0.0
        effort = settings.effort if library == "edgewise" else ""
        searching = f", {limit:g} s" * searches + f", {effort}" * bool(effort)
        values = {"half": table.half, "table": table.name, "split": split, "library": library}
        return Case(
            f"{values['half']}, {table.name}, split {split}: {library}{searching}",
            {**values, "limit": limit, "effort": effort},
        )

    def columns_of(self, table: real_tables.Table, settings: Settings) -> tuple[pd.DataFrame, Array]:
        return real_tables.numbers(self.frame(table), table)

    def learned(
        self, case: Case, table: real_tables.Table, x: pd.DataFrame, y: Array, train: Array, test: Array
    ) -> list[Row]:
        given, rows, library = case.values, x.to_numpy(), self.regressors[case.values["library"]]
        library.warm_up()
        task = SearchTable(rows[train], y[train], list(x.columns), given["split"], given["limit"], given["effort"])
        with clock() as spent:
            found = library.find(task)
        shared = {"seconds": spent.wall, **_described(found)}
        scores = _scores(found, rows[test], y[test])
        return [{"choice": choice, **shared, **own} for choice, own in scores.items()]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return summary(rows)


def _described(found: Searched) -> Row:
    facts = {"complexity": found.complexity, "first": found.first, "formulas": len(found.front) or None}
    text = "" if found.formula is None else sympy.sstr(found.formula)
    return {
        **{name: fact for name, fact in facts.items() if fact is not None},
        "formula": text,
        "outcome": found.outcome,
    }


def _scores(found: Searched, x: Array, y: Array) -> dict[str, dict[str, float]]:
    """Return the scores of each choice, and of the formula of the front that is the best here."""

    def scores(predict: Predict) -> dict[str, float]:
        with np.errstate(all="ignore"):
            return real_tables.regression_scores(y, predict(x))

    own = {choice: scores(predict) for choice, predict in found.choices.items()}
    front = [of for of in map(scores, found.front) if np.isfinite(of["r2"])]
    return own | ({TOP: max(front, key=lambda of: of["r2"])} if front else {})
