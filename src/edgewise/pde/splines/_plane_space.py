"""Products of splines of two coordinates: how they are evaluated, projected to, and where their cells should be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from edgewise._typing import Array
from edgewise.pde.splines._space import Space

_SAMPLES = 2  # Gauss points of a cell of the other coordinate, at which splines are judged


@dataclass(frozen=True)
class PlaneSpace:
    """All products of a spline of x and a spline of y; the function of i and j is number i * len(y) + j.

    Points are (n, 2), and orders of derivatives pairs.

    >>> line = Space(np.linspace(0, 1, 5), 3)
    >>> plane = PlaneSpace(line, Space(np.linspace(0, 2, 7), 3, periodic=True))
    >>> len(plane), plane.matrix(np.array([[0.5, 0.1]]), (1, 0)).shape
    (42, (1, 42))
    """

    x: Space
    y: Space

    def __len__(self) -> int:
        return len(self.x) * len(self.y)

    @property
    def both(self) -> tuple[Space, Space]:
        return self.x, self.y

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x), len(self.y)

    @property
    def size(self) -> int:
        """The number of cells."""
        return (len(self.x.cells) - 1) * (len(self.y.cells) - 1)

    def cell_of(self, points: Array) -> Array:
        return np.stack([space.cell_of(points[:, k]) for k, space in enumerate(self.both)], 1)

    def index(self, cell: Array) -> Array:
        """The functions that are not zero in cells (n, 2): (n, functions)."""
        one, two = self.x.index(cell[:, 0]), self.y.index(cell[:, 1])
        return (one[:, :, None] * len(self.y) + two[:, None, :]).reshape(len(cell), -1)

    def local(self, points: Array, order: tuple[int, int] = (0, 0)) -> Array:
        """The functions that are not zero at points, or their derivatives: (n, functions)."""
        one, two = (space.local(points[:, k], order[k]) for k, space in enumerate(self.both))
        return (one[:, :, None] * two[:, None, :]).reshape(len(points), -1)

    def matrix(self, points: Array, order: tuple[int, int] = (0, 0)) -> csr_matrix:
        """Values of all functions, or derivatives, at points: (n, len(self))."""
        found, columns = self.local(points, order), self.index(self.cell_of(points))
        starts = np.arange(0, found.size + 1, found.shape[1])
        return csr_matrix((found.ravel(), columns.ravel(), starts), (len(points), len(self)))

    def gauss(self, count: int) -> tuple[Array, Array]:
        """Gauss points of every cell (n, 2), and their weights (n,)."""
        (x, one), (y, two) = self.x.gauss(count), self.y.gauss(count)
        return lattice(x, y), np.outer(one, two).ravel()

    def project(self, values: Array, count: int) -> Array:
        """The coefficients (len(self), m) nearest to values (n, m) at the Gauss points of that count."""
        (x, one), (y, two) = self.x.gauss(count), self.y.gauss(count)
        columns = values.shape[1]
        found = self.x.project(values.reshape(len(x), -1), x, one).reshape(len(self.x), len(y), columns)
        found = self.y.project(found.transpose(1, 0, 2).reshape(len(y), -1), y, two)
        return found.reshape(len(self.y), len(self.x), columns).transpose(1, 0, 2).reshape(-1, columns)

    def values(self, coefficients: Array, x: Array, y: Array) -> Array:
        """Splines (len(self), m) at the points of a lattice: (n, m)."""
        grid = coefficients.reshape(*self.shape, -1)
        found = self.x.matrix(x) @ grid.reshape(len(self.x), -1)
        found = found.reshape(len(x), len(self.y), -1).transpose(1, 0, 2).reshape(len(self.y), -1)
        return (self.y.matrix(y) @ found).reshape(len(y), len(x), -1).transpose(1, 0, 2).reshape(len(x) * len(y), -1)

    def highest(self, coefficients: Array) -> tuple[Array, Array]:
        """Sizes of the derivative of order degree + 1 by each coordinate, per cell: (cells, m) of each.

        Root mean squares over the other coordinate, of splines (len(self), m).
        """
        grid = coefficients.reshape(*self.shape, -1)
        found = []
        for space, other, own in ((self.x, self.y, grid), (self.y, self.x, grid.transpose(1, 0, 2))):
            at, weights = other.gauss(_SAMPLES)
            lines = (other.matrix(at) @ own.transpose(1, 0, 2).reshape(len(other), -1)).reshape(len(at), len(space), -1)
            jumps = space.density(lines.transpose(1, 0, 2).reshape(len(space), -1)) ** (space.degree + 1)
            shares = weights / weights.sum()
            found.append(np.sqrt(np.einsum("cnm,n->cm", jumps.reshape(len(jumps), len(at), -1) ** 2, shares)))
        return found[0], found[1]

    def missed(self, highest: tuple[Array, Array]) -> tuple[float, float]:
        """What the cells of each coordinate cannot express, as the root mean square, the largest of the columns'."""
        found = []
        for space, derivative in zip(self.both, highest, strict=True):
            widths = np.diff(space.cells)
            errors = math.sqrt(2) * (widths / (2 * math.pi))[:, None] ** (space.degree + 1) * derivative
            found.append(float(np.sqrt((widths[:, None] / widths.sum() * errors**2).sum(0)).max()))
        return found[0], found[1]

    def moved(self, highest: tuple[Array, Array], counts: tuple[int, int], floor: float) -> PlaneSpace:
        """The space with cells of each coordinate as its derivatives ask for, or all alike if both are periodic."""
        alike = all(space.periodic for space in self.both)
        found = [
            space.moved((derivative ** (1 / (space.degree + 1))).max(1) * (not alike) + alike, count, floor)
            for space, derivative, count in zip(self.both, highest, counts, strict=True)
        ]
        return PlaneSpace(found[0], found[1])

    @cached_property
    def counts(self) -> tuple[int, int]:
        """The number of cells of each coordinate."""
        return len(self.x.cells) - 1, len(self.y.cells) - 1


def lattice(x: Array, y: Array) -> Array:
    """All pairs of places, (len(x) * len(y), 2), y the faster."""
    return np.stack([np.repeat(x, len(y)), np.tile(y, len(x))], 1)
