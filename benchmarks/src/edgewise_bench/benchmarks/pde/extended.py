"""Reference solutions of initial value problems, in extended precision where the machine has it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath
import numpy as np

from edgewise_bench.benchmarks.pde.systems import System

_STAGES, _DEPTH = 7, 45  # of a step; halvings of an interval, at most


class Rule(NamedTuple):
    """Radau's points of [0, 1], and the integrals of their Lagrange polynomials up to each point."""

    points: Any
    integrals: Any


@cache
def _rule() -> Rule:
    with mpmath.workdps(40):
        sought = np.zeros(_STAGES + 1)
        sought[-1], sought[-2] = 1, -1  # Legendre's polynomials of degree s less that of s - 1
        near = sorted(np.polynomial.legendre.legroots(sought).real)[:-1]
        roots = [mpmath.findroot(lambda x: mpmath.legendre(_STAGES, x) - mpmath.legendre(_STAGES - 1, x), float(own))
                 for own in near]  # fmt: skip
        points = [(root + 1) / 2 for root in roots] + [mpmath.mpf(1)]
        powers = mpmath.matrix([[point**j for j in range(_STAGES)] for point in points])
        areas = mpmath.matrix([[point ** (j + 1) / (j + 1) for j in range(_STAGES)] for point in points])
        found = areas * powers**-1
    exact = lambda value: np.longdouble(mpmath.nstr(value, 25))  # noqa: E731
    integrals = [[exact(found[i, j]) for j in range(_STAGES)] for i in range(_STAGES)]
    return Rule(np.array([exact(point) for point in points]), np.array(integrals))


class Course:
    """Marches by Radau's method in steps that are halved until a step and its halves agree to a tolerance.

    Slopes are differences, and the Newton matrix is in double precision: the last digits come from the residual.
    """

    def __init__(self, slope: Callable[..., tuple[Any, ...]], start: tuple[float, ...], tolerance: float) -> None:
        self.slope, self.tolerance = slope, tolerance
        self.y = np.array(start, dtype=np.longdouble)
        self.size = np.abs(self.y) + np.longdouble(1e-30)

    def over(self, begin: Any, length: Any, depth: int = 0) -> None:
        """Go on from a time by a length."""
        whole = self._step(begin, length, self.y)
        half = None if whole is None else self._step(begin, length / 2, self.y)
        both = None if half is None else self._step(begin + length / 2, length / 2, half)
        if both is not None:
            allowed = self.tolerance * (1 if depth < _DEPTH // 2 else 100)  # rounding has the last word
            if float((np.abs(both - whole) / (np.abs(both) + self.size)).max()) < allowed:
                self.y, self.size = both, np.maximum(self.size, np.abs(both))
                return
        if depth > _DEPTH:
            raise ArithmeticError(f"No step from {float(begin):.6g} on is short enough.")
        self.over(begin, length / 2, depth + 1)
        self.over(begin + length / 2, length / 2, depth + 1)

    def _slopes(self, times: Any, states: Any) -> Any:
        with np.errstate(all="ignore"):
            found = self.slope(np, times, *states)
        return np.stack([np.broadcast_to(np.asarray(own, dtype=np.longdouble), times.shape) for own in found])

    def _step(self, begin: Any, length: Any, y: Any) -> Any:
        """The state after a step; None where Newton's steps come to nothing."""
        (points, integrals), n = _rule(), len(y)
        times, states = begin + points * length, np.repeat(y[:, None], _STAGES, 1)
        inverse, last = None, np.inf
        for _ in range(25):
            slopes = self._slopes(times, states)
            if not np.isfinite(slopes).all():
                return None
            if inverse is None:
                inverse = self._inverse(times, states, slopes, float(length), integrals)
            rest = states - y[:, None] - length * (slopes @ integrals.T)
            if inverse is None:
                return None
            change = -(inverse @ rest.T.ravel().astype(float)).reshape(_STAGES, n).T
            states = states + change
            moved = float((np.abs(change).max(1) / (np.abs(states).max(1) + 1e-3 * self.size + 1e-300)).max())
            if not moved < 1e3:
                return None
            if moved < 1e-18 or (moved < 1e-16 and moved > 0.3 * last):
                return states[:, -1]
            inverse, last = (None if moved > 0.1 * last else inverse), moved
        return states[:, -1] if last < 1e-15 else None

    def _inverse(self, times: Any, states: Any, slopes: Any, length: float, integrals: Any) -> Any:
        n, by_state = len(states), np.empty((_STAGES, len(states), len(states)))
        for k in range(n):
            off = (1e-9 * np.maximum(np.abs(states[k]), max(1e-6 * self.size[k], 1e-12))).astype(np.longdouble)
            moved = states.copy()
            moved[k] = moved[k] + off
            by_state[:, :, k] = ((self._slopes(times, moved) - slopes) / off).T.astype(float)
        whole = np.einsum("ij,jab->iajb", integrals.astype(float), by_state)
        matrix = np.eye(_STAGES * n) - length * whole.reshape(_STAGES * n, -1)
        return np.linalg.inv(matrix) if np.isfinite(matrix).all() else None


def trusted(system: System, times: Any, tolerance: float) -> Any:
    """Return the unknowns of `slope` at times from 0 on, (times, unknowns)."""
    course, found = Course(system.slope, system.start, tolerance), [np.array(system.start, dtype=np.longdouble)]
    exact = times.astype(np.longdouble)
    for begin, end in pairwise(exact):
        course.over(begin, end - begin)
        found.append(course.y)
    return np.array(found)
