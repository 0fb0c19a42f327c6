"""Where and when a number was measured, and the file it is kept in."""

from __future__ import annotations

import csv
import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

import edgewise as ew

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def pin() -> None:
    """Compute on one thread of one core, this process and those it starts."""
    torch.set_num_threads(1)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@dataclass
class Clock:
    """Seconds of one block: on the wall, and of this process's own computing."""

    wall: float = 0.0
    process: float = 0.0


@contextmanager
def clock() -> Iterator[Clock]:
    """Time a block; the clock holds the seconds once it is left."""
    out = Clock()
    wall, process = time.perf_counter(), time.process_time()
    yield out
    out.wall, out.process = time.perf_counter() - wall, time.process_time() - process


def append(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a CSV file, each with commit, date, device and versions."""
    rows = [{**provenance(), **row} for row in rows]
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(rows[0])
    if path.exists():
        with path.open(newline="") as file:
            known = next(csv.reader(file))
        if known != columns:
            raise SystemExit(f"{path.name} has other columns than this script writes; move it away first: {known}")
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


def _text(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


@cache
def provenance() -> dict[str, str]:
    return {
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "device": device(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "edgewise": ew.__version__,
    }


def _commit() -> str:
    """The commit of the library, with a plus sign where its sources differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(HERE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def device() -> str:
    """The processor's model."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
