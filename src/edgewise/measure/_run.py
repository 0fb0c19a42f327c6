"""The run: every case of every figure, each row stored as soon as it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

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


def run(figures: Iterable[Figure], settings: Settings, plan: Plan, watch: Watch) -> dict[str, list[Row]]:
    """Measure the figures and return the rows of each, those that were there already included."""
    jobs = [
        (figure, replace(settings, threads=threads))
        for figure in figures
        for threads in (plan.threads if figure.threaded else plan.threads[:1])
    ]
    rows: dict[str, list[Row]] = {figure.name: [] for figure, _ in jobs}
    work = [(figure, own, _cases(figure, own, plan, rows[figure.name])) for figure, own in jobs]
    total, done = sum(len(cases) for *_, cases in work), 0
    for figure, own, cases in work:
        found = rows[figure.name]
        if cases:
            watch(_name(own, figure, cases[0]), done / total)
        for number, new in enumerate(_measured(figure, own, cases, found, plan.jobs), 1):
            stored = [{"cores": cores(), "threads": own.threads, "versions": versions(), **row} for row in new]
            append(plan.out / figure.file, stored)
            found += stored
            done += 1
            watch(_name(own, figure, cases[min(number, len(cases) - 1)]), done / total)
    return rows


def _measured(
    figure: Figure, settings: Settings, cases: Sequence[Case], found: Sequence[Row], jobs: int
) -> Iterator[list[Row]]:  # fmt: skip
    """The rows of each case, as they come; `found` grows meanwhile, and informs the cases that start later."""

    def rows_of(batch: Sequence[Case], places: Sequence[int] = ()) -> Iterator[list[Row]]:
        informed = [figure.informed(case, found) for case in batch]
        return (rows for _, rows in measured(figure, informed, settings, places))

    batches = _batches(figure, cases)
    if jobs == 1 or not figure.fresh:
        for batch in batches:
            yield from rows_of(batch)
        return
    free: SimpleQueue[int] = SimpleQueue()
    for core in usable()[-jobs:]:
        free.put(core)

    def apart(batch: Sequence[Case]) -> list[list[Row]]:
        core = free.get()
        try:
            return list(rows_of(batch, [core]))
        finally:
            free.put(core)

    parallel = Parallel(n_jobs=jobs, backend="threading", return_as="generator_unordered")
    done: Any = parallel(delayed(apart)(batch) for batch in batches)
    for rows in done:
        yield from rows


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
