"""Many slabs of time at once: Newton's steps on all of them, and their errors by more stages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.pde.solving._initial import System, Values
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.solving._slabs import Course, Stages, stages_of


@dataclass(frozen=True)
class Window:
    """Slabs that solve an equation, and how far they are from slabs of more stages.

    local: the change of each slab that begins where it does, (slabs, stages + more, components). passed: how it changes
    with the state that it begins with, (slabs, stages + more, components, components). errors: the largest change of
    each slab, relative to its components' sizes, but for rounding, (slabs,).
    """

    course: Course
    local: Array
    passed: Array
    errors: Array

    def changes(self, first: Array) -> Array:
        """The changes at all stages if the first slab's begin changes: (slabs, stages + more, components)."""
        return _chained(self.local, self.passed, first)


def _sizes(values: Array, highest: Array) -> Array:
    """The components' sizes in slabs, given those before, (slabs, components): at least a part of their largest."""
    own = np.abs(values).max(1)
    largest = np.maximum.accumulate(np.concatenate([highest[None], own]))[1:]
    return np.maximum(own, SLABS.share_of_largest * largest) + 1e-300


def _rounding(known: Values, state: Array, slope: Array) -> Array:
    """What F leaves by rounding of its terms, of either sign, (n, components)."""
    terms = np.abs(known.by_state) @ np.abs(state)[..., None] + np.abs(known.by_slope) @ np.abs(slope)[..., None]
    signs = np.random.default_rng(0).choice((-1.0, 1.0), terms.shape)
    return (0.25 * np.finfo(np.float64).eps * signs * terms)[..., 0]


def _chained(local: Array, passed: Array, first: Array) -> Array:
    """The changes of slabs, each of which begins with the change at the end of that before."""
    begins = np.empty((len(local), local.shape[2]))
    for k in range(len(local)):
        begins[k] = first
        first = local[k, -1] + passed[k, -1] @ first
    return local + np.einsum("kicd,kd->kic", passed, begins)


def _times(ends: Array, stages: Stages) -> Array:
    """The times of all stages in slabs; at the end of a slab what jumps there has not jumped yet."""
    found = ends[:-1, None] + stages.points[1:] * np.diff(ends)[:, None]
    found[:, -1] = np.nextafter(ends[1:], ends[:-1])
    return found.ravel()


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


def solved(system: System, ends: Array, values: Array, highest: Array) -> Course | None:
    """Newton's steps on slabs from values (slabs, stages + 1, components), the first of which stays; None if they fail.

    All slabs are one system of equations, which passes on from slab to slab. Derivatives stay while steps fall fast.
    Values have extended precision, in which they are differentiated by time.
    """
    stages, widths = stages_of(values.shape[1] - 1), np.diff(ends)
    count, s, n = len(widths), stages.count, system.size
    times = _times(ends, stages)
    inverse, passed, noise, last, still = None, None, np.zeros((count, n)), math.inf, np.zeros(n)
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
            noise = inverse @ _rounding(known, state, slope).reshape(count, s * n, 1)
            noise = np.abs(noise).reshape(count, s, n).max(1)
        else:
            rest = system.left(times, state, slope)
        own = -(inverse @ rest.reshape(count, s * n, 1)).reshape(count, s, n)
        assert passed is not None
        change = _chained(own, passed, still)
        values = values.copy()
        values[:, 1:] += change
        values[1:, 0] = values[:-1, -1]
        moved, sizes = np.abs(change).max(1), _sizes(values, highest)
        most, small = float((moved / sizes).max()), moved <= np.maximum(SLABS.rounding * sizes, 10 * noise)
        if most < SLABS.exact or (small.all() and most > SLABS.contraction * last):
            return Course(ends, values)
        if not math.isfinite(most) or most > 2 * last:
            return None
        if most > SLABS.contraction * last:
            inverse = None
        last = most
    return None


def examined(system: System, course: Course, highest: Array) -> Window | None:
    """Return slabs with one step by Newton in polynomials of more stages; None where that is not finite."""
    own, widths = stages_of(course.values.shape[1] - 1), np.diff(course.ends)
    richer = stages_of(own.count + SLABS.more)
    count, s, n = len(widths), richer.count, system.size
    begins = np.nextafter(course.ends[:-1], course.ends[1:])  # last, as a point that no stages see
    times = np.append(_times(course.ends, richer), begins)
    shapes = own.exact_shapes(np.append(richer.points[1:], 0.0))
    state, slope = (
        np.concatenate([each[:, :-1].reshape(-1, n), each[:, -1]]).astype(np.float64)
        for each in (shapes @ course.values, shapes @ own.exact_slopes @ course.values / widths[:, None, None])
    )
    every = system.at(times, state, slope)
    known, at_begin = (Values(*(part[rows] for part in every)) for rows in (slice(-count), slice(-count, None)))
    whole, first = _system(known, richer.slopes[1:], widths)
    if not (np.isfinite(whole).all() and np.isfinite(every.left).all()):
        return None
    rests = (known.left, _rounding(known, state[:-count], slope[:-count]))
    right = np.concatenate([*(rest.reshape(count, s * n, 1) for rest in rests), first], 2)
    filters = at_begin.by_state + at_begin.by_slope / (own.points[1] * widths)[:, None, None]
    try:
        found = -np.linalg.solve(whole, right).reshape(count, s, n, 2 + n)
        hidden = np.abs(np.linalg.solve(filters, at_begin.left[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return None
    local, noise = found[..., 0], np.abs(found[..., 1]).max(1)
    seen = np.abs(local).max(1)
    far = hidden > SLABS.far * (seen + noise)  # a jump before the first stage, which all stages miss
    local[:, -1] += np.where(far, hidden, 0.0)
    seen, sizes = np.where(far, hidden, seen), _sizes(course.values, highest)
    errors = np.where(seen > SLABS.of_noise * noise, seen / sizes, 0.0).max(1).astype(np.float64)
    return Window(course, local, found[..., 2:], errors)


def refined(
    system: System, guess: Course, begin: Array, stages: int, tolerance: float, highest: Array
) -> Window | None:  # fmt: skip
    """Return slabs of some stages as short as errors of each below a tolerance ask for; None where Newton's steps fail.

    Slabs become shorter until their errors are below it, or do not fall any more and are rounding. The guess says where
    they begin; `highest` are the largest values of the components before.
    """
    ends, former, before, stuck, window = guess.ends, guess, math.inf, 0, None
    for _ in range(SLABS.rounds):
        times = ends[:-1, None] + stages_of(stages).points * np.diff(ends)[:, None]
        values = former(times.ravel()).reshape(len(times), stages + 1, -1).astype(np.longdouble)
        values[0, 0] = begin
        course = solved(system, ends, values, highest)
        found = None if course is None else examined(system, course, highest)
        if found is None:
            return window
        errors, worst = found.errors, float(found.errors.max())
        at_rounding = worst < SLABS.rounding
        stuck = stuck + 1 if worst > (SLABS.falls_smooth if at_rounding else SLABS.falls) * before else 0
        window = window if stuck else found
        if worst <= tolerance or stuck > (0 if at_rounding else SLABS.stuck):
            break
        least = SLABS.parts if stuck else 2  # what is not smooth
        parts = np.clip(np.ceil((errors / tolerance) ** (1 / (stages + 1))), least, SLABS.parts)
        ends = _divided(ends, np.where(errors > tolerance, parts, 1).astype(int))
        former, before = found.course.rounded, worst
    return window


def _divided(ends: Array, parts: Array) -> Array:
    """The ends of slabs after each was divided into some parts."""
    within = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    found = np.repeat(ends[:-1], parts) + within * np.repeat(np.diff(ends) / parts, parts)
    return np.append(found, ends[-1])
