"""Many slabs of time at once: Newton's steps on all of them, and their errors by more stages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.pde.solving._initial import System, Values
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.solving._slabs import Course, stages_of


@dataclass(frozen=True)
class Window:
    """Slabs that solve an equation, and how far they are from slabs of more stages.

    local: the change of each slab that begins where it does, (slabs, stages + more, components). passed: how it changes
    with the state that it begins with, (slabs, stages + more, components, components).
    """

    course: Course
    local: Array
    passed: Array

    @property
    def errors(self) -> Array:
        """The largest change of each slab, relative to its components' sizes, (slabs,)."""
        return (np.abs(self.local).max(1) / self.course.sizes).max(1)

    def changes(self, first: Array) -> Array:
        """The changes at all stages if the first slab's begin changes: (slabs, stages + more, components)."""
        return _chained(self.local, self.passed, first)


def _chained(local: Array, passed: Array, first: Array) -> Array:
    """The changes of slabs, each of which begins with the change at the end of that before."""
    begins = np.empty((len(local), local.shape[2]))
    for k in range(len(local)):
        begins[k] = first
        first = local[k, -1] + passed[k, -1] @ first
    return local + np.einsum("kicd,kd->kic", passed, begins)


def _system(known: Values, slopes: Array, widths: Array) -> tuple[Array, Array]:
    """Newton's matrices by the states at the stages, and those by the states that slabs begin with."""
    count, s = len(widths), len(slopes)
    by_state, by_slope = (own.reshape(count, s, *own.shape[1:]) for own in (known.by_state, known.by_slope))
    by_slope = by_slope / widths[:, None, None, None]
    whole = np.einsum("kicd,ij->kicjd", by_slope, slopes[:, 1:])
    each = np.arange(s)
    whole[:, each, :, each] += by_state.transpose(1, 0, 2, 3)
    n = whole.shape[-1]
    first = by_slope * slopes[None, :, :1, None]
    return whole.reshape(count, s * n, s * n), first.reshape(count, s * n, n)


def solved(system: System, ends: Array, values: Array) -> Course | None:
    """Newton's steps on slabs from values (slabs, stages + 1, components), the first of which stays; None if they fail.

    All slabs are one system of equations, which passes on from slab to slab. Derivatives stay while steps fall fast.
    Values have extended precision, in which they are differentiated by time.
    """
    stages, widths = stages_of(values.shape[1] - 1), np.diff(ends)
    count, s, n = len(widths), stages.count, system.size
    times = (ends[:-1, None] + stages.points[1:] * widths[:, None]).ravel()
    inverse, passed, last, still = None, None, math.inf, np.zeros(n)
    for _ in range(SLABS.steps):
        state = values[:, 1:].reshape(-1, n).astype(np.float64)
        slope = (stages.exact_slopes[1:] @ values / widths[:, None, None]).reshape(-1, n).astype(np.float64)
        if inverse is None:
            known = system.at(times, state, slope)
            whole, first = _system(known, stages.slopes[1:], widths)
            if not np.isfinite(whole).all():
                return None
            try:
                inverse = np.linalg.inv(whole)
            except np.linalg.LinAlgError:
                return None
            passed, rest = -(inverse @ first).reshape(count, s, n, n), known.left
        else:
            rest = system.left(times, state, slope)
        own = -(inverse @ rest.reshape(count, s * n, 1)).reshape(count, s, n)
        assert passed is not None
        change = _chained(own, passed, still)
        values = values.copy()
        values[:, 1:] += change
        values[1:, 0] = values[:-1, -1]
        sizes = np.maximum(np.abs(values).max(1), SLABS.least)
        moved = float((np.abs(change).max(1) / sizes).max())
        if not math.isfinite(moved) or moved > 2 * last:
            return None
        if moved < 1e-15 or (moved < SLABS.rounding and moved > SLABS.contraction * last):
            return Course(ends, values)
        if moved > SLABS.contraction * last:
            inverse = None
        last = moved
    return None


def examined(system: System, course: Course) -> Window | None:
    """Return slabs with one step by Newton in polynomials of more stages; None where that is not finite."""
    own, widths = stages_of(course.values.shape[1] - 1), np.diff(course.ends)
    richer = stages_of(own.count + SLABS.more)
    shapes = own.exact_shapes(richer.points[1:])
    count, s, n = len(widths), richer.count, system.size
    times = (course.ends[:-1, None] + richer.points[1:] * widths[:, None]).ravel()
    state = (shapes @ course.values).reshape(-1, n).astype(np.float64)
    slope = (shapes @ own.exact_slopes @ course.values / widths[:, None, None]).reshape(-1, n).astype(np.float64)
    known = system.at(times, state, slope)
    whole, first = _system(known, richer.slopes[1:], widths)
    if not (np.isfinite(whole).all() and np.isfinite(known.left).all()):
        return None
    right = np.concatenate([known.left.reshape(count, s * n, 1), first], 2)
    try:
        found = -np.linalg.solve(whole, right).reshape(count, s, n, 1 + n)
    except np.linalg.LinAlgError:
        return None
    return Window(course, found[..., 0], found[..., 1:])


def refined(system: System, guess: Course, begin: Array, stages: int, tolerance: float) -> Window | None:
    """Return slabs of some stages as short as errors of each below a tolerance ask for; None where Newton's steps fail.

    Slabs become shorter until their errors are below it, or do not fall any more. The guess says where they begin.
    """
    ends, former, before = guess.ends, guess, math.inf
    window = None
    for _ in range(SLABS.rounds):
        times = ends[:-1, None] + stages_of(stages).points * np.diff(ends)[:, None]
        values = former(times.ravel()).reshape(len(times), stages + 1, -1).astype(np.longdouble)
        values[0, 0] = begin
        course = solved(system, ends, values)
        found = None if course is None else examined(system, course)
        if found is None:
            return window
        errors = found.errors
        worst, window = float(errors.max()), found
        if worst <= tolerance or worst > SLABS.falls * before:
            break
        parts = np.where(errors > tolerance, np.clip(np.ceil((errors / tolerance) ** (1 / (stages + 1))), 2, SLABS.halved), 1)
        ends = np.concatenate([
            *(np.linspace(one, two, int(count) + 1)[:-1] for one, two, count in zip(ends, ends[1:], parts, strict=False)), ends[-1:]
        ])
        former, before = found.course.rounded, worst
    return window
