"""What calls cost: seconds of a block, of several calls interleaved in one process, and peak memory."""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from timeit import timeit
from typing import Any, NamedTuple

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Call = Callable[[], object]


@dataclass
class Clock:
    """Seconds of a block: wall time, and this process's CPU time."""

    wall: float = 0.0
    process: float = 0.0


@contextmanager
def clock() -> Iterator[Clock]:
    """Time a block; the clock holds the seconds once the block is left."""
    out = Clock()
    wall, process = time.perf_counter(), time.process_time()
    yield out
    out.wall, out.process = time.perf_counter() - wall, time.process_time() - process


class Quartiles(NamedTuple):
    """Seconds of one call: median, quartiles, and the number of repeats.

    >>> Quartiles.of([3.0, 1.0, 2.0])
    Quartiles(median=2.0, lower=1.5, upper=2.5, repeats=3)
    """

    median: float
    lower: float
    upper: float
    repeats: int

    def columns(self) -> dict[str, Any]:
        """Return the columns of a row: seconds (the median), lower, upper, repeats."""
        return {"seconds": self.median, "lower": self.lower, "upper": self.upper, "repeats": self.repeats}

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Quartiles:
        lower, median, upper = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else 3 * [*seconds]
        return cls(median, lower, upper, len(seconds))


def interleaved(calls: Mapping[str, Call], repeats: int, patience: float) -> dict[str, Quartiles]:
    """Time every call in turn, round after round, so that other load on the machine affects all alike.

    A repeat is the mean of as many calls as take 20 ms, after an untimed one if a call takes less than 50 ms. The order
    rotates from round to round. A call whose repeats would take more than `patience` seconds gets fewer of them.
    """
    schedules = {name: _schedule(call, repeats, patience) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            count, most, warm = schedules[name]
            if turn < most:
                seconds[name].append(_seconds(calls[name], count, warm))
    return {name: Quartiles.of(values) for name, values in seconds.items()}


def _schedule(call: Call, repeats: int, patience: float) -> tuple[int, int, bool]:
    """Warm the call up; return calls in a repeat, repeats, and whether each starts with an untimed call."""
    slow = 1.0  # seconds from which one call is enough warm-up
    warm = 0.05  # seconds up to which each repeat starts with an untimed call
    block = 0.02  # minimum seconds of a repeat: short calls run several times in it
    once = _seconds(call, 1, warm=False)
    if once < slow:
        once = min(_seconds(call, 1, warm=True) for _ in range(2))
    count = max(1, math.ceil(block / max(once, 1e-7)))
    return count, min(repeats, max(1, int(patience / (count * once)))), once < warm


def _seconds(call: Call, count: int, warm: bool) -> float:
    """Return the mean seconds of `count` calls; `timeit` turns garbage collection off meanwhile."""
    gc.collect()
    if warm:
        call()
    return timeit(call, number=count) / count


def peak_memory(call: Call) -> int:
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
