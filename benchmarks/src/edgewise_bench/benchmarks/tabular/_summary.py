"""The table of the benchmark: medians over the splits, then ranks, ratios and worst gaps of each half and kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, geometric_mean, median
from typing import NamedTuple

from edgewise_bench import OURS, Cell, Row
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
            cells = [_score(results[table].get(name)) for name in names]
            lines.append([Cell(table), Cell(label), Cell(kind), Cell(count), *cells])
        below += _figures(label, kind, names, results)
    return ["table", "half", "kind", "rows", *names], [*lines, *below]


def _score(result: Result | None) -> Cell:
    if result is None:
        return Cell("")
    return Cell(f"{result.score:.3f}" if result.score < math.inf else result.status or "failed")


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
        found.append(line(f"{OURS} loses to it on", lambda name: _lost(OURS, name, results)))
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


def _lost(ours: str, name: str, results: Results) -> str:
    """Return the tables on which an estimator is better than edgewise."""
    return ", ".join(_better(ours, name, results.items()))


def _better(ours: str, name: str, results: Iterable[tuple[str, Mapping[str, Result]]]) -> Iterable[str]:
    for table, own in results:
        if {ours, name} <= set(own) and own[name].deficit < own[ours].deficit:
            yield table
