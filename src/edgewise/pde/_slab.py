"""One slab of time: the components as sums of products of a spline in space and a polynomial in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.polynomial import legendre

from edgewise._typing import Array
from edgewise.pde._evolution import Part
from edgewise.pde._space import Space

_MANY = 64  # times whose polynomials are not kept


@dataclass(frozen=True)
class Slab:
    """The components from `begin` to `begin + length`, with tau = (t - begin) / length:

    u_c(x, t) = a_c(x) + sum_m f_cm(x) tau P_m(2 tau - 1),   P_m Legendre's polynomials

    with splines a_c and f_cm; without a_c and the factor tau for a component that begins with nothing.

    begins: coefficients of a_c, (functions, components). inner: of f_cm, (functions, components, M). changing: whether
    each component begins with something.
    """

    begin: float
    length: float
    space: Space
    begins: Array
    inner: Array
    changing: tuple[bool, ...]

    @property
    def end(self) -> float:
        return self.begin + self.length

    @cached_property
    def ends(self) -> Array:
        """What the next slab begins with, (functions, components)."""
        one = np.ones(1)
        parts = [self.coefficients(c, one)[:, 0] if own else self.begins[:, c] for c, own in enumerate(self.changing)]
        return np.stack(parts, 1)

    @cached_property
    def sizes(self) -> Array:
        """The roots of the mean squares of the components, each the larger of the slab's middle and end."""
        x, weights = self.space.gauss(2)
        matrix, times = self.space.matrix(x), np.array([0.5, 1.0])
        values = np.stack([matrix @ self.coefficients(c, times) for c in range(len(self.changing))], -1)
        return np.sqrt((weights[:, None, None] / weights.sum() * values**2).sum(0)).max(0)

    def coefficients(self, c: int, tau: Array, order: int = 0) -> Array:
        """The spline of a component at times of the slab, or a derivative by time: (functions, times)."""
        found = self.inner[:, c] @ self.shapes(c, tau, order).T
        return found + self.begins[:, c, None] if self.changing[c] and order == 0 else found

    def shapes(self, c: int, tau: Array, order: int = 0) -> Array:
        """The polynomials of a component at times of the slab, or derivatives by time: (times, M)."""
        return polynomials(self.changing[c], self.inner.shape[2], tau, order) / self.length**order

    def derivative(self, part: Part, t: Array, x: Array) -> Array:
        """A derivative of a component at times and places, (times, places)."""
        c, a, b = part
        return (self.space.matrix(x, a) @ self.coefficients(c, (t - self.begin) / self.length, b)).T

    def scattered(self, part: Part, t: Array, x: Array) -> Array:
        """A derivative of a component at points, (n,) for t and x (n,)."""
        c, a, b = part
        local, index = self.space.local(x, a), self.space.index(self.space.cell_of(x))
        shapes = self.shapes(c, (t - self.begin) / self.length, b)
        found = np.einsum("nk,nkm,nm->n", local, self.inner[index, c], shapes)
        return found + (local * self.begins[index, c]).sum(1) if self.changing[c] and b == 0 else found


def on_grid(slabs: list[Slab], part: Part, t: Array, x: Array) -> Array:
    """A derivative of an unknown at all times and all places: (times, places)."""
    found = np.empty((len(t), len(x)))
    for slab, rows in by_slab(slabs, t):
        found[rows] = slab.derivative(part, t[rows], x)
    return found


def by_slab(slabs: list[Slab], t: Array) -> Iterator[tuple[Slab, Array]]:
    """Each slab with the rows of times that lie in it."""
    begins = np.array([slab.begin for slab in slabs])
    which = np.clip(np.searchsorted(begins, t, side="right") - 1, 0, len(slabs) - 1)
    for k in np.unique(which):
        yield slabs[k], np.flatnonzero(which == k)


@cache
def radau(count: int) -> tuple[Array, Array]:
    """Radau's points on [0, 1], the last of which is 1, and their weights."""
    series = np.zeros(count + 1)
    series[count], series[count - 1] = 1.0, -1.0
    found = np.sort(legendre.legroots(series).real)
    found[-1] = 1.0
    powers = legendre.legvander(found, count - 1).T
    weights = np.linalg.solve(powers, np.eye(count, 1)[:, 0] * 2) / 2
    return (found + 1) / 2, weights


def polynomials(changing: bool, terms: int, tau: Array, order: int = 0) -> Array:
    """tau P_m(2 tau - 1) for m < terms, or P_m where nothing begins, or a derivative by tau: (times, terms)."""
    times = tuple(tau.tolist())
    return _kept(changing, terms, times, order) if len(times) < _MANY else _made(changing, terms, tau, order)


@lru_cache(maxsize=200)
def _kept(changing: bool, terms: int, times: tuple[float, ...], order: int) -> Array:
    return _made(changing, terms, np.array(times), order)


def _made(changing: bool, terms: int, tau: Array, order: int) -> Array:
    found = np.zeros((len(tau), terms))
    for m in range(terms):
        series = np.zeros(m + 1)
        series[m] = 1.0
        slopes = [legendre.legval(2 * tau - 1, legendre.legder(series, d) * 2.0**d) for d in range(order + 1)]
        found[:, m] = slopes[order]
        if changing:
            found[:, m] = tau * slopes[order] + (order * slopes[order - 1] if order else 0.0)
    return found
