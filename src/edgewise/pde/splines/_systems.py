"""Linear systems of splines: bands with borders and constraints, and normal equations that are added up."""

from __future__ import annotations

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde.splines._space import Space


def bordered(band: Array, side: Array, corner: Array, right: Array) -> Array:
    """Return the columns that [[B, side], [side*, corner]] takes to those of `right`; LinAlgError where B is no good.

    B is Hermitian and positive definite, given by the diagonals of its lower triangle, which are overwritten.
    """
    size = band.shape[1]
    factor = (cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False), True)
    if not len(corner):
        return cho_solve_banded(factor, right, check_finite=False)
    both = cho_solve_banded(factor, np.hstack([right[:size], side]), check_finite=False)
    inner, spread = both[:, : right.shape[1]], both[:, right.shape[1] :]
    outer = np.linalg.solve(corner - side.conj().T @ spread, right[size:] - side.conj().T @ inner)
    return np.concatenate([inner - spread @ outer, outer])


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
        across, corner = self._border(blocks)
        try:
            return bordered(self._band(blocks, rows), across.conj().T, corner, right)
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
        band[0] *= 1 + 1e-15  # a ridge
        return band[:half, :size]

    def _border(self, blocks: Array) -> tuple[Array, Array]:
        """What leads from the other functions to a periodic space's last ones, and those among themselves."""
        w, n, inner, outer = self.width, self.count, self.inner, self.outer
        across = np.zeros((outer, w, inner, w), dtype=complex)
        corner = np.zeros((outer, w, outer, w), dtype=complex)
        for r in range(self.space.degree + 1 if outer else 0):
            low, beyond, both = np.arange(r), np.arange(outer - r, outer), np.arange(outer - r)
            across[low, :, inner - r + low] += blocks[r, inner - r : inner]
            across[beyond, :, low] += blocks[r, n - r :].conj().mT
            corner[both + r, :, both] += blocks[r, inner : n - r]
            if r:
                corner[both, :, both + r] += blocks[r, inner : n - r].conj().mT
        return across.reshape(outer * w, inner * w), corner.reshape(outer * w, outer * w)


class Normal:
    """H s = g for J'J and J'r that are added up, and `cost`, the sum of squares of r.

    `band` (b + 1, size) holds the diagonals of the lower triangle, in which unknown k has the place `places[k]`.
    """

    def __init__(self, places: Tensor, band: int, constants: int) -> None:
        size = len(places)
        self.size, self.cost = size, 0.0
        self.places = torch.cat([places, torch.arange(size, size + constants)])
        self.band = torch.zeros(band + 1, size, dtype=torch.float64)
        self.gradient = torch.zeros(size + constants, dtype=torch.float64)
        self.side = torch.zeros(size, constants, dtype=torch.float64)
        self.corner = torch.zeros(constants, constants, dtype=torch.float64)

    def add(self, columns: Tensor, rows: Tensor, constants: Tensor, residual: Tensor) -> None:
        """Add rows (C, Q, K) with entries in columns (C, K), by constants (C, Q, c), and what they leave (C, Q)."""
        self.cost += float(residual.square().sum())
        turned = rows.transpose(1, 2)
        i, j = torch.tril_indices(rows.shape[2], rows.shape[2])
        places = self.places[columns]
        one, two = places[:, i], places[:, j]
        values = (turned @ rows)[:, i, j]
        twice = (one == two) & (i != j)  # a function that both of two sides see
        values = torch.where(twice, 2 * values, values) if bool(twice.any()) else values
        low = torch.minimum(one, two)
        self.band.view(-1).index_add_(0, (((one - two).abs() * self.size) + low).flatten(), values.flatten())
        both = turned @ torch.cat([residual.unsqueeze(2), constants], 2)
        self.gradient[: self.size].index_add_(0, columns.flatten(), both[:, :, 0].flatten())
        if constants.shape[2]:
            self.side.index_add_(0, places.flatten(), both[:, :, 1:].flatten(0, 1))
            flat = constants.flatten(0, 1)
            self.gradient[self.size :] += flat.T @ residual.flatten()
            self.corner += flat.T @ flat

    def step(self, damping: float) -> Tensor | None:
        """Solve  (H + damping diag H) s = g;  None where that is not positive definite, to rounding."""
        diagonal = torch.cat([self.band[0], self.corner.diagonal()])
        unseen = 1e-13  # of the largest entry, for functions that no equation sees
        scale = (diagonal + unseen * diagonal.max().clamp_min(1e-300)).rsqrt()
        inner, outer = scale[: self.size], scale[self.size :]
        band = (self.band * inner).numpy()
        for d in range(len(band)):
            band[d, : self.size - d] *= inner[d:].numpy()
        band[0] += damping
        side = (self.side * inner[:, None] * outer).numpy()
        corner = (self.corner * outer[:, None] * outer).numpy() + damping * np.eye(len(outer))
        try:
            right = self.gradient[self.places.argsort()] * scale
            found = bordered(band, side, corner, right.numpy()[:, None])
        except (LinAlgError, ValueError):
            return None
        return (torch.from_numpy(found[:, 0]) * scale)[self.places]
