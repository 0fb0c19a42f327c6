"""Splines of one coordinate: on knots of any place, with free ends or periodic, and where their cells should be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import solveh_banded
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from edgewise._typing import Array

_RANGE = 0.7  # of a cell's density of knots, which its neighbors have at least
_SMOOTHINGS = 3
_FINE = 8  # points of a cell at which densities are integrated


@dataclass(frozen=True)
class Space:
    """Splines of some degree on cells x_0 < ... < x_n, n + degree of them, or n that have the cells' length as period.

    >>> space = Space(np.linspace(0, 1, 5), 3)
    >>> len(space), Space(np.linspace(0, 1, 5), 3, periodic=True).matrix(np.array([0.5])).shape
    (7, (1, 4))
    """

    cells: Array
    degree: int
    periodic: bool = False

    def __len__(self) -> int:
        return len(self.cells) - 1 + (0 if self.periodic else self.degree)

    @cached_property
    def knots(self) -> Array:
        k, cells = self.degree, self.cells
        if self.periodic:
            period = cells[-1] - cells[0]
            return np.concatenate([cells[-k - 1 : -1] - period, cells, cells[1 : k + 1] + period])
        return np.concatenate([np.repeat(cells[0], k), cells, np.repeat(cells[-1], k)])

    def cell_of(self, x: Array) -> Array:
        return np.clip(np.searchsorted(self.cells, x, side="right") - 1, 0, len(self.cells) - 2)

    def index(self, cell: Array) -> Array:
        """The functions that are not zero in some cells, (n, degree + 1)."""
        found = cell[:, None] + np.arange(self.degree + 1)
        return found % len(self) if self.periodic else found

    def local(self, x: Array, order: int = 0) -> Array:
        """The functions that are not zero at points, or their derivatives: (n, degree + 1), by de Boor's recurrence."""
        k, near = self.degree, self.cell_of(x)[:, None] + np.arange(1, 2 * self.degree + 1)
        knots, x = self.knots[near], x[:, None]
        values = np.ones((len(x), 1)) if order <= k else np.zeros((len(x), 1))
        for d in range(1, k + 1):
            left, right, new = knots[:, k - d : k], knots[:, k : k + d], np.zeros((len(x), d + 1))
            shares = values / (right - left)
            new[:, :-1] = shares * (right - x if d <= k - order else -d)
            new[:, 1:] += shares * (x - left if d <= k - order else d)
            values = new
        return values

    def matrix(self, x: Array, order: int = 0) -> csr_matrix:
        """Values of all functions, or derivatives, at points: (n, len(self))."""
        found, columns = self.local(x, order), self.index(self.cell_of(x))
        starts = np.arange(0, found.size + 1, self.degree + 1)
        return csr_matrix((found.ravel(), columns.ravel(), starts), (len(x), len(self)))

    def gauss(self, count: int) -> tuple[Array, Array]:
        """Gauss points of every cell, and their weights, each (cells * count,)."""
        nodes, weights = legendre.leggauss(count)
        low, half = self.cells[:-1, None], np.diff(self.cells)[:, None] / 2
        return (low + half * (1 + nodes)).ravel(), (half * weights).ravel()

    def project(self, values: Array, x: Array, weights: Array) -> Array:
        """The coefficients (len(self), m) nearest to values (n, m) at points, by weighted least squares."""
        matrix = self.matrix(x)
        normal = (matrix.T @ matrix.multiply(weights[:, None])).tocsc()
        right = matrix.T @ (weights[:, None] * values)
        if self.periodic:
            return splu(normal).solve(right)
        band = np.stack([np.pad(normal.diagonal(-d), (0, d)) for d in range(self.degree + 1)])
        return solveh_banded(band, right, lower=True)

    def split(self) -> Space:
        """The space with every cell halved."""
        middles = (self.cells[1:] + self.cells[:-1]) / 2
        return Space(np.sort(np.concatenate([self.cells, middles])), self.degree, self.periodic)

    def density(self, coefficients: Array) -> Array:
        """How densely knots should lie in each cell, for each column of coefficients (len(self), m): (cells, m).

        The (degree + 1)-th root of the highest derivative's jump, de Boor's rule: with knots of that density each cell
        has as large an error as any other.
        """
        middle = (self.cells[1:] + self.cells[:-1]) / 2
        highest = self.matrix(middle, self.degree) @ coefficients
        if self.periodic:
            gap = np.diff(np.append(middle, middle[0] + self.cells[-1] - self.cells[0]))
            jumps = np.abs(np.diff(np.vstack([highest, highest[:1]]), axis=0)) / gap[:, None]
            left, right = np.roll(jumps, 1, axis=0), jumps
        else:
            jumps = np.abs(np.diff(highest, axis=0)) / np.diff(middle)[:, None]
            left, right = np.vstack([jumps[:1], jumps]), np.vstack([jumps, jumps[-1:]])
        return np.maximum(left, right) ** (1 / (self.degree + 1))

    def moved(self, density: Array, count: int, floor: float) -> Space:
        """The space with `count` cells of equal shares of a density (cells,), to which `floor` of its mean is added."""
        ends = "wrap" if self.periodic else "edge"
        for _ in range(2):  # a sharp layer keeps its neighborhood
            around = np.pad(density, 1, mode=ends)
            density = np.maximum(density, _RANGE * np.maximum(around[2:], around[:-2]))
        fine = np.concatenate([low + (high - low) * np.arange(_FINE) / _FINE for low, high in self._pairs()])
        fine = np.append(fine, self.cells[-1])
        middle = (self.cells[1:] + self.cells[:-1]) / 2
        period = self.cells[-1] - self.cells[0] if self.periodic else None
        shares = np.interp(fine, middle, density, period=period)
        mean = np.trapezoid(shares, fine) / (fine[-1] - fine[0])
        shares = shares / max(mean, 1e-300) + floor
        for _ in range(_SMOOTHINGS):
            shares = np.convolve(np.pad(shares, 2, mode=ends), np.full(5, 0.2), "valid")
        reached = np.concatenate([[0.0], np.cumsum((shares[1:] + shares[:-1]) / 2 * np.diff(fine))])
        cells = np.interp(np.linspace(0, reached[-1], count + 1), reached, fine)
        cells[0], cells[-1] = self.cells[0], self.cells[-1]
        return Space(cells, self.degree, self.periodic)

    def _pairs(self) -> list[tuple[float, float]]:
        return list(zip(self.cells[:-1], self.cells[1:], strict=True))
