"""Cases measured in separate processes, on as many threads and cores as requested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from edgewise_bench._benchmark import Benchmark, Case, Row, Settings

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_GRACE = 5.0  # seconds that a process has to exit on its own


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
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
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
