"""Estimators on real tables: what they predict on rows not trained on, and what it costs."""

from __future__ import annotations

import math
import signal
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean, geometric_mean, median
from typing import Any, ClassVar, NamedTuple

import pandas as pd

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks import real_tables
from edgewise_bench.benchmarks.estimator import Estimator
from edgewise_bench.benchmarks.estimators import ESTIMATORS
from edgewise_bench.tables import grouped, number

CONSTANT, LINEAR = "constant", "linear"


class Result(NamedTuple):
    """The medians over the splits of one estimator on one table.

    score: R2 or log loss. error: root mean square error or log loss. deficit: the score, such that lower is better.
    A split that failed, or whose predictions are not numbers, counts as an infinite error. All three are infinite where
    more than half of the splits do.
    """

    score: float
    error: float
    deficit: float
    seconds: float
    status: str

    @classmethod
    def of(cls, kind: str, rows: Sequence[Row]) -> Result:
        regression = kind == "regression"
        scores = [_known(row, "r2" if regression else "log_loss") for row in rows]
        deficit = median(-score if regression and score < math.inf else score for score in scores)
        status = next((str(row["status"]) for row in rows if row["status"]), "")
        return cls(
            abs(deficit) if math.isinf(deficit) else -deficit if regression else deficit,
            median(_known(row, "rmse" if regression else "log_loss") for row in rows),
            deficit,
            median(number(row, "seconds") for row in rows),
            status,
        )

    @property
    def cell(self) -> Cell:
        """Return the score as a table has it, or why there is none."""
        return Cell(f"{self.score:.3f}" if self.score < math.inf else self.status or "failed")


def _known(row: Row, column: str) -> float:
    """Return a number of a row, infinity where there is none, or where predictions were not numbers."""
    value = number(row, column)
    return math.inf if math.isnan(value) else value


Results = Mapping[str, Mapping[str, Result]]
"""By table, then by estimator."""


def summary(rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Return the headings and the lines: one a table, then the figures over the tables of each half and kind.

    Tuned estimators are compared with tuned ones only.
    """
    names = list(dict.fromkeys(str(row["library"]) for row in rows))
    lines, below = [], []
    for (tuned, half, kind), own in grouped(rows, "tuned", "half", "kind").items():
        label = f"{half}, tuned {tuned}" if int(tuned) else half
        results: dict[str, dict[str, Result]] = {}
        for (table,), group in grouped(own, "table").items():
            results[table] = {
                name: Result.of(kind, chosen)
                for name in names
                if (chosen := [row for row in group if row["library"] == name])
            }
            count = next((str(row["rows"]) for row in group if row["rows"]), "")
            cells = [results[table][name].cell if name in results[table] else Cell("") for name in names]
            lines.append([Cell(table), Cell(label), Cell(kind), Cell(count), *cells])
        below += _figures(label, kind, names, results)
    return ["table", "half", "kind", "rows", *names], [*lines, *below]


def _figures(half: str, kind: str, names: Sequence[str], results: Results) -> list[list[Cell]]:
    """Return the lines over the tables of one half and kind."""

    def line(label: str, of: Callable[[str], str]) -> list[Cell]:
        return [Cell(label), Cell(half), Cell(kind), Cell(str(len(results))), *(Cell(of(name)) for name in names)]

    found = [
        line("mean rank", lambda name: _mean_rank(name, results)),
        line("ratio", lambda name: _ratio(name, results)),
        *(
            line(f"worst gap to {baseline}", lambda name, baseline=baseline: _worst(name, baseline, results))
            for baseline in (CONSTANT, LINEAR)
            if baseline in names
        ),
        line("seconds of a fit", lambda name: _seconds(name, results)),
    ]
    if OURS in names:
        found.append(line(f"{OURS} loses to it on", lambda name: ", ".join(_better(name, results))))
    return found


def _mean_rank(name: str, results: Results) -> str:
    """Return the mean over the tables of the place among the estimators; equal ones share a place."""
    places = []
    for own in results.values():
        if name in own:
            others = [result.deficit for result in own.values()]
            less, same = (sum(map(test, others)) for test in (own[name].deficit.__gt__, own[name].deficit.__eq__))
            places.append(less + (same + 1) / 2)
    return f"{fmean(places):.2f}" if places else ""


def _ratio(name: str, results: Results) -> str:
    ratios = [own[name].error / min(result.error for result in own.values())
              for own in results.values() if name in own and own[name].error < math.inf]  # fmt: skip
    left = f" ({len(ratios)} of {len(results)})" if len(ratios) < len(results) else ""
    return f"{geometric_mean(ratios):.3f}{left}" if ratios and min(ratios) > 0 else ""


def _worst(name: str, baseline: str, results: Results) -> str:
    """Return by how much an estimator falls short of a baseline where it does so the most, and the table."""
    gaps = [(own[name].deficit - own[baseline].deficit, table)
            for table, own in results.items() if {name, baseline} <= set(own)]  # fmt: skip
    gap, table = max((pair for pair in gaps if math.isfinite(pair[0])), default=(math.nan, ""))
    return "" if name == baseline or not table else f"{gap:+.3f} ({table})"


def _seconds(name: str, results: Results) -> str:
    known = [own[name].seconds for own in results.values() if name in own and own[name].seconds < math.inf]
    return f"{median(known):.2g}" if known else ""


def _better(name: str, results: Results) -> Iterator[str]:
    """Yield the tables on which an estimator is better than edgewise."""
    for table, own in results.items():
        if {OURS, name} <= set(own) and own[name].deficit < own[OURS].deficit:
            yield table


class OnTables(Benchmark):
    """Libraries on real tables, each split of each in turn; `columns_of` reads what a library sees of one."""

    parallel = True
    slow = True
    tables: ClassVar[tuple[real_tables.Table, ...]]
    splits: ClassVar[int] = 5

    def missing(self) -> str:
        return real_tables.missing_packages()

    def frame(self, table: real_tables.Table) -> pd.DataFrame:
        """Return a table as its package ships it."""
        return real_tables.read_frame(table)

    @abstractmethod
    def columns_of(self, table: real_tables.Table, settings: Settings) -> tuple[pd.DataFrame, Array]:
        """Return the inputs and the target of a table. Errors: InputError where it cannot be read."""

    @abstractmethod
    def learned(
        self, case: Case, table: real_tables.Table, x: pd.DataFrame, y: Array, train: Array, test: Array
    ) -> list[Row]:
        """Learn from the rows `train` of a table, and return the columns of rows."""

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        table = next(table for table in self.tables if table.name == case.values["table"])
        try:
            x, y = self.columns_of(table, settings)
        except InputError as error:
            return [self.row(case, status=f"left out: {error}")]
        shuffled, fold = divmod(case.values["split"], self.splits)
        train, test = list(real_tables.folds(table.kind, x, y, self.splits, shuffled))[fold]
        shape = {"rows": len(x), "inputs": x.shape[1]}
        return [self.row(case, **shape, **row) for row in self.learned(case, table, x, y, train, test)]


_FIT, _SEARCH = 150.0, 1200.0  # CPU seconds of a case, without and with a search for settings
_ALARMS = tuple(f"(exit code {-getattr(signal, name, 0)})" for name in ("SIGPROF", "SIGALRM"))
_SCORES = ("r2", "rmse", "log_loss", "accuracy", "calibration", "coverage", "width")


class Tabular(OnTables):
    """Every estimator on every table and each of three splits, on one thread of a separate process.

    `Settings.seed` N shuffles the rows for the N-th time, and its splits are numbered after those before. Nobody is
    tuned, unless `Settings.tuned` asks for a random search. The seconds are CPU time, of the search and the
    fit, and of the predictions. A case that computes longer than its limit, or takes ten times as long by the clock, is
    ended with its process, and its row says so; the next case starts another process.
    """

    name = "tabular"
    title = "Estimators on real tables: R2 or log loss on rows not trained on, medians over the splits"
    columns = ("rows", "inputs", *_SCORES, "seconds", "predict_seconds", "chosen", "status")
    compares = "estimators"
    note = (
        "regression: R2, the higher the better; classification: log loss, the lower the better; ratio: RMSE or log "
        "loss over the lowest of any estimator, geometric mean over the tables; worst gap: the largest shortfall in "
        "R2 or log loss, and where; the larger fresh tables were measured again after a change"
    )
    tables = real_tables.TABLES
    splits = real_tables.FOLDS
    estimators: ClassVar[Mapping[str, Estimator]] = ESTIMATORS

    def cases(self, settings: Settings) -> list[Case]:
        if self.missing():
            return []
        limit = settings.budget or (_SEARCH if settings.tuned else _FIT)
        tables, splits = (tuple(self._quick()), 1) if settings.quick else (self.tables, self.splits)
        first = max(settings.seed - 1, 0) * self.splits
        return [
            _case(table, split, library, {"tuned": settings.tuned, "limit": limit})
            for library in settings.estimators
            for table in sorted(tables, key=lambda table: table.half)
            for split in range(first, first + splits)
        ]

    def columns_of(self, table: real_tables.Table, settings: Settings) -> tuple[pd.DataFrame, Array]:
        return real_tables.columns(self.frame(table), table._replace(most=200) if settings.quick else table)

    def learned(
        self, case: Case, table: real_tables.Table, x: pd.DataFrame, y: Array, train: Array, test: Array
    ) -> list[Row]:
        given, estimator = case.values, self.estimators[case.values["library"]]
        estimator.warm_up(table.kind)
        inputs, target = x.iloc[train], y[train]
        with _ended_after(_most(case)), clock() as spent:
            chosen = real_tables.found_settings(estimator, table.kind, inputs, target, given["tuned"], given["limit"])
            model = estimator.make(table.kind, inputs, given["split"], **chosen)
            model.fit(inputs, target)
        with clock() as predicting:
            scores = real_tables.scored(table.kind, model, x.iloc[test], y[test])
        if table.kind == "regression" and (ends := estimator.interval(model, x.iloc[test], real_tables.LEVEL)):
            scores |= real_tables.interval_scores(y[test], *ends)
        cost = {"seconds": spent.process, "predict_seconds": predicting.process}
        return [{**scores, **cost, "chosen": _settings(chosen)}]

    def time_limit(self, case: Case) -> float:
        overhead = 60.0  # seconds to import, to read the table and to warm up
        patience = 10.0  # by the clock, times the CPU seconds
        return overhead + patience * _most(case)

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        capped = reason.endswith(_ALARMS)
        return [self.row(case, status=f"capped at {case.values['limit']:g} s" if capped else reason)]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return summary(rows)

    def _quick(self) -> Iterator[real_tables.Table]:
        """Yield the first table of each kind."""
        for kind in dict.fromkeys(table.kind for table in self.tables):
            yield next(table for table in self.tables if table.kind == kind)


def _most(case: Case) -> float:
    """Return the CPU seconds of a case; those of a search may begin their last settings just before its limit."""
    limit = case.values["limit"]
    return max(2 * limit, limit + _FIT) if case.values["tuned"] else limit


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End the process by a signal once the block has computed that long; never where the system has no such clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _case(table: real_tables.Table, split: int, library: str, shared: Mapping[str, Any]) -> Case:
    tuned = f", tuned {shared['tuned']}" if shared["tuned"] else ""
    values = {"half": table.half, "table": table.name, "kind": table.kind, "split": split, "library": library, **shared}
    return Case(f"{table.half}, {table.name}, split {split}: {library}{tuned}", values)


def _settings(chosen: Mapping[str, Any]) -> str:
    """Return settings as text, like "alpha=0.01, max_iter=200"."""
    return ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
                     for name, value in sorted(chosen.items()))  # fmt: skip
