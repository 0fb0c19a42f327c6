"""Where and when a number was measured, and how long it took."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from edgewise._version import __version__

_SOURCES = Path(__file__).parents[1]
_LIBRARIES = ("numpy", "numba", "pykan", "kan-gpt", "jaxkan", "jax", "pyoperon", "gplearn", "scikit-learn")


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


@cache
def provenance() -> dict[str, str]:
    """Commit, date, device, and the versions that every measurement depends on."""
    return {
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "device": device(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "edgewise": __version__,
    }


@cache
def versions() -> str:
    """The other libraries that are installed, like "numpy 2.4.6, numba 0.68.1, pykan 0.2.8"."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _commit() -> str:
    """The commit of the library, with a plus sign where its sources differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_SOURCES), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def device() -> str:
    """The processor's model."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
