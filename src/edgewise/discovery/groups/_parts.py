"""The rows and targets that forms for all groups are searched on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.tables import Table

_ALONE = 25  # rows of the largest group from which it is searched on its own


@dataclass(frozen=True)
class Parts:
    """What is searched instead of a table whose constants differ by group: `table` without the groups, `codes` (n,).

    >>> rows, codes = np.arange(60.0)[:, None], np.arange(60) % 2
    >>> [what for what, _ in Parts(Table.of(("a",), rows, rows[:, 0] - 9 * codes, "y"), codes)]
    ['the largest group', "all rows, their groups' shifts taken off", 'all rows']
    """

    table: Table
    codes: Array

    def __iter__(self) -> Iterator[tuple[str, Table]]:
        """Yield what is searched, in words, and as a table; weights that were given stay."""
        y, every = self.table.y, np.arange(len(self.table))
        largest = np.flatnonzero(self.codes == np.bincount(self.codes).argmax())
        if len(largest) >= _ALONE and np.ptp(y[largest]) > 0:
            yield "the largest group", self._of(largest, y[largest])
        shifted = self.shifted()
        if np.ptp(shifted) > 0:
            yield "all rows, their groups' shifts taken off", self._of(every, shifted)
        if (y > 0).all():
            factors = np.exp(_effects(self.table.x, np.log(y), self.codes))
            yield "all rows, divided by their groups' factors", self._of(every, y / factors)
        yield "all rows", self._of(every, y)

    def shifted(self) -> Array:
        """Return the target (n,) without the shifts of its groups, which are zero in the mean."""
        return self.table.y - _effects(self.table.x, self.table.y, self.codes)

    def _of(self, rows: Array, y: Array) -> Table:
        table = self.table
        if table.noise.kind != "given":
            return Table.of(table.names, table.x[rows], y, table.target)
        return Table.weighted(table.names, table.x[rows], y, table.target, table.weight[rows], table.noise.known)


def _effects(x: Array, y: Array, codes: Array) -> Array:
    """Return the groups' shifts of y (n,), beside a square and a logarithm of each column of x (n, m).

    They are zero in the mean.
    """
    columns = [x, x**2, np.log(np.where((x > 0).all(0), x, 1.0))]
    design = np.column_stack(columns)
    deviation = design.std(0)
    design = (design - design.mean(0))[:, deviation > 0] / deviation[deviation > 0]
    own = np.eye(int(codes.max()) + 1)[codes]
    found = np.linalg.lstsq(np.column_stack([own, design]), y, rcond=1e-10)[0]
    shifts = own @ found[: own.shape[1]]
    return shifts - shifts.mean()
