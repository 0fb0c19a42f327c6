"""Splines of one coordinate and products of such: values, projections, and where their cells should be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise, repeat

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import solveh_banded
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from edgewise._typing import Array


@dataclass(frozen=True)
class Space:
    """Splines of some degree on cells x_0 < ... < x_n, n + degree of them, or n that have the cells' length as period.

    An end of a cell that is repeated takes away a derivative each time. Knots at the ends of all cells are repeated
    `degree` times or, where they are `spread`, lie as far apart as those of the first and the last cell.

    >>> space = Space(np.linspace(0, 1, 5), 3)
    >>> len(space), Space(np.linspace(0, 1, 5), 3, periodic=True).matrix(np.array([0.5])).shape
    (7, (1, 4))
    """

    cells: Array
    degree: int
    periodic: bool = False
    spread: bool = False

    @property
    def count(self) -> int:
        """The number of cells."""
        return len(self.cells) - 1

    def __len__(self) -> int:
        return self.count + (0 if self.periodic else self.degree)

    @cached_property
    def knots(self) -> Array:
        k, cells = self.degree, self.cells
        if self.periodic:
            period = cells[-1] - cells[0]
            return np.concatenate([cells[-k - 1 : -1] - period, cells, cells[1 : k + 1] + period])
        steps = np.arange(1, k + 1) if self.spread else np.zeros(k)
        below = cells[0] - steps[::-1] * (cells[1] - cells[0])
        return np.concatenate([below, cells, cells[-1] + steps * (cells[-1] - cells[-2])])

    def cell_of(self, x: Array) -> Array:
        return np.clip(np.searchsorted(self.cells, x, side="right") - 1, 0, len(self.cells) - 2)

    def index(self, cell: Array) -> Array:
        """The functions that are not zero in some cells, (n, degree + 1)."""
        found = cell[:, None] + np.arange(self.degree + 1)
        return found % len(self) if self.periodic else found

    def local(self, x: Array, order: int = 0) -> Array:
        """The functions that are not zero at points, or their derivatives: (n, degree + 1)."""
        return self.derivatives(x, [order])[order]

    def derivatives(self, x: Array, orders: Iterable[int]) -> dict[int, Array]:
        """The same for several derivatives, by de Boor's recurrence."""
        k, found = self.degree, {order: np.zeros((len(x), self.degree + 1)) for order in orders}
        knots = self.knots[self.cell_of(x) + np.arange(1, 2 * k + 1)[:, None]]
        values = np.ones((1, len(x)))
        for d in range(k + 1):  # those of degree d, from which a derivative of order k - d goes on
            if d:
                values = _raised(values, knots[k - d : k], knots[k : k + d], x)
            if k - d in found:
                own = values
                for above in range(d + 1, k + 1):
                    own = _raised(own, knots[k - above : k], knots[k : k + above], None)
                found[k - d] = np.ascontiguousarray(own.T)
        return found

    def matrix(self, x: Array, order: int = 0) -> csr_matrix:
        """Values of all functions, or derivatives, at points: (n, len(self))."""
        return _rows_of(self.local(x, order), self.index(self.cell_of(x)), len(self))

    def at(self, x: float, order: int = 0) -> Array:
        """Values of all functions, or derivatives, at one point: (len(self),)."""
        return self.matrix(np.array([x]), order).toarray()[0]

    def opened(self, coefficients: Array) -> tuple[Array, Array]:
        """Distinct knots, and the coefficients of the same splines (len(self), m) with them: (count + degree, m).

        Knots at the ends lie as far apart as those of the first and the last cell, or of a period. A coefficient is the
        blossom of any of its pieces at the knots that its function has inside.

        Source: Ramshaw, Computer Aided Geometric Design 6 (1989).
        """
        k, n = self.degree, self.count
        if self.periodic:
            return self.knots, coefficients[np.arange(n + k) % n]
        spread = Space(self.cells, k, spread=True)
        found, widths = coefficients.copy(), np.diff(self.cells)
        for i in {*range(min(k, n + k)), *range(n, n + k)}:
            near = range(max(0, i - k), min(n, i + 1))  # the function's cells, of which the widest is the most exact
            cell = max(near, key=lambda c: widths[c])
            found[i] = self._blossom(cell, coefficients, spread.knots[i + 1 : i + k + 1])
        return spread.knots, found

    def _blossom(self, cell: int, coefficients: Array, at: Array) -> Array:
        """The polar form of a cell's polynomials at `degree` arguments, by de Boor's recurrence."""
        k, knots = self.degree, self.knots[cell:]
        held = coefficients[cell : cell + k + 1].copy()
        for r, u in enumerate(at, start=1):
            low, high = knots[r : k + 1, None], knots[k + 1 : 2 * k + 2 - r, None]
            part = (u - low) / (high - low)
            held[r:] = (1 - part) * held[r - 1 : -1] + part * held[r:]
        return held[k]

    def gauss(self, count: int) -> tuple[Array, Array]:
        """Gauss points of every cell, and their weights, each (cells * count,)."""
        nodes, weights = legendre.leggauss(count)
        low, half = self.cells[:-1, None], np.diff(self.cells)[:, None] / 2
        return (low + half * (1 + nodes)).ravel(), (half * weights).ravel()

    def project(self, values: Array, count: int) -> Array:
        """The coefficients (len(self), m) nearest in L2 to values (n, m) at the Gauss points of that count."""
        x, weights = self.gauss(count)
        matrix = self.matrix(x)
        normal = (matrix.T @ matrix.multiply(weights[:, None])).tocsc()
        right = matrix.T @ (weights[:, None] * values)
        if self.periodic:
            return splu(normal).solve(right)
        band = np.stack([np.pad(normal.diagonal(-d), (0, d)) for d in range(self.degree + 1)])
        return solveh_banded(band, right, lower=True)

    def jumps(self, coefficients: Array) -> Array:
        """The size of the derivative of order degree + 1 in each cell, for each column (len(self), m): (cells, m)."""
        middle = (self.cells[1:] + self.cells[:-1]) / 2
        highest = self.matrix(middle, self.degree) @ coefficients
        if self.periodic:
            gap = np.diff(np.append(middle, middle[0] + self.cells[-1] - self.cells[0]))
            jumps = np.abs(np.diff(np.vstack([highest, highest[:1]]), axis=0)) / gap[:, None]
            left, right = np.roll(jumps, 1, axis=0), jumps
        else:
            jumps = np.abs(np.diff(highest, axis=0)) / np.diff(middle)[:, None]
            left, right = np.vstack([jumps[:1], jumps]), np.vstack([jumps, jumps[-1:]])
        return np.maximum(left, right)

    def moved(self, density: Array, count: int, floor: float, growth: float = 0.0) -> Space:
        """The space with `count` cells of equal shares of a density (cells,), to which `floor` of its mean is added.

        With the (degree + 1)-th root of `jumps` as density, de Boor's rule, each cell has an error as large as others.
        With `growth`, widths of cells change by at most as much of the distance between them, from however narrow ones:
        splines of high degree on cells of very unequal neighbors are dependent to rounding.
        """
        if growth:
            return Space(self._graded(density, count, floor, growth), self.degree, self.periodic)
        ends, each = "wrap" if self.periodic else "edge", 8  # points of a cell at which densities are integrated
        for _ in range(2):  # a sharp layer keeps its neighborhood: of a cell's density its neighbors have 0.7
            around = np.pad(density, 1, mode=ends)
            density = np.maximum(density, 0.7 * np.maximum(around[2:], around[:-2]))
        fine = np.concatenate([low + (high - low) * np.arange(each) / each for low, high in pairwise(self.cells)])
        fine = np.append(fine, self.cells[-1])
        middle = (self.cells[1:] + self.cells[:-1]) / 2
        period = self.cells[-1] - self.cells[0] if self.periodic else None
        shares = np.interp(fine, middle, density, period=period)
        mean = np.trapezoid(shares, fine) / (fine[-1] - fine[0])
        shares = shares / max(mean, 1e-300) + floor
        for _ in range(3):
            shares = np.convolve(np.pad(shares, 2, mode=ends), np.full(5, 0.2), "valid")
        return Space(_shared(fine, shares, count), self.degree, self.periodic)

    def _graded(self, density: Array, count: int, floor: float, growth: float) -> Array:
        """The ends of cells of equal shares, whose widths change gradually."""
        halves = 0.5 ** np.arange(24, 0, -1)
        inside = np.concatenate([[0.0], halves, 1 - halves[::-1][1:]])  # dense at both ends of a cell
        fine = np.append((self.cells[:-1, None] + np.diff(self.cells)[:, None] * inside).ravel(), self.cells[-1])
        held = np.append(np.repeat(density, len(inside)), density[-1])
        mean = float(density @ np.diff(self.cells)) / (fine[-1] - fine[0])
        width = np.maximum(1 / (held / max(mean, 1e-300) + floor), 1e-9)
        for _ in range(3):
            limit = growth * count / np.trapezoid(1 / width, fine)
            width = limit * fine + np.minimum.accumulate(width - limit * fine)
            width = np.minimum.accumulate((width + limit * fine)[::-1])[::-1] - limit * fine
            width = np.maximum(width, 1e-9)
        return _shared(fine, 1 / width, count)


def _shared(fine: Array, density: Array, count: int) -> Array:
    """The ends of `count` cells that each have an equal share of a density at points."""
    reached = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(fine))])
    cells = np.interp(np.linspace(0, reached[-1], count + 1), reached, fine)
    cells[0], cells[-1] = fine[0], fine[-1]
    return cells


@dataclass(frozen=True)
class Products:
    """All products of splines, one of each coordinate; the number of the last coordinate's spline changes fastest.

    Points are (n, d), and the order of a derivative says how often it is by each coordinate.

    >>> line = Space(np.linspace(0, 1, 5), 3)
    >>> plane = Products((line, Space(np.linspace(0, 2, 7), 3, periodic=True)))
    >>> len(plane), plane.matrix(np.array([[0.5, 0.1]]), (1, 0)).shape
    (42, (1, 42))
    """

    lines: tuple[Space, ...]

    @classmethod
    def even(
        cls, ends: Iterable[tuple[float, float]], counts: Iterable[int], degree: int,
        periods: Iterable[bool] = repeat(False), *, spread: bool = False,
    ) -> Products:  # fmt: skip
        """The products on even cells between the ends of each coordinate."""
        return cls(tuple(
            Space(np.linspace(low, high, count + 1), degree, periodic, spread)
            for (low, high), count, periodic in zip(ends, counts, periods, strict=False)
        ))  # fmt: skip

    def __len__(self) -> int:
        return math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.lines))

    @property
    def degree(self) -> int:
        return self.lines[0].degree

    @property
    def cells(self) -> Array:
        """The ends of the cells, of one coordinate."""
        (line,) = self.lines
        return line.cells

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The number of cells of each coordinate."""
        return tuple(line.count for line in self.lines)

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.counts)

    def cell_of(self, points: Array) -> Array:
        return np.stack([line.cell_of(points[:, k]) for k, line in enumerate(self.lines)], 1)

    def index(self, cell: Array) -> Array:
        """The functions that are not zero in cells (n, d): (n, functions)."""
        found = self.lines[0].index(cell[:, 0])
        for k, line in enumerate(self.lines[1:], start=1):
            found = (found[:, :, None] * len(line) + line.index(cell[:, k])[:, None]).reshape(len(cell), -1)
        return found

    def local(self, points: Array, order: tuple[int, ...] = ()) -> Array:
        """The functions that are not zero at points, or their derivatives: (n, functions)."""
        orders = order or (0,) * len(self.lines)
        return reduce(_outer, (line.local(points[:, k], orders[k]) for k, line in enumerate(self.lines)))

    def matrix(self, points: Array, order: tuple[int, ...] = ()) -> csr_matrix:
        """Values of all functions, or derivatives, at points: (n, len(self))."""
        return _rows_of(self.local(points, order), self.index(self.cell_of(points)), len(self))

    def places(self, count: int) -> list[Array]:
        """Gauss points of every cell of each coordinate."""
        return [line.gauss(count)[0] for line in self.lines]

    def gauss(self, count: int) -> tuple[Array, Array]:
        """Gauss points of every cell (n, d), and their weights (n,)."""
        weights = reduce(np.outer, (line.gauss(count)[1] for line in self.lines))
        return grid_points(self.places(count)), weights.ravel()

    def project(self, values: Array, count: int) -> Array:
        """The coefficients (len(self), m) nearest in L2 to values (n, m) at the Gauss points of that count."""
        grid = values.reshape(*(count * cells for cells in self.counts), -1)
        for k, line in enumerate(self.lines):
            grid = _along(k, grid, lambda flat, line=line: line.project(flat, count))
        return grid.reshape(len(self), -1)

    def projected(self, other: Products, coefficients: Array, count: int) -> Array:
        """The same of splines (len(other), m) of another space."""
        return self.project(other.values(coefficients, self.places(count)), count)

    def values(self, coefficients: Array, places: Iterable[Array]) -> Array:
        """Splines (len(self), m) at the points of a grid, of which the places of each coordinate are given: (n, m)."""
        grid = coefficients.reshape(*self.shape, -1)
        for k, (line, x) in enumerate(zip(self.lines, places, strict=True)):
            grid = _along(k, grid, line.matrix(x).__matmul__)
        return grid.reshape(-1, grid.shape[-1])

    def highest(self, coefficients: Array) -> list[Array]:
        """Sizes of the derivative of order degree + 1 by each coordinate, per cell: (cells, m) of each.

        Root mean squares over the other coordinates, of splines (len(self), m).
        """
        found = []
        for k, line in enumerate(self.lines):
            grid, shares = coefficients.reshape(*self.shape, -1), np.ones(1)
            for j, other in enumerate(self.lines):
                if j != k:
                    at, weights = other.gauss(2)
                    grid = _along(j, grid, other.matrix(at).__matmul__)
                    shares = np.outer(shares, weights / weights.sum()).ravel()
            jumps = line.jumps(np.moveaxis(grid, k, 0).reshape(len(line), -1)).reshape(line.count, len(shares), -1)
            found.append(np.sqrt(np.einsum("cnm,n->cm", jumps**2, shares)) if len(shares) > 1 else jumps[:, 0])
        return found

    def missed(self, highest: list[Array]) -> list[float]:
        """What the cells of each coordinate cannot express, as the root mean square, the largest of the columns'."""
        found = []
        for line, derivative in zip(self.lines, highest, strict=True):
            widths = np.diff(line.cells)
            errors = math.sqrt(2) * (widths / (2 * math.pi))[:, None] ** (line.degree + 1) * derivative
            found.append(float(np.sqrt((widths[:, None] / widths.sum() * errors**2).sum(0)).max()))
        return found

    def moved(
        self, highest: list[Array], counts: Iterable[int], floor: float, growth: float = 0.0, *, alike: bool = False
    ) -> Products:  # fmt: skip
        """The products with cells of each coordinate as its derivatives ask for, or all `alike`."""
        parts = zip(self.lines, highest, counts, strict=True)
        return Products(tuple(
            line.moved(np.ones(line.count) if alike else (each ** (1 / (line.degree + 1))).max(1), count, floor, growth)
            for line, each, count in parts
        ))  # fmt: skip


def _rows_of(values: Array, columns: Array, width: int) -> csr_matrix:
    """The sparse matrix (n, width) with values (n, k) in columns (n, k)."""
    starts = np.arange(0, values.size + 1, values.shape[1])
    return csr_matrix((values.ravel(), columns.ravel(), starts), (len(values), width))


def _raised(values: Array, left: Array, right: Array, x: Array | None) -> Array:
    """Functions (d, n) between knots to functions (d + 1, n) of a degree more, at points; without these derivatives."""
    d = len(values)
    new, shares = np.empty((d + 1, values.shape[1])), values / (right - left)
    new[:-1], new[-1] = shares * (-d if x is None else right - x), 0.0
    new[1:] += shares * (d if x is None else x - left)
    return new


def grid_points(places: Iterable[Array]) -> Array:
    """The points of a grid, (n, d), the last coordinate the fastest."""
    return np.stack([part.ravel() for part in np.meshgrid(*places, indexing="ij")], 1)


def _outer(one: Array, two: Array) -> Array:
    """Products of each of (n, j) with each of (n, k): (n, j k)."""
    return (one[:, :, None] * two[:, None]).reshape(len(one), -1)


def _along(axis: int, grid: Array, act: Callable[[Array], Array]) -> Array:
    """What a function of (n, m) makes of a grid along one axis."""
    moved = np.moveaxis(grid, axis, 0)
    found = act(moved.reshape(len(moved), -1))
    return np.moveaxis(found.reshape(-1, *moved.shape[1:]), 0, axis)
