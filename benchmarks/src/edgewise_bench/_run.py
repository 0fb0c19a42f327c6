"""The run: every case of every benchmark, each row stored as soon as it is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from joblib import Parallel, delayed

from edgewise_bench._benchmark import Benchmark, Case, Row, Settings
from edgewise_bench._store import append, provenance, read, versions
from edgewise_bench._worker import Worker, cores, usable_cores

Progress = Callable[[str, float], None]
"""Called with what is being measured and the fraction of cases that are done."""


@dataclass(frozen=True)
class Plan:
    """Which cases are measured, and where the rows go.

    threads: thread counts for the benchmarks that are measured on several. only: a part of the labels of the cases to
    measure. resume: take from the files what they already hold of this commit and device. jobs: cases at a time, each
    on its own core, of the benchmarks that allow it.
    """

    out: Path
    threads: tuple[int, ...] = (1,)
    only: str = ""
    resume: bool = False
    jobs: int = 1


def run(
    benchmarks: Iterable[Benchmark], settings: Settings, plan: Plan,
    progress: Progress = lambda stage, fraction: None, finished: Callable[[str, list[Row]], None] | None = None,
) -> dict[str, list[Row]]:  # fmt: skip
    """Measure benchmarks and return the rows of each, stored ones that were resumed included.

    finished: called with the name and the rows of each benchmark as soon as its last case is measured.
    """
    rows: dict[str, list[Row]] = {}
    todo: list[_Work] = []
    for benchmark in benchmarks:
        found = rows.setdefault(benchmark.name, [])
        for threads in plan.threads if benchmark.threaded else plan.threads[:1]:
            own = replace(settings, threads=threads)
            todo += [_Work(benchmark, own, case) for case in _cases(benchmark, own, plan, found)]
    left = Counter(work.benchmark.name for work in todo)

    def close(name: str) -> None:
        if finished is not None and not left[name]:
            finished(name, rows[name])

    for name in rows:
        close(name)
    if todo:
        progress(_label(todo[0]), 0.0)
    for done, (work, new) in enumerate(_measured(todo, rows, plan.jobs), 1):
        name = work.benchmark.name
        stored = [{"cores": cores(), "threads": work.settings.threads, "versions": versions(), **row} for row in new]
        append(plan.out / work.benchmark.file, stored)
        rows[name] += stored
        left[name] -= 1
        progress(_label(todo[min(done, len(todo) - 1)]), done / len(todo))
        close(name)
    return rows


class _Work(NamedTuple):
    benchmark: Benchmark
    settings: Settings
    case: Case


def _measured(todo: Sequence[_Work], rows: dict[str, list[Row]], jobs: int) -> Iterator[tuple[_Work, list[Row]]]:
    """Yield the rows of each case as they come; `rows` grow meanwhile, and cases that start later are adjusted to them.

    Benchmarks whose cases may run in parallel share the cores, so that none waits for the last case of another.
    """

    def place(work: _Work) -> tuple[str, int]:
        return ("", 0) if jobs > 1 and work.benchmark.parallel else (work.benchmark.name, work.settings.threads)

    for (alone, _), group in groupby(todo, place):
        workers = [Worker()] if alone else [Worker([core]) for core in usable_cores()[-jobs:]]
        free: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            free.put(worker)

        def one(work: _Work, free: SimpleQueue[Worker] = free) -> tuple[_Work, list[Row]]:
            worker = free.get()
            try:
                case = work.benchmark.prepare(work.case, rows[work.benchmark.name])
                return work, worker.rows(work.benchmark, case, work.settings)
            finally:
                free.put(worker)

        parallel = Parallel(n_jobs=len(workers), backend="threading", return_as="generator_unordered")
        found: Any = parallel(delayed(one)(work) for work in list(group))
        try:
            yield from found
        finally:
            for worker in workers:
                worker.close()


def _cases(benchmark: Benchmark, settings: Settings, plan: Plan, rows: list[Row]) -> Sequence[Case]:
    """Return the cases left to measure; the stored rows of the others are added to `rows`."""
    cases = [case for case in benchmark.cases(settings) if plan.only in case.label]
    if not plan.resume:
        return cases
    same = {"commit": provenance()["commit"], "device": provenance()["device"], "threads": str(settings.threads)}
    labels = {case.label for case in cases}
    stored = [row for row in read(plan.out / benchmark.file) if row["case"] in labels]
    rows += [row for row in stored if all(row[key] == value for key, value in same.items())]
    there = {row["case"] for row in rows if str(row["threads"]) == str(settings.threads)}
    return [case for case in cases if case.label not in there]


def _label(work: _Work) -> str:
    threads = "1 thread" if work.settings.threads == 1 else f"{work.settings.threads} threads"
    return f"{work.benchmark.name}, {threads}: {work.case.label}"
