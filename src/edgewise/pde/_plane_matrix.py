"""Sparse matrices of a rectangle's equations, gathered from products of bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import SuperLU, splu

from edgewise._typing import Array
from edgewise.pde._plane_line import Line

_PIVOT = 0.1  # of the largest entry of a column, at which the diagonal's is taken

Blocks = dict[tuple[int, int, int], Array]
"""By row's component, column's component and order by time: (n_x * band_x, n_y * band_y), as of `Line.patterns`."""


class Slopes(NamedTuple):
    """Derivatives of the equations by the coefficients, and by their derivatives by time, on one pattern."""

    pattern: csc_matrix
    values: Array
    rates: Array

    def matrix(self, factor: complex) -> csc_matrix:
        """The former plus the latter times a factor."""
        data = self.values + factor * self.rates
        return csc_matrix((data, self.pattern.indices, self.pattern.indptr), self.pattern.shape)


class Gathered:
    """Makes matrices of blocks; coefficient c of function i is number i * components + c."""

    def __init__(self, lines: Sequence[Line], components: int) -> None:
        self.lines, self.components = lines, components

    def matrix(self, blocks: Mapping[tuple[int, int, int], Array]) -> Slopes:
        both = tuple(sorted({(row, c) for row, c, _ in blocks}))
        pattern, order = self._pattern(both)
        nothing = np.zeros((self.lines[0].diagonals, self.lines[1].diagonals))
        data = [np.concatenate([blocks.get((row, c, b), nothing).ravel() for row, c in both])[order] for b in (0, 1)]
        return Slopes(pattern, data[0], data[1])

    def _pattern(self, both: tuple[tuple[int, int], ...]) -> tuple[csc_matrix, Array]:
        """Where the entries of pairs of components are in the whole matrix, and their order in it."""
        if both not in self._patterns:
            (rows_x, columns_x), (rows_y, columns_y) = (line.places for line in self.lines)
            count, width = self.components, len(self.lines[1].space)
            rows = (rows_x[:, None] * width + rows_y).ravel()
            columns = np.where((columns_x[:, None] < 0) | (columns_y < 0), -1, columns_x[:, None] * width + columns_y)
            columns = columns.ravel()
            kept = np.flatnonzero(columns >= 0)
            numbers = np.concatenate([kept + k * len(columns) for k in range(len(both))]) + 1.0
            size = len(self.lines[0].space) * width * count
            down = np.concatenate([rows[kept] * count + r for r, _ in both])
            right = np.concatenate([columns[kept] * count + c for _, c in both])
            pattern = csc_matrix(coo_matrix((numbers, (down, right)), (size, size)))
            self._patterns[both] = pattern, pattern.data.astype(np.int64) - 1
        return self._patterns[both]

    @cached_property
    def _patterns(self) -> dict[tuple[tuple[int, int], ...], tuple[csc_matrix, Array]]:
        return {}


def factored(matrix: csc_matrix) -> SuperLU | None:
    """Return the solver of a matrix whose pattern is symmetric; None if it is singular."""
    try:
        return splu(matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=_PIVOT, options={"SymmetricMode": True})
    except RuntimeError:
        return None


def add(blocks: Blocks, key: tuple[int, int, int], part: Array) -> None:
    blocks[key] = blocks[key] + part if key in blocks else part
