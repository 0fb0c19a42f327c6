"""One march through all of time on a rectangle: slabs as long and cells as many as an accuracy asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.polynomial import legendre

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._plane_edges import edges_of
from edgewise.pde.marching._plane_system import PlaneSolved, PlaneSolver, PlaneSystem, check_edges, owners_at
from edgewise.pde.marching._slab import OwnTimes, Slab, by_slab, radau
from edgewise.pde.marching._slab_march import SlabMarch, relative
from edgewise.pde.result._seen import Outcome
from edgewise.pde.splines._space import Products, Space
from edgewise.train import Monitor

_CELLS, _MOST, _MOST_OF_LINE = 6, 40_000, 1200  # the last in either coordinate, whose matrices are full
_TERMS = 7
_FLOOR = 0.3  # of the mean density of knots
_SHORTEST = 1e-9  # of the whole time
_BEGIN, _LONGEST = 0.02, 0.125  # of the whole time: the first slab, and the longest of the first level
_MORE = 1.25  # times the cells, and slabs, that each level has at least
_PROJECTIONS = 14
_NOTHING = 1e-200  # sizes of unknowns that all begin with zero
_OVERTIME = 1.5  # times the effort: more than that must not be expected
_SPACE = 0.1  # of the accuracy, for the splines
_DIFFERENCE = 1e-3  # of a slab, over which what edges say is differentiated by time
_POINTS = 3  # Gauss points of a cell more than the degree, for projections
_COST, _DIRECT = 0.5, 4.0  # of a step of a cell, over one in one coordinate: by Fourier's transform, or by factors


class PlaneMarch(SlabMarch):
    """One march through all of time, each slab to some accuracy."""

    def __init__(
        self, evolution: Evolution, degree: int, accuracy: float, before: Sequence[PlaneMarch], monitor: Monitor,
        own_times: OwnTimes,
    ) -> None:  # fmt: skip
        self.own_times = own_times
        self.evolution, self.accuracy, self.monitor = evolution, accuracy, monitor
        self.first, more = not before, _MORE ** len(before)
        self.longest = _LONGEST / more
        least = [math.ceil((2 * degree + 2 if periodic else _CELLS) * more) for periodic in evolution.periods]
        self.least = least[0], least[1]
        self.slabs: list[Slab] = []
        self.steps, self.work = 0, 0.0
        self.ended: Outcome | None = None
        self.sizes = before[-1].sizes if before else np.full(len(evolution.components), own_times.least)
        lines = [
            Space(np.linspace(*ends, count + 1), degree, periodic)
            for ends, count, periodic in zip(evolution.intervals, least, evolution.periods, strict=True)
        ]
        self.space = Products(tuple(lines))
        self.length = _BEGIN * self.span
        self._start_at_first()
        check_edges(evolution, self.space, self.begins, self.sizes)
        self.edges = edges_of(evolution, self.space, self.begins)
        self.owners = owners_at(evolution, self.space, self.begins)
        self._renew()

    def run(self, place: str, effort: float) -> None:
        """March until the end of time, or until something ends it."""
        end = self.evolution.duration[1]
        while not self.whole:
            left = end - self.now
            length = self.own_times.shortened(self.now, left if left < 1.1 * self.length else self.length)
            solved = self.solver.solve(self.begins, self.now, length, self.scales, self._guess(length))
            self.steps += solved.steps
            cost = _COST if all(self.evolution.periods) and not self.solver.direct else _DIRECT
            self.work += cost * solved.steps * self.space.size * len(self.evolution.components)
            self._take(solved, length)
            done = (self.now - self.evolution.duration[0]) / self.span
            cells = " x ".join(map(str, self.space.counts))
            time = self.evolution.problem.box.names[self.evolution.time]
            where = f"{time}={self.now:.4g}, {len(self.slabs)} slabs, {cells} cells"
            ended = self.monitor.step(place, None, done, where)
            if ended is not None and self.slabs and not self.whole:
                self.ended = Outcome.of(ended)
            elif self.work > max(1.0, _OVERTIME * done) * effort and self.slabs and not self.whole:
                self.ended = Outcome.EFFORT_SPENT
            elif self.length < _SHORTEST * self.span or self._too_fine:
                if not self.slabs and self.first:
                    raise InputError(
                        f"No solution was found after {self.evolution.problem.box.names[self.evolution.time]}="
                        f"{self.now:g}. Check the signs of the equation and the number of its conditions; initial "
                        "values may have no kinks and no jumps."
                    )
                self.ended = Outcome.EFFORT_SPENT if self._too_fine else Outcome.DIVERGED
            if self.ended is not None:
                return

    def distance(self, finer: PlaneMarch) -> float:
        """The relative L2 distance from another over the times that both reach, the largest of the unknowns'."""
        parts = [self.evolution.part(v, ()) for v in range(len(self.evolution.orders))]
        off, size = np.zeros(len(parts)), np.zeros(len(parts))
        tau, weights = legendre.leggauss(3)
        for slab in finer.slabs:
            t = slab.begin + slab.length * (1 + tau) / 2
            if t[-1] > self.now:
                break
            space = plane_of(slab)
            places, shares = [line.gauss(2)[0] for line in space.lines], space.gauss(2)[1]
            both = slab.length * np.outer(shares, weights)
            for v, (c, _, _) in enumerate(parts):
                own = _values(slab, c, t, places)
                other = np.empty_like(own)
                for earlier, rows in by_slab(self.slabs, t):
                    other[:, rows] = _values(earlier, c, t[rows], places)
                off[v] += (both * (own - other) ** 2).sum()
                size[v] += (both * own**2).sum()
        return relative(off, size)

    @property
    def _too_fine(self) -> bool:
        return self.space.size > _MOST or max(self.space.counts) > _MOST_OF_LINE

    def _take(self, solved: PlaneSolved, length: float) -> None:
        """Keep a slab that is accurate enough, and choose the length and the cells of the next, or of another try."""
        if not math.isfinite(solved.by_time):
            self.length = length / 2
            return
        if not self.slabs and self.sizes.max() < _NOTHING < solved.slab.sizes.max():
            self.sizes = np.maximum(self.sizes, solved.slab.sizes)  # relative to themselves they never are accurate
            return
        by_time = solved.by_time / self.accuracy
        scales = np.maximum(self.scales, solved.slab.sizes)
        highest = self.space.highest(solved.slab.ends / scales)
        by_space = [missed / (_SPACE * self.accuracy) for missed in self.space.missed(highest)]
        finer = [max(own, 1e-300) ** (1 / (self.space.degree + 1)) for own in by_space]
        shorter = (1 / max(by_time, 1e-300)) ** (1 / _TERMS)
        if by_time > 1 or max(by_space) > 1:
            self.length = length * min(1.0, max(0.3, 0.8 * shorter))
            if max(by_space) > 1:
                first = self.space.highest(self.begins / scales)
                highest = [np.maximum(one, two) for one, two in zip(highest, first, strict=True)]
                self._move(highest, [min(2.0, 1.1 * own) if own > 1 else 1.0 for own in finer])
            return
        self.slabs.append(solved.slab)
        self.begins = solved.slab.ends
        self.sizes = np.maximum(self.sizes, solved.slab.sizes)
        wanted = length * min(2.0, 0.8 * shorter)
        if wanted < length or wanted > 1.2 * length:  # otherwise the factors serve again
            self.length = min(wanted, self.longest * self.span)
        if max(finer) > 0.95 or min(finer) < 0.75:
            self._move(highest, [min(1.2, max(0.85, 1.1 * own)) for own in finer])

    def _move(self, highest: list[Array], more: list[float]) -> None:
        """Move the knots, as many times more as is said, and project what begins there."""
        cells = [
            max(math.ceil(count * own), least)
            for count, own, least in zip(self.space.counts, more, self.least, strict=True)
        ]
        counts = cells[0], cells[1]
        self.space = self.space.moved(highest, counts, _FLOOR, alike=all(self.evolution.periods))
        self.begins = self._projected()
        self._renew()

    def _renew(self) -> None:
        system = PlaneSystem(self.evolution, self.space, self.edges, self.owners)
        self.begins = system.met(self.begins, self.now, _DIFFERENCE * self.length)
        self.solver = PlaneSolver(system, _TERMS, self.accuracy)

    def _guess(self, length: float) -> Array | None:
        """Values at the stages of the next slab: the polynomials of the slab before, if they reach as far."""
        if not self.slabs or length > 1.3 * self.slabs[-1].length:
            return None
        last = self.slabs[-1]
        tau = (self.now + length * radau(_TERMS)[0] - last.begin) / last.length
        values = np.stack([last.coefficients(c, tau) for c in range(len(self.evolution.components))], 1)
        if last.space is self.space:
            return values
        places = [line.gauss(line.degree + _POINTS)[0] for line in self.space.lines]
        flat = plane_of(last).values(values.reshape(len(values), -1), places)
        return self.space.project(flat, self.space.degree + _POINTS).reshape(-1, *values.shape[1:])

    def _projected(self) -> Array:
        """The coefficients of what begins now, from the end of the slab before or from the initial conditions."""
        count = self.space.degree + _POINTS
        return self.space.project(self._beginning(count), count)

    def _beginning(self, count: int) -> Array:
        """What the components begin with now, at the Gauss points of a count, (n, components)."""
        if not self.slabs:
            return self.evolution.initial(self.space.gauss(count)[0])
        last = self.slabs[-1]
        return plane_of(last).values(last.ends, (line.gauss(count)[0] for line in self.space.lines))

    def _start_at_first(self) -> None:
        """Find the cells for what the components begin with: more of them, moved, until they are near enough."""
        for _ in range(_PROJECTIONS):
            self.begins = self._projected()
            count = self.space.degree + _POINTS + 1
            true, shares = self._beginning(count), self.space.gauss(count)[1][:, None]
            shares = shares / shares.sum()
            self.sizes = np.maximum(self.sizes, np.sqrt((shares * true**2).sum(0)))
            own = self.space.values(self.begins, (line.gauss(count)[0] for line in self.space.lines))
            off = float((np.sqrt((shares * (own - true) ** 2).sum(0)) / self.scales).max())
            if self._too_fine and off > self.accuracy and self.first:
                raise InputError(
                    f"The initial values need more than {' x '.join(map(str, self.space.counts))} cells: with these "
                    f"they are still off by {off:.1%}. They may have no jumps, and as few waves as that resolves."
                )
            if off <= _SPACE * self.accuracy or self._too_fine:
                return
            highest = self.space.highest(self.begins / self.scales)
            missed = self.space.missed(highest)
            power = 1 / (self.space.degree + 1)
            wanted = [(off / (_SPACE * self.accuracy) * own / max(missed)) ** power for own in missed]
            counts = [
                max(math.ceil(count * min(1.6, max(1.0, 1.1 * own))), count)
                for count, own in zip(self.space.counts, wanted, strict=True)
            ]
            self.space = self.space.moved(highest, counts, _FLOOR, alike=all(self.evolution.periods))
        self.begins = self._projected()


def plane_of(slab: Slab) -> Products:
    """The space of a slab on a rectangle."""
    return cast("Products", slab.space)


def _values(slab: Slab, c: int, t: Array, places: list[Array]) -> Array:
    """A component on a lattice of places, at times: (n, times)."""
    return plane_of(slab).values(slab.coefficients(c, (t - slab.begin) / slab.length), places)
