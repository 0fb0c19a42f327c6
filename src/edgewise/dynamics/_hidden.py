"""A state that was not measured: where its search starts, from the derivatives of smooth curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.dynamics._library import Library, Terms, polynomials, state_symbols
from edgewise.dynamics._prior import Fixed
from edgewise.dynamics._regression import beam
from edgewise.dynamics._starts import Ground, supports
from edgewise.dynamics._system import System


@dataclass(frozen=True)
class Start:
    """A system with a hidden state z, and the curve of z: its values (n,) at times (n,)."""

    system: System
    times: Array
    values: Array
    score: float


def starts(ground: Ground) -> tuple[Library, list[Start]]:
    """Return systems in which a hidden state z drives one of the measured ones, the most promising first:

        x_i' = g z + a T(x),   z' = sum_k b_k T_k(x, z),   g = 1 or a state, T a monomial or none

    The factor before z is 1 and x_i' has no other terms: z is known only up to a change of variable. With
    p = x_i' - a T, the coefficients b follow from the linear regression of g p' - g' p on g^2 T_k(x, p / g), for each
    a of a grid.
    """
    kept = 8  # systems that are returned
    d = ground.data.n_observed
    z = state_symbols(d + 1)
    library = polynomials(d + 1, 2 if d > 1 else 3)
    plain = polynomials(d, 2)
    base = supports(ground, plain)[1][0]
    seen = _Seen.of(ground, library, plain)
    found: list[tuple[float, int, int, int, float]] = []
    for i in range(d):
        for g in range(d + 1):
            for k in range(-1, len(plain.terms)):
                factor = seen.factor(g)
                if k >= 0 and plain.expressions[k] in (z[g - 1] if g else 1,):
                    continue  # it is a shift of z
                best = min((seen.regressed(i, factor, k, a)[0], a) for a in seen.grid(i, k))
                found.append((best[0], i, g, k, best[1]))
    found.sort()
    out = []
    for _, i, g, k, a in found[: 2 * kept]:
        out.append(_made(ground, library, plain, base, seen, (i, g, k, a)))
    out.sort(key=lambda start: start.score)
    return library, out[:kept]


@dataclass(frozen=True)
class _Seen:
    """Measured states along smooth curves: values, first and second derivatives (n, d) at times (n,).

    `library` holds the terms of the rate of z, `plain` those of measured states.
    """

    library: Library
    plain: Library
    times: Array
    states: Array
    slopes: Array
    curvatures: Array

    @classmethod
    def of(cls, ground: Ground, library: Library, plain: Library) -> _Seen:
        n_points, edge = 400, 0.04  # of a curve; of its length at each end, where derivatives are poor
        parts = []
        for curve, rows in zip(ground.curves, ground.data.pieces(), strict=True):
            first, last = ground.data.times[rows.start], ground.data.times[rows.stop - 1]
            at = np.linspace(first + edge * (last - first), last - edge * (last - first), n_points)
            parts.append((at, *(curve.at(at, k) for k in range(3))))
        return cls(library, plain, *(np.concatenate(each) for each in zip(*parts, strict=True)))

    def factor(self, g: int) -> tuple[Array, Array]:
        """Return what stands before z, 1 or a state, and its derivative."""
        if g == 0:
            return np.ones(len(self.times)), np.zeros(len(self.times))
        return self.states[:, g - 1], self.slopes[:, g - 1]

    @cached_property
    def rests(self) -> tuple[Array, Array]:
        """The degree of each term in z (K,), and its other factor (n, K): zero for terms of a degree above two."""
        z: Any = state_symbols(self.library.n_states)[-1]
        degrees = np.array([int(sympy.degree(e, z)) for e in self.library.expressions])
        others = [e / z**k for e, k in zip(self.library.expressions, degrees.tolist(), strict=True)]
        known = np.concatenate([self.states.T, np.ones((1, len(self.times)))])
        values = Terms(others, self.library.n_states, []).values(known, self.times, np.empty(0))
        return degrees, np.where(degrees > 2, 0.0, values.T)

    @cached_property
    def _terms(self) -> tuple[Array, Array]:
        values, gradients, _ = self.plain.terms.slopes(self.states.T, self.times, np.empty(0))
        return values, np.einsum("kdn,nd->kn", gradients, self.slopes)

    def grid(self, i: int, k: int) -> list[float]:
        """Return factors a of a term, those that make it as large as a part of the rate."""
        if k < 0:
            return [0.0]
        size = np.sqrt((self.term(k)[0] ** 2).mean()) + 1e-300
        ratio = float(np.sqrt((self.slopes[:, i] ** 2).mean()) / size)
        own = ratio * np.geomspace(0.03, 10, 24)
        return [*(-own).tolist(), *own.tolist()]

    def term(self, k: int) -> tuple[Array, Array]:
        """Return a term of the measured states and its derivative by time."""
        return self._terms[0][k], self._terms[1][k]

    def regressed(self, i: int, factor: tuple[Array, Array], k: int, a: float) -> tuple[float, Array, Array, Array]:
        """Return the relative error, the columns and the target of z' times g^2, and p."""
        g, dg = factor
        p, dp = self.slopes[:, i].copy(), self.curvatures[:, i].copy()
        if k >= 0:
            value, slope = self.term(k)
            p, dp = p - a * value, dp - a * slope
        target = g * dp - dg * p
        degrees, rests = self.rests
        columns = rests * p[:, None] ** degrees * g[:, None] ** np.maximum(2 - degrees, 0)
        scale = np.sqrt((columns**2).sum(axis=0)) + 1e-300
        left = target - columns @ (np.linalg.lstsq(columns / scale, target, rcond=1e-9)[0] / scale)
        unit = np.sqrt((g**2).mean() * (self.curvatures[:, i] ** 2).mean()) + 1e-300
        return float(np.sqrt((left**2).mean()) / unit), columns, target, p


def _made(
    ground: Ground, library: Library, plain: Library, base: System, seen: _Seen, choice: tuple[int, int, int, float]
) -> Start:
    """Return the system of a choice of equation, factor, term and its constant."""
    most = 5  # terms of the rate of z
    i, g, k, a = choice
    d, factor = ground.data.n_observed, seen.factor(g)
    error, columns, target, p = seen.regressed(i, factor, k, a)
    scale = np.sqrt((columns**2).mean(axis=0)) + 1e-300
    rows = slice(None, None, 4)  # neighbors on a smooth curve say the same
    floor = max(error, 1e-6) * np.sqrt((factor[0] ** 2).mean() * (seen.curvatures[:, i] ** 2).mean())
    costs = np.log(len(target[rows])) + np.array(library.costs)
    costs = np.where(scale > 1e-250, costs, np.inf)
    score, support = beam((columns / scale)[rows], target[rows], costs, float(floor), most)[0]
    score -= len(target[rows]) * np.log((factor[0] ** 2).mean() * (seen.curvatures[:, i] ** 2).mean())
    beta = np.linalg.lstsq((columns / scale)[:, list(support)], target, rcond=None)[0] / scale[list(support)]
    mask = np.zeros((d + 1, len(library.expressions)), bool)
    coefficients = np.zeros(mask.shape)
    for j in range(d):
        for own in np.flatnonzero(base.mask[j]) if j != i else ([] if k < 0 else [k]):
            place = library.expressions.index(plain.expressions[own])
            mask[j, place] = True
            coefficients[j, place] = a if j == i else base.coefficients[j, own]
    mask[d, list(support)] = True
    coefficients[d, list(support)] = beta
    z = state_symbols(d + 1)
    drive = np.zeros((d + 1, 1))
    drive[i] = 1.0
    fixed = Fixed(Terms([z[d] * (z[g - 1] if g else 1)], d + 1, []), drive)
    good = np.abs(factor[0]) > 0.1 * np.sqrt((factor[0] ** 2).mean())
    system = System(library.terms, mask, coefficients, library.inner_values, 1, ground.data.inputs, fixed)
    return Start(system, seen.times[good], p[good] / factor[0][good], float(score + 2.0 * (k >= 0) * np.log(len(p))))


def with_hidden(nodes: Array, times: Array, start: Start) -> Array:
    """Return states (S, d + 1) at the beginnings of stretches: those measured (S, d), and z of the start there."""
    order = np.argsort(start.times, kind="stable")
    return np.column_stack([nodes, np.interp(times, start.times[order], start.values[order])])
