"""Interleaved timing of several calls in one process."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

_BLOCK = 0.02  # seconds that a repeat takes at least: short calls are run several times in it
_WARM = 0.05  # seconds up to which each repeat starts with an untimed call
_SLOW = 1.0  # seconds from which one call warms up

Call = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """Seconds of one call: median, quartiles, and how many repeats they are of.

    >>> Spread.of([3.0, 1.0, 2.0])
    Spread(median=2.0, lower=1.5, upper=2.5, repeats=3)
    """

    median: float
    lower: float
    upper: float
    repeats: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        lower, median, upper = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else 3 * [*seconds]
        return cls(median, lower, upper, len(seconds))


@dataclass(frozen=True)
class _Plan:
    """How a call is timed: how many times in a repeat, in how many rounds, and whether after an untimed one."""

    number: int
    rounds: int
    warm: bool


def interleaved(calls: Mapping[str, Call], repeats: int, patience: float) -> dict[str, Spread]:
    """Time every call in turn, round after round, so that what else the machine does meets all alike.

    A repeat is the mean of as many calls as take 20 ms, after an untimed one where a call takes less than 50 ms. The
    order rotates from round to round. A call whose repeats would take more than `patience` seconds gets fewer of them.
    """
    plans = {name: _plan(call, repeats, patience) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            plan = plans[name]
            if turn < plan.rounds:
                seconds[name].append(_seconds(calls[name], plan.number, plan.warm))
    return {name: Spread.of(values) for name, values in seconds.items()}


def _plan(call: Call, repeats: int, patience: float) -> _Plan:
    """Warm the call up and see how long it takes."""
    once = _seconds(call, 1, warm=False)
    if once < _SLOW:
        once = min(_seconds(call, 1, warm=True) for _ in range(2))
    number = max(1, math.ceil(_BLOCK / max(once, 1e-7)))
    return _Plan(number, min(repeats, max(1, int(patience / (number * once)))), once < _WARM)


def _seconds(call: Call, number: int, warm: bool) -> float:
    """The mean of `number` calls, with no garbage collection in between."""
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        if warm:
            call()
        began = time.perf_counter()
        for _ in range(number):
            call()
        return (time.perf_counter() - began) / number
    finally:
        if collecting:
            gc.enable()
