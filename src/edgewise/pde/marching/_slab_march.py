"""One march through all of time: slabs as long and cells as many as an accuracy asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import legendre

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._line import SlabSolver, Solved, check_count
from edgewise.pde.marching._plane_edges import one_sided
from edgewise.pde.marching._slab import OwnTimes, Slab, on_grid
from edgewise.pde.result._seen import Outcome
from edgewise.pde.splines._space import Space
from edgewise.train import Monitor

_SHARE = 0.01  # of the largest unknown's size: what others count as, if they are smaller
_CELLS, _MOST_CELLS = 24, 4000
_FLOOR = 0.15  # of the mean density of knots
_SHORTEST = 1e-9  # of the whole time
_DOUBTFUL = 1e-4  # the same: once a slab is that short, the number of conditions is looked at
_BEGIN, _LONGEST = 0.02, 0.125  # of the whole time: the first slab, and the longest of the first level
_MORE = 1.25  # times the cells, and slabs, that each level has at least: two that are alike would agree on anything
_PROJECTIONS = 14
_OVERTIME = 1.5  # times the effort: more than that must not be expected
_NOTHING = 1e-200  # sizes of unknowns that all begin with zero
_MANY = 12  # steps of a slab: the next is no longer, and would hardly converge
_SPACE = 0.05  # of the accuracy, for the splines: what they miss oscillates fast, and would shorten the slabs
_INITIAL = 0.1  # of the accuracy, for initial values: all that follows has their error
_TIP = 0.1  # of the largest error of initial values, at the tip of a kink: that much counts as their mean error does
_DISAGREE = 1e-4  # of a condition's terms


class SlabMarch:
    """Slabs up to some time. sizes: of the components so far. length: of the next slab."""

    evolution: Evolution
    slabs: list[Slab]
    sizes: Array
    length: float

    @property
    def whole(self) -> bool:
        """Whether the end of time was reached."""
        return bool(self.slabs) and self.now >= self.evolution.duration[1]

    @property
    def now(self) -> float:
        return self.slabs[-1].end if self.slabs else self.evolution.duration[0]

    @property
    def span(self) -> float:
        """The length of all of time."""
        begin, end = self.evolution.duration
        return end - begin

    @property
    def scales(self) -> Array:
        """The components' sizes: of an unknown at least a share of the largest, of a derivative what changes it."""
        components = self.evolution.components
        sizes = np.maximum(self.sizes, _SHARE * max(self.sizes[c] for c, (_, j) in enumerate(components) if j == 0))
        return np.array([max(self.sizes[c], sizes[c - j] / self.length**j) for c, (_, j) in enumerate(components)])


def relative(off: Array, size: Array) -> float:
    """The largest relative distance of several unknowns, of squared distances and squared sizes."""
    return float(np.sqrt(off / np.maximum(size, _SHARE**2 * size.max() + 1e-300)).max())


class Reached(NamedTuple):
    """How far a march is: what the next slab depends on."""

    slabs: list[Slab]
    space: Space
    begins: Array
    sizes: Array
    length: float
    steps: int
    cell_steps: int


class OneMarch(SlabMarch):
    """One march through all of time, each slab to some accuracy."""

    def __init__(
        self, evolution: Evolution, degree: int, accuracy: float, before: Sequence[OneMarch], monitor: Monitor,
        own_times: OwnTimes,
    ) -> None:  # fmt: skip
        self.own_times = own_times
        self.evolution, self.accuracy, self.monitor = evolution, accuracy, monitor
        self.first, more = not before, _MORE ** len(before)
        self.least, self.longest = math.ceil(_CELLS * more), _LONGEST / more
        self.terms = degree
        self.slabs: list[Slab] = []
        self.steps = self._cell_steps = 0
        self.ended: Outcome | None = None
        self.sizes = before[-1].sizes if before else np.full(len(evolution.components), own_times.least)
        self.space = Space(np.linspace(*evolution.interval, self.least + 1), degree, evolution.periodic)
        self.length = _BEGIN * self.span
        self._start_at_first()
        self._check_ends()

    @property
    def work(self) -> float:
        """Steps times cells times the number of components."""
        return self._cell_steps * len(self.evolution.components)

    def run(self, place: str, effort: float, kept: Callable[[], None] | None = None) -> None:
        """March until the end of time, or until something ends it; `kept` is called after each slab."""
        end, doubted = self.evolution.duration[1], False
        while not self.whole:
            left = end - self.now
            length = self.own_times.shortened(self.now, left if left < 1.1 * self.length else self.length)
            solver = SlabSolver(self.evolution, self.space, self.terms)
            solved = solver.solve(self.begins, self.now, length, self.scales, self.accuracy)
            self.steps += solved.steps
            self._cell_steps += solved.steps * (len(self.space.cells) - 1)
            try:
                self._take(solved, length)
            except np.linalg.LinAlgError:  # what began here is not finite any longer
                self.ended = Outcome.DIVERGED
                return
            if self.first and not doubted and self.length < _DOUBTFUL * self.span:
                check_count(self.evolution)
                doubted = True
            done = (self.now - self.evolution.duration[0]) / self.span
            ended = self.monitor.step(place, None, done, self._where)
            if kept is not None:
                kept()
            if ended is not None and self.slabs and not self.whole:
                self.ended = Outcome.of(ended)
                return
            if self.work > effort and self.work > _OVERTIME * effort * done and self.slabs and not self.whole:
                self.ended = Outcome.EFFORT_SPENT
                return
            if self.length < _SHORTEST * self.span or len(self.space.cells) > _MOST_CELLS:
                if not self.slabs and self.first:
                    check_count(self.evolution)
                    raise InputError(
                        f"No solution was found after {self.evolution.problem.box.names[self.evolution.time]}="
                        f"{self.now:g}. Check the signs of the equation and the number of its conditions; initial "
                        "values may have kinks, but no jumps."
                    )
                self.ended = Outcome.DIVERGED
                return

    @property
    def _where(self) -> str:
        """What progress says."""
        time, cells = self.evolution.problem.box.names[self.evolution.time], len(self.space.cells) - 1
        return f"{time}={self.now:.4g}, {len(self.slabs)} slabs, {cells} cells"

    @property
    def reached(self) -> Reached:
        """How far it is, to go on from there in another process."""
        return Reached(list(self.slabs), self.space, self.begins, self.sizes, self.length, self.steps, self._cell_steps)

    def resume(self, reached: Reached) -> None:
        """Go on from where a march to the same accuracy was."""
        self.slabs, self.space, self.begins, self.sizes, self.length, self.steps, self._cell_steps = reached

    def distance(self, finer: OneMarch) -> float:
        """The relative L2 distance from another over the times that both reach, the largest of the unknowns'."""
        parts = [self.evolution.part(v, ()) for v in range(len(self.evolution.orders))]
        off, size = np.zeros(len(parts)), np.zeros(len(parts))
        tau, weights = legendre.leggauss(3)
        for slab in finer.slabs:
            t = slab.begin + slab.length * (1 + tau) / 2
            if t[-1] > self.now:
                break
            x, places = slab.space.gauss(2)
            both = slab.length * weights[:, None] * places
            for v, part in enumerate(parts):
                own, other = slab.derivative(part, t, x), on_grid(self.slabs, part, t, x)
                off[v] += (both * (own - other) ** 2).sum()
                size[v] += (both * own**2).sum()
        return relative(off, size)

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
        if not self.slabs and self.sizes.max() < _NOTHING < solved.slab.sizes.max():
            self.sizes = np.maximum(self.sizes, solved.slab.sizes)  # relative to themselves they never are accurate
            return
        if by_time > 1 or by_space > 1:
            self.length = length * min(1.0, max(0.3, 0.8 * shorter))
            more = cells if finer <= 1 else math.ceil(cells * min(2.0, 1.1 * finer))
            self._move(solved.slab, more, both=True)
            return
        self.slabs.append(solved.slab)
        self.sizes = np.maximum(self.sizes, solved.slab.sizes)
        most = 2.0 if solved.steps < _MANY else 1.0
        self.length = min(length * min(most, 0.8 * shorter), self.longest * self.span)
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
        return (self.space.jumps(coefficients / scales) ** (1 / (self.space.degree + 1))).max(1)

    def _projected(self) -> Array:
        """The coefficients of what begins now, from the end of the slab before or from the initial conditions."""
        count = self.space.degree + 3
        return self.space.project(self._beginning(self.space.gauss(count)[0]), count)

    def _beginning(self, x: Array) -> Array:
        """What the components begin with now, (n, components)."""
        if not self.slabs:
            return self.evolution.initial(x)
        last = self.slabs[-1]
        return last.space.matrix(x) @ last.ends

    def _check_ends(self) -> None:
        """Raise InputError where the initial values and the conditions at an end of space disagree."""
        evolution = self.evolution
        t = torch.tensor([evolution.duration[0]], dtype=torch.float64)
        low, high = evolution.interval
        for condition, end in evolution.sides:
            parts = evolution.read(condition)
            if any(b or not evolution.changing[c] for c, _, b in parts):
                continue
            slopes_at = one_sided(evolution.initial, end, low + high - end, max(a for _, a, _ in parts))
            given = {(c, a, b): torch.from_numpy(slopes_at[a, c : c + 1]) for c, a, b in parts}
            left, slopes = evolution.left(condition.residual, given, t, torch.full_like(t, end))
            sizes = {
                (c, a, b): max(
                    np.abs(self.space.matrix(self.space.cells, a) @ self.begins[:, c]).max(),
                    self.sizes[c] / (high - low) ** a,
                )
                for c, a, b in parts
            }
            scale = sum(slope.abs() * sizes[part] for part, slope in slopes.items())
            if bool((left.abs() > _DISAGREE * torch.as_tensor(scale)).any()):
                space, time = (evolution.problem.box.names[k] for k in (evolution.space, evolution.time))
                raise InputError(
                    f"The initial values and the condition at {space}={end:g} disagree at {time}={float(t):g}: the "
                    f"condition leaves {float(left.abs().max()):.3g}. March from values that meet it."
                )

    def _start_at_first(self) -> None:
        """Find the cells for what the components begin with: more of them, moved, until they are near enough."""
        for _ in range(_PROJECTIONS):
            self.begins = self._projected()
            x, weights = self.space.gauss(self.space.degree + 4)
            true, shares = self._beginning(x), weights[:, None] / weights.sum()
            self.sizes = np.maximum(self.sizes, np.sqrt((shares * true**2).sum(0)))
            off = np.abs(self.space.matrix(x) @ self.begins - true)
            mean, most = np.sqrt((shares * off**2).sum(0)), off.max(0)
            if (np.maximum(mean, _TIP * most) <= _INITIAL * self.accuracy * self.scales).all():
                return
            cells = math.ceil((len(self.space.cells) - 1) * 1.2)
            self.space = self.space.moved(self._density(self.begins, self.scales), cells, _FLOOR)
        self.begins = self._projected()
