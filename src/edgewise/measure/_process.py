"""Cases measured in a process of their own, on as many threads and cores as asked."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from edgewise.measure._figure import Case, Figure, Row, Settings

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def measured(
    figure: Figure, cases: Sequence[Case], settings: Settings, cores: Sequence[int] = ()
) -> Iterator[tuple[Case, list[Row]]]:  # fmt: skip
    """Each case with its rows, as they come; after a process that died the next one goes on with the case after.

    `cores` are those to run on, by default the last ones that there are.
    """
    left = list(cases)
    while left:
        reason = yield from _one_process(figure, left, settings, cores)
        if left:
            case = left.pop(0)
            yield case, figure.failed(case, settings, reason)


def _one_process(
    figure: Figure, left: list[Case], settings: Settings, cores: Sequence[int]
) -> Iterator[tuple[Case, list[Row]]]:  # fmt: skip
    """Measure cases from the head of `left`, taking each off when it is done; returns why there was no more."""
    kind = type(figure)
    task = {
        "figure": [kind.__module__, kind.__qualname__],
        "cases": [case.to_json() for case in left],
        "settings": asdict(settings),
    }
    command = [figure.python(left[0], settings), "-m", "edgewise.measure"]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "messages").open("w+") as messages:
        with _pinned(cores or usable()[-settings.threads :]):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, text=True, cwd=folder,
                env=_environment(settings.threads),
            )  # fmt: skip
        with process:
            assert process.stdin is not None and process.stdout is not None
            try:
                json.dump(task, process.stdin)
                process.stdin.close()
                for line in process.stdout:
                    yield left.pop(0), json.loads(line)
                code = process.wait()
            finally:
                process.kill()
        messages.seek(0)
        last = (messages.read().strip().splitlines() or [""])[-1]
    return f"failed: {last or 'the process ended'} (exit code {code})"


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
