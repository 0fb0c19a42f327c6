"""Bins for a column: of equal width, on a logarithmic scale, or one for each whole number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise.studio._network_view import numbers

Array = np.ndarray
_BINS = 30
_MOST_WHOLE = 30  # whole numbers that have a bin each
_DECADES = 3.0  # between the ends, from which a positive column is shown on a logarithmic scale


@dataclass(frozen=True)
class Bins:
    """The edges of bins and their scale, "linear" or "log"."""

    edges: Array
    scale: str = "linear"

    @classmethod
    def of(cls, values: Array) -> Bins:
        """Return bins for the finite ones of some values.

        >>> import numpy as np
        >>> Bins.of(np.array([1.0, 2.0, 3.0])).edges
        array([0.5, 1.5, 2.5, 3.5])
        >>> Bins.of(np.geomspace(1.5, 1e6, 50)).scale
        'log'
        """
        finite = values[np.isfinite(values)]
        if not finite.size:
            return cls(np.linspace(0.0, 1.0, 2))
        low, high = float(finite.min()), float(finite.max())
        if high - low < _MOST_WHOLE and np.array_equal(finite, np.round(finite)):
            return cls(np.arange(low - 0.5, high + 1))
        if low > 0 and np.log10(high) - np.log10(low) > _DECADES and np.median(finite) < low / 2 + high / 2:
            edges = np.geomspace(low, high, _BINS + 1)
            edges[0], edges[-1] = low, high
            return cls(edges, "log")
        return cls(np.histogram_bin_edges(finite, _BINS))

    def counts(self, values: Array) -> list[int]:
        """Return how many of the values lie in each bin; the last one holds its upper end, too."""
        return [int(count) for count in np.histogram(values[np.isfinite(values)], self.edges)[0]]

    def row(self, values: Array) -> dict[str, Any]:
        """Return the bins and the counts of values in them, as plain data."""
        return {"scale": self.scale, "edges": numbers(self.edges, 12), "counts": self.counts(values)}
