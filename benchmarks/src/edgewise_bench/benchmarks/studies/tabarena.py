"""TabArena's protocol on those of its tables that are here: edgewise and AutoGluon's models, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import inf
from statistics import fmean, median
from typing import Any, ClassVar

import numpy as np

from edgewise._errors import InputError
from edgewise_bench import OURS, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.studies.study import Study
from edgewise_bench.tabarena import TABLES
from edgewise_bench.tabarena.protocol import MODELS, SPLITS, bagged, splits, warm_up
from edgewise_bench.tables import grouped, known

Errors = Mapping[str, Mapping[str, float]]
"""By table, then by model."""


class TabArena(Study):
    """Eight of TabArena's 51 tables, three splits, each model in a bag of eight folds.

    A line of the table is the mean error over the splits; below are the figures over all tables, over those that
    edgewise was developed on, and over the others. Only splits that every model has count.
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
        facts: Row = {"kind": table.kind, "seen": table.seen, "rows": table.rows, "inputs": table.inputs}
        try:
            x, y = table.read()
        except InputError as error:
            return {**facts, "status": f"left out: {error}"}
        _, test = list(splits(table.kind, y.to_numpy()))[given["split"]]
        if settings.quick:
            kept = np.sort(np.random.default_rng(0).permutation(len(x))[:300])
            x, y, test = x.iloc[kept], y.iloc[kept], np.arange(100)
        warm_up(given["model"], table.kind)
        facts["autogluon"] = version("autogluon.tabular")
        return {**facts, **bagged(given["model"], table.kind, x, y, test, {})}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        names = [name for name in MODELS if any(row["model"] == name for row in rows)]
        groups = grouped(rows, "table")
        errors = {table: _errors(own, names) for (table,), own in groups.items()}
        seen = {table: bool(own[0]["seen"]) for (table,), own in groups.items()}
        lines = [
            [Cell(table), Cell("yes" if seen[table] else "no"), Cell(_count(groups[(table,)], names)),
             *(Cell(_text(errors[table][name])) for name in names)]
            for table in errors
        ]  # fmt: skip
        for label, own in (
            ("all", errors),
            ("not seen", {table: found for table, found in errors.items() if not seen[table]}),
            ("seen", {table: found for table, found in errors.items() if seen[table]}),
        ):
            lines += _figures(label, own, names)
        bags = {name: [median(found) for (table,), own in groups.items() if (found := known(
            [row for row in own if row["model"] == name], "seconds"))] for name in names}  # fmt: skip
        seconds = [Cell(f"{median(bags[name]):.3g}" if bags[name] else "") for name in names]
        lines.append([Cell("seconds"), Cell(""), Cell(""), *seconds])
        return ["table", "seen", "splits", *names], lines


def _errors(rows: Sequence[Row], names: Sequence[str]) -> dict[str, float]:
    """Return the mean error of each model over the splits that every one of them has; infinity for none."""
    there = _splits(rows, names)
    found = {name: known([row for row in rows if row["model"] == name and str(row["split"]) in there], "error")
             for name in names}  # fmt: skip
    return {name: fmean(errors) if errors else inf for name, errors in found.items()}


def _splits(rows: Sequence[Row], names: Sequence[str]) -> set[str]:
    """Return the splits that every model was measured on, failures included."""
    return set.intersection(*({str(row["split"]) for row in rows if row["model"] == name} for name in names))


def _count(rows: Sequence[Row], names: Sequence[str]) -> str:
    return str(len(_splits(rows, names)))


def _figures(label: str, errors: Errors, names: Sequence[str]) -> list[list[Cell]]:
    """Return the lines of some tables: mean rank, on how many a model is best, and how often edgewise beats it."""
    complete = [own for own in errors.values() if any(error < inf for error in own.values())]
    if not complete:
        return []
    ranks = {name: fmean(_rank(name, own) for own in complete) for name in names}
    best = {name: sum(own[name] == min(own.values()) for own in complete) for name in names}
    beaten = {name: sum(own[OURS] < own[name] for own in complete) for name in names if OURS in names and name != OURS}
    count = str(len(complete))
    return [
        [Cell("mean rank"), Cell(label), Cell(count), *(Cell(f"{ranks[name]:.2f}") for name in names)],
        [Cell("best on"), Cell(label), Cell(count), *(Cell(str(best[name])) for name in names)],
        [Cell(f"{OURS} beats it on"), Cell(label), Cell(count), *(Cell(str(beaten.get(name, ""))) for name in names)],
    ]


def _rank(name: str, errors: Mapping[str, float]) -> float:
    """Return the place of a model; equal ones share a place."""
    less, same = (sum(map(test, errors.values())) for test in (errors[name].__gt__, errors[name].__eq__))
    return less + (same + 1) / 2


def _text(error: float) -> str:
    return f"{error:.4g}" if error < inf else "failed"


TABARENA = TabArena()
"""What the entry point of this distribution offers."""
