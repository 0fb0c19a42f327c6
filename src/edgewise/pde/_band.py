"""Normal equations of splines: a band, a border where the splines are periodic, and constraints."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cho_solve_banded, cholesky_banded

from edgewise._typing import Array
from edgewise.pde._space import Space

_RIDGE = 1e-15  # of the diagonal


class Band:
    """Solves  min 1/2 d' H d - g' d  subject to  A d = a  for H that adds up over the cells of a space.

    `width` unknowns belong to each of the space's functions. A periodic space's last functions, which meet its first,
    are a border that is eliminated at the end.
    """

    def __init__(self, space: Space, width: int) -> None:
        self.space, self.width = space, width
        self.border = space.degree * width if space.periodic else 0
        self.size = len(space) * width
        self.inside = self.size - self.border
        self.half = (space.degree + 1) * width  # one more than the band needs, see `_add`

    def solved(self, blocks: Array, rights: Array, left: Array, rows: Array) -> Array | None:
        """Return d, (functions, unknowns, terms) flattened but for the first; None if H is not positive definite.

        blocks (cells, s, s) and rights (cells, s): H and g of each cell. left (C,) and rows (C, size): a and A.
        """
        k, w = self.space.degree, self.width
        g = np.zeros(self.size)
        first = self.space.index(np.arange(len(blocks)))
        np.add.at(g.reshape(-1, w), first.ravel(), rights.reshape(-1, w))
        if len(rows):  # the multipliers' solution is the same with A'A added, and H then is well conditioned
            scale = np.max(np.diagonal(blocks, axis1=1, axis2=2)) / np.max(np.sum(rows**2, axis=1))
            blocks = blocks.copy()
            for cell in (0, len(blocks) - 1):
                part = rows[:, cell * w : (cell + k + 1) * w]
                own = part if cell == 0 else part * (np.abs(rows[:, : (k + 1) * w]).sum(1) == 0)[:, None]
                blocks[cell] += scale * own.T @ own
            g = g + scale * rows.T @ left
        factor = self._factor(blocks)
        if factor is None:
            return None
        d = self._solve(factor, g)
        if len(rows):
            spread = self._solve(factor, rows.T)
            d = d - spread @ np.linalg.solve(rows @ spread, rows @ d - left)
        return d

    def _factor(self, blocks: Array) -> tuple[Array, Array, Array] | None:
        """The factors of the band and of the border's complement, and what leads from one to the other."""
        w, size = self.width, (self.space.degree + 1) * self.width
        store = np.zeros((self.half + 1, self.inside + size), order="F")
        item = store.itemsize
        # Entry (i, j), i >= j, of the lower band lies at i + half * j, so that a strided view is the whole matrix.
        # Blocks are added without their upper triangles, whose places belong to others.
        view = as_strided(store, (self.inside + size, self.inside), (item, item * self.half))
        across, corner = np.zeros((self.border, self.inside)), np.zeros((self.border, self.border))
        lower = np.tril(blocks)
        for cell in range(len(blocks)):
            begin = cell * w
            stop = min(begin + size, self.inside)
            inner = stop - begin if begin < self.inside else 0
            if inner:
                view[begin:stop, begin:stop] += lower[cell, :inner, :inner]
            if inner < size and self.border:
                self._wrap(blocks[cell], begin, inner, across, corner, view)
        try:
            band = cholesky_banded(self._ridged(store[:, : self.inside]), lower=True, check_finite=False)
            if not self.border:
                return band, across, corner
            spread = cho_solve_banded((band, True), across.T, check_finite=False)
            rest = corner - across @ spread
            rest[np.diag_indices_from(rest)] *= 1 + _RIDGE
            return band, spread, cho_factor(rest, lower=True, check_finite=False)[0]
        except (LinAlgError, ValueError):
            return None

    def _wrap(self, block: Array, begin: int, inner: int, across: Array, corner: Array, view: Array) -> None:
        """Add the part of a cell that reaches the border, or beyond it the first functions again."""
        places = (begin + np.arange(len(block))) % self.size
        outer = places >= self.inside
        own = places[outer] - self.inside
        corner[np.ix_(own, own)] += block[np.ix_(outer, outer)]
        across[np.ix_(own, places[~outer])] += block[np.ix_(outer, ~outer)]
        again = (~outer) & (np.arange(len(block)) >= inner)
        if again.any():
            part = places[again]
            view[part[0] : part[-1] + 1, part[0] : part[-1] + 1] += np.tril(block[np.ix_(again, again)])

    def _ridged(self, store: Array) -> Array:
        store[0] *= 1 + _RIDGE
        return store

    def _solve(self, factor: tuple[Array, Array, Array], right: Array) -> Array:
        band, spread, corner = factor
        if not self.border:
            return cho_solve_banded((band, True), right, check_finite=False)
        inner, outer = right[: self.inside], right[self.inside :]
        outer = cho_solve((corner, True), outer - spread.T @ inner, check_finite=False)
        return np.concatenate([cho_solve_banded((band, True), inner, check_finite=False) - spread @ outer, outer])
