"""Cases measured in processes of their own, on as many threads and cores as asked."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from edgewise.measure._figure import Case, Figure, Row, Settings

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_GRACE = 5.0  # seconds that a process has to end by itself


class Station:
    """A place where cases are measured one after another.

    Its processes, one for each interpreter and number of threads, go on from case to case, unless a figure wants a
    fresh one for each. After one has died the next case has a new one. `cores` are those to run on, by default the last
    ones that there are.
    """

    def __init__(self, cores: Sequence[int] = ()) -> None:
        self._cores = cores
        self._processes: dict[tuple[str, int], _Process] = {}

    def rows(self, figure: Figure, case: Case, settings: Settings) -> list[Row]:
        """The rows of a case."""
        python, threads = key = figure.python(case, settings), settings.threads
        if key not in self._processes:
            self._processes[key] = _Process(python, threads, self._cores or usable()[-threads:])
        try:
            found = self._processes[key].rows(figure, case, settings)
        except _Ended as ended:
            self._processes.pop(key).close()
            return figure.failed(case, settings, str(ended))
        if figure.fresh:
            self._processes.pop(key).close()
        return found

    def close(self) -> None:
        """End the processes."""
        while self._processes:
            self._processes.popitem()[1].close()


class _Ended(Exception):
    """A process ended before it answered."""


class _Process:
    """A process that measures, and the folder that it runs in."""

    def __init__(self, python: str, threads: int, cores: Sequence[int]) -> None:
        self._owned = ExitStack()
        folder = Path(self._owned.enter_context(tempfile.TemporaryDirectory()))
        self._messages = self._owned.enter_context((folder / "messages").open("w+"))
        started = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._messages, "text": True}
        with _pinned(cores):
            command = [python, "-m", "edgewise.measure"]
            process = subprocess.Popen(command, cwd=folder, env=_environment(threads), **started)
        self._process = self._owned.enter_context(process)
        self._owned.callback(self._process.kill)

    def rows(self, figure: Figure, case: Case, settings: Settings) -> list[Row]:
        assert self._process.stdin is not None and self._process.stdout is not None
        kind = type(figure)
        task = {"figure": [kind.__module__, kind.__qualname__], "case": asdict(case), "settings": asdict(settings)}
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
        """End it: it ends by itself when there is no further case, unless it is busy."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._owned.close()


def _environment(threads: int) -> dict[str, str]:
    """Threads are counted before anything is imported."""
    found = os.environ | dict.fromkeys(_THREAD_COUNTS, str(threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    # The process runs in a folder of its own.
    path = [str(Path(part).absolute()) for part in found.get("PYTHONPATH", "").split(os.pathsep) if part]
    return found | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


def usable() -> list[int]:
    """The processor cores that this process may use, by their numbers."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]


@contextmanager
def _pinned(cores: Sequence[int]) -> Iterator[None]:
    """What this thread starts runs on these cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
