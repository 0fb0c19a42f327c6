"""Memory that a call needs at its peak."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(call: Callable[[], object]) -> int:
    """Bytes of resident memory, at the most, above those resident before the call.

    On Linux the kernel's high-water mark is reset first. Elsewhere it is that of the whole process so far, so that
    only a call that goes beyond it is seen: measure in a fresh process.
    """
    gc.collect()
    before = _reset()
    call()
    return max(0, _highest() - before)


def resident() -> int:
    """Bytes of resident memory now."""
    return _field(_STATUS.read_text(), "VmRSS") if _STATUS.exists() else _highest()


def _reset() -> int:
    """Set the high-water mark to the present level and return it."""
    if _STATUS.exists():
        _CLEAR.write_text("5")
    return resident()


def _highest() -> int:
    if _STATUS.exists():
        return _field(_STATUS.read_text(), "VmHWM")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _field(text: str, name: str) -> int:
    line = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
