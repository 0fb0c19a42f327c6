"""One march through all of time: slabs as long and cells as many as an accuracy asks for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.polynomial import legendre

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._conditions import check_count, check_ends
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._line import SlabSolver
from edgewise.pde.marching._plane_edges import edges_of
from edgewise.pde.marching._plane_system import PlaneSolver, PlaneSystem, owners_at
from edgewise.pde.marching._settings import LEVELS, SLABS
from edgewise.pde.marching._slab import OwnTimes, Slab, Solved, on_grid
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products
from edgewise.train import Monitor


class Reached(NamedTuple):
    """How far a march is: what the next slab depends on."""

    slabs: list[Slab]
    space: Products
    begins: Array
    sizes: Array
    length: float
    steps: int
    cell_steps: float


class SlabMarch(ABC):
    """One march through all of time, each slab to some accuracy.

    sizes: of the components so far. length: of the next slab. work: steps times cells times the number of components.
    Subclasses have a solver and say how near it came, with these numbers.

    floor: of the mean density of knots. for_splines: of the accuracy, since what splines miss oscillates fast and would
    shorten the slabs. tip: of the largest error of initial values, as at a kink, that counts as their mean error does.
    most: cells in all, and of a coordinate; too_fine: the outcome where more are needed. frugal: whether space and
    length stay where they nearly suit, so that the solver serves again. begin_with: what initial values may have.
    """

    floor: ClassVar[float]
    for_splines: ClassVar[float]
    tip: ClassVar[float]
    most: ClassVar[tuple[int, int]]
    too_fine: ClassVar[Outcome]
    frugal: ClassVar[bool]
    begin_with: ClassVar[str]
    terms: int
    begins: Array

    def __init__(
        self, evolution: Evolution, degree: int, accuracy: float, before: Sequence[SlabMarch], monitor: Monitor,
        own_times: OwnTimes,
    ) -> None:  # fmt: skip
        self.own_times = own_times
        self.evolution, self.accuracy, self.monitor = evolution, accuracy, monitor
        self.first, more = not before, LEVELS.more ** len(before)
        self.longest = SLABS.longest / more
        self.least = [math.ceil(self._least(degree, periodic) * more) for periodic in evolution.periods]
        self.slabs: list[Slab] = []
        self.steps, self.cell_steps = 0, 0
        self.ended: Outcome | None = None
        self.sizes = before[-1].sizes if before else np.full(len(evolution.components), own_times.least)
        self.space = Products.even(evolution.intervals, self.least, degree, evolution.periods)
        self.length = SLABS.begin * self.span
        self._start_at_first()
        check_ends(evolution, self.space, self.begins, self.sizes)

    @abstractmethod
    def _least(self, degree: int, periodic: bool) -> int:
        """The least cells of a coordinate on the first level."""

    @abstractmethod
    def _solved(self, length: float) -> Solved:
        """The next slab, of some length."""

    @abstractmethod
    def _errors(self, solved: Solved, highest: list[Array]) -> tuple[float, list[float], float]:
        """Errors over those allowed, of the polynomials and of the splines of each coordinate, and these' power.

        The latter fall with the cells' widths to that power. `highest` are derivatives at the end of the slab.
        """

    @abstractmethod
    def _growth(self, off: float, highest: list[Array]) -> list[float]:
        """How many times as many cells of each coordinate to try for initial values that are off."""

    @property
    def work(self) -> float:
        """Steps times cells times the number of components."""
        return self.cell_steps * len(self.evolution.components)

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
        sizes = np.maximum(
            self.sizes, SLABS.share * max(self.sizes[c] for c, (_, j) in enumerate(components) if j == 0)
        )
        return np.array([max(self.sizes[c], sizes[c - j] / self.length**j) for c, (_, j) in enumerate(components)])

    def run(self, place: str, effort: float, kept: Callable[[], None] | None = None) -> None:
        """March until the end of time, or until something ends it; `kept` is called after each slab."""
        end, doubted = self.evolution.duration[1], False
        while not self.whole:
            left = end - self.now
            length = self.own_times.shortened(self.now, left if left < 1.1 * self.length else self.length)
            solved = self._solved(length)
            self.steps += solved.steps
            self.cell_steps += solved.steps * self.space.size * self._cost
            try:
                self._take(solved, length)
            except np.linalg.LinAlgError:  # what began here is not finite any longer
                self.ended = Outcome.DIVERGED
                return
            if self.first and not doubted and self.length < SLABS.doubtful * self.span:
                check_count(self.evolution)
                doubted = True
            done = (self.now - self.evolution.duration[0]) / self.span
            ended = self.monitor.step(place, None, done, self._where)
            if kept is not None:
                kept()
            under_way = bool(self.slabs) and not self.whole
            if ended is not None and under_way:
                self.ended = Outcome.of(ended)
            elif self.work > max(1.0, LEVELS.overtime * done) * effort and under_way:
                self.ended = Outcome.EFFORT_SPENT
            elif self.length < SLABS.shortest * self.span or self._is_too_fine:
                if not self.slabs and self.first:
                    check_count(self.evolution)
                    raise InputError(
                        f"No solution was found after {self.evolution.problem.box.names[self.evolution.time]}="
                        f"{self.now:g}. Check the signs of the equation and the number of its conditions; initial "
                        f"values may have {self.begin_with}."
                    )
                self.ended = self.too_fine if self._is_too_fine else Outcome.DIVERGED
            if self.ended is not None:
                return

    @property
    def reached(self) -> Reached:
        """How far it is, to go on from there in another process."""
        return Reached(list(self.slabs), self.space, self.begins, self.sizes, self.length, self.steps, self.cell_steps)

    def resume(self, reached: Reached) -> None:
        """Go on from where a march to the same accuracy was."""
        self.slabs, self.space, self.begins, self.sizes, self.length, self.steps, self.cell_steps = reached

    def distance(self, finer: SlabMarch) -> float:
        """The relative L2 distance from another over the times that both reach, the largest of the unknowns'."""
        parts = [self.evolution.part(v, ()) for v in range(len(self.evolution.orders))]
        off, size = np.zeros(len(parts)), np.zeros(len(parts))
        tau, weights = legendre.leggauss(3)
        for slab in finer.slabs:
            t = slab.begin + slab.length * (1 + tau) / 2
            if t[-1] > self.now:
                break
            places = slab.space.places(2)
            both = slab.length * weights[:, None] * slab.space.gauss(2)[1]
            for v, (c, _, _) in enumerate(parts):
                own, other = on_grid([slab], c, t, places), on_grid(self.slabs, c, t, places)
                off[v] += (both * (own - other) ** 2).sum()
                size[v] += (both * own**2).sum()
        return float(np.sqrt(off / np.maximum(size, SLABS.share**2 * size.max() + 1e-300)).max())

    @property
    def _cost(self) -> float:
        """Of a step of a cell, over one in one coordinate."""
        return 1

    @property
    def _where(self) -> str:
        """What progress says."""
        time, cells = self.evolution.problem.box.names[self.evolution.time], " x ".join(map(str, self.space.counts))
        return f"{time}={self.now:.4g}, {len(self.slabs)} slabs, {cells} cells"

    @property
    def _is_too_fine(self) -> bool:
        return self.space.size > self.most[0] or max(self.space.counts) > self.most[1]

    def _take(self, solved: Solved, length: float) -> None:
        """Keep a slab that is accurate enough, and choose the length and the cells of the next, or of another try."""
        slab, nothing = solved.slab, 1e-200  # sizes of unknowns that all begin with zero
        if not math.isfinite(solved.by_time):
            self.length = length / 2
            return
        if not self.slabs and self.sizes.max() < nothing < slab.sizes.max():
            self.sizes = np.maximum(self.sizes, slab.sizes)  # relative to themselves they never are accurate
            return
        highest = self.space.highest(slab.ends / np.maximum(self.scales, slab.sizes))
        by_time, by_space, power = self._errors(solved, highest)
        shorter = (1 / max(by_time, 1e-300)) ** (1 / self.terms)
        finer = [max(own, 1e-300) ** (1 / power) for own in by_space]
        if by_time > 1 or max(by_space) > 1:
            self.length = length * min(1.0, max(0.3, 0.8 * shorter))
            if max(by_space) > 1 or not self.frugal:
                self._move(slab, [min(2.0, 1.1 * own) if own > 1 else 1.0 for own in finer], both=True)
            return
        self.slabs.append(slab)
        self.begins, self.sizes = slab.ends, np.maximum(self.sizes, slab.sizes)
        wanted = length * min(2.0 if solved.steps < SLABS.many_steps else 1.0, 0.8 * shorter)
        if not self.frugal or not length <= wanted <= 1.2 * length:
            self.length = min(wanted, self.longest * self.span)
        if not self.frugal or max(finer) > 0.95 or min(finer) < 0.75:
            self._move(slab, [min(1.2, max(0.85, 1.1 * own)) for own in finer], both=False)

    def _move(self, slab: Slab, more: list[float], *, both: bool) -> None:
        """Move the knots to where the end of a slab needs them, or its begin and end, and project what begins there.

        Each coordinate has `more` times as many cells.
        """
        scales = np.maximum(self.scales, slab.sizes)
        highest = self.space.highest(slab.ends / scales)
        if both:
            first = self.space.highest(slab.begins / scales)
            highest = [np.maximum(one, two) for one, two in zip(highest, first, strict=True)]
        wanted = (math.ceil(count * own) for count, own in zip(self.space.counts, more, strict=True))
        self._place(highest, list(map(max, wanted, self.least)))
        self.begins = self._projected()

    def _place(self, highest: list[Array], counts: Sequence[int]) -> None:
        """Move the knots; in two periodic coordinates all cells stay alike, as Fourier's transform wants them."""
        alike = len(counts) > 1 and all(self.evolution.periods)
        self.space = self.space.moved(highest, counts, self.floor, alike=alike)

    def _projected(self) -> Array:
        """The coefficients of what begins now, from the end of the slab before or from the initial conditions."""
        count = self.space.degree + SLABS.gauss
        return self.space.project(self._beginning(count), count)

    def _beginning(self, count: int) -> Array:
        """What the components begin with now, at the Gauss points of a count, (n, components)."""
        if not self.slabs:
            return self.evolution.initial(self.space.gauss(count)[0])
        last = self.slabs[-1]
        return last.space.values(last.ends, self.space.places(count))

    def _start_at_first(self) -> None:
        """Find the cells for what the components begin with: more of them, moved, until they are near enough."""
        for _ in range(SLABS.projections):
            self.begins = self._projected()
            count = self.space.degree + SLABS.gauss + 1
            true, shares = self._beginning(count), self.space.gauss(count)[1][:, None]
            shares = shares / shares.sum()
            self.sizes = np.maximum(self.sizes, np.sqrt((shares * true**2).sum(0)))
            each = np.abs(self.space.values(self.begins, self.space.places(count)) - true)
            mean = np.sqrt((shares * each**2).sum(0))
            off = float((np.maximum(mean, self.tip * each.max(0)) / self.scales).max())
            if self._is_too_fine and off > self.accuracy and self.first:
                raise InputError(
                    f"The initial values need more than {' x '.join(map(str, self.space.counts))} cells: with these "
                    f"they are still off by {off:.1%}. They may have no jumps, and as few waves as that resolves."
                )
            if off <= SLABS.initial * self.accuracy or self._is_too_fine:
                return
            highest = self.space.highest(self.begins / self.scales)
            parts = zip(self.space.counts, self._growth(off, highest), strict=True)
            self._place(highest, [math.ceil(cells * more) for cells, more in parts])
        self.begins = self._projected()


class LineMarch(SlabMarch):
    """A march in one coordinate of space."""

    floor, for_splines, tip, most = 0.15, 0.05, 0.1, (3999, 3999)
    too_fine, frugal, begin_with = Outcome.DIVERGED, False, "kinks, but no jumps"

    @property
    def terms(self) -> int:
        """The number of polynomials in time."""
        return self.space.degree

    def _least(self, degree: int, periodic: bool) -> int:
        return 24

    def _solved(self, length: float) -> Solved:
        solver = SlabSolver(self.evolution, self.space, self.terms)
        return solver.solve(self.begins, self.now, length, self.scales, self.accuracy)

    def _errors(self, solved: Solved, highest: list[Array]) -> tuple[float, list[float], float]:
        by_time = max(solved.by_time - solved.by_space, 0.0) / self.accuracy
        return by_time, [solved.by_space / (self.for_splines * self.accuracy)], self.space.degree

    def _growth(self, off: float, highest: list[Array]) -> list[float]:
        return [1.2]


class PlaneMarch(SlabMarch):
    """A march in two coordinates of space; a coordinate's matrices are full, which bounds its cells."""

    floor, for_splines, tip, most = 0.3, 0.1, 0.0, (40_000, 1200)
    too_fine, frugal, begin_with = Outcome.EFFORT_SPENT, True, "no kinks and no jumps"
    terms = 7

    def __init__(
        self, evolution: Evolution, degree: int, accuracy: float, before: Sequence[SlabMarch], monitor: Monitor,
        own_times: OwnTimes,
    ) -> None:  # fmt: skip
        super().__init__(evolution, degree, accuracy, before, monitor, own_times)
        self.edges = edges_of(evolution, self.space, self.begins)
        self.owners = owners_at(evolution, self.space, self.begins)
        self._renew()

    @property
    def _cost(self) -> float:
        return SLABS.by_fourier if all(self.evolution.periods) and not self.solver.direct else SLABS.by_factors

    def _least(self, degree: int, periodic: bool) -> int:
        return 2 * degree + 2 if periodic else 6

    def _solved(self, length: float) -> Solved:
        return self.solver.solve(self.begins, self.now, length, self.scales, self._guess(length))

    def _errors(self, solved: Solved, highest: list[Array]) -> tuple[float, list[float], float]:
        by_space = [missed / (self.for_splines * self.accuracy) for missed in self.space.missed(highest)]
        return solved.by_time / self.accuracy, by_space, self.space.degree + 1

    def _growth(self, off: float, highest: list[Array]) -> list[float]:
        missed, power = self.space.missed(highest), 1 / (self.space.degree + 1)
        wanted = [(off / (SLABS.initial * self.accuracy) * own / max(missed)) ** power for own in missed]
        return [min(1.6, max(1.0, 1.1 * own)) for own in wanted]

    def _move(self, slab: Slab, more: list[float], *, both: bool) -> None:
        super()._move(slab, more, both=both)
        self._renew()

    def _renew(self) -> None:
        system = PlaneSystem(self.evolution, self.space, self.edges, self.owners)
        self.begins = system.met(self.begins, self.now, SLABS.difference * self.length)
        self.solver = PlaneSolver(system, self.terms, self.accuracy)

    def _guess(self, length: float) -> Array | None:
        """Values at the stages of the next slab: the polynomials of the slab before, if they reach as far."""
        if not self.slabs or length > 1.3 * self.slabs[-1].length:
            return None
        last = self.slabs[-1]
        tau = (self.now + length * radau(self.terms)[0] - last.begin) / last.length
        values = np.stack([last.coefficients(c, tau) for c in range(len(self.evolution.components))], 1)
        if last.space is self.space:
            return values
        flat = values.reshape(len(values), -1)
        moved = self.space.projected(last.space, flat, self.space.degree + SLABS.gauss)
        return moved.reshape(-1, *values.shape[1:])
