"""Whether `discover` gives the same front, number by number, however and wherever it runs.

    python benchmarks/determinism.py

A noisy table is searched with one worker and with two, in threads, in processes (loky) and by Dask where it is
installed, under two seeds of Python's hashes, and beside processes that load the machine. Each search runs in a
separate process. Stored are a digest of its front, with all digits, and seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from record import RESULTS, append, clock

import edgewise as ew

EFFORT, LIMIT = 40_000, 3600.0
LOAD = "while True: sum(range(10**6))"


def table(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a table of 200 rows and three columns, noisier than what a law is looked for in."""
    rng = np.random.default_rng([21, number])
    x = rng.uniform(0.5, 3, (200, 3))
    laws = (
        x[:, 0] * np.exp(-x[:, 1]) + x[:, 0] * np.sin(x[:, 2]),
        np.sqrt(x[:, 0] ** 2 + x[:, 1]) / x[:, 2] + np.log(x[:, 1]),
        np.tanh(x[:, 0] - x[:, 1]) + 0.3 * x[:, 2] ** 2,
    )
    return x, laws[number % len(laws)] + 0.5 * rng.standard_normal(200)


def digits(found: ew.discovery.Discovery) -> str:
    """Return a digest of a front: formulas and numbers with all digits, the best one, the outcome and the noise."""
    rows = [(str(each.expression), each.error.hex(), each.held_out.hex()) for each in found]
    whole = [*rows, str(found.best.expression), found.outcome.name, found.noise.hex()]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:16]


def searched(number: int, effort: int, backend: str = "", ends: float = 0.0, **asked: Any) -> str:
    """Search a table in this process; return the digest of what was found, and seconds.

    After `ends` seconds of processor time, the system ends this process, which has no handler for the signal of the
    timer.
    """
    if ends:
        signal.setitimer(signal.ITIMER_PROF, ends)
    with _backend(backend), clock() as spent:
        found = ew.discover(*table(number), effort=effort, time_limit=LIMIT, **asked)
    return json.dumps({"front": digits(found), "seconds": spent.wall, "process_seconds": spent.process})


def _backend(name: str) -> AbstractContextManager[object]:
    if not name:
        return nullcontext()
    return _dask() if name == "dask" else joblib.parallel_config(backend=name)


@contextmanager
def _dask() -> Any:
    from dask.distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None), joblib.parallel_config(backend="dask"):
        yield


def child(number: int, effort: int, hashes: int = 0, **asked: Any) -> subprocess.Popen[str]:
    """Start a search in another process."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    given = json.dumps({"number": number, "effort": effort, **asked})
    command = [sys.executable, str(Path(__file__).resolve()), "--search", given]
    environment = os.environ | threads | {"PYTHONHASHSEED": str(hashes)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a search printed last."""
    said, _ = process.communicate()
    return json.loads(said.splitlines()[-1])


def ways() -> dict[str, dict[str, Any]]:
    """Return the ways in which each table is searched, the first of which the others are compared with."""
    found: dict[str, dict[str, Any]] = {
        "one worker": {},
        "one worker, other hashes": {"hashes": 1},
        "one worker, loaded machine": {"load": True},
        "two threads": {"n_jobs": 2},
        "two processes": {"n_jobs": 2, "backend": "loky"},
    }
    if find_spec("distributed"):
        found["two of Dask"] = {"n_jobs": 2, "backend": "dask"}
    return found


def measured(number: int, effort: int, way: str, asked: dict[str, Any]) -> dict[str, object]:
    load = asked.pop("load", False)
    others = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(os.cpu_count() or 1)] if load else []
    try:
        found = answer(child(number, effort, **asked))
    finally:
        for other in others:
            other.kill()
            other.wait()
    return {"table": number, "effort": effort, "way": way, **found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=1, help="how many tables")
    parser.add_argument("--effort", type=int, default=EFFORT, help="evaluations of each search")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    parser.add_argument("--search", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.search:
        print(searched(**json.loads(given.search)))
        return 0
    same = True
    for number in range(given.tables):
        rows: list[dict[str, object]] = []
        for way, asked in ways().items():
            rows.append(measured(number, given.effort, way, asked))
            rows[-1]["same"] = rows[-1]["front"] == rows[0]["front"]
            print("table {table}, {way}: {front}, {seconds:.1f} s, same: {same}".format(**rows[-1]), flush=True)
        same = same and all(bool(row["same"]) for row in rows)
        append(given.out / "determinism.csv", rows)
    return int(not same)


if __name__ == "__main__":
    raise SystemExit(main())
