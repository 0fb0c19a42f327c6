"""Least squares of what the equations leave in one slab, by Gauss-Newton steps, and how large its errors are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde._band import Band
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._slab import Slab, radau
from edgewise.pde._space import Space

_CELL_POINTS = 4  # Gauss points of a cell, of each time
_STEPS = 15
_GAIN = 1e-6  # of the cost: a step that gains less was the last
_SMALL = 1e-12  # of a component's size: steps that are smaller were the last
_WORSE = 1e3  # times the cost before: the slab is too long


@dataclass(frozen=True)
class Solved:
    """A slab, and estimates of its errors relative to the components' sizes: of the splines, and of the polynomials.

    The former is what is left of the equations over the size that their terms would have if the components had errors
    of their own size that change from cell to cell; the latter what the polynomials' last coefficients let expect of
    the next. A fit that did not converge has infinite ones.
    """

    slab: Slab
    by_space: float
    by_time: float
    steps: int


class SlabSolver:
    """Solves the slabs of one space: least squares at Gauss points of every cell and Radau points of time.

    Conditions at the ends of space hold exactly at those times, by Lagrange multipliers.
    """

    def __init__(self, evolution: Evolution, space: Space, terms: int) -> None:
        self.evolution, self.space, self.terms = evolution, space, terms
        self.x, self.weights = space.gauss(_CELL_POINTS)
        self.tau, self.times = radau(terms)
        self.width = len(evolution.components) * terms
        places = sorted({a for _, a, _ in evolution.parts})
        self.local = {a: torch.from_numpy(space.local(self.x, a)) for a in places}
        self.matrices = {a: space.matrix(self.x, a) for a in places}
        self.sides = [(condition, end, evolution.read(condition)) for condition, end in evolution.sides]

    def solve(self, begins: Array, begin: float, length: float, sizes: Array) -> Solved:
        """Return the slab that begins with (functions, components); `sizes` are those of the components."""
        inner = np.zeros((*begins.shape, self.terms))
        slab = Slab(begin, length, self.space, begins, inner, self.evolution.changing)
        left, slopes = self._left(slab, self.tau)
        cost = self._cost(left)
        for taken in range(1, _STEPS + 1):
            step = self._step(slab, left, slopes)
            if step is None or not np.isfinite(step).all():
                return Solved(slab, math.inf, math.inf, taken)
            slab = replace(slab, inner=slab.inner - step)
            left, slopes = self._left(slab, self.tau)
            before, cost = cost, self._cost(left)
            if not math.isfinite(cost) or (taken > 1 and cost > _WORSE * max(before, 1e-20)):
                return Solved(slab, math.inf, math.inf, taken)
            small = bool((np.abs(step).max(axis=(0, 2)) <= _SMALL * sizes).all())
            if (taken > 1 and abs(before - cost) <= _GAIN * cost) or small:
                break
        sizes = np.maximum(sizes, slab.sizes)  # components that grew in the slab count with what they have become
        return Solved(slab, self._by_space(slab, left, slopes, sizes), _by_time(slab, sizes), taken)

    @cached_property
    def _root(self) -> Tensor:
        """Roots of the weights of all points, (places, times)."""
        return torch.from_numpy(np.sqrt(self.weights[:, None] * self.times))

    def _cost(self, left: Tensor) -> float:
        return float((left * self._root).square().sum())

    def _by_space(self, slab: Slab, left: Tensor, slopes: dict[Part, Tensor], sizes: Array) -> float:
        """What is left over what a change of the components' sizes from cell to cell would leave."""
        waves = math.pi / np.diff(self.space.cells).repeat(_CELL_POINTS)
        rough = torch.full_like(left, 1e-300)
        for (c, a, b), slope in slopes.items():
            rough += slope.abs() * (sizes[c] / slab.length**b) * torch.from_numpy(waves**a)[:, None]
        shares = torch.from_numpy(self.weights[:, None] / self.weights.sum() * self.times)
        return math.sqrt(float(((left / rough).square() * shares).sum((1, 2)).max()))

    def _left(self, slab: Slab, tau: Array) -> tuple[Tensor, dict[Part, Tensor]]:
        """What the equations leave, (equations, places, times), and its derivatives by the parts."""
        values = {}
        for c, b in {(c, b) for c, _, b in self.evolution.parts}:
            own = slab.coefficients(c, tau, b)
            for a, matrix in self.matrices.items():
                if (c, a, b) in self.evolution.parts:
                    values[c, a, b] = torch.from_numpy(matrix @ own).flatten()
        x = torch.from_numpy(self.x).repeat_interleave(len(tau))
        t = torch.from_numpy(slab.begin + slab.length * tau).repeat(len(self.x))
        left, slopes = self.evolution.inside(values, t, x)
        shape = (len(left), len(self.x), len(tau))
        return left.reshape(shape), {part: slope.reshape(shape) for part, slope in slopes.items()}

    def _step(self, slab: Slab, left: Tensor, slopes: dict[Part, Tensor]) -> Array | None:
        """The Gauss-Newton step from a slab, to be subtracted: shaped like its coefficients."""
        cells, size = len(self.space.cells) - 1, (self.space.degree + 1) * self.width
        normal = torch.zeros(cells, size, size, dtype=torch.float64)
        right = torch.zeros(cells, size, 1, dtype=torch.float64)
        for e in range(len(left)):
            rows = self._rows(e, slopes, slab).reshape(cells, -1, size)
            normal.baddbmm_(rows.mT, rows)
            right.baddbmm_(rows.mT, (left[e] * self._root).reshape(cells, -1, 1))
        band = Band(self.space, self.width)
        found = band.solved(normal.numpy(), right[..., 0].numpy(), *self._constraints(slab))
        return None if found is None else found.reshape(slab.inner.shape)

    def _rows(self, e: int, slopes: dict[Part, Tensor], slab: Slab) -> Tensor:
        """Derivatives of a weighted equation by its cell's functions: (places, times, functions, components, M)."""
        k1, count = self.space.degree + 1, len(self.evolution.components)
        places, times = self._root.shape
        by_time: dict[tuple[int, int], Tensor] = {}  # (component, order by time) -> (times, places, functions)
        for (c, a, b), slope in slopes.items():
            part = (slope[e] * self._root).T[:, :, None] * self.local[a]
            by_time[c, b] = by_time[c, b] + part if (c, b) in by_time else part
        rows = torch.zeros(places, times, k1, count, self.terms, dtype=torch.float64)
        for c in range(count):
            orders = [b for own, b in by_time if own == c]
            if orders:
                parts = torch.stack([by_time[c, b] for b in orders], -1).reshape(times, -1, len(orders))
                shapes = np.stack([slab.shapes(c, self.tau, b) for b in orders], 1)  # (times, orders, M)
                made = (parts @ torch.from_numpy(shapes)).reshape(times, places, k1, self.terms)
                rows[:, :, :, c] = made.transpose(0, 1)
        return rows

    def _constraints(self, slab: Slab) -> tuple[Array, Array]:
        """What the conditions at the ends of space leave, (C,), and its derivatives (C, functions * width)."""
        lefts, rows = [np.zeros(0)], [np.zeros((0, len(self.space) * self.width))]
        for condition, end, parts in self.sides:
            place = np.array([end])
            functions = {a: self.space.matrix(place, a).toarray()[0] for _, a, _ in parts}
            values = {
                (c, a, b): torch.from_numpy(functions[a] @ slab.coefficients(c, self.tau, b)) for c, a, b in parts
            }
            t = torch.from_numpy(slab.begin + slab.length * self.tau)
            left, slopes = self.evolution.left(condition.residual, values, t, torch.full_like(t, end))
            for e in range(len(left)):
                row = np.zeros((len(self.tau), *slab.inner.shape))
                for (c, a, b), slope in slopes.items():
                    shapes = slope[e].numpy()[:, None] * slab.shapes(c, self.tau, b)
                    row[:, :, c] += functions[a][:, None] * shapes[:, None, :]
                rows.append(row.reshape(len(self.tau), -1))
                lefts.append(left[e].numpy())
        return np.concatenate(lefts), np.concatenate(rows)


def _by_time(slab: Slab, sizes: Array) -> float:
    """The size of the polynomials' terms that were left out, from how the last ones fall, over the components'."""
    x, weights = slab.space.gauss(2)
    functions, count, terms = slab.inner.shape
    values = (slab.space.matrix(x) @ slab.inner.reshape(functions, -1)).reshape(len(x), count, terms)
    found = np.sqrt(np.einsum("n,ncm->cm", weights / weights.sum(), values**2)) / sizes[:, None]
    last, before = found[:, -2:].max(1), found[:, -4:-2].max(1)
    return float((last * np.minimum(1.0, np.sqrt(last / np.maximum(before, 1e-300)))).max())
