"""Courses of initial values as polynomials in slabs of time, and the first, coarse ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from edgewise._typing import Array
from edgewise.pde.solving._initial import Ended, System
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.splines._radau import radau


class Stages:
    """Radau's points with 0 before them, and Lagrange's polynomials of these; `exact` in extended precision.

    Derivatives of polynomials multiply rounding by the squared number of points, which extended precision makes up for.
    """

    def __init__(self, count: int) -> None:
        self.count, self.points = count, np.concatenate([[0.0], radau(count)[0]])
        exact = self.points.astype(np.longdouble)
        gaps = exact[:, None] - exact + np.eye(count + 1)
        self.weights = 1 / gaps.prod(1)
        found = self.weights / self.weights[:, None] / gaps
        np.fill_diagonal(found, 0.0)
        self.exact_slopes = found - np.diag(found.sum(1))  # their derivatives at the points
        self.slopes = self.exact_slopes.astype(np.float64)
        self.between = (self.points[1:] + self.points[:-1])[-SLABS.looked_at :] / 2
        self.between_shapes = self.shapes(self.between)
        self.between_slopes = self.between_shapes @ self.slopes

    def exact_shapes(self, at: Array) -> Array:
        """The polynomials at points: (n, stages + 1)."""
        gaps = at.astype(np.longdouble)[:, None] - self.points
        same = gaps == 0
        shares = self.weights / np.where(same, 1.0, gaps)
        found = shares / shares.sum(1, keepdims=True)
        return np.where(same.any(1, keepdims=True), same, found)

    def shapes(self, at: Array) -> Array:
        """The same in double precision."""
        return self.exact_shapes(at).astype(np.float64)


@cache
def stages_of(count: int) -> Stages:
    """Return Radau's points of a count."""
    return Stages(count)


@dataclass(frozen=True)
class Course:
    """Polynomials of the state in slabs: their ends (slabs + 1,), and values (slabs, stages + 1, components)."""

    ends: Array
    values: Array

    def __call__(self, times: Array, order: int = 0) -> Array:
        """Values of the state, or derivatives by time, at times: (n, components)."""
        stages, widths = stages_of(self.values.shape[1] - 1), np.diff(self.ends)
        slab = np.clip(np.searchsorted(self.ends, times, "right") - 1, 0, len(widths) - 1)
        shapes = stages.shapes((times - self.ends[slab]) / widths[slab])
        for _ in range(order):
            shapes = shapes @ stages.slopes / widths[slab, None]
        return np.matmul(shapes[:, None], self.values[slab])[:, 0]

    def after(self, times: Array) -> Array:
        """The last polynomial at later times."""
        return Course(self.ends[-2:], self.values[-1:])(times)

    def until(self, end: float) -> Course:
        """The course up to an earlier time."""
        count = int(np.searchsorted(self.ends, end, "left"))
        begin = self.ends[count - 1]
        last = Course(self.ends[count - 1 : count + 1], self.values[count - 1 : count])
        points = stages_of(self.values.shape[1] - 1).points
        values = np.concatenate([self.values[: count - 1], last(begin + (end - begin) * points)[None]])
        return Course(np.append(self.ends[:count], end), values)

    @property
    def rounded(self) -> Course:
        """The same in double precision."""
        return Course(self.ends, self.values.astype(np.float64))


class Scout:
    """Marches through slabs of few stages, whose lengths keep the error of each below a tolerance.

    In each the state is a polynomial for which F vanishes at Radau's points. Its error is what F leaves between them,
    as a change of the state:  (F_y + 2 s / h F_y')^-1 F  for s stages. Slabs end at `stops`, and are not longer than
    `longest`.

    Source: Hairer and Wanner, Solving Ordinary Differential Equations II (1996), IV.8.
    """

    def __init__(self, system: System, stops: Sequence[float], longest: float) -> None:
        self.system, self.stops, self.longest = system, stops, longest
        self.length = min(longest, SLABS.first * (system.end - system.begin))

    def course(
        self, now: float, begin: Array, before: Course | None, count: int, tolerance: float, highest: Array
    ) -> Course:
        """Return the next slabs, at most `count` and up to the next stop; Ended where they come to nothing.

        `highest` are the largest values of the components before.
        """
        stages, y, h = stages_of(SLABS.scouts), begin, self.length
        ends, values, refused, growing = [now], list[Array](), 0, before is None
        stop = next(stop for stop in self.stops if stop > now)
        size = np.abs(y) if before is None else np.abs(before.values[-1]).max(0)
        least = np.maximum(SLABS.least * highest, 1e-17 * highest.max()) + 1e-300
        while now < stop and len(values) < count:
            left = stop - now
            at_stop = h >= 0.999 * left
            h = left if at_stop else min(h, max(left / 2, 0.6 * h))
            z = np.tile(y, (stages.count, 1))
            if before is not None and h <= 3 * (before.ends[-1] - before.ends[-2]):
                guess = before.after(now + stages.points[1:] * h)
                if np.abs(guess - y).max() <= 10 * np.abs(before.values[-1] - y).max() + 1e-12:
                    z = guess
            found = self._slab(now, h, y, z, np.maximum(size, least), tolerance)
            growing = growing and found is not None and found[1] <= tolerance
            if found is None:
                h, refused = h / 4, refused + 1
                before = None if refused % 3 == 0 else before
                if h < 1e-14 * max(1e-3 * (self.system.end - self.system.begin), abs(now)):
                    if values:
                        break
                    raise Ended(now)
                continue
            whole, error = found
            factor = 0.85 * (error / tolerance + 1e-10) ** (-1 / (stages.count + 1))
            if not error <= tolerance:
                h *= min(0.8, max(0.2, factor)) if math.isfinite(factor) else 0.25
                continue
            if growing and factor > SLABS.too_short and not at_stop and h < self.longest:
                h = min(self.longest, 4 * h)  # the first slab need not be short, and derivatives lose digits by it
                continue
            now = stop if at_stop else now + h
            growing = False
            ends.append(now)
            values.append(whole)
            before = Course(np.array(ends[-2:]), whole[None])
            size, y = np.abs(whole).max(0), whole[-1]
            h = min(self.longest, h * min(4.0, max(0.3, factor)))
        self.length = h
        return Course(np.array(ends), np.stack(values))

    def _slab(
        self, now: float, h: float, y: Array, z: Array, size: Array, tolerance: float
    ) -> tuple[Array, float] | None:
        """The values (stages + 1, components) in a slab and their error; None where Newton's steps do not end."""
        system, stages = self.system, stages_of(SLABS.scouts)
        s, n, points, slopes = stages.count, system.size, stages.points, stages.slopes
        times, last, inverse, known = now + points[1:] * h, math.inf, None, None
        times[-1] = np.nextafter(times[-1], now)  # what jumps at the end has not jumped yet
        for _ in range(SLABS.steps):
            slope = slopes[1:] @ np.concatenate([y[None], z]) / h
            if inverse is None:
                known = system.at(times, z, slope)
                whole = np.einsum("ink,ij->injk", known.by_slope, slopes[1:, 1:] / h)
                whole[np.arange(s), :, np.arange(s)] += known.by_state
                if not np.isfinite(whole).all():
                    return None
                try:
                    inverse = np.linalg.inv(whole.reshape(s * n, s * n))
                except np.linalg.LinAlgError:
                    return None
                rest = known.left
            else:
                rest = system.left(times, z, slope)
            step = (inverse @ rest.ravel()).reshape(s, n)
            z = z - step
            scale = np.maximum(size, np.abs(z).max(0))
            moved = float(np.abs(step / scale).max())
            if not math.isfinite(moved) or moved > 2 * last:
                return None
            if moved < SLABS.enough * tolerance:
                break
            if moved > SLABS.contraction * last:
                inverse = None
            last = moved
        else:
            return None
        assert known is not None
        whole, between = np.concatenate([y[None], z]), slice(-SLABS.looked_at, None)
        rest = system.left(now + stages.between * h, stages.between_shapes @ whole, stages.between_slopes @ whole / h)
        filters = known.by_state[between] + known.by_slope[between] * (2.0 * s / h)
        try:
            off = np.linalg.solve(filters, rest[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            return None
        return whole, float(np.abs(off / np.maximum(size, np.abs(whole).max(0))).max())
