"""TabArena's protocol on those of its tables that are here: edgewise and AutoGluon's models, with their defaults."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from math import inf
from statistics import fmean, median
from typing import Any, ClassVar

import numpy as np

from edgewise._errors import InputError
from edgewise_bench import OURS, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.studies.study import Study
from edgewise_bench.tabarena import TABLES, ArenaTable
from edgewise_bench.tabarena.protocol import MODELS, SPLITS, bagged, splits, warm_up
from edgewise_bench.tables import grouped, known

Errors = Mapping[str, Mapping[str, float]]
"""By table, then by model."""
_MOST = 600.0  # CPU seconds of a bag


class TabArena(Study):
    """Eight of TabArena's 51 tables, three splits, each model in a bag of eight folds.

    A bag that computes longer than ten minutes, or `Settings.budget`, is ended with its process. A line of the table is
    the mean error over the splits that every model of the table was measured on. Below are the figures over the tables
    that every model finished, over those of them that edgewise was developed on, and over the others.
    """

    name = "tabarena"
    title = "TabArena's protocol: 1 - ROC AUC, log loss or root mean square error, mean of the splits"
    columns = (
        "kind", "seen", "rows", "inputs", "autogluon", "error", "fold_error", "seconds", "predict_seconds", "status",
    )  # fmt: skip
    needs: ClassVar = {"autogluon": 'AutoGluon is not installed here: pip install "edgewise-bench[tabarena]".'}
    note = "rank: among the models, the lowest error first; seconds: CPU time of a bag of eight, median of the tables"
    seeds = 0
    grid: ClassVar = {"split": range(SPLITS), "table": tuple(TABLES), "model": tuple(MODELS)}

    def cases(self, settings: Settings) -> list[Case]:
        return [] if self.missing() else super().cases(settings)

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        table = TABLES[given["table"]]
        try:
            x, y = table.read()
        except InputError as error:
            return {**_facts(table), "status": f"left out: {error}"}
        _, test = list(splits(table.kind, y.to_numpy()))[given["split"]]
        if settings.quick:
            kept = np.sort(np.random.default_rng(0).permutation(len(x))[:300])
            x, y, test = x.iloc[kept], y.iloc[kept], np.arange(100)
        warm_up(given["model"], table.kind)
        with _ended_after(settings.budget or _MOST):
            found = bagged(given["model"], table.kind, x, y, test, {})
        return {**_facts(table), "autogluon": version("autogluon.tabular"), **found}

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        capped = reason.endswith(f"(exit code {-getattr(signal, 'SIGPROF', 0)})")
        status = f"capped at {settings.budget or _MOST:g} s" if capped else reason
        return [self.row(case, **_facts(TABLES[case.values["table"]]), status=status)]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        names = [name for name in MODELS if any(row["model"] == name for row in rows)]
        groups = {table: own for (table,), own in grouped(rows, "table").items()}
        errors = {table: _errors(own) for table, own in groups.items()}
        seen = {table: bool(own[0]["seen"]) for table, own in groups.items()}
        lines = [
            [Cell(table), Cell("yes" if seen[table] else "no"), Cell(str(len(_splits(groups[table])))),
             *(Cell(_text(groups[table], name, errors[table])) for name in names)]
            for table in errors
        ]  # fmt: skip
        done = {table: own for table, own in errors.items() if len(own) == len(names) and max(own.values()) < inf}
        for label, own in (
            ("all", done),
            ("not seen", {table: found for table, found in done.items() if not seen[table]}),
            ("seen", {table: found for table, found in done.items() if seen[table]}),
        ):
            lines += _figures(label, own, names)
        seconds = [[median(known([row for row in groups[table] if row["model"] == name], "seconds")) for table in done]
                   for name in names]  # fmt: skip
        lines.append([Cell("seconds"), Cell("all"), Cell(str(len(done))),
                      *(Cell(f"{median(each):.3g}" if each else "") for each in seconds)])  # fmt: skip
        return ["table", "seen", "splits", *names], lines


def _facts(table: ArenaTable) -> Row:
    return {"kind": table.kind, "seen": table.seen, "rows": table.rows, "inputs": table.inputs}


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End the process once the block has computed that long; never where the system has no such clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _errors(rows: Sequence[Row]) -> dict[str, float]:
    """Return the mean error of each model over the splits that all of them have; infinity where one is missing."""
    there = _splits(rows)
    found = grouped([row for row in rows if str(row["split"]) in there], "model")
    return {name: fmean(errors) if len(errors := known(own, "error")) == len(there) else inf
            for (name,), own in found.items()}  # fmt: skip


def _splits(rows: Sequence[Row]) -> set[str]:
    """Return the splits that every model with rows was measured on, failures included."""
    return set.intersection(*({str(row["split"]) for row in own} for own in grouped(rows, "model").values()))


def _figures(label: str, errors: Errors, names: Sequence[str]) -> list[list[Cell]]:
    """Return the lines of some tables: mean rank, on how many a model is best, and how often edgewise beats it."""
    if not errors:
        return []
    ranks = {name: fmean(_rank(name, own) for own in errors.values()) for name in names}
    best = {name: sum(own[name] == min(own.values()) for own in errors.values()) for name in names}
    others = [name for name in names if OURS in names and name != OURS]
    beaten = {name: sum(own[OURS] < own[name] for own in errors.values()) for name in others}
    return [
        [Cell(heading), Cell(label), Cell(str(len(errors))), *(Cell(text(name)) for name in names)]
        for heading, text in (
            ("mean rank", lambda name: f"{ranks[name]:.2f}"),
            ("best on", lambda name: str(best[name])),
            (f"{OURS} beats it on", lambda name: str(beaten.get(name, ""))),
        )
    ]


def _rank(name: str, errors: Mapping[str, float]) -> float:
    """Return the place of a model; equal ones share a place."""
    less, same = (sum(map(test, errors.values())) for test in (errors[name].__gt__, errors[name].__eq__))
    return less + (same + 1) / 2


def _text(rows: Sequence[Row], name: str, errors: Mapping[str, float]) -> str:
    """Return the error of a model, or why there is none."""
    reasons = [str(row["status"]) for row in rows if row["model"] == name and row["status"]]
    error = errors.get(name, inf)
    return f"{error:.4g}" if error < inf else next(iter(reasons), "")


TABARENA = TabArena()
"""What the entry point of this distribution offers."""
