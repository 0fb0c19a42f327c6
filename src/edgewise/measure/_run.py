"""The run: every case of every figure, each row stored as soon as it is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from joblib import Parallel, delayed

from edgewise.measure._figure import Case, Figure, Row, Settings
from edgewise.measure._process import measured, usable
from edgewise.measure._record import append, cores, provenance, read, versions

Watch = Callable[[str, float], None]
"""Called with what is being measured and the share of cases that are done."""


@dataclass(frozen=True)
class Plan:
    """Which cases are measured, and where the rows go.

    threads: thread counts for the figures that are measured on several. only: a part of the names of the cases to
    measure. resume: take from the files what they already hold of this commit and device. jobs: cases at a time, each
    on a core of its own, of the figures whose cases have processes of their own and one thread.
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
    left: Counter[str] = Counter()
    for figure in figures:
        found = rows.setdefault(figure.name, [])
        for threads in plan.threads if figure.threaded else plan.threads[:1]:
            own = replace(settings, threads=threads)
            batches = _batches(figure, _cases(figure, own, plan, found))
            todo += [_Work(figure, own, batch) for batch in batches]
            left[figure.name] += sum(len(batch) for batch in batches)
    names = [_name(work.settings, work.figure, case) for work in todo for case in work.cases]
    if names:
        watch(names[0], 0.0)

    def close(name: str) -> None:
        if finished is not None and not left[name]:
            finished(name, rows[name])

    for name in rows:
        close(name)
    for done, (work, new) in enumerate(_measured(todo, rows, plan.jobs), 1):
        stored = [{"cores": cores(), "threads": work.settings.threads, "versions": versions(), **row} for row in new]
        append(plan.out / work.figure.file, stored)
        rows[work.figure.name] += stored
        left[work.figure.name] -= 1
        watch(names[min(done, len(names) - 1)], done / len(names))
        close(work.figure.name)
    return rows


class _Work(NamedTuple):
    """Cases that share a process."""

    figure: Figure
    settings: Settings
    cases: Sequence[Case]


def _measured(todo: Sequence[_Work], rows: dict[str, list[Row]], jobs: int) -> Iterator[tuple[_Work, list[Row]]]:
    """The rows of each case, as they come; `rows` grow meanwhile, and inform the cases that start later.

    Figures whose cases have processes of their own share the cores, so that none waits for the last case of another.
    """

    def rows_of(work: _Work, places: Sequence[int] = ()) -> Iterator[list[Row]]:
        informed = [work.figure.informed(case, rows[work.figure.name]) for case in work.cases]
        return (new for _, new in measured(work.figure, informed, work.settings, places))

    free: SimpleQueue[int] = SimpleQueue()
    for core in usable()[-jobs:]:
        free.put(core)

    def apart(work: _Work) -> tuple[_Work, list[list[Row]]]:
        core = free.get()
        try:
            return work, list(rows_of(work, [core]))
        finally:
            free.put(core)

    for together, group in groupby(todo, lambda work: jobs > 1 and work.figure.fresh):
        if together:
            parallel = Parallel(n_jobs=jobs, backend="threading", return_as="generator_unordered")
            done: Any = parallel(delayed(apart)(work) for work in list(group))
        else:
            done = ((work, [new]) for work in group for new in rows_of(work))
        for work, found in done:
            for new in found:
                yield work, new


def _batches(figure: Figure, cases: Sequence[Case]) -> list[Sequence[Case]]:
    """The cases that share a process."""
    if figure.fresh:
        return [[case] for case in cases]
    return [cases] if cases else []


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


def _name(settings: Settings, figure: Figure, case: Case) -> str:
    threads = "1 thread" if settings.threads == 1 else f"{settings.threads} threads"
    return f"{figure.name}, {threads}: {case.label}"
