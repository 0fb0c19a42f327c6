"""Initial value problems of ordinary equations: Radau's method in slabs of time, and the spline that comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.solving._refining import Answer, NetworkState, Refiner
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.splines._networks import network_of
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products, Space
from edgewise.pde.statement._condition import Condition, Integral, Measured
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.pde.statement._terms import Linearized, Term, left, linearized

_NONE = torch.zeros(0, dtype=torch.float64)


class Ended(ArithmeticError):
    """A slab became shorter than rounding allows."""


class _Values(NamedTuple):
    """What F(t, y, y') leaves, (n, components), and its derivatives by y and y', each (n, components, components)."""

    left: Array
    by_state: Array
    by_slope: Array


class System:
    """An equation of one coordinate as F(t, y, y') = 0.

    y holds each unknown and its derivatives below the highest; of these every one but the last is the slope of the one
    before. An unknown without derivatives is a separate component.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        asked = problem.asked(problem.residual, [problem.domain.points(2)])
        self.orders = [max(map(len, each), default=0) for each in asked]
        ends = np.cumsum([max(1, order) for order in self.orders])
        self.first = [0, *ends[:-1].tolist()]
        self.size = int(ends[-1])
        self.begin, self.end = problem.domain.low[0], problem.domain.high[0]
        self.chain = [
            (at + j) for at, order in zip(self.first, self.orders, strict=True) for j in range(order - 1)
        ]  # fmt: skip

    def at(self, times: Array, state: Array, slope: Array) -> _Values:
        rows = linearized(self.problem, [], self._term(times), [self._jets(state, slope)], _NONE)
        found = self._left([row.residual for row in rows], state, slope)
        by_state, by_slope = (np.zeros((len(times), self.size, self.size)) for _ in range(2))
        for e, row in enumerate(rows):
            self._place(row, by_state[:, e], by_slope[:, e])
        for e, at in enumerate(self.chain, start=len(rows)):
            by_slope[:, e, at], by_state[:, e, at + 1] = 1.0, -1.0
        return _Values(found, by_state, by_slope)

    def left(self, times: Array, state: Array, slope: Array) -> Array:
        """What F leaves, (n, components)."""
        constants = _NONE.expand(len(times), 0)
        rests = left(self.problem, [], self._term(times), [self._jets(state, slope)], constants)
        return self._left(rests, state, slope)

    def started(self) -> Array:
        """The state at the beginning, by Newton steps from zero on the conditions, and on F where they say nothing."""
        both, times = np.zeros(2 * self.size), np.array([self.begin])
        for _ in range(SLABS.first_steps):
            state, slope = both[None, : self.size], both[None, self.size :]
            values = self.at(times, state, slope)
            rows = [np.concatenate([values.by_state[0], values.by_slope[0]], 1)]
            rests = [values.left[0]]
            for condition in self.problem.conditions:
                term = Term(condition.equation, condition.points(1, 0), 1.0)
                for row in linearized(self.problem, [], term, [self._jets(state, slope)], _NONE):
                    own = np.zeros((2, 1, self.size))
                    self._place(row, own[0], own[1])
                    rows.append(np.concatenate([own[0], own[1]], 1))
                    rests.append(row.residual.numpy())
            matrix, rest = np.concatenate(rows), np.concatenate(rests)
            if not (np.isfinite(matrix).all() and np.isfinite(rest).all()):
                raise Ended
            norms = np.maximum(np.linalg.norm(matrix, axis=1), 1e-300)
            change = np.linalg.lstsq(matrix / norms[:, None], rest / norms, rcond=1e-12)[0]
            both = both - change
            if np.abs(change).max() <= 1e-15 * np.abs(both).max(initial=1e-300):
                break
        return both[: self.size]

    def _term(self, times: Array) -> Term:
        return Term(self.problem.residual, [torch.from_numpy(times)[:, None]], 1.0)

    def _jets(self, state: Array, slope: Array) -> Jets:
        found = {}
        for j in range(max(map(len, self.problem.orders)) + 1):
            columns = np.zeros((len(state), len(self.orders)))
            for k, (at, order) in enumerate(zip(self.first, self.orders, strict=True)):
                if j < max(1, order):
                    columns[:, k] = state[:, at + j]
                elif j == order:
                    columns[:, k] = slope[:, at + order - 1]
            found[(0,) * j] = torch.from_numpy(columns)
        return found

    def _left(self, rests: Sequence[Tensor], state: Array, slope: Array) -> Array:
        own = [rest.detach().numpy() for rest in rests]
        return np.stack([*own, *(slope[:, at] - state[:, at + 1] for at in self.chain)], 1)

    def _place(self, row: Linearized, by_state: Array, by_slope: Array) -> None:
        """Add an equation's derivatives by jets as those by the state and its slope, each (n, components)."""
        for key, slopes in row.by[0].items():
            j = len(key)
            for k, (at, order) in enumerate(zip(self.first, self.orders, strict=True)):
                if j < max(1, order):
                    by_state[:, at + j] += slopes[:, k].numpy()
                elif j == order:
                    by_slope[:, at + order - 1] += slopes[:, k].numpy()


@dataclass(frozen=True)
class Course:
    """Polynomials of the state in slabs: their ends (slabs + 1,), and values (slabs, stages + 1, components)."""

    ends: Array
    values: Array

    def __call__(self, times: Array) -> Array:
        slab = np.clip(np.searchsorted(self.ends, times, "right") - 1, 0, len(self.values) - 1)
        part = (times - self.ends[slab]) / np.diff(self.ends)[slab]
        return np.einsum("nj,njc->nc", _STAGES.shapes(part), self.values[slab])


class _Stages:
    """Radau's points with 0 before them, and Lagrange's polynomials of these."""

    def __init__(self, count: int) -> None:
        self.points = np.concatenate([[0.0], radau(count)[0]])
        gaps = self.points[:, None] - self.points[None] + np.eye(count + 1)
        self.weights = 1 / gaps.prod(1)
        self.slopes = self._slopes()
        self.between = (self.points[1:] + self.points[:-1]) / 2
        self.between_shapes = self.shapes(self.between)
        self.between_slopes = self.between_shapes @ self.slopes

    def shapes(self, at: Array) -> Array:
        """The polynomials at points: (n, stages + 1)."""
        gaps = at[:, None] - self.points
        exact = gaps == 0
        shares = self.weights / np.where(exact, 1.0, gaps)
        found = shares / shares.sum(1, keepdims=True)
        return np.where(exact.any(1, keepdims=True), exact, found)

    def _slopes(self) -> Array:
        """Their derivatives at the points: (stages + 1, stages + 1)."""
        n = len(self.points)
        gaps = self.points[:, None] - self.points + np.eye(n)
        found = self.weights / self.weights[:, None] / gaps
        found[np.arange(n), np.arange(n)] = 0.0
        return found - np.diag(found.sum(1))


def course(system: System, begin: Array, tolerance: float, ended: Iterator[bool]) -> Course:
    """March through slabs whose lengths keep the error of each below a tolerance, relative to the state.

    In each the state is a polynomial for which F vanishes at Radau's points. Its error is what F leaves between them,
    as a change of the state:  (F_y + 2 s / h F_y')^-1 F  for s stages. Ended where slabs come to nothing.

    Source: Hairer and Wanner, Solving Ordinary Differential Equations II (1996), IV.8.
    """
    s, points = SLABS.stages, _STAGES.points
    now, y, h = system.begin, begin, SLABS.first * (system.end - system.begin)
    ends, values = [now], list[Array]()
    before: tuple[Array, float] | None = None
    size, refused = np.abs(y), 0
    while now < system.end - 1e-14 * abs(system.end):
        if next(ended):
            raise Ended
        h = min(h, system.end - now)
        z = np.tile(y, (s, 1))
        if before is not None and h <= 3 * before[1]:
            guess = _STAGES.shapes(1 + points[1:] * h / before[1]) @ before[0]
            if np.abs(guess - y).max() <= 10 * np.abs(before[0] - y).max() + 1e-12:
                z = guess
        found = _slab(system, now, h, y, z, np.maximum(size, SLABS.least), tolerance)
        if found is None:
            h, refused = h / 4, refused + 1
            before = None if refused % 3 == 0 else before
            if h < 1e-14 * max(1e-3 * (system.end - system.begin), abs(now)):
                raise Ended
            continue
        whole, error = found
        factor = 0.85 * (error / tolerance + 1e-10) ** (-1 / (s + 1))
        if not error <= tolerance:
            h *= min(0.8, max(0.2, factor)) if math.isfinite(factor) else 0.25
            continue
        before, now = (whole, h), now + h
        ends.append(now)
        values.append(whole)
        size, y = np.abs(whole).max(0), whole[-1]
        h *= min(4.0, max(0.3, factor))
        if len(values) > SLABS.most:
            raise Ended
    ends[-1] = system.end
    return Course(np.array(ends), np.stack(values))


def _slab(
    system: System, now: float, h: float, y: Array, z: Array, size: Array, tolerance: float
) -> tuple[Array, float] | None:  # fmt: skip
    """The values (stages + 1, components) in a slab and their error; None where Newton's steps do not end."""
    s, n, points, slopes = SLABS.stages, system.size, _STAGES.points, _STAGES.slopes
    times, last, inverse, known = now + points[1:] * h, math.inf, None, None
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
        if moved < 0.01 * tolerance or moved < 1e-14:
            break
        if moved > SLABS.contraction * last:
            inverse = None
        last = moved
    else:
        return None
    assert known is not None
    whole = np.concatenate([y[None], z])
    between = slice(-SLABS.looked_at, None)
    rest = system.left(now + _STAGES.between[between] * h, _STAGES.between_shapes[between] @ whole,
                       _STAGES.between_slopes[between] @ whole / h)  # fmt: skip
    filters = known.by_state[between] + known.by_slope[between] * (2.0 * s / h)
    try:
        off = np.linalg.solve(filters, rest[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return None
    return whole, float(np.abs(off / np.maximum(size, np.abs(whole).max(0))).max())


def is_initial(problem: Problem) -> bool:
    """Whether a problem is one of one coordinate with as many conditions as it needs, all at the lower end."""
    domain = problem.domain
    if not isinstance(domain, Box) or len(domain.names) > 1 or isinstance(problem.residual, Weak):
        return False
    if problem.numbers or problem.functions or problem.ansatz is not None or not problem.conditions:
        return False
    if not all(_at_start(condition, domain) for condition in problem.conditions):
        return False
    system = System(problem)
    times = np.array([system.begin])
    zero = np.zeros((1, system.size))
    jets = [system._jets(zero, zero)]
    count = len(left(problem, [], system._term(times), jets, _NONE.expand(1, 0)))
    held = sum(
        len(left(problem, [], Term(one.equation, one.points(1, 0), 1.0), jets, _NONE.expand(1, 0)))
        for one in problem.conditions
    )
    return count == problem.unknowns and held == sum(system.orders)


def _at_start(condition: Condition, box: Box) -> bool:
    if isinstance(condition, Integral | Measured) or condition.also is not None:
        return False
    where = condition.where
    if isinstance(where, Tensor):
        return where.shape == (1, 1) and float(where) == box.low[0]
    return isinstance(where, Face) and where.fixed == ((0, box.low[0]),)


def marched(refiner: Refiner, tolerance: float) -> Answer | None:
    """Solve an initial value problem with smaller and smaller errors of a slab, until two solutions differ by little.

    The former is the answer, and their difference its error. None where slabs come to nothing.
    """
    system, monitor = System(refiner.problem), refiner.monitor

    def watched() -> Iterator[bool]:
        while True:
            yield monitor.ended() is not None

    local, former, answer = min(1e-3, max(0.1 * tolerance, 10 * SLABS.finest)), None, None
    try:
        begin = system.started()
        for _ in range(SLABS.runs):
            with np.errstate(all="ignore"):  # of trials, which are refused
                last = course(system, begin, local, watched())
            monitor.record(len(last.values), last.values.size, local, local)
            if former is not None:
                answer = _answer(system, former, last)
                if answer.error <= tolerance or local <= SLABS.finest:
                    return answer
            former = last
            finer = 1.0 if answer is None else min(1.0, 10 * tolerance / max(answer.error, 1e-300))
            local = max(0.1 * finer * local, SLABS.finest)
    except Ended:
        return answer
    return answer


def _answer(system: System, former: Course, last: Course) -> Answer:
    """A course as a spline on its slabs, for each unknown; its error is the distance from a course of smaller errors.

    Relative in L2, the largest of those of the unknowns.
    """
    space = Space(former.ends, SLABS.degree)
    coefficients = space.project(former(space.gauss(SLABS.degree + 1)[0])[:, system.first], SLABS.degree + 1)
    times, weights = Space(last.ends, 1).gauss(SLABS.stages)
    true = last(times)[:, system.first]
    over, whole = (np.sqrt(weights @ part**2) for part in (space.matrix(times) @ coefficients - true, true))
    error = float((over / np.maximum(whole, 1e-300)).max())
    model = network_of(Products((space,)), torch.from_numpy(coefficients), 0.0)
    return Answer(NetworkState(model, {}, space.count, torch.empty(0), error, error), error, min(error, 1.0))


_STAGES = _Stages(SLABS.stages)
