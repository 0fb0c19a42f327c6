"""Columns whose values are labels of repeated rows, such as persons or batches, and residuals that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.residuals._inspect import between_groups


class Repeated(NamedTuple):
    """The cells (n,) of a column that may be labels, nan at gaps; `ordered` where they are whole numbers, not text."""

    cells: Array
    ordered: bool

    @classmethod
    def of(cls, cells: Array, text: bool) -> Repeated | None:
        """Return a column of text (codes) or numbers if it has several values that repeat, numbers all whole.

        >>> Repeated.of(np.repeat(np.arange(4.0), 5), False) is None, Repeated.of(np.arange(20.0), False) is None
        (False, True)
        """
        fewest, rows_each = (3 if text else 4), 2  # levels, and rows of one on average
        there = cells[np.isfinite(cells)]
        if not text and not (there == np.round(there)).all():
            return None
        levels = len(np.unique(there))
        return cls(cells, not text) if fewest <= levels <= len(there) / rows_each else None

    def only(self, keep: Array) -> Repeated:
        """Return some of the rows."""
        return Repeated(self.cells[keep], self.ordered)


def within_labels(residual: Array, columns: Mapping[str, Repeated]) -> tuple[str, float] | None:
    """Return the column within whose levels residuals (n,) correlate most, and the intraclass correlation; else None.

    Numbers may be quantities: what a quadratic polynomial of their ranks explains is taken off first, so that only
    what goes up and down between them counts.

    >>> rng = np.random.default_rng(0)
    >>> person = np.repeat(np.arange(20.0), 8)
    >>> own = rng.normal(size=20)[person.astype(int)]
    >>> columns = {"person": Repeated(person, True), "day": Repeated(np.tile(np.arange(8.0), 20), True)}
    >>> name, correlation = within_labels(own + rng.normal(size=160), columns)
    >>> name, round(correlation, 1)
    ('person', 0.4)
    >>> within_labels(rng.normal(size=160) + (person - 10) ** 2 / 50, columns) is None
    True
    """
    found: dict[str, float] = {}
    for name, column in columns.items():
        there = np.isfinite(column.cells)
        left, place = residual[there], np.unique(column.cells[there], return_inverse=True)[1]
        if column.ordered and len(left):
            ranks = place / max(int(place.max()), 1) - 0.5
            curve = np.stack([np.ones(len(ranks)), ranks, ranks**2], axis=1)
            left = left - curve @ np.linalg.lstsq(curve, left, rcond=1e-10)[0]
        correlation = between_groups(left, place) if np.ptp(left) > 0 else None
        if correlation is not None:
            found[name] = correlation
    return max(found.items(), key=lambda pair: pair[1], default=None)
