"""Marching: slab after slab of time, as long and as fine as the accuracy asks, until two levels of it agree."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._effort import EffortWord, work_of
from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise.kernels import one_thread
from edgewise.pde.geometry._domain import Box
from edgewise.pde.marching._conditions import check_count
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._in_time import Event, Steps, in_time
from edgewise.pde.marching._marched import Level, Marched
from edgewise.pde.marching._settings import LEVELS
from edgewise.pde.marching._slab import OwnTimes, slabs_of, tensors_of
from edgewise.pde.marching._slab_march import LineMarch, PlaneMarch, Reached, SlabMarch
from edgewise.pde.result._file import Refused, read, require_same, stated, write
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.splines._space import Products, Space
from edgewise.pde.statement._problem import Problem
from edgewise.train import Monitor, Options, Row, Words

_KIND = "checkpoint of a march"


class MarchLog:
    """The levels of a march so far, complete or not, each with its accuracy.

    A level that is marched through again with the same accuracy goes on from its last slab; one of another accuracy,
    as after a change of the tolerance, begins again. Files are written after slabs, but not while writing would take
    more than a tenth of the time.

    Errors: InputError for a file that is no checkpoint of a march, or that of another problem.
    """

    def __init__(self, path: str | Path, evolution: Evolution, degree: int) -> None:
        self.path, self.evolution, self.degree = Path(path), evolution, degree
        self._levels: list[tuple[float, Reached]] = []
        self._due, self._problem = 0.0, stated(evolution.problem)
        if self.path.exists():
            self._levels = self._read()

    def resume(self, level: int, march: SlabMarch) -> None:
        """Let a level begin where it was."""
        if level < len(self._levels):
            accuracy, reached = self._levels[level]
            if accuracy == march.accuracy:
                march.resume(reached)
            else:
                del self._levels[level:]

    def keep(self, level: int, march: SlabMarch, *, last: bool = False) -> None:
        """Take note of how far a level is, and write it, at the `last` time in any case."""
        self._levels[level:] = [(march.accuracy, march.reached)]
        began = clock.perf_counter()
        if last or march.whole or began >= self._due:
            self._write()
            now = clock.perf_counter()
            self._due = now + LEVELS.writing * (now - began)

    def _write(self) -> None:
        levels, tensors = [], {}
        for number, (accuracy, at) in enumerate(self._levels):
            prefix = f"{number}."
            tensors |= tensors_of(at.slabs, prefix)
            for name in ("begins", "sizes"):
                tensors[prefix + name] = torch.from_numpy(np.ascontiguousarray(getattr(at, name)))
            tensors[prefix + "cells"] = torch.from_numpy(np.ascontiguousarray(at.space.cells))
            levels.append([accuracy, at.length, at.steps, at.cell_steps])
        time_name = self.evolution.problem.box.names[self.evolution.time]
        said = {"problem": self._problem, "time": time_name, "degree": self.degree, "levels": levels}
        write(self.path, _KIND, said, tensors)

    def _read(self) -> list[tuple[float, Reached]]:
        evolution = self.evolution
        try:
            said, tensors = read(self.path, _KIND)
            require_same(said["problem"], evolution.problem)
            if (said["time"], said["degree"]) != (evolution.problem.box.names[evolution.time], self.degree):
                raise Refused(f"marches in {said['time']} with degree {said['degree']}")
            return [self._level(k, row, tensors) for k, row in enumerate(said["levels"])]
        except Refused as why:
            raise self._refused(f"it {why}") from None
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, RuntimeError):
            raise self._refused("it is damaged") from None

    def _refused(self, why: str) -> InputError:
        return InputError(
            f"{self.path} is no checkpoint of this march ({printable(why)}): name another file, or delete it."
        )

    def _level(self, number: int, row: list[Any], tensors: Mapping[str, Tensor]) -> tuple[float, Reached]:
        prefix = f"{number}."
        begins, sizes, cells = (tensors[prefix + name].numpy() for name in ("begins", "sizes", "cells"))
        slabs = slabs_of(tensors, self.evolution, self.degree, prefix)
        accuracy, length, steps, cell_steps = row
        space = Products((Space(cells, self.degree, self.evolution.periods[0]),))
        return accuracy, Reached(slabs, space, begins, sizes, length, steps, cell_steps)


def march(  # noqa: PLR0913 (what is solved, how well, in which slabs and until when)
    problem: Problem, *, tolerance: float = 1e-9, effort: EffortWord | float = "normal", time: str = "t",
    degree: int | None = None, max_step: float | None = None, breaks: Sequence[float] = (),
    until: Event | None = None, options: Options | None = None,
) -> Any:  # fmt: skip # a Marched or a Trajectory, which a type checker cannot tell
    """Solve an equation of evolution in up to two coordinates of space, slab after slab of time.

    In each slab every unknown is what it begins with plus a sum of products of a spline in space, on knots that follow
    the solution, and a polynomial in time: a network of product nodes whose time edges are fixed. Its coefficients are
    those of least squares of what the equation leaves, at Gauss points of every cell and Radau points of time, by
    Newton steps that have a banded system for each mode of Radau's method. At these times conditions at the ends of
    space hold exactly.
    The number of cells and the length of a slab follow from an estimate of its error. All of time is marched through
    several times, with higher accuracy each time, until two solutions differ by less than the tolerance: of these the
    former is returned, and the difference is its error. If something else ends it, the finest solution is returned,
    and its error is extrapolated from the differences before.

    In two coordinates of space the splines are products, tested with such products (Galerkin's method); knots follow
    the solution in each coordinate, so that fronts that lie across both need fine cells everywhere. Conditions on edges
    hold as far as splines along them can tell. As many equations as unknowns are needed.

    Without a coordinate of space, the unknowns are polynomials in each slab, of up to 16 Radau points: equations
    F(t, y, y') = 0 of any order, stiff ones and those with unknowns that have no derivatives. Newton's steps go through
    many slabs at once, and one of them with more points gives the error.

    Parameters
    ----------
    problem
        An equation in time and up to two coordinates of space, any number of unknowns, derivatives up to fourth order.
        Conditions on the face of the first time say how the unknowns begin, and their derivatives by time where the
        equation has u.tt; others hold at the ends of space, or the problem is `periodic`.
    tolerance
        The relative L2 error to reach, from 1e-14 to 0.1; of several unknowns, the largest of theirs.
    effort
        The work to spend: "quick" (2e5), "normal" (2e6), "thorough" (2e7), or a number of Newton steps times cells
        times the number of unknowns, where u.tt counts as two; in two coordinates of space half of that if both are
        periodic, and four times as much otherwise. A level that is nearly done may take half as much again. "normal" is
        about a minute of one core. Without a coordinate of space a slab counts as 100.
    time
        The coordinate that is time.
    degree
        Degree of the splines, from 3 to 9; it must be above the order of the equation in space. By default 9, or 7 in
        two coordinates of space.
    max_step
        The longest slab, in the unit of time. By default slabs are as long as accuracy allows; where the equation or a
        condition depends on time by itself, they are as short as that asks for, down to a ten-thousandth of the time.
        What is shorter is missed without `max_step` or `breaks`.
    breaks
        Times at which a slab ends, as where a source begins.
    until
        Without a coordinate of space, a function (u, p) of the unknowns and of time, as lambda u, p: u.value - 1. The
        march ends where its sign changes first; `found.event` is that time.
    options
        time_limit, callbacks (with each level's row), progress and checkpoint, as for `fit`. The checkpoint of a march
        that was killed or ended early continues it, to a smaller tolerance and with more effort as well; it is for one
        coordinate of space.

    Returns
    -------
    Marched or Trajectory
        The unknowns as functions of all times and places, their estimated error, and how the march ended. A Trajectory
        without a coordinate of space.

    Raises
    ------
    InputError
        For problems that cannot be marched, and values out of range.

    References
    ----------
    Hairer and Wanner, Solving Ordinary Differential Equations II (1996), for Radau's points; de Boor, A Practical Guide
    to Splines (1978), for the knots.

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import march
    >>> from edgewise.pde import Box, Condition, Problem, periodic
    >>> box = Box(t=(0, 1), x=(0, 2 * torch.pi))
    >>> start = Condition(box.face(t=0), lambda u, p: u.value - torch.sin(p.x))
    >>> found = march(Problem(box, lambda u, p: u.t - u.xx, [start, periodic(box, "x")]))
    >>> found.errors(lambda p: torch.exp(-p.t) * torch.sin(p.x)).relative < 1e-8
    True
    """
    if not is_number(tolerance, 1e-14, 0.1):
        raise InputError(f"'tolerance' must be a number from 1e-14 to 0.1. Got {tolerance!r}.")
    work = work_of(effort, LEVELS.efforts, "steps of a cell", 1)
    own = options or Options()
    if isinstance(problem.domain, Box) and problem.domain.names == (time,):
        if degree is not None or own.checkpoint is not None:
            raise InputError("Without a coordinate of space march has no 'degree', and keeps no checkpoints.")
        monitor = Monitor(own, words=_WORDS)
        with monitor.running(), one_thread():
            return in_time(problem, float(tolerance), Steps(breaks, max_step, work, until), monitor)
    if until is not None:
        raise InputError("'until' is for equations of time alone.")
    evolution = Evolution.of(problem, time)
    plane = len(evolution.spaces) == 2
    highest = max(max(a) for _, a, _ in evolution.parts)
    degree = (LEVELS.plane_degree if plane else LEVELS.degree) if degree is None else degree
    least = max(3, highest + 1)
    if not is_int(degree, least, 9):
        raise InputError(
            f"'degree' must be an int from {least} to 9 for derivatives of order {highest}. Got {degree!r}."
        )
    if plane and own.checkpoint is not None:
        raise InputError("Only marches in one coordinate of space keep checkpoints.")
    own_times = OwnTimes.of(evolution, max_step, breaks)
    log = None if own.checkpoint is None else MarchLog(own.checkpoint, evolution, int(degree))
    monitor = Monitor(replace(own, checkpoint=None), words=_WORDS)
    with monitor.running(), one_thread():
        return _Levels(evolution, int(degree), float(tolerance), work, monitor, log, own_times).run()


_SHORT = (Outcome.EFFORT_SPENT, Outcome.TIME_LIMIT)


class _Levels:
    """Marches of growing accuracy, and how far each is from the one before."""

    def __init__(
        self, evolution: Evolution, degree: int, tolerance: float, effort: float, monitor: Monitor,
        log: MarchLog | None, own_times: OwnTimes,
    ) -> None:  # fmt: skip
        self.own_times = own_times
        self.evolution, self.degree, self.monitor, self.log = evolution, degree, monitor, log
        self.tolerance, self.left = tolerance, effort
        self.rows: list[Level] = []
        self.marches: list[SlabMarch] = []  # of one kind
        self.kind: type[SlabMarch] = PlaneMarch if len(evolution.spaces) == 2 else LineMarch

    def run(self) -> Marched:
        """March, with higher accuracy each time, until something ends it."""
        accuracy: float | None = LEVELS.first
        while accuracy is not None:
            began = clock.perf_counter()
            done = self.kind(self.evolution, self.degree, accuracy, self.marches, self.monitor, self.own_times)
            self._march(done)
            self.left -= done.work
            early = done.now - self.evolution.duration[0] < LEVELS.soon * done.span
            if not self.marches and (done.ended is Outcome.DIVERGED or (done.ended in _SHORT and early)):
                check_count(self.evolution, surplus=early)  # one that agrees with the others does no harm
            if done.ended is not None and self.marches:
                stalled = done.ended is Outcome.DIVERGED and self.marches[-1].whole
                return self._result(Outcome.STALLED if stalled else done.ended)
            self.marches.append(done)
            self._record(done, clock.perf_counter() - began)
            changes = [row.change for row in self.rows[1:]]
            if done.ended is not None:
                return self._result(done.ended)
            if changes and changes[-1] <= self.tolerance:
                return self._result(Outcome.CONVERGED)
            if (
                len(changes) > 2 and min(changes[-2:]) > LEVELS.stalled * min(changes[:-2])
            ) or accuracy <= LEVELS.finest:
                return self._result(Outcome.STALLED)
            accuracy = self._next(accuracy)
        return self._result(Outcome.EFFORT_SPENT)

    def _march(self, one: SlabMarch) -> None:
        """March through one level, from where the checkpoint has it."""
        level, log = len(self.marches), self.log
        place = f"level {level + 1}"
        if log is None:
            one.run(place, self.left)
            return
        log.resume(level, one)
        if not one.whole:
            one.run(place, self.left, lambda: log.keep(level, one))
            log.keep(level, one, last=True)

    def _next(self, accuracy: float) -> float | None:
        """The accuracy of the next level, as the last change asks for and the effort allows; None if it allows none."""
        if self.left <= 0:  # the last slab of a level may take more than was left
            return None
        if len(self.marches) < 2:
            return LEVELS.finer * accuracy
        (one, two), (_, last) = self.marches[-2:], self.rows[-2:]
        ratio = last.change / one.accuracy  # of the error to the accuracy asked for
        wanted = self.tolerance / max(ratio, 1e-300) / LEVELS.safety
        finer = min(max(wanted, LEVELS.farthest * accuracy), LEVELS.finer * accuracy)
        power = max(LEVELS.least_power, 2 * math.log(two.work / one.work) / math.log(one.accuracy / two.accuracy))
        share = self.left / two.work
        if wanted < accuracy * (LEVELS.checked * share) ** (-1 / power):  # it cannot be reached and checked
            finer = max(finer, accuracy * (LEVELS.spent * share) ** (-1 / power))
        return None if finer > LEVELS.least_finer * accuracy else max(finer, LEVELS.finest)

    def _record(self, done: SlabMarch, seconds: float) -> None:
        change = math.nan
        if len(self.marches) > 1:
            change = self.marches[-2].distance(done)
        cells = max(slab.space.size for slab in done.slabs)
        parameters = sum(slab.inner.size for slab in done.slabs)
        self.rows.append(Level(done.accuracy, len(done.slabs), cells, parameters, done.steps, change, seconds))
        self.monitor.record(cells, parameters, change, math.nan)

    def _result(self, outcome: Outcome) -> Marched:
        changes = [row.change for row in self.rows[1:]]
        if outcome is Outcome.CONVERGED:
            chosen, error = len(changes) - 1, changes[-1]
        elif outcome is Outcome.STALLED and changes:
            chosen = int(np.argmin(changes))
            error = changes[chosen]
        else:
            chosen, error = len(changes), self._expected(changes)
        error = math.nan if outcome is Outcome.DIVERGED and not changes else error
        return Marched(self.evolution.problem, self.evolution, self.marches[chosen].slabs, error, outcome, self.rows)

    def _expected(self, changes: list[float]) -> float:
        """The error of the finest level, which none has checked: as the errors before it fell with the accuracy.

        With one level it is that of all slabs together.
        """
        if not changes:
            return self.rows[-1].accuracy * self.rows[-1].slabs
        falls = [math.log(one.accuracy / two.accuracy) for one, two in pairwise(self.rows)]
        power = LEVELS.usual_power
        if len(changes) > 1:
            fell = math.log(changes[-2] / max(changes[-1], 1e-300)) / falls[-2]
            power = min(1.2, max(0.2, fell))
        return changes[-1] * max(math.exp(-power * falls[-1]), LEVELS.unchecked)


def _marched(row: Row) -> str:
    """One level of `march` as a line, whose row has the most cells of a slab as its grid.

    >>> _marched(Row(1, 80, 9000, 1.25e-5, math.nan, 2.5, 30))
    '[  2.5 s] level 2, up to 80 cells, 9000 parameters: change 1.25e-05'
    """
    head = f"[{row.seconds:5.1f} s] level {row.round + 1}, up to {row.grid} cells, {row.parameters} parameters"
    return head if math.isnan(row.train) else f"{head}: change {row.train:.2e}"


_WORDS = Words(_marched, lambda row: "" if math.isnan(row.train) else f"change {row.train:.2e}")
