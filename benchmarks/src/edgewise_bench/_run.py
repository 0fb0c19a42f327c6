"""The run: every case of every benchmark, measured in separate processes, each row stored at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from edgewise_bench._benchmark import Benchmark, Case, Row, Settings
from edgewise_bench._store import append, provenance, read, versions

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def usable_cores() -> list[int]:
    """Return the numbers of the processor cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(usable_cores())


class Worker:
    """Measures cases one after another.

    It keeps one process for each interpreter and thread count, unless a benchmark asks for a fresh one for each case. A
    process that died is replaced. `cores` are the cores to run on, by default the last ones.
    """

    def __init__(self, cores: Sequence[int] = ()) -> None:
        self._cores = cores
        self._processes: dict[tuple[str, int], _Process] = {}

    def rows(self, benchmark: Benchmark, case: Case, settings: Settings) -> list[Row]:
        """Measure a case and return its rows."""
        python, threads = key = benchmark.python(case, settings), settings.threads
        if key not in self._processes:
            self._processes[key] = _Process(python, threads, self._cores or usable_cores()[-threads:])
        try:
            found = self._processes[key].rows(benchmark, case, settings)
        except _Ended as ended:
            self._processes.pop(key).close()
            return benchmark.failed(case, settings, str(ended))
        if benchmark.fresh_process:
            self._processes.pop(key).close()
        return found

    def close(self) -> None:
        """End the processes."""
        while self._processes:
            self._processes.popitem()[1].close()


class _Ended(Exception):
    """A process ended before it answered."""


class _Process:
    """A measuring process, and the folder that it runs in."""

    def __init__(self, python: str, threads: int, cores: Sequence[int]) -> None:
        self._owned = ExitStack()
        folder = Path(self._owned.enter_context(tempfile.TemporaryDirectory()))
        self._messages = self._owned.enter_context((folder / "messages").open("w+"))
        started = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._messages, "text": True}
        with _pinned(cores):
            command = [python, "-m", "edgewise_bench"]
            process = subprocess.Popen(command, cwd=folder, env=_environment(threads), **started)
        self._process = self._owned.enter_context(process)
        self._owned.callback(self._process.kill)

    def rows(self, benchmark: Benchmark, case: Case, settings: Settings) -> list[Row]:
        assert self._process.stdin is not None and self._process.stdout is not None
        task = {"benchmark": _place(type(benchmark)), "case": asdict(case), "settings": asdict(settings)}
        with suppress(BrokenPipeError):  # its last message tells why
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._messages.seek(0)
        last = (self._messages.read().strip().splitlines() or [""])[-1]
        raise _Ended(f"failed: {last or 'the process ended'} (exit code {code})")

    def close(self) -> None:
        """End the process: it exits on its own when its input closes, unless it is busy."""
        grace = 5.0  # seconds that a process has to exit on its own
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self._owned.close()


def _place(kind: type) -> tuple[str, str, str]:
    """Return where another process finds a class: its module, its name, and the file of the module."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return kind.__module__, kind.__qualname__, str(Path(file).resolve()) if file else ""


def _environment(threads: int) -> dict[str, str]:
    """Return the environment of a process; libraries read thread counts when they are imported."""
    found = os.environ | dict.fromkeys(_THREAD_COUNTS, str(threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    # The process runs in its own folder.
    path = [str(Path(part).absolute()) for part in found.get("PYTHONPATH", "").split(os.pathsep) if part]
    return found | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


@contextmanager
def _pinned(cores: Sequence[int]) -> Iterator[None]:
    """Pin what this thread starts to some cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


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

    from joblib import Parallel, delayed  # loads numpy

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
