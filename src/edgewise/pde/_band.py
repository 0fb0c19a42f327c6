"""Normal equations of splines: a band, a border where the splines are periodic, and constraints."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cho_solve_banded, cholesky_banded

from edgewise._typing import Array
from edgewise.pde._space import Space

_RIDGE = 1e-15  # of the diagonal


class Band:
    """Solves  min 1/2 d* H d - Re g* d  subject to  A d = a  for Hermitian H that adds up over the cells of a space.

    `width` unknowns belong to each of the space's functions. H is given by its lower blocks, as `gathered` makes them:
    (degree + 1, functions, width, width), of which [r, j] leads from function j to function j + r. A periodic space's
    last functions, which meet its first, are a border that is eliminated at the end.
    """

    def __init__(self, space: Space, width: int) -> None:
        self.space, self.width, self.count = space, width, len(space)
        self.outer = space.degree if space.periodic else 0
        self.inner = self.count - self.outer

    def gathered(self, cells: Array) -> Array:
        """The lower blocks, (degree + 1, functions, w, w), of the sum of cells' matrices.

        cells: (cells, degree + 1, w, degree + 1, w).
        """
        n, k, w = len(cells), self.space.degree, cells.shape[2]
        found = np.zeros((k + 1, n + k, w, w))
        for row in range(k + 1):
            for column in range(row + 1):
                found[row - column, column : column + n] += cells[:, row, :, column]
        return self._folded(found, 1)

    def summed(self, cells: Array) -> Array:
        """The sum of vectors of cells, (cells, degree + 1, ...), function by function."""
        n, k = cells.shape[:2]
        found = np.zeros((n + k - 1, *cells.shape[2:]), dtype=cells.dtype)
        for row in range(k):
            found[row : row + n] += cells[:, row]
        return self._folded(found, 0)

    def solved(self, blocks: Array, g: Array, left: Array, rows: Array) -> Array | None:
        """Return d, (functions, width); None if H is not positive definite.

        blocks: H, see above. g (functions, width). left (C,) and rows (C, functions, width): a and A.
        """
        rows = rows.reshape(len(rows), self.count * self.width)
        scale = 0.0
        if len(rows):  # the multipliers' solution is the same with A*A added, and H then is well conditioned
            diagonal = np.abs(np.einsum("jww->jw", blocks[0]))
            scale = float(diagonal.max() / np.max(np.sum(np.abs(rows) ** 2, axis=1)))
        right = np.column_stack([g.ravel() + scale * (rows.conj().T @ left), rows.conj().T])
        found = self._solution(blocks, scale**0.5 * rows, right)
        if found is None:
            return None
        d, spread = found[:, 0], found[:, 1:]
        if len(rows):
            d = d - spread @ np.linalg.solve(rows @ spread, rows @ d - left)
        return d.reshape(self.count, self.width)

    def _folded(self, found: Array, axis: int) -> Array:
        """What reaches beyond a periodic space's last function belongs to its first."""
        if not self.space.periodic:
            return found
        own, beyond = np.split(found, [self.count], axis)
        first = [slice(None)] * axis + [slice(beyond.shape[axis])]
        own[tuple(first)] += beyond
        return own

    def _solution(self, blocks: Array, rows: Array, right: Array) -> Array | None:
        """The columns that H + rows* rows takes to those of `right`."""
        size = self.inner * self.width
        band = self._band(blocks, rows)
        try:
            factor = (cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False), True)
            if not self.outer:
                return cho_solve_banded(factor, right, check_finite=False)
            across, corner = self._border(blocks)
            both = cho_solve_banded(factor, np.hstack([right[:size], across.conj().T]), check_finite=False)
            inner, spread = both[:, : right.shape[1]], both[:, right.shape[1] :]
            rest = corner - across @ spread
            rest[np.diag_indices_from(rest)] *= 1 + _RIDGE
            factor = cho_factor(rest, lower=True, overwrite_a=True, check_finite=False)
            outer = cho_solve(factor, right[size:] - across @ inner, check_finite=False)
            return np.concatenate([inner - spread @ outer, outer])
        except (LinAlgError, ValueError):
            return None

    def _band(self, blocks: Array, rows: Array) -> Array:
        """The lower band of H + rows* rows without its border, as LAPACK has it."""
        k, w, inner = self.space.degree, self.width, self.inner
        half, size = (k + 1) * w, inner * w
        band = np.zeros((half + 1, size + half), dtype=complex, order="F")
        for r in range(k + 1):
            for i in range(w):
                for j in range(w if r else i + 1):
                    band[r * w + i - j, j : size - r * w : w] = blocks[r, : inner - r, i, j]
        if len(rows):  # entry (i, j), i >= j, lies at i + half * j, so that a strided view is the whole matrix
            item = band.itemsize
            view = as_strided(band, (size, size), (item, item * half))
            for place in (slice(0, half), slice(size - half, size)):
                own = rows[:, place]
                own = own[np.abs(own).sum(1) > 0]
                view[place, place] += np.tril(own.conj().T @ own)
        band[0] *= 1 + _RIDGE
        return band[:half, :size]

    def _border(self, blocks: Array) -> tuple[Array, Array]:
        """What leads from the other functions to a periodic space's last ones, and those among themselves."""
        w, n, inner, outer = self.width, self.count, self.inner, self.outer
        across = np.zeros((outer, w, inner, w), dtype=complex)
        corner = np.zeros((outer, w, outer, w), dtype=complex)
        for r in range(self.space.degree + 1):
            low, beyond, both = np.arange(r), np.arange(outer - r, outer), np.arange(outer - r)
            across[low, :, inner - r + low] += blocks[r, inner - r : inner]
            across[beyond, :, low] += blocks[r, n - r :].conj().mT
            corner[both + r, :, both] += blocks[r, inner : n - r]
            if r:
                corner[both, :, both + r] += blocks[r, inner : n - r].conj().mT
        return across.reshape(outer * w, inner * w), corner.reshape(outer * w, outer * w)
