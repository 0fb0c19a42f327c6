"""Initial value problems through all of time, window after window, and the spline that comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.kernels import one_thread
from edgewise.pde.result._sampling import Outcome
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
    """Where slabs end, how long they are, and how many there are at most.

    ended: what from outside ends the march, if something does. event: the time in a course at which it is to end.
    """

    stops: Sequence[float]
    longest: float = math.inf
    most: float = SLABS.most
    ended: Callable[[], Outcome | None] = lambda: None
    event: Callable[[Course], float | None] = lambda course: None


class Run(NamedTuple):
    """A course, and its error in L2 relative to each unknown.

    outcome: what ended it before its time, and `why` in words. event: the time at which it was to end. unique: whether
    there is no other.
    """

    course: Course
    errors: Array
    outcome: Outcome | None = None
    why: str = ""
    event: float | None = None
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
    name, done, before = system.problem.domain.names[0], list[Course](), None
    outcome, why, event, slabs, highest = None, "", None, 0, np.abs(begin)
    while now < system.end:
        try:
            coarse = scout.course(now, y.astype(np.float64), before, count, scouted, highest)
        except Ended as end:
            outcome, size = Outcome.DIVERGED, float(np.abs(y).max())
            why = (
                f"No solution goes on beyond {name} = {end.time:.10g}, where the unknowns reach {size:.2g}: end the "
                "box before it, or check the equation's signs."
            )
            break
        window = refined(system, coarse, y, stages, local, highest)
        if window is None:
            if count == 1 and scouted <= local:
                outcome, why = Outcome.DIVERGED, f"Newton's method finds no solution beyond {name} = {now:.10g}."
                break
            count, scouted = max(1, count // 4), max(local, 0.1 * scouted)
            scout.length = coarse.ends[1] - coarse.ends[0]
            continue
        count = min(SLABS.window, 2 * count)
        errors.add(window)
        own = window.course.rounded
        done.append(own)
        highest = np.maximum(highest, np.abs(own.values).max((0, 1)))
        now, y = float(own.ends[-1]), window.course.values[-1, -1]
        before = Course(own.ends[-2:], own.values[-1:])
        scouted = _next(scouted, coarse, window, local, stages)
        event, outcome = limits.event(own), limits.ended()
        if event is not None:
            done[-1] = own.until(event)
        if event is not None or outcome is not None:
            break
        slabs += len(own.values)
        if slabs > limits.most:
            outcome = Outcome.EFFORT_SPENT
            why = (
                f"{slabs} slabs of time end at {name} = {now:.6g}: end the box earlier, allow a larger tolerance, or "
                "march through parts of it, each from where the former ended."
            )
            break
    if not done:
        raise Ended(now)
    ends = np.concatenate([done[0].ends[:1], *(each.ends[1:] for each in done)])
    course = Course(ends, np.concatenate([each.values for each in done]))
    return Run(course, errors.relative, outcome, why, event)


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


@one_thread()
def marched(refiner: Refiner, tolerance: float) -> tuple[Answer | None, str]:
    """Solve an initial value problem in slabs; where there is no answer, say why if they began at all."""
    system, monitor = System(refiner.problem), refiner.monitor

    def ended() -> Outcome | None:
        own = monitor.ended()
        return None if own is None else Outcome.of(own)

    def seen(done: Run, local: float) -> None:
        monitor.record(len(done.course.values), done.course.values.size, done.error, local)

    try:
        found = accurate(system, tolerance, Limits([system.end], ended=ended), seen)
    except Ended:
        return None, ""
    return (None, found.why) if found.outcome is not None else (_answer(system, found, tolerance), "")


def accurate(system: System, tolerance: float, limits: Limits, seen: Callable[[Run, float], None]) -> Run:
    """Return a course whose error is below a tolerance, or the best of several; Ended where there is none."""
    start, local, best = system.started(), max(SLABS.share * tolerance, SLABS.finest), None
    for _ in range(SLABS.runs):
        with np.errstate(all="ignore"):  # of trials, which are refused
            found = run(system, start.state, local, limits)
        seen(found, local)
        if best is None or (found.outcome is None and found.error < best.error):
            best = found
        if found.outcome is not None or found.error <= tolerance or local <= SLABS.finest:
            break
        local = max(local * min(0.1, 0.3 * tolerance / found.error), SLABS.finest)
    assert best is not None
    return best._replace(unique=system.is_regular(start))


def _answer(system: System, found: Run, tolerance: float) -> Answer:
    """A course as a network of a spline for each unknown, on parts of its slabs.

    Slabs that are narrower than rounding, as next to a jump, would be cells that determine nothing. The error is that
    of the course, and the network's distance from it.
    """
    course, cells, best = found.course, SLABS.cells, math.inf
    since = course.ends - course.ends[0]
    ends = course.ends[np.append(np.diff(since) > SLABS.narrowest * since[1:], True)]
    enough = max(0.3 * found.error, SLABS.share * tolerance, SLABS.of_splines)
    while True:
        parts = np.diff(ends)[:, None] * np.arange(cells) / cells
        space = Space(np.append((ends[:-1, None] + parts).ravel(), ends[-1]), SLABS.degree)
        coefficients = space.project(course(space.gauss(SLABS.degree + 1)[0])[:, system.first], SLABS.degree + 1)
        times, weights = space.gauss(SLABS.degree + 2)
        true = course(times)[:, system.first]
        off = float(_relative(space.matrix(times) @ coefficients - true, true, weights).max())
        if off <= enough or off > 0.5 * best or cells >= SLABS.most_cells:
            break
        finer = 1.1 * (off / enough) ** (1 / (SLABS.degree + 1))
        cells, best = min(max(cells + 1, math.ceil(finer * cells)), SLABS.most_cells), off
    model = network_of(Products((space,)), torch.from_numpy(coefficients), ())
    times, weights = space.gauss(1)
    true = course(times)[:, system.first]
    with torch.no_grad():
        off = _relative(model(torch.from_numpy(times)[:, None]).numpy() - true, true, weights)
    error = float(np.hypot(off, found.errors).max())
    state = NetworkState(model, {}, space.count, torch.empty(0), error, error)
    return Answer(state, error, min(error, 1.0), unique=found.unique)


def _relative(off: Array, true: Array, weights: Array) -> Array:
    """The sizes in L2 of columns over those of others."""
    return np.sqrt(weights @ off**2 / np.maximum(weights @ true**2, 1e-300))
