"""Peak memory of a call."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(call: Callable[[], object]) -> int:
    """Return the peak resident memory of a call in bytes, above what was resident before it.

    On Linux the kernel's high-water mark is reset first. Elsewhere it is that of the whole process so far, so only a
    call that exceeds it is seen: measure in a fresh process.
    """
    gc.collect()
    if _STATUS.exists():
        _CLEAR.write_text("5")
    before = resident_memory()
    call()
    return max(0, _highest() - before)


def resident_memory() -> int:
    """Return the resident memory in bytes."""
    return _field("VmRSS") if _STATUS.exists() else _highest()


def _highest() -> int:
    if _STATUS.exists():
        return _field("VmHWM")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _field(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
