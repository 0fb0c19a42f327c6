"""Columns as numbers of bins: of numbers between cuts, of levels in the order of their effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.tables.steps._tuning import TUNING

MOST = 255  # bins of a column, with that of gaps: numbers that a byte holds


@dataclass(frozen=True)
class Bins:
    """The bins of a column: between `cuts` of numbers, or one for each of `levels` (0, 1, ...), where that is not zero.

    Places are numbers of bins or levels from 1, with 0 for gaps and for levels that were not there.

    >>> Bins((0.5, 1.5)).places(np.array([0.0, 0.5, 0.7, 2.0, np.nan]))
    array([1, 1, 2, 3, 0])
    """

    cuts: tuple[float, ...] = ()
    levels: int = 0

    @classmethod
    def of(cls, x: Array, *, level: bool) -> Bins:
        """Return the bins of a column x (n,): one for each value where these are few, else of as many rows each."""
        seen = x[np.isfinite(x)]
        if level:
            return cls(levels=int(seen.max()) + 1 if len(seen) else 1)
        values = np.unique(seen)
        if len(values) < TUNING.bins:
            return cls(tuple(((values[:-1] + values[1:]) / 2).tolist()))
        at = np.searchsorted(values, np.quantile(seen, np.linspace(0, 1, TUNING.bins)[1:-1], method="inverted_cdf"))
        at = np.unique(np.minimum(at, len(values) - 2))
        return cls(tuple(((values[at] + values[at + 1]) / 2).tolist()))

    @property
    def size(self) -> int:
        """The number of places."""
        return 1 + (self.levels or len(self.cuts) + 1)

    @property
    def inside(self) -> Array:
        """A value (size,) in each place."""
        if self.levels:
            return np.append(np.nan, np.arange(self.levels))
        beyond = np.nextafter(self.cuts[-1], np.inf) if self.cuts else 0.0
        return np.array([np.nan, *self.cuts, beyond])

    def places(self, x: Array) -> Array:
        """Return the place of each value (n,)."""
        seen = np.isfinite(x)
        if not self.levels:
            return np.where(seen, 1 + np.searchsorted(self.cuts, np.where(seen, x, 0.0)), 0)
        known = seen & (x >= 0) & (x < self.levels)
        return np.where(known, 1 + np.where(known, x, 0.0).astype(np.int64), 0)

    def refined(self, other: Bins) -> Bins:
        """Return the bins by the cuts of both, of the same column."""
        return Bins(tuple(sorted({*self.cuts, *other.cuts})), max(self.levels, other.levels))

    def codes(self, places: Array, residual: Array, weights: Array) -> Array:
        """Return the code (size,) of each place, by which questions order them; those of numbers are the places.

        Levels are ordered by their effects on residuals (n, K), shrunk to zero as by some rows; of several outputs
        along the direction in which effects differ most. Levels of few rows have the code of gaps.
        """
        if not self.levels:
            return np.arange(self.size)
        rows = np.bincount(places, weights, self.size)
        sums = [np.bincount(places, weights * column, self.size) for column in residual.T]
        effects = np.column_stack(sums) / (rows + TUNING.level_shrinkage)[:, None]
        along = effects[:, 0]
        if effects.shape[1] > 1:
            along = effects @ np.linalg.svd(effects * np.sqrt(rows)[:, None], full_matrices=False)[2][0]
        order = np.unique(np.round(along[1:], 12), return_inverse=True)[1]
        count = int(order.max(initial=0)) + 1
        order = order if count < MOST else order * (MOST - 1) // count
        enough = rows[1:] >= min(TUNING.level_rows, 0.05 * weights.sum())
        return np.append(0, np.where(enough, 1 + order, 0))
