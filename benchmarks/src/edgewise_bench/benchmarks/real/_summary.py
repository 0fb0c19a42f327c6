"""The table of the benchmark: medians over the splits, then what is asked of the formulas of each half."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from edgewise_bench import OURS, Cell, Row
from edgewise_bench.benchmarks.tabular import Result
from edgewise_bench.tables import grouped, number

TOP, CEILING, ACCURATE = "top", "ceiling", "accurate"
_LINEAR, _TREES, _OPERON = "linear", "trees", "pyoperon"
_FACTS = (("complexity", "complexity"), ("formulas", "formulas"), ("first", "first s"), ("seconds", "seconds"))

_BELOW, _NEAR = 0.02, 0.03
_POOR, _EASY = 0.2, 0.4
_COMPLEXITY, _FORMULAS, _FIRST, _SECONDS = 30, 8, 1.0, 30.0
_BOUNDED = 10  # tables from which limits are held to

Scores = Mapping[str, Mapping[str, float]]
"""R2 by table, then by choice."""


class Judged(NamedTuple):
    """What is asked of edgewise, what was measured, and whether that is enough."""

    asked: str
    measured: str
    passed: bool


def summary(rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Return the headings and the lines: one a table, then what is asked over the tables of each half."""
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
            lines.append(
                [
                    Cell(table), Cell(half), *map(Cell, sizes), *(_score(found.get(name)) for name in names),
                    *(Cell(_median(_of(group, OURS), column)) for column, _ in _FACTS),
                ]
            )  # fmt: skip
        for judged in _judged(results, _of(own, OURS)):
            cells = [Cell(judged.asked), Cell(half), Cell(str(len(results))), Cell("")]
            passed = judged.passed if len(results) >= _BOUNDED else None
            below.append([*cells, Cell(judged.measured, passed), *[Cell("")] * (len(head) - 5)])
    return head, [*lines, *below]


def _choice(row: Row) -> str:
    return f"{row['library']} {row['choice']}".strip()


def _of(rows: Sequence[Row], name: str) -> list[Row]:
    """Return the rows of a choice; a split that failed counts for each choice of its library."""
    library = name.split()[0]
    return [row for row in rows if _choice(row) == name or (row["status"] and row["library"] == library)]


def _score(result: Result | None) -> Cell:
    if result is None:
        return Cell("")
    return Cell(f"{result.score:.3f}" if result.score < math.inf else result.status or "failed")


def _median(rows: Sequence[Row], column: str) -> str:
    known = [value for row in rows if (value := number(row, column)) < math.inf]
    return f"{median(known):.3g}" if known else ""


def _judged(results: Scores, ours: Sequence[Row]) -> Iterator[Judged]:
    """Yield what is asked of edgewise, as far as it and what it is compared with are measured."""
    yield from _against_others(results)
    poor = [table for table, own in results.items()
            if own.get(OURS, 1.0) < _POOR and own.get(_LINEAR, 0.0) > _EASY]  # fmt: skip
    if any({OURS, _LINEAR} <= set(own) for own in results.values()):
        asked = f"not below {_POOR:g}"
        yield Judged(asked, ", ".join(poor) or "none", not poor)
    for column, asked, most, sign in (
        ("complexity", f"complexity <= {_COMPLEXITY}", _COMPLEXITY, 1),
        ("formulas", f"formulas >= {_FORMULAS}", _FORMULAS, -1),
        ("first", f"first <= {_FIRST:g} s", _FIRST, 1),
        ("seconds", f"seconds <= {_SECONDS:g}", _SECONDS, 1),
    ):
        known = [value for row in ours if (value := number(row, column)) < math.inf]
        if known:
            worst = max(known, key=lambda value, sign=sign: sign * value)
            yield Judged(asked, f"{worst:.3g}", sign * worst <= sign * most)


def _against_others(results: Scores) -> Iterator[Judged]:
    if gaps := _gaps(results, _LINEAR):
        least, where = min((gap, table) for table, gap in gaps.items())
        yield Judged(f"linear - {_BELOW:g}, all", f"{least:+.3f} ({where})", least >= -_BELOW)
    if gaps := _gaps(results, _TREES):
        middle = median(gaps.values())
        yield Judged(f"trees - {_BELOW:g}, median", f"{middle:+.3f}", middle >= -_BELOW)
    if gaps := _gaps(results, _OPERON, f"{_OPERON} {ACCURATE}"):
        above = sum(gap > 0 for gap in gaps.values())
        yield Judged("above Operon on 2/3", f"{above} of {len(gaps)}", 3 * above >= 2 * len(gaps))
    for choice in (TOP, CEILING):
        if gaps := _gaps(results, f"{OURS} {choice}"):
            middle = median(gaps.values())
            yield Judged(f"{choice} - {_NEAR:g}, median", f"{middle:+.3f}", middle >= -_NEAR)


def _gaps(results: Scores, *others: str) -> dict[str, float]:
    """Return by table how far edgewise is above the best of some others, where all of them are measured."""
    found = {}
    for table, own in results.items():
        if {OURS, *others} <= set(own):
            best = max(own[other] for other in others)
            found[table] = 0.0 if own[OURS] == best else own[OURS] - best  # both may have failed: infinite
    return found
