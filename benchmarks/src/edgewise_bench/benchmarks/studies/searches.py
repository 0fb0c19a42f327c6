"""Searches that must keep a time limit, and that must give the same front however, wherever and how often they run."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np

from edgewise.discovery import Discovery, discover
from edgewise_bench import Row, Settings, clock
from edgewise_bench.benchmarks.studies.study import Figure, Study, share

#: smallest and largest rows and columns, drawn log-uniformly, and how often
_SHAPES = {
    "tiny": ((5, 12), (1, 8), 0.25),
    "usual": ((30, 2000), (1, 9), 0.25),
    "many rows": ((1000, 2000), (2, 30), 0.15),
    "many columns": ((50, 1500), (30, 150), 0.2),
    "more columns than rows": ((8, 60), (20, 150), 0.1),
    "very many columns": ((200, 1000), (500, 500), 0.05),
}


class TimeLimits(Study):
    """Generated tables that are hard to finish, searched with a limit of a few seconds each.

    Of every tenth the report is written after that. A table keeps its limit when it takes at most 1.1 times the limit
    and half a second on the wall; the seconds of this process's own computing show how busy the machine was.
    """

    name = "time-limits"
    title = "How well discover keeps its time limit"
    columns = ("kind", "rows", "columns", "limit", "wall", "process", "report", "outcome", "over", "kept", "status")
    by = ("limit",)
    total = True
    figures = (
        Figure("kept", "kept", share, least=1), Figure("wall over limit, most", "over", max),
        Figure("computing, median", "process"), Figure("report, slowest", "report", max),
    )  # fmt: skip
    seeds = 0
    grid: ClassVar = {"number": range(200)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        reported = 10  # tables, of which one report is written
        allowed, constant = 1.1, 0.5  # times the limit, and seconds more
        _warm_up()
        name, x, y, limit = hard_table(given["number"])
        limit = min(limit, settings.budget or limit)
        with clock() as search:
            found = discover(x, y, time_limit=limit)
        with clock() as report, tempfile.TemporaryDirectory() as folder:
            if given["number"] % reported == 0:
                found.report(Path(folder) / "report.html")
        return {
            "kind": name, "rows": x.shape[0], "columns": x.shape[1], "limit": limit, "wall": search.wall,
            "process": search.process, "report": report.wall, "outcome": found.outcome.name,
            "over": search.wall / limit, "kept": search.wall <= allowed * limit + constant,
        }  # fmt: skip


@cache
def _warm_up() -> None:
    """Search in this process once, so that everything is compiled and imported."""
    for number in (4, 6, 14):
        _, x, y, _ = hard_table(number)
        discover(x, y, time_limit=10.0)


Generated = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""Columns from empty ones (n, m), or a target (n,) from columns."""


def _smooth(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Waves in a few columns."""
    few = x[:, rng.permutation(x.shape[1])[:4]]
    few = (few - few.mean(0)) / (few.std(0) + 1e-300)
    return np.cos(few @ rng.standard_normal((few.shape[1], 6))) @ rng.standard_normal(6)


def _law(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A product, a root and a sum, with a little noise half of the time."""
    few = 1 + np.abs(x[:, rng.permutation(x.shape[1])[:3]])
    y = few[:, 0] * np.sqrt(1 + few[:, -1] ** 2) + np.log(few[:, few.shape[1] // 2])
    return y * (1 + rng.choice([0.0, 0.02]) * rng.standard_normal(len(y)))


def _product(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Powers of every column."""
    logs = np.log(np.abs(x) + 1e-9) @ rng.normal(0, 1, x.shape[1]).clip(-2, 2) / np.sqrt(x.shape[1])
    return np.exp(logs.clip(-100, 100))


def _repeated(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Some columns twice, some of them as sums of others."""
    x = rng.uniform(-1, 1, x.shape)
    for i in range(1, x.shape[1], 3):
        x[:, i] = x[:, i - 1]
    x[:, -1] = x.sum(1)
    return x


def _constants(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    x = rng.uniform(0, 1, x.shape)
    x[:, 1::2] = rng.integers(0, 3, x[:, 1::2].shape[1])
    return x


_TARGETS: dict[str, Generated] = {
    "pure_noise": lambda rng, x: rng.standard_normal(len(x)), "smooth": _smooth, "law": _law, "product": _product,
    "steps": lambda rng, x: (
        np.floor(3 * x[:, 0] / (np.abs(x[:, 0]).max() + 1e-300)) + (x[:, -1] > np.median(x[:, -1]))
    ),
}  # fmt: skip
_COLUMNS: dict[str, Generated] = {
    "positive": lambda rng, x: rng.uniform(0.5, 3, x.shape), "signed": lambda rng, x: rng.standard_normal(x.shape),
    "integers": lambda rng, x: rng.integers(-3, 9, x.shape).astype(float), "repeated": _repeated,
    "constants": _constants,
    "scaled": lambda rng, x: rng.uniform(0.5, 2, x.shape) * 10.0 ** rng.uniform(-12, 12, x.shape[1]),
}  # fmt: skip


def hard_table(number: int) -> tuple[str, np.ndarray, np.ndarray, float]:
    """Return the generated table of a number: what it is, its columns and target, and the limit in seconds."""
    rng = np.random.default_rng([12, number])
    shape = rng.choice(len(_SHAPES), p=[often for *_, often in _SHAPES.values()])
    name, (rows, wide, _) = list(_SHAPES.items())[shape]
    n, m = (round(float(np.exp(rng.uniform(*np.log(span))))) for span in (rows, wide))
    columns, target = (list(known)[rng.integers(len(known))] for known in (_COLUMNS, _TARGETS))
    x = _COLUMNS[columns](rng, np.empty((n, m)))
    y = _TARGETS[target](rng, x)
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        y = y + rng.standard_normal(len(x))
    limit = float(rng.choice([2.0, 3.0, 4.0, 10.0], p=[0.45, 0.3, 0.2, 0.05]))
    return f"{name}, {columns} columns, target {target}", x, y, limit


_EFFORT, _LIMIT = 40_000, 3600.0
_LOAD = "while True: sum(range(10**6))"
_SEARCH = "import sys; from edgewise_bench.benchmarks.studies.searches import searched; print(searched(sys.argv[1]))"
_WAYS: dict[str, dict[str, Any]] = {
    "one worker": {},
    "one worker, other hashes": {"hashes": 1},
    "one worker, loaded machine": {"load": True},
    "two threads": {"n_jobs": 2},
    "two processes": {"n_jobs": 2, "backend": "loky"},
    **({"two of Dask": {"n_jobs": 2, "backend": "dask"}} if find_spec("distributed") else {}),
}
"""The ways in which a table is searched, the first of which the others are compared with."""


class Determinism(Study):
    """A noisy table searched with one worker and with two: in threads, in processes (loky) and by Dask.

    Also under two seeds of Python's hashes, and beside processes that load the machine. Each search runs in a separate
    process. Stored are a digest of its front, with all digits, and seconds.
    """

    name = "determinism"
    title = "Whether discover gives the same front, number by number, however and wherever it runs"
    columns = ("effort", "way", "front", "seconds", "process_seconds", "same", "status")
    parallel = False
    by = ("way",)
    figures = (Figure("same", "same", share, least=1), Figure("seconds", "seconds"))
    seeds = 0
    grid: ClassVar = {"number": (0,)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Iterator[Row]:
        effort, first = int(settings.effort or _EFFORT), ""
        for way, asked in _WAYS.items():
            own = {key: value for key, value in asked.items() if key != "load"}
            with _load() if asked.get("load") else nullcontext():
                found = _answer(_started(given["number"], effort, **own))
            first = first or found["front"]
            yield {"effort": effort, "way": way, **found, "same": found["front"] == first}


class Resume(Study):
    """Searches that are killed after a random part of their processor time, by a signal that nothing handles.

    Each goes on in another process under other hashes. Stored are whether the front is that of a search that was not
    killed, number by number, and the seconds of processor time from the beginning and from where it was saved.
    """

    name = "resume"
    title = "Whether a search that is killed at any moment and resumed gives the same front"
    columns = (
        "number", "effort", "part", "killed", "saved_bytes", "front", "same", "process_seconds",
        "process_seconds_whole", "status",
    )  # fmt: skip
    by = ("number",)
    figures = (Figure("same", "same", share, least=1), Figure("killed", "killed", share))
    seeds = 0
    grid: ClassVar = {"moment": range(10)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        number, effort = given["moment"] % 2, int(settings.effort or _EFFORT)
        part = float(np.random.default_rng(21).uniform(0, 1, given["moment"] + 1)[-1])
        whole = _answer(_started(number, effort))
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "search.npz"
            process = _started(number, effort, ends=part * whole["process_seconds"], save=str(saved))
            process.communicate()
            found = _answer(_started(number, effort, hashes=7, resume=str(saved)))
            size = saved.stat().st_size
        return {
            "number": number, "effort": effort, "part": part, "killed": process.returncode < 0, "saved_bytes": size,
            "front": found["front"], "same": found["front"] == whole["front"],
            "process_seconds": found["process_seconds"], "process_seconds_whole": whole["process_seconds"],
        }  # fmt: skip


_WAITED = """
import json, sys, time
import numpy as np, pandas as pd
import edgewise as ew
from edgewise.discovery import SearchStep
loaded, first, case, out = time.process_time(), [], *sys.argv[1:]
def see(step):
    if not first and step.front():
        first.append(time.process_time())
with ew.calling(see, SearchStep):
    if case == "orbits":
        from edgewise.cli import main
        assert main(["discover", "orbits", "--target", "period_days", "--out", out]) == 0
    else:
        rng = np.random.default_rng(0)
        x = pd.DataFrame({"length": rng.uniform(0.2, 2, 200), "gravity": rng.uniform(1.6, 25, 200)})
        y = 2 * np.pi * np.sqrt(x.length / x.gravity) * (1 + 0.01 * rng.standard_normal(200))
        ew.discover(x, y, target="period")
ended = time.process_time()
print(json.dumps({"imports": loaded, "first": first[0] - loaded, "search": ended - loaded, "whole": ended}))
"""


class Waiting(Study):
    """What a person waits for: imports, the first formula, the whole; seconds of the processor in a new process.

    `pendulum` is the README's table with noise of unknown size, `orbits` the command of `make demo` with its report.
    Each is run with compiled kernels that are kept (warm) and with an empty folder of kernels (fresh), as on a new
    machine. `first` and `search` count from where everything is imported, `whole` from the start of the process.
    """

    name = "waiting"
    title = "How long a new process takes to the first formula, and to the end"
    columns = ("table", "kernels", "imports", "first", "search", "whole", "status")
    parallel = False
    by = ("table", "kernels")
    figures = (
        Figure("imports s", "imports"), Figure("first formula s", "first", most=1.0), Figure("search s", "search"),
        Figure("whole s", "whole", most=lambda row: _WAITS.get((row["table"], row["kernels"]), inf)),
    )  # fmt: skip
    seeds = 3
    grid: ClassVar = {"table": ("pendulum", "orbits"), "kernels": ("warm", "fresh")}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | dict.fromkeys(
                ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
            )
            if given["kernels"] == "fresh":
                environment["EDGEWISE_CACHE"] = str(Path(folder) / "kernels")
            command = [sys.executable, "-c", _WAITED, given["table"], str(Path(folder) / "report")]
            for _ in range(1 if given["kernels"] == "fresh" else 2):
                found = _answer(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return {"table": given["table"], "kernels": given["kernels"], **found}


_WAITS = {("pendulum", "warm"): 3.0, ("orbits", "warm"): 4.0}
"""The most seconds of the processor that the whole may take."""


def searched(given: str) -> str:
    """Search a table in this process, as JSON asks; return the digest of what was found, and seconds.

    After `ends` seconds of processor time, the system ends this process, which has no handler for the signal of the
    timer.
    """
    asked = json.loads(given)
    number, effort, backend = asked.pop("number"), asked.pop("effort"), asked.pop("backend", "")
    if ends := asked.pop("ends", 0.0):
        signal.setitimer(signal.ITIMER_PROF, ends)
    with _backend(backend), clock() as spent:
        found = discover(*_noisy_table(number), effort=effort, time_limit=_LIMIT, **asked)
    return json.dumps({"front": _digest(found), "seconds": spent.wall, "process_seconds": spent.process})


def _started(number: int, effort: int, hashes: int = 0, **asked: Any) -> subprocess.Popen[str]:
    """Start a search in another process."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-c", _SEARCH, json.dumps({"number": number, "effort": effort, **asked})]
    environment = os.environ | threads | {"PYTHONHASHSEED": str(hashes)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a search printed last."""
    said, _ = process.communicate()
    return json.loads(said.splitlines()[-1])


@contextmanager
def _load() -> Iterator[None]:
    """Keep every core busy within a block."""
    others = [subprocess.Popen([sys.executable, "-c", _LOAD]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _noisy_table(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a table of 200 rows and three columns, noisier than what a law is looked for in."""
    rng = np.random.default_rng([21, number])
    x = rng.uniform(0.5, 3, (200, 3))
    laws = (
        x[:, 0] * np.exp(-x[:, 1]) + x[:, 0] * np.sin(x[:, 2]),
        np.sqrt(x[:, 0] ** 2 + x[:, 1]) / x[:, 2] + np.log(x[:, 1]),
        np.tanh(x[:, 0] - x[:, 1]) + 0.3 * x[:, 2] ** 2,
    )
    return x, laws[number % len(laws)] + 0.5 * rng.standard_normal(200)


def _digest(found: Discovery) -> str:
    """Return a digest of a front: formulas and numbers with all digits, the best one, the outcome and the noise."""
    rows = [(str(each.expression), each.error.hex(), each.held_out.hex()) for each in found]
    whole = [*rows, str(found.best.expression), found.outcome.name, found.noise.hex()]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:16]


def _backend(name: str) -> AbstractContextManager[object]:
    if not name:
        return nullcontext()
    return _dask() if name == "dask" else joblib.parallel_config(backend=name)


@contextmanager
def _dask() -> Any:
    from dask.distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None), joblib.parallel_config(backend="dask"):
        yield
