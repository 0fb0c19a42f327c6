"""The stages of one slab in one coordinate of space, by least squares for every mode of time."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde.marching._evolution import Evolution, Part, pairs
from edgewise.pde.marching._settings import LINE_STEPS
from edgewise.pde.marching._slab import Slab, Solved, stages
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products
from edgewise.pde.splines._systems import Band


class SlabSolver:
    """Solves the slabs of one space: what the equations leave vanishes at Radau points of time, as far as splines can.

    With the equations' derivatives at their mean over the slab, the modes of Radau's method do not depend on each
    other: each has a banded system of least squares, at Gauss points of every cell. Steps with it take what is left of
    the equations as they are, so that they end where nothing is left that the splines could mend. Conditions at the
    ends of space hold exactly at those times, by Lagrange multipliers.
    """

    def __init__(self, evolution: Evolution, products: Products, terms: int) -> None:
        self.evolution, self.products, self.terms = evolution, products, terms
        (space,) = products.lines
        self.space = space
        self.x, self.weights = space.gauss(LINE_STEPS.gauss)
        self.tau, self.times = radau(terms)
        self.band = Band(space, len(evolution.components))
        places = sorted({a for _, a, _ in evolution.parts})
        self.matrices = {a: space.matrix(self.x, *a) for a in places}
        self.local = {a: torch.from_numpy(matrix.data.reshape(len(self.x), -1)) for a, matrix in self.matrices.items()}
        self.sides = [(side.condition, side.end, evolution.read(side.condition)) for side in evolution.ends]
        asked = {(end, a) for _, end, parts in self.sides for _, a, _ in parts}
        self.ends = {(end, a): space.at(end, *a) for end, a in asked}

    def solve(self, begins: Array, begin: float, length: float, sizes: Array, accuracy: float) -> Solved:
        """Return the slab that begins with (functions, components); `sizes` are those of the components."""
        inner = np.zeros((*begins.shape, self.terms))
        slab = Slab(begin, length, self.products, begins, inner, self.evolution.changing)
        before = math.inf
        for taken in range(1, LINE_STEPS.steps + 1):
            left, slopes = self._left(slab, self.tau)
            step = self._step(slab, left, slopes)
            if step is None or not np.isfinite(step).all():
                return Solved(slab, math.inf, taken, math.inf)
            slab = replace(slab, inner=slab.inner - step)
            size = float((np.abs(step).max(axis=(0, 2)) / np.maximum(sizes, slab.sizes)).max())
            fall = size / before if taken > 2 else 0.0
            if size <= LINE_STEPS.small or (taken > 1 and size * max(fall, 1e-3) <= LINE_STEPS.enough * accuracy):
                break
            if (fall > LINE_STEPS.slow and size > LINE_STEPS.rounding) or taken == LINE_STEPS.steps:
                return Solved(slab, math.inf, taken, math.inf)
            before = size
        left, slopes = self._left(slab, self.tau)
        sizes = np.maximum(sizes, slab.sizes)  # components that grew in the slab count with what they have become
        return Solved(slab, slab.left_out(sizes, 2), taken, self._by_space(slab, left, slopes, sizes))

    @cached_property
    def _root(self) -> Tensor:
        """Roots of the weights of all places."""
        return torch.from_numpy(np.sqrt(self.weights))

    @cached_property
    def _share(self) -> Tensor:
        """Shares of the times, which add up to one."""
        return torch.from_numpy(self.times / self.times.sum())

    def _by_space(self, slab: Slab, left: Tensor, slopes: dict[Part, Tensor], sizes: Array) -> float:
        """What is left over what a change of the components' sizes from cell to cell would leave."""
        waves = math.pi / np.diff(self.space.cells).repeat(LINE_STEPS.gauss)
        rough = torch.full_like(left, 1e-300)
        for (c, a, b), slope in slopes.items():
            rough += slope.abs() * (sizes[c] / slab.length**b) * torch.from_numpy(waves ** sum(a))[:, None]
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
        times = slab.begin + slab.length * tau
        left, slopes = self.evolution.inside(values, *pairs(torch.from_numpy(self.x), times))
        shape = (len(left), len(self.x), len(tau))
        return left.reshape(shape), {part: slope.reshape(shape) for part, slope in slopes.items()}

    def _step(self, slab: Slab, left: Tensor, slopes: dict[Part, Tensor]) -> Array | None:
        """The step from a slab, to be subtracted: shaped like its coefficients.

        The equations' derivatives are taken at their mean over the slab, so that each mode of time has a system of its
        own, as large as the space alone.
        """
        modes, ends = stages(self.terms), self._constraints(slab)
        squares, rights = self._normal(left, slopes, self._weights(slab.length, len(left)))
        change = np.zeros((*slab.inner.shape[:2], len(modes.rates)), dtype=complex)
        for i, rate in enumerate(modes.rates / slab.length):
            rows = np.zeros((len(ends), *slab.inner.shape[:2]), dtype=complex)
            for row, (_, end, by) in zip(rows, ends, strict=True):
                for (c, a, b), slope in by.items():
                    row[:, c] += slope * rate**b * self.ends[end, a]
            off = np.array([modes.into[i] @ part for part, _, _ in ends])
            mixed = rate * squares[0, 1] + rate.conjugate() * squares[1, 0]
            blocks = squares[0, 0] + mixed + abs(rate) ** 2 * squares[1, 1]
            found = self.band.solved(blocks, rights[:, 0, :, i] + rate.conjugate() * rights[:, 1, :, i], off, rows)
            if found is None:
                return None
            change[..., i] = found
        return modes.inner(np.real(change @ modes.back.T), self.evolution.changing)

    def _weights(self, length: float, equations: int) -> Tensor:
        """Weights of the equations: v - u.t = 0 counts as much as the equation of v.t, which has faster rates."""
        rate = self.terms / length
        links = [rate ** (order - 1 - j) for order in self.evolution.orders for j in range(order - 1)]
        return torch.tensor([1.0] * (equations - len(links)) + links, dtype=torch.float64)

    def _normal(self, left: Tensor, slopes: dict[Part, Tensor], each: Tensor) -> tuple[Array, Array]:
        """The products of the functions' parts without (0) and with (1) a derivative by time, as blocks of a band.

        And those of the parts with what is left of each mode: (functions, 2, components, modes). `each` weighs the
        equations.
        """
        cells, count, k1 = len(self.space.cells) - 1, len(self.evolution.components), self.space.degree + 1
        equations, places, _ = left.shape
        rows, root = torch.zeros(2, count, equations, places, k1, dtype=torch.float64), each[:, None] * self._root
        for (c, a, b), slope in slopes.items():
            rows[b, c] += ((slope @ self._share) * root)[..., None] * self.local[a]
        own = rows.reshape(2, count, equations, cells, LINE_STEPS.gauss, k1).permute(3, 2, 4, 5, 0, 1)
        own = own.reshape(cells, equations * LINE_STEPS.gauss, -1)
        into = torch.from_numpy(stages(self.terms).into.T)
        parts = left * root[..., None] @ torch.cat([into.real, into.imag], 1)
        parts = parts.reshape(equations, cells, LINE_STEPS.gauss, -1).transpose(0, 1).flatten(1, 2)
        squares = self.band.gathered((own.mT @ own).reshape(cells, k1, 2 * count, k1, 2 * count).numpy())
        squares = squares.reshape(*squares.shape[:2], 2, count, 2, count).transpose(2, 4, 0, 1, 3, 5)
        real, imaginary = np.split((own.mT @ parts).reshape(cells, k1, 2, count, -1).numpy(), 2, axis=-1)
        return np.ascontiguousarray(squares), self.band.summed(real + 1j * imaginary)

    def _constraints(self, slab: Slab) -> list[tuple[Array, float, dict[Part, float]]]:
        """What each condition at an end of space leaves at the Radau times, and its mean derivatives by the parts."""
        found = []
        for condition, end, parts in self.sides:
            values = {
                (c, a, b): torch.from_numpy(self.ends[end, a] @ slab.coefficients(c, self.tau, b)) for c, a, b in parts
            }
            t = torch.from_numpy(slab.begin + slab.length * self.tau)
            left, slopes = self.evolution.left(condition.equation, values, t, torch.full_like(t, end))
            for e in range(len(left)):
                found.append(
                    (left[e].numpy(), end, {part: float(slope[e] @ self._share) for part, slope in slopes.items()})
                )
        return found
