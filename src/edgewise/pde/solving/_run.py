"""Initial value problems through all of time, window after window, and the spline that comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.pde.solving._initial import Ended, System
from edgewise.pde.solving._refining import Answer, NetworkState, Refiner
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.solving._slabs import Course, Scout, stages_of
from edgewise.pde.solving._window import Window, refined
from edgewise.pde.splines._networks import network_of
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products, Space


@dataclass(frozen=True)
class Limits:
    """Where slabs end, and how long they are at most; `ended` says whether something from outside ends the march."""

    stops: Sequence[float]
    longest: float = math.inf
    ended: Callable[[Course], bool] = lambda course: False


class Run(NamedTuple):
    """A course, its error in L2 relative to each unknown, why it ended before its time, and if there is no other."""

    course: Course
    errors: Array
    why: str = ""
    unique: bool = False

    @property
    def error(self) -> float:
        """The largest of the unknowns' errors."""
        return float(self.errors.max())


class _Errors:
    """Sums of the squares of changes and of the unknowns, over slabs."""

    def __init__(self, system: System) -> None:
        self.first, self.carried = system.first, np.zeros(system.size)
        self.off, self.whole = (np.zeros(len(system.first)) for _ in range(2))

    def add(self, window: Window) -> None:
        """Add a window, which begins with the change at the end of that before."""
        course, changes = window.course, window.changes(self.carried)
        self.carried = changes[-1, -1]
        points, weights = radau(changes.shape[1])
        values = stages_of(course.values.shape[1] - 1).shapes(points) @ course.rounded.values
        each = np.diff(course.ends)[:, None] * weights
        self.off += np.einsum("ki,kic->c", each, changes[:, :, self.first] ** 2)
        self.whole += np.einsum("ki,kic->c", each, values[:, :, self.first] ** 2)

    @property
    def relative(self) -> Array:
        return np.sqrt(self.off / np.maximum(self.whole, 1e-300))


def run(system: System, begin: Array, local: float, limits: Limits) -> Run:
    """March through windows of slabs, the error of each of which is below a bound, relative to the state.

    Coarse slabs go before, as long as they have to be for the others.
    """
    stages, scouted, count = _stages(system, local), SLABS.scouted, SLABS.window
    scout, errors, now, y = Scout(system, limits.stops, limits.longest), _Errors(system), system.begin, begin
    done, before, why = list[Course](), None, ""
    while now < system.end:
        try:
            coarse = scout.course(now, y.astype(np.float64), before, count, scouted)
        except Ended as end:
            why = _why_short(system, end.time, y)
            break
        window = refined(system, coarse, y, stages, local)
        if window is None:
            if count == 1 and scouted <= local:
                why = f"Newton's method fails beyond {system.problem.domain.names[0]} = {now:.8g}"
                break
            count, scouted = max(1, count // 4), max(local, 0.1 * scouted)
            scout.length = coarse.ends[1] - coarse.ends[0]
            continue
        count = min(SLABS.window, 2 * count)
        errors.add(window)
        own = window.course.rounded
        done.append(own)
        now, y = float(own.ends[-1]), window.course.values[-1, -1]
        before = Course(own.ends[-2:], own.values[-1:])
        scouted = _next(scouted, coarse, window, local, stages)
        if limits.ended(before):
            why = "ended"
            break
        if sum(len(each.values) for each in done) > SLABS.most:
            why = f"{SLABS.most} slabs end at {system.problem.domain.names[0]} = {now:.6g}"
            break
    if not done:
        raise Ended(now)
    ends = np.concatenate([done[0].ends[:1], *(each.ends[1:] for each in done)])
    return Run(Course(ends, np.concatenate([each.values for each in done])), errors.relative, why)


def _stages(system: System, local: float) -> int:
    """Stages for which slabs are as long as the coarse ones are."""
    wanted = round((SLABS.scouts + 1) * math.log(local) / math.log(SLABS.scouted))
    most = max(SLABS.least_stages, min(SLABS.most_stages, SLABS.unknowns // system.size))
    return min(max(wanted, SLABS.least_stages), most)


def _next(scouted: float, coarse: Course, window: Window, local: float, stages: int) -> float:
    """The error of coarse slabs that makes them as long as the others may be."""
    more = len(window.course.values) / len(coarse.values)
    worst = float(np.quantile(window.errors, 0.8))
    longer = 1 / more if more > 1.1 else (0.3 * local / max(worst, 1e-300)) ** (1 / (stages + 1))
    return min(max(scouted * min(max(longer ** (SLABS.scouts + 1), 0.1), 10.0), local), SLABS.coarsest)


def _why_short(system: System, time: float, y: Array) -> str:
    """What is wrong where slabs come to nothing."""
    name, size = system.problem.domain.names[0], float(np.abs(y).max())
    return f"no solution goes on beyond {name} = {time:.10g}, where the unknowns reach {size:.2g}"


def marched(refiner: Refiner, tolerance: float) -> Answer | str:
    """Solve an initial value problem in slabs; or say why that ended, in no words where they did not even begin."""
    system, monitor = System(refiner.problem), refiner.monitor

    def seen(done: Run) -> None:
        monitor.record(len(done.course.values), done.course.values.size, done.error, done.error)

    try:
        limits = Limits([system.end], ended=lambda course: monitor.ended() is not None)
        found = accurate(system, tolerance, limits, seen)
    except Ended:
        return ""
    return found.why or _answer(system, found, tolerance)


def accurate(system: System, tolerance: float, limits: Limits, seen: Callable[[Run], None]) -> Run:
    """Return a course whose error is below a tolerance, or the best of several; Ended where there is none."""
    start, local, best = system.started(), max(SLABS.share * tolerance, SLABS.finest), None
    for _ in range(SLABS.runs):
        with np.errstate(all="ignore"):  # of trials, which are refused
            found = run(system, start.state, local, limits)
        seen(found)
        if best is None or found.why or found.error < best.error:
            best = found
        if found.why or found.error <= tolerance or local <= SLABS.finest:
            break
        local = max(local * min(0.1, 0.3 * tolerance / found.error), SLABS.finest)
    assert best is not None
    return best._replace(unique=system.is_regular(start))


def _answer(system: System, found: Run, tolerance: float) -> Answer:
    """A course as a spline on parts of its slabs, for each unknown.

    Its error is that of the course, and its distance from it.
    """
    course, best = found.course, None
    enough = max(0.3 * found.error, 0.03 * tolerance)
    for cells in SLABS.cells:
        parts = np.diff(course.ends)[:, None] * np.arange(cells) / cells
        space = Space(np.append((course.ends[:-1, None] + parts).ravel(), course.ends[-1]), SLABS.degree)
        coefficients = space.project(course(space.gauss(SLABS.degree + 1)[0])[:, system.first], SLABS.degree + 1)
        times, weights = space.gauss(SLABS.degree + 2)
        true = course(times)[:, system.first]
        over, whole = (np.sqrt(weights @ part**2) for part in (space.matrix(times) @ coefficients - true, true))
        errors = np.hypot(over / np.maximum(whole, 1e-300), found.errors)
        error = float(errors.max())
        if best is None or error < best[0]:
            best = (error, space, coefficients)
        if float((over / np.maximum(whole, 1e-300)).max()) <= enough:
            break
    assert best is not None
    error, space, coefficients = best
    model = network_of(Products((space,)), torch.from_numpy(coefficients), 0.0)
    state = NetworkState(model, {}, space.count, torch.empty(0), error, error)
    return Answer(state, error, min(error, 1.0), unique=found.unique)
