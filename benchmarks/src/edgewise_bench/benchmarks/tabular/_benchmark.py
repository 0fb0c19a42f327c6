"""Estimators on real tables: what they predict on rows not trained on, and what it costs."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pandas as pd

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.tabular._reading import columns, missing_packages, read_frame
from edgewise_bench.benchmarks.tabular._scores import LEVEL, interval_scores
from edgewise_bench.benchmarks.tabular._search import folds, found_settings, scored
from edgewise_bench.benchmarks.tabular._summary import summary
from edgewise_bench.benchmarks.tabular._tables import TABLES, Table, halves
from edgewise_bench.benchmarks.tabular.estimators import ESTIMATORS, Estimator

SPLITS = 5
_FIT, _SEARCH = 150.0, 1200.0  # CPU seconds of a case, without and with a search for settings
_PATIENCE = 10.0  # by the clock, times the CPU seconds
_OVERHEAD = 60.0  # seconds to import, to read the table and to warm up
_FEW = 200
_ALARMS = tuple(f"(exit code {-getattr(signal, name, 0)})" for name in ("SIGPROF", "SIGALRM"))
_SCORES = ("r2", "rmse", "log_loss", "accuracy", "calibration", "coverage", "width")


class Tabular(Benchmark):
    """Every estimator on every table and each of five splits, on one thread of a separate process.

    Nobody is tuned, unless `Settings.tuned` asks for a random search. The seconds are CPU time, of the search and the
    fit, and of the predictions. A case that computes longer than its limit, or takes ten times as long by the clock, is
    ended with its process, and its row says so; the next case starts another process.
    """

    name = "tabular"
    title = "Estimators on real tables: R2 or log loss on rows not trained on, medians over the splits"
    file = "tabular.csv"
    columns = ("rows", "inputs", *_SCORES, "seconds", "predict_seconds", "chosen", "status")
    parallel = True
    slow = True
    compares = "estimators"
    note = (
        "regression: R2, the higher the better; classification: log loss, the lower the better; ratio: RMSE or log "
        "loss over the lowest of any estimator, geometric mean over the tables; worst gap: the largest shortfall in "
        "R2 or log loss, and where; the held half has been measured twice with edgewise, as its code was changed in "
        "between"
    )
    tables: ClassVar[tuple[Table, ...]] = TABLES
    estimators: ClassVar[Mapping[str, Estimator]] = ESTIMATORS

    def missing(self) -> str:
        return missing_packages()

    def cases(self, settings: Settings) -> list[Case]:
        if self.missing():
            return []
        limit = settings.budget or (_SEARCH if settings.tuned else _FIT)
        tables, splits = (self._quick(), 1) if settings.quick else (self.tables, SPLITS)
        half = halves(self.tables)
        return [
            _case(half[table.name], table, split, library, {"tuned": settings.tuned, "limit": limit})
            for library in settings.estimators
            for table in sorted(tables, key=lambda table: half[table.name])
            for split in range(splits)
        ]

    def frame(self, table: Table) -> pd.DataFrame:
        """Return a table as its package ships it."""
        return read_frame(table)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        given = case.values
        table = next(table for table in self.tables if table.name == given["table"])
        try:
            x, y = columns(self.frame(table), table._replace(most=_FEW) if settings.quick else table)
        except InputError as error:
            return [self.row(case, status=f"left out: {error}")]
        train, test = list(folds(table.kind, x, y, SPLITS))[given["split"]]
        estimator = self.estimators[given["library"]]
        estimator.warm_up(table.kind)
        inputs, target = x.iloc[train], y[train]
        with _ended_after(_most(case)), clock() as spent:
            search = given["tuned"], given["limit"]
            chosen = found_settings(estimator, table.kind, inputs, target, *search)
            model = estimator.make(table.kind, inputs, given["split"], **chosen)
            model.fit(inputs, target)
        with clock() as predicting:
            scores = scored(table.kind, model, x.iloc[test], y[test])
        scores |= _intervals(estimator, model, x.iloc[test], y[test]) if table.kind == "regression" else {}
        cost = {"seconds": spent.process, "predict_seconds": predicting.process}
        shape = {"rows": len(x), "inputs": x.shape[1]}
        return [self.row(case, **shape, **scores, **cost, chosen=_settings(chosen))]

    def time_limit(self, case: Case) -> float:
        return _OVERHEAD + _PATIENCE * _most(case)

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        capped = reason.endswith(_ALARMS)
        return [self.row(case, status=f"capped at {case.values['limit']:g} s" if capped else reason)]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return summary(rows)

    def _quick(self) -> Iterator[Table]:
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


def _case(half: str, table: Table, split: int, library: str, shared: Mapping[str, Any]) -> Case:
    tuned = f", tuned {shared['tuned']}" if shared["tuned"] else ""
    values = {"half": half, "table": table.name, "kind": table.kind, "split": split, "library": library, **shared}
    return Case(f"{half}, {table.name}, split {split}: {library}{tuned}", values)


def _intervals(estimator: Estimator, model: Any, x: pd.DataFrame, y: Array) -> dict[str, float]:
    ends = estimator.interval(model, x, LEVEL)
    return {} if ends is None else interval_scores(y, *ends)


def _settings(chosen: Mapping[str, Any]) -> str:
    """Return settings as text, like "alpha=0.01, max_iter=200"."""
    return ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
                     for name, value in sorted(chosen.items()))  # fmt: skip
