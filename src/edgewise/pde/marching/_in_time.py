"""Marching of an equation of time alone, slab after slab, until an event if one is asked for."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._trajectory import Pass, Trajectory
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.solving._initial import Ended, System, refusal
from edgewise.pde.solving._run import Limits, Run, accurate
from edgewise.pde.solving._slabs import Course, stages_of
from edgewise.pde.statement._problem import Problem, paired
from edgewise.train import Monitor

Event = Callable[[Any, SimpleNamespace], Any]
"""A function of the unknown, a Jet or a tuple of them, and of the time p, whose sign changes."""

_SLAB = 100.0  # of the effort: what a slab counts


@dataclass(frozen=True)
class Steps:
    """The slabs that are wanted: times at which one ends, the longest, the effort, and what ends the march."""

    breaks: Sequence[float]
    longest: float | None
    effort: float
    until: Event | None

    def checked(self, begin: float, end: float) -> tuple[list[float], float]:
        """Return the times at which slabs end, and the longest slab; InputError for values out of range."""
        if self.longest is not None and not (is_number(self.longest) and self.longest > 0):
            raise InputError(f"'max_step' must be a number > 0. Got {self.longest!r}.")
        if not all(is_number(stop, begin, end) for stop in self.breaks):
            raise InputError(f"'breaks' must be times from {begin:g} to {end:g}. Got {list(self.breaks)!r:.80}.")
        if self.until is not None and not callable(self.until):
            raise InputError(f"'until' must be a function of u and p. Got {type(self.until).__name__}.")
        stops = sorted({float(stop) for stop in self.breaks if begin < stop < end} | {end})
        return stops, (end - begin) if self.longest is None else float(self.longest)


def in_time(problem: Problem, tolerance: float, steps: Steps, monitor: Monitor) -> Trajectory:
    """March through an initial value problem of ordinary equations; InputError for another one."""
    real = paired(problem)
    why = refusal(real)
    if why:
        raise InputError(f"march solves an equation of time alone from its initial values. {why}")
    system = System(real)
    stops, longest = steps.checked(system.begin, system.end)
    event = _Crossing(system, steps.until) if steps.until is not None else lambda course: None
    history, began = list[Pass](), clock.perf_counter()

    def ended() -> Outcome | None:
        own = monitor.ended()
        return None if own is None else Outcome.of(own)

    def seen(done: Run, local: float) -> None:
        slabs, stages = done.course.values.shape[0], done.course.values.shape[1] - 1
        history.append(Pass(local, slabs, stages, done.error, clock.perf_counter() - began))
        monitor.record(slabs, done.course.values.size, done.error, local)

    try:
        limits = Limits(stops, longest, steps.effort / _SLAB, ended, event)
        found = accurate(system, tolerance, limits, seen)
    except Ended:
        raise InputError(
            f"No solution was found after {problem.domain.names[0]}={system.begin:g}. Check the initial values, and "
            "whether the equation is finite there."
        ) from None
    outcome = found.outcome or (Outcome.CONVERGED if found.error <= tolerance else Outcome.STALLED)
    return Trajectory(real, found.course, found.error, outcome, history, found.event, found.why)


class _Crossing:
    """Finds the first time in a course at which a function of the unknowns and of time changes its sign."""

    def __init__(self, system: System, function: Event) -> None:
        self.system, self.function, self.before = system, function, 0.0

    def __call__(self, course: Course) -> float | None:
        points = stages_of(course.values.shape[1] - 1).points[1:]
        times = np.append(course.ends[:1], course.ends[:-1, None] + points * np.diff(course.ends)[:, None])
        signs = np.sign(self._values(course, times))
        if course.ends[0] > self.system.begin:
            signs[0] = self.before
        known = np.flatnonzero(signs)
        for low, high in pairwise(known):
            if signs[low] != signs[high]:
                return self._root(course, times[low], times[high], signs[high])
        self.before = signs[known[-1]] if len(known) else 0.0
        return None

    def _root(self, course: Course, low: float, high: float, sign: float) -> float:
        """The first time that has a sign, to rounding, between one that has not and one that has."""
        while high - low > 2 * np.spacing(abs(high)):
            times = np.linspace(low, high, 65)
            first = int(np.argmax(self._values(course, times) * sign > 0))
            low, high = times[max(first - 1, 0)], times[first]
        return float(high)

    def _values(self, course: Course, times: Array) -> Array:
        try:
            return self.system.given(self.function, times, course(times), course(times, 1))
        except InputError as error:
            raise InputError(f"'until' must give one number for each time. {error}") from None
