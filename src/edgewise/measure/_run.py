"""The run: every case of every figure, each row stored as soon as it is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from joblib import Parallel, delayed

from edgewise.measure._figure import Case, Figure, Row, Settings
from edgewise.measure._process import Station, usable
from edgewise.measure._record import cores, provenance, versions
from edgewise.measure._store import append, read

Watch = Callable[[str, float], None]
"""Called with what is being measured and the share of cases that are done."""


@dataclass(frozen=True)
class Plan:
    """Which cases are measured, and where the rows go.

    threads: thread counts for the figures that are measured on several. only: a part of the names of the cases to
    measure. resume: take from the files what they already hold of this commit and device. jobs: cases at a time, each
    on a core of its own, of the figures that allow it.
    """

    out: Path
    threads: tuple[int, ...] = (1,)
    only: str = ""
    resume: bool = False
    jobs: int = 1


def run(
    figures: Iterable[Figure], settings: Settings, plan: Plan, watch: Watch,
    finished: Callable[[str, list[Row]], None] | None = None,
) -> dict[str, list[Row]]:  # fmt: skip
    """Measure the figures and return the rows of each, those that were there already included.

    finished: called with the name and the rows of each figure as soon as its last case is measured.
    """
    rows: dict[str, list[Row]] = {}
    todo: list[_Work] = []
    for figure in figures:
        found = rows.setdefault(figure.name, [])
        for threads in plan.threads if figure.threaded else plan.threads[:1]:
            own = replace(settings, threads=threads)
            todo += [_Work(figure, own, case) for case in _cases(figure, own, plan, found)]
    left = Counter(work.figure.name for work in todo)

    def close(name: str) -> None:
        if finished is not None and not left[name]:
            finished(name, rows[name])

    for name in rows:
        close(name)
    if todo:
        watch(_name(todo[0]), 0.0)
    for done, (work, new) in enumerate(_measured(todo, rows, plan.jobs), 1):
        stored = [{"cores": cores(), "threads": work.settings.threads, "versions": versions(), **row} for row in new]
        append(plan.out / work.figure.file, stored)
        rows[work.figure.name] += stored
        left[work.figure.name] -= 1
        watch(_name(todo[min(done, len(todo) - 1)]), done / len(todo))
        close(work.figure.name)
    return rows


class _Work(NamedTuple):
    figure: Figure
    settings: Settings
    case: Case


def _measured(todo: Sequence[_Work], rows: dict[str, list[Row]], jobs: int) -> Iterator[tuple[_Work, list[Row]]]:
    """The rows of each case, as they come; `rows` grow meanwhile, and inform the cases that start later.

    Figures whose cases may be measured at the same time share the cores, so that none waits for the last case of
    another.
    """

    def measured(work: _Work, station: Station) -> list[Row]:
        return station.rows(work.figure, work.figure.informed(work.case, rows[work.figure.name]), work.settings)

    def place(work: _Work) -> tuple[str, int]:
        return ("", 0) if jobs > 1 and work.figure.at_once else (work.figure.name, work.settings.threads)

    for (alone, _), group in groupby(todo, place):
        if alone:
            with closing(Station()) as station:
                for work in group:
                    yield work, measured(work, station)
        else:
            yield from _at_once(list(group), measured, usable()[-jobs:])


def _at_once(
    todo: Sequence[_Work], measured: Callable[[_Work, Station], list[Row]], cores: Sequence[int]
) -> Iterator[tuple[_Work, list[Row]]]:  # fmt: skip
    """The rows of each case, as they come, a case at a time on each core."""
    stations = [Station([core]) for core in cores]
    free: SimpleQueue[Station] = SimpleQueue()
    for station in stations:
        free.put(station)

    def apart(work: _Work) -> tuple[_Work, list[Row]]:
        station = free.get()
        try:
            return work, measured(work, station)
        finally:
            free.put(station)

    parallel = Parallel(n_jobs=len(cores), backend="threading", return_as="generator_unordered")
    found: Any = parallel(delayed(apart)(work) for work in todo)
    try:
        yield from found
    finally:
        for station in stations:
            station.close()


def _cases(figure: Figure, settings: Settings, plan: Plan, rows: list[Row]) -> Sequence[Case]:
    """The cases left to measure; what the file holds of the others goes into `rows`."""
    cases = [case for case in figure.cases(settings) if plan.only in case.label]
    if not plan.resume:
        return cases
    same = {"commit": provenance()["commit"], "device": provenance()["device"], "threads": str(settings.threads)}
    labels = {case.label for case in cases}
    for row in read(plan.out / figure.file):
        if row["case"] in labels and all(row[key] == value for key, value in same.items()):
            rows.append(row)
    there = {row["case"] for row in rows if str(row["threads"]) == str(settings.threads)}
    return [case for case in cases if case.label not in there]


def _name(work: _Work) -> str:
    threads = "1 thread" if work.settings.threads == 1 else f"{work.settings.threads} threads"
    return f"{work.figure.name}, {threads}: {work.case.label}"
