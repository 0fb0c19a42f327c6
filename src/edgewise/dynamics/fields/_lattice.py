"""Products of splines in time and space, and their values at points as rows of few entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgewise._typing import Array
from edgewise.kernels.bands import add_to_band
from edgewise.pde.splines import Space


@dataclass(frozen=True)
class Rows:
    """Rows of a matrix: entries (n, K) in columns (n, K)."""

    columns: Array
    entries: Array

    def image(self, coefficients: Array) -> Array:
        """What they make of coefficients (size, d): (n, d)."""
        return np.einsum("nk,nkd->nd", self.entries, coefficients[self.columns])

    def turned(self, left: Array, size: int) -> Array:
        """What the transpose makes of values (n,): (size,)."""
        return np.bincount(self.columns.ravel(), (self.entries * left[:, None]).ravel(), size)

    def add_squares(self, band: Array, weight: float = 1.0) -> None:
        """Add weight J'J to a lower band by columns (size, width)."""
        order = np.argsort(self.columns[:, 0], kind="stable")
        columns, entries = self.columns[order], self.entries[order]
        starts = np.flatnonzero(np.r_[True, (columns[1:] != columns[:-1]).any(1)])
        ends = np.r_[starts[1:], len(columns)]
        most, wide = int((ends - starts).max()), entries.shape[1]
        step = max(1, 4_000_000 // (wide * max(wide, most)))
        for k in range(0, len(starts), step):
            first, last = starts[k : k + step], ends[k : k + step]
            own = np.zeros((len(first), most, wide))
            for j in range(most):
                there = first + j < last
                own[there, j] = entries[first[there] + j]
            add_to_band(band, weight * np.matmul(own.transpose(0, 2, 1), own), columns[first])


@dataclass(frozen=True)
class Lattice:
    """All products of splines, one of each coordinate, the last coordinate the fastest."""

    spaces: tuple[Space, ...]

    @classmethod
    def even(cls, low: Array, high: Array, cells: Iterable[int], degrees: Iterable[int]) -> Lattice:
        parts = zip(low.tolist(), high.tolist(), cells, degrees, strict=True)
        return cls(tuple(Space(np.linspace(a, b, n + 1), k) for a, b, n, k in parts))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.spaces))

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def cells(self) -> tuple[int, ...]:
        return tuple(space.count for space in self.spaces)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """The distance of neighbors along each coordinate: that of most functions is the slowest, for a narrow band."""
        found, count = [0] * len(self.shape), 1
        for k in np.argsort(self.shape, kind="stable").tolist():
            found[k] = count
            count *= self.shape[k]
        return tuple(found)

    @cached_property
    def numbers(self) -> Array:
        """The number of each function, an array of the lattice's shape."""
        each = np.meshgrid(*(np.arange(n) * s for n, s in zip(self.shape, self.strides, strict=True)), indexing="ij")
        return np.asarray(sum(each[1:], each[0]))

    @cached_property
    def reach(self) -> int:
        """The distance of the farthest functions that live at one point."""
        return sum(space.degree * stride for space, stride in zip(self.spaces, self.strides, strict=True))

    def at(self, points: Array, by: Sequence[int]) -> Rows:
        """The rows of a derivative at points (n, coordinates)."""
        parts = zip(self.spaces, points.T, by, strict=True)
        return self._joined([(space.index(space.cell_of(x)), space.local(x, n)) for space, x, n in parts])

    def on_grid(self, places: Sequence[Array], by: Sequence[int]) -> Rows:
        """The rows of a derivative on a grid, the last coordinate the fastest."""
        numbers = np.meshgrid(*(np.arange(len(x)) for x in places), indexing="ij")
        parts = zip(self.spaces, places, by, numbers, strict=True)
        own = [(space.index(space.cell_of(x))[k.ravel()], space.local(x, n)[k.ravel()]) for space, x, n, k in parts]
        return self._joined(own)

    def _joined(self, own: Sequence[tuple[Array, Array]]) -> Rows:
        """The rows of products, of the numbers and the values of each coordinate's functions."""
        n = len(own[0][0])
        columns, entries = np.zeros((n, 1), dtype=np.int64), np.ones((n, 1))
        for (index, values), stride in zip(own, self.strides, strict=True):
            columns = (columns[:, :, None] + stride * index[:, None, :]).reshape(n, -1)
            entries = (entries[:, :, None] * values[:, None, :]).reshape(n, -1)
        return Rows(columns, entries)

    def greville(self) -> list[Array]:
        """The means of each function's inner knots, of each coordinate: as many points as functions."""
        return [
            np.array([space.knots[i + 1 : i + 1 + space.degree].mean() for i in range(len(space))])
            for space in self.spaces
        ]

    def differences(self) -> list[Rows]:
        """Third differences of coefficients along each coordinate."""
        found = []
        for k in range(len(self.shape)):
            along = np.moveaxis(self.numbers, k, -1)
            columns = np.stack([along[..., j : along.shape[-1] - 3 + j].ravel() for j in range(4)], 1)
            order = np.argsort(columns[:, 0], kind="stable")
            found.append(Rows(columns[order], np.broadcast_to(np.array([-1.0, 3.0, -3.0, 1.0]), columns.shape).copy()))
        return found

    def moved(self, coefficients: Array, other: Lattice) -> Array:
        """The coefficients (size, d) of the same field on another lattice, by least squares of each coordinate."""
        held = coefficients[self.numbers]
        for k, (old, new) in enumerate(zip(self.spaces, other.spaces, strict=True)):
            x = np.linspace(old.cells[0], old.cells[-1], 4 * max(len(old), len(new)))
            turn = np.linalg.lstsq(new.matrix(x).toarray(), old.matrix(x).toarray(), rcond=None)[0]
            held = np.moveaxis(np.tensordot(turn, held, (1, k)), 0, k)
        found = np.empty((other.size, held.shape[-1]))
        found[other.numbers] = held
        return found
