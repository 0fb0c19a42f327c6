"""Marching: slab after slab of time, as long and as fine as the accuracy asks, until two levels of it agree."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution
from edgewise.pde._marched import Level, Marched, on_grid
from edgewise.pde._outcome import Outcome
from edgewise.pde._problem import Problem
from edgewise.pde._slab import Slab
from edgewise.pde._slab_solver import SlabSolver, Solved
from edgewise.pde._space import Space
from edgewise.train import Monitor, Options

_CELLS, _MOST_CELLS = 24, 4000
_FLOOR = 0.15  # of the mean density of knots
_FIRST = 1e-4  # accuracy of the first level
_FINER, _FARTHEST = 0.1, 1e-4  # of a level's accuracy: that of the next, and the least of the next
_CHECKED = 0.4  # of the effort that is left: for a level that another has to check
_FINEST = 1e-15
_SAFETY = 3.0
_STALLED = 0.5  # of the change before: a level that does not fall below it says that rounding has been reached
_LEAST_FINER = 0.4  # of a level's accuracy: a next level above it would tell little
_POWER = 0.05  # the least with which work is taken to grow as accuracy falls
_SHORTEST = 1e-9  # of the whole time
_BEGIN, _LONGEST = 0.02, 0.125  # of the whole time: the first slab, and the longest of the first level
_MORE = 1.25  # times the cells, and slabs, that each level has at least: two that are alike would agree on anything
_PROJECTIONS = 14
_SPACE = 0.05  # of the accuracy, for the splines: what they miss oscillates fast, and would shorten the slabs
_SHARE = 0.01  # of the largest unknown's size: what others count as, if they are smaller


def march(
    problem: Problem, *, tolerance: float = 1e-9, effort: float = 3e5, time: str = "t", degree: int = 9,
    options: Options | None = None,
) -> Marched:  # fmt: skip
    """Solve an equation of evolution in one coordinate of space, slab after slab of time.

    In each slab every unknown is what it begins with plus a sum of products of a spline in space, on knots that follow
    the solution, and a polynomial in time: a network of product nodes whose time edges are fixed. Its coefficients are
    those of least squares of what the equation leaves, at Gauss points of every cell and Radau points of time, by
    Gauss-Newton steps on banded normal equations. Conditions at the ends of space hold exactly; initial values too.
    The number of cells and the length of a slab follow from an estimate of its error. All of time is marched through
    several times, with higher accuracy each time, until two solutions differ by less than the tolerance: of these the
    former is returned, and the difference is its error.

    Args:
        problem: an equation in two coordinates, any number of unknowns, derivatives up to fourth order. Conditions on
            the face of the first time say how the unknowns begin, and their derivatives by time where the equation has
            u.tt; others hold at the ends of space, or the problem is `periodic`.
        tolerance: the relative L2 error to reach, from 1e-14 to 0.1; of several unknowns, the largest of theirs.
        effort: the work to spend at most: Gauss-Newton steps times cells times the square of the number of unknowns,
            where u.tt counts as two. The default is about a minute of one core.
        time: the coordinate that is time.
        degree: of the splines, from 3 to 9; it must be above the order of the equation in space.
        options: time_limit, callbacks (with each level's row) and progress, as for `fit`.

    Errors: InputError for problems that cannot be marched, and values out of range.

    >>> import torch
    >>> from edgewise.pde import Box, Condition, Problem, periodic
    >>> box = Box(t=(0, 1), x=(0, 2 * torch.pi))
    >>> start = Condition(box.face(t=0), lambda u, p: u.value - torch.sin(p.x))
    >>> found = march(Problem(box, lambda u, p: u.t - u.xx, [start, periodic(box, "x")]))
    >>> found.errors(lambda p: torch.exp(-p.t) * torch.sin(p.x)).relative < 1e-8
    True

    Source: Hairer and Wanner, Solving Ordinary Differential Equations II (1996), for Radau's points; de Boor, A
    Practical Guide to Splines (1978), for the knots.
    """
    if not is_number(tolerance, 1e-14, 0.1):
        raise InputError(f"'tolerance' must be a number from 1e-14 to 0.1. Got {tolerance!r}.")
    if not is_number(effort, 1):
        raise InputError(f"'effort' must be a number >= 1, in steps of a cell. Got {effort!r}.")
    evolution = Evolution.of(problem, time)
    highest = max(a for _, a, _ in evolution.parts)
    least = max(3, highest + 1)
    if not is_int(degree, least, 9):
        raise InputError(
            f"'degree' must be an int from {least} to 9 for derivatives of order {highest}. Got {degree!r}."
        )
    monitor = Monitor(options or Options())
    with monitor.running():
        return _Levels(evolution, int(degree), float(tolerance), float(effort), monitor).run()


class _Levels:
    """Marches of growing accuracy, and how far each is from the one before."""

    def __init__(self, evolution: Evolution, degree: int, tolerance: float, effort: float, monitor: Monitor) -> None:
        self.evolution, self.degree, self.monitor = evolution, degree, monitor
        self.tolerance, self.left = tolerance, effort
        self.rows: list[Level] = []
        self.marches: list[_March] = []

    def run(self) -> Marched:
        """March, with higher accuracy each time, until something ends it."""
        accuracy: float | None = _FIRST
        while accuracy is not None:
            began = clock.perf_counter()
            done = _March(self.evolution, self.degree, accuracy, self.marches, self.monitor)
            done.run(f"level {len(self.marches) + 1}", self.left)
            self.left -= done.work
            if done.ended is not None and self.marches:
                return self._result(done.ended)
            self.marches.append(done)
            self._record(done, clock.perf_counter() - began)
            changes = [row.change for row in self.rows[1:]]
            if done.ended is not None:
                return self._result(done.ended)
            if changes and changes[-1] <= self.tolerance:
                return self._result(Outcome.CONVERGED)
            if (len(changes) > 2 and min(changes[-2:]) > _STALLED * min(changes[:-2])) or accuracy <= _FINEST:
                return self._result(Outcome.STALLED)
            accuracy = self._next(accuracy)
        return self._result(Outcome.EFFORT_SPENT)

    def _next(self, accuracy: float) -> float | None:
        """The accuracy of the next level, as the last change asks for and the effort allows; None if it allows none."""
        if len(self.marches) < 2:
            return _FINER * accuracy
        (one, two), (_, last) = self.marches[-2:], self.rows[-2:]
        ratio = last.change / one.accuracy  # of the error to the accuracy asked for
        wanted = self.tolerance / max(ratio, 1e-300) / _SAFETY
        finer = max(wanted, _FARTHEST * accuracy) if wanted < accuracy else _FINER * accuracy
        power = max(_POWER, math.log(two.work / one.work) / math.log(one.accuracy / two.accuracy))
        share = self.left / two.work
        if wanted < accuracy:  # a level to check it by must be left
            share *= _CHECKED
        allowed = accuracy * share ** (-1 / power)
        return None if allowed > _LEAST_FINER * accuracy else max(finer, allowed, _FINEST)

    def _record(self, done: _March, seconds: float) -> None:
        change = math.nan
        if len(self.marches) > 1:
            change = _distance(self.evolution, self.marches[-2].slabs, done.slabs)
        cells = max(len(slab.space.cells) - 1 for slab in done.slabs)
        parameters = sum(slab.inner.size for slab in done.slabs)
        self.rows.append(Level(done.accuracy, len(done.slabs), cells, parameters, done.steps, change, seconds))
        self.monitor.record(cells, parameters, change, math.nan)

    def _result(self, outcome: Outcome) -> Marched:
        changes = [row.change for row in self.rows[1:]]
        if not changes:
            chosen, error = 0, math.nan
        elif outcome is Outcome.STALLED:  # the level from which on nothing fell
            chosen = int(np.argmin(changes))
            error = changes[chosen]
        else:
            chosen, error = len(changes) - 1, changes[-1]
        return Marched(self.evolution.problem, self.evolution, self.marches[chosen].slabs, error, outcome, self.rows)


class _March:
    """One march through all of time, each slab to some accuracy."""

    def __init__(
        self, evolution: Evolution, degree: int, accuracy: float, before: Sequence[_March], monitor: Monitor
    ) -> None:
        self.evolution, self.accuracy, self.monitor = evolution, accuracy, monitor
        more = _MORE ** len(before)
        self.least, self.longest = math.ceil(_CELLS * more), _LONGEST / more
        self.terms = degree
        self.slabs: list[Slab] = []
        self.steps = self._cell_steps = 0
        self.ended: Outcome | None = None
        self.sizes = before[-1].sizes if before else np.full(len(evolution.components), 1e-300)
        self.space = Space(np.linspace(*evolution.interval, self.least + 1), degree, evolution.periodic)
        self.length = _BEGIN * self._whole
        self._start_at_first()

    @property
    def whole(self) -> bool:
        """Whether the end of time was reached."""
        return bool(self.slabs) and self.now >= self.evolution.duration[1]

    @property
    def now(self) -> float:
        return self.slabs[-1].end if self.slabs else self.evolution.duration[0]

    @property
    def _whole(self) -> float:
        begin, end = self.evolution.duration
        return end - begin

    @property
    def work(self) -> float:
        """Steps times cells times the square of the number of components."""
        return self._cell_steps * len(self.evolution.components) ** 2

    def run(self, place: str, effort: float) -> None:
        """March until the end of time, or until something ends it."""
        end = self.evolution.duration[1]
        while not self.whole:
            left = end - self.now
            length = left if left < 1.1 * self.length else self.length
            solver = SlabSolver(self.evolution, self.space, self.terms)
            solved = solver.solve(self.begins, self.now, length, self.scales)
            self.steps += solved.steps
            self._cell_steps += solved.steps * (len(self.space.cells) - 1)
            self._take(solved, length)
            ended = self.monitor.step(place, fraction=(self.now - self.evolution.duration[0]) / self._whole)
            if ended is not None and not self.whole:
                self.ended = Outcome.of(ended)
                return
            if self.work > effort and not self.whole:
                self.ended = Outcome.EFFORT_SPENT
                return
            if self.length < _SHORTEST * self._whole or len(self.space.cells) > _MOST_CELLS:
                self.ended = Outcome.DIVERGED
                return

    def _take(self, solved: Solved, length: float) -> None:
        """Keep a slab that is accurate enough, and choose the length and the cells of the next, or of another try."""
        cells = len(self.space.cells) - 1
        by_space = solved.by_space / (_SPACE * self.accuracy)
        by_time = max(solved.by_time - solved.by_space, 0.0) / self.accuracy
        shorter = (1 / max(by_time, 1e-300)) ** (1 / self.terms)
        finer = (max(by_space, 1e-300)) ** (1 / self.space.degree)
        if not math.isfinite(solved.by_time):
            self.length = length / 2
            return
        if by_time > 1 or by_space > 1:
            self.length = length * min(1.0, max(0.3, 0.8 * shorter))
            more = cells if finer <= 1 else math.ceil(cells * min(2.0, 1.1 * finer))
            self._move(solved.slab, more, both=True)
            return
        self.slabs.append(solved.slab)
        self.sizes = np.maximum(self.sizes, solved.slab.sizes)
        self.length = min(length * min(2.0, 0.8 * shorter), self.longest * self._whole)
        self._move(solved.slab, math.ceil(cells * min(1.2, max(0.85, 1.1 * finer))), both=False)

    def _move(self, slab: Slab, cells: int, both: bool) -> None:
        """Move the knots to where the end of a slab needs them, or its begin and end, and project what begins there."""
        scales = np.maximum(self.scales, slab.sizes)
        found = self._density(slab.ends, scales)
        if both:
            found = np.maximum(found, self._density(slab.begins, scales))
        self.space = self.space.moved(found, max(cells, self.least), _FLOOR)
        self.begins = self._projected()

    def _density(self, coefficients: Array, scales: Array) -> Array:
        """How densely knots should lie in each cell for splines (functions, components) of some sizes."""
        return self.space.density(coefficients / scales).max(1)

    @property
    def scales(self) -> Array:
        """The components' sizes: of an unknown at least a share of the largest, of a derivative what changes it."""
        components = self.evolution.components
        sizes = np.maximum(self.sizes, _SHARE * max(self.sizes[c] for c, (_, j) in enumerate(components) if j == 0))
        return np.array([max(self.sizes[c], sizes[c - j] / self.length**j) for c, (_, j) in enumerate(components)])

    def _projected(self) -> Array:
        """The coefficients of what begins now, from the end of the slab before or from the initial conditions."""
        x, weights = self.space.gauss(self.space.degree + 3)
        return self.space.project(self._beginning(x), x, weights)

    def _beginning(self, x: Array) -> Array:
        """What the components begin with now, (n, components)."""
        if not self.slabs:
            return self.evolution.initial(x)
        last = self.slabs[-1]
        return last.space.matrix(x) @ last.ends

    def _start_at_first(self) -> None:
        """Find the cells for what the components begin with: more of them, moved, until they are near enough."""
        for _ in range(_PROJECTIONS):
            self.begins = self._projected()
            x, weights = self.space.gauss(self.space.degree + 4)
            true, shares = self._beginning(x), weights[:, None] / weights.sum()
            self.sizes = np.maximum(self.sizes, np.sqrt((shares * true**2).sum(0)))
            off = np.sqrt((shares * (self.space.matrix(x) @ self.begins - true) ** 2).sum(0))
            if (off <= self.accuracy * self.scales).all():
                return
            cells = math.ceil((len(self.space.cells) - 1) * 1.2)
            self.space = self.space.moved(self._density(self.begins, self.scales), cells, _FLOOR)
        self.begins = self._projected()


def _distance(evolution: Evolution, coarse: list[Slab], fine: list[Slab]) -> float:
    """The relative L2 distance of two marches over the times that both reach, the largest of the unknowns'."""
    parts = [evolution.part(v, ()) for v in range(len(evolution.orders))]
    off, size = np.zeros(len(parts)), np.zeros(len(parts))
    tau, weights = legendre.leggauss(3)
    for slab in fine:
        t = slab.begin + slab.length * (1 + tau) / 2
        if t[-1] > coarse[-1].end:
            break
        x, places = slab.space.gauss(2)
        both = slab.length * weights[:, None] * places
        for v, part in enumerate(parts):
            own, other = slab.derivative(part, t, x), on_grid(coarse, part, t, x)
            off[v] += (both * (own - other) ** 2).sum()
            size[v] += (both * own**2).sum()
    return float(np.sqrt(off / np.maximum(size, _SHARE**2 * size.max() + 1e-300)).max())
