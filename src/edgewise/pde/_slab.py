"""One slab of time: the unknowns as sums of products of a spline in space and a polynomial in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.polynomial import legendre
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde._band import Band
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._space import Space

_CELL_POINTS = 4  # Gauss points of a cell, of each time
_FRESH_TIMES = 5
_STEPS = 15
_GAIN = 1e-6  # of the cost: a step that gains less was the last
_SMALL = 1e-12  # of the unknowns: a step that is smaller was the last
_WORSE = 1e3  # times the cost before: the slab is too long


@dataclass(frozen=True)
class Slab:
    """The unknowns from `begin` to `begin + length`, with tau = (t - begin) / length:

    u_v(x, t) = sum_j a_vj(x) (t - begin)^j / j!  +  sum_m f_vm(x) tau^s_v P_m(2 tau - 1),   P_m Legendre's polynomials

    with splines a_vj, of which each unknown has as many as its order s_v by time, and f_vm.

    starts: their coefficients, (functions,) for each unknown and j. inner: of f_vm, (functions, unknowns, M).
    """

    begin: float
    length: float
    space: Space
    starts: Sequence[Sequence[Array]]
    inner: Array

    @property
    def end(self) -> float:
        return self.begin + self.length

    def coefficients(self, v: int, tau: Array, order: int = 0) -> Array:
        """The spline of an unknown at times of the slab, or a derivative by time: (functions, times)."""
        own = self.starts[v]
        shapes = polynomials(len(own), self.inner.shape[2], tau, order) / self.length**order
        found = self.inner[:, v] @ shapes.T
        for j in range(order, len(own)):
            powers = (self.length * tau) ** (j - order) / math.factorial(j - order)
            found = found + own[j][:, None] * powers
        return found

    def ends(self) -> list[list[Array]]:
        """What the next slab begins with."""
        one = np.ones(1)
        return [[self.coefficients(v, one, j)[:, 0] for j in range(len(own))] for v, own in enumerate(self.starts)]

    def derivative(self, part: Part, t: Array, x: Array) -> Array:
        """A derivative of an unknown at times and places, (times, places)."""
        v, a, b = part
        tau = (t - self.begin) / self.length
        return (self.space.matrix(x, a) @ self.coefficients(v, tau, b)).T


@dataclass(frozen=True)
class Solved:
    """A slab and what is left of the equation: at the points of the fit, and at fresh times.

    A fit that did not converge leaves infinity.
    """

    slab: Slab
    left: float
    fresh: float
    steps: int

    @property
    def by_time(self) -> float:
        """What time alone leaves: space's share does not fall with the slab's length."""
        return math.sqrt(max(self.fresh**2 - 1.5 * self.left**2, 1e-30))


class Solver:
    """Solves the slabs of one space: least squares at Gauss points of every cell and Radau points of time.

    Conditions at the ends of space hold exactly at those times, by Lagrange multipliers.
    """

    def __init__(self, evolution: Evolution, space: Space, terms: int) -> None:
        self.evolution, self.space, self.terms = evolution, space, terms
        self.x, self.weights = space.gauss(_CELL_POINTS)
        self.tau, self.times = radau(terms)
        width = len(evolution.orders) * terms
        self.width = width
        places = sorted({a for _, a, _ in evolution.parts})
        self.local = {a: torch.from_numpy(space.local(self.x, a)) for a in places}
        self.matrices = {a: space.matrix(self.x, a) for a in places}
        self.sides = [(condition, end, evolution.read(condition)) for condition, end in evolution.sides]

    @cached_property
    def root(self) -> Tensor:
        """Roots of the weights of all points, (places, times)."""
        return torch.from_numpy(np.sqrt(self.weights[:, None] * self.times))

    def solve(self, starts: Sequence[Sequence[Array]], begin: float, length: float, guess: Array | None = None) -> Solved:
        """Return the slab that begins so; `guess` are coefficients like those of `Slab.inner`."""
        shape = (len(self.space), len(self.evolution.orders), self.terms)
        slab = Slab(begin, length, self.space, starts, np.zeros(shape) if guess is None else guess)
        size = max([float(np.abs(part).max()) for own in starts for part in own] or [1.0])
        failed = Solved(slab, math.inf, math.inf, 0)
        left, slopes = self._left(slab, self.tau)
        cost = self._cost(left)
        for taken in range(1, _STEPS + 1):
            step = self._step(slab, left, slopes)
            if step is None or not np.isfinite(step).all():
                return failed
            slab = Slab(begin, length, self.space, starts, slab.inner - step)
            left, slopes = self._left(slab, self.tau)
            before, cost = cost, self._cost(left)
            if not math.isfinite(cost) or cost > _WORSE * max(before, 1e-20):
                return failed
            if taken > 1 and abs(before - cost) <= _GAIN * cost or np.abs(step).max() <= _SMALL * size:
                break
        whole = self.weights.sum()
        fresh, _ = self._left(slab, (np.arange(_FRESH_TIMES) + 0.5) / _FRESH_TIMES)
        mean = float((fresh.square() * torch.from_numpy(self.weights)[:, None]).sum()) / _FRESH_TIMES / whole
        return Solved(slab, math.sqrt(cost / whole), math.sqrt(mean), taken)

    def _cost(self, left: Tensor) -> float:
        return float((left * self.root).square().sum())

    def _left(self, slab: Slab, tau: Array) -> tuple[Tensor, dict[Part, Tensor]]:
        """What the equation leaves, (equations, places, times), and its derivatives by the parts."""
        values = {}
        for v, b in {(v, b) for v, _, b in self.evolution.parts}:
            own = slab.coefficients(v, tau, b)
            for a in self.matrices:
                if (v, a, b) in self.evolution.parts:
                    values[v, a, b] = torch.from_numpy(self.matrices[a] @ own).flatten()
        x = torch.from_numpy(self.x).repeat_interleave(len(tau))
        t = torch.from_numpy(slab.begin + slab.length * tau).repeat(len(self.x))
        left, slopes = self.evolution.left(self.evolution.problem.residual, values, t, x)
        shape = (len(left), len(self.x), len(tau))
        return left.reshape(shape), {part: slope.reshape(shape) for part, slope in slopes.items()}

    def _step(self, slab: Slab, left: Tensor, slopes: dict[Part, Tensor]) -> Array | None:
        """The Gauss-Newton step from a slab, to be subtracted: shaped like its coefficients."""
        cells, k1 = len(self.space.cells) - 1, self.space.degree + 1
        size = k1 * self.width
        normal = torch.zeros(cells, size, size, dtype=torch.float64)
        right = torch.zeros(cells, size, 1, dtype=torch.float64)
        for e in range(len(left)):
            blocks = self._rows(e, slopes, slab.length).reshape(cells, -1, size)
            normal.baddbmm_(blocks.mT, blocks)
            right.baddbmm_(blocks.mT, (left[e] * self.root).reshape(cells, -1, 1))
        band = Band(self.space, self.width)
        found = band.solved(normal.numpy(), right[..., 0].numpy(), *self._constraints(slab))
        return None if found is None else found.reshape(slab.inner.shape)

    def _rows(self, e: int, slopes: dict[Part, Tensor], length: float) -> Tensor:
        """Derivatives of a weighted equation by the functions of its cell: (places, times, functions, unknowns, M)."""
        k1, unknowns = self.space.degree + 1, len(self.evolution.orders)
        places, times = self.root.shape
        by_time: dict[tuple[int, int], Tensor] = {}  # (unknown, order by time) -> (times, places, functions)
        for (v, a, b), slope in slopes.items():
            part = (slope[e] * self.root).T[:, :, None] * self.local[a]
            by_time[v, b] = by_time[v, b] + part if (v, b) in by_time else part
        rows = torch.zeros(places, times, k1, unknowns, self.terms, dtype=torch.float64)
        for v in range(unknowns):
            orders = [b for w, b in by_time if w == v]
            if orders:
                parts = torch.stack([by_time[v, b] for b in orders], -1).reshape(times, -1, len(orders))
                shapes = np.stack([self._shapes(v, b, length) for b in orders], 1)  # (times, orders, M)
                made = (parts @ torch.from_numpy(shapes)).reshape(times, places, k1, self.terms)
                rows[:, :, :, v] = made.transpose(0, 1)
        return rows

    def _constraints(self, slab: Slab) -> tuple[Array, Array]:
        """What the conditions at the ends of space leave, (C,), and its derivatives (C, functions * width)."""
        lefts, rows = [], []
        for condition, end, parts in self.sides:
            place = np.array([end])
            values = {}
            for v, a, b in parts:
                values[v, a, b] = torch.from_numpy((self.space.matrix(place, a) @ slab.coefficients(v, self.tau, b))[0])
            t = torch.from_numpy(slab.begin + slab.length * self.tau)
            left, slopes = self.evolution.left(condition.residual, values, t, torch.full_like(t, end))
            for e in range(len(left)):
                row = np.zeros((len(self.tau), len(self.space), len(self.evolution.orders), self.terms))
                for (v, a, b), slope in slopes.items():
                    shapes = slope[e].numpy()[:, None] * self._shapes(v, b, slab.length)
                    row[:, :, v] += self.space.matrix(place, a).toarray()[0][None, :, None] * shapes[:, None, :]
                rows.append(row.reshape(len(self.tau), -1))
                lefts.append(left[e].numpy())
        if not rows:
            return np.zeros(0), np.zeros((0, len(self.space) * self.width))
        return np.concatenate(lefts), np.concatenate(rows)

    def _shapes(self, v: int, order: int, length: float) -> Array:
        return polynomials(self.evolution.orders[v], self.terms, self.tau, order) / length**order


@lru_cache(maxsize=None)
def radau(count: int) -> tuple[Array, Array]:
    """Radau's points on [0, 1], the last of which is 1, and their weights."""
    series = np.zeros(count + 1)
    series[count], series[count - 1] = 1.0, -1.0
    found = np.sort(legendre.legroots(series).real)
    found[-1] = 1.0
    powers = legendre.legvander(found, count - 1).T
    weights = np.linalg.solve(powers, np.eye(count, 1)[:, 0] * 2) / 2
    return (found + 1) / 2, weights


def polynomials(order: int, terms: int, tau: Array, derivative: int = 0) -> Array:
    """tau^order P_m(2 tau - 1) for m < terms, or a derivative by tau: (times, terms)."""
    return _polynomials(order, terms, tuple(tau.tolist()), derivative)


@lru_cache(maxsize=200)
def _polynomials(order: int, terms: int, times: tuple[float, ...], derivative: int) -> Array:
    tau = np.array(times)
    found = np.zeros((len(tau), terms))
    for m in range(terms):
        series = np.zeros(m + 1)
        series[m] = 1.0
        for j in range(min(derivative, order) + 1):  # Leibniz's rule: j derivatives of the power
            rest = legendre.legder(series, derivative - j) * 2.0 ** (derivative - j)
            power = math.perm(order, j) * tau ** (order - j)
            found[:, m] += math.comb(derivative, j) * power * legendre.legval(2 * tau - 1, rest)
    return found
