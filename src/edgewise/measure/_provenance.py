"""Provenance of a measurement: commit, date, device, versions."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from edgewise._version import __version__

_SOURCES = Path(__file__).parents[1]
_LIBRARIES = ("numpy", "numba", "pykan", "kan-gpt", "jaxkan", "jax", "pyoperon", "gplearn", "scikit-learn")


@cache
def provenance() -> dict[str, str]:
    """Return commit, date, device, and the versions that every measurement depends on."""
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
    """Return the versions of the other libraries, like "numpy 2.4.6, numba 0.68.1, pykan 0.2.8"."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def usable_cores() -> list[int]:
    """Return the numbers of the processor cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(usable_cores())


def _commit() -> str:
    """Return the commit, with a plus sign if the sources differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_SOURCES), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def device() -> str:
    """Return the processor's model."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
