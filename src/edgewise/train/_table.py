"""Rows to train on: any source of batches, and a table in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Rows(Protocol):
    """Rows in memory (`Table`), in a file or behind a loader (`Stream`)."""

    def batches(self, rows: int) -> Iterator[Table]:
        """Return all rows, in batches of at most that size."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Table:
    """Rows to fit: x (n, n_in), y (n, n_out), weights (n,) of mean one, all float64 on one device.

    For classes y is (n, 1) and holds class numbers.
    """

    x: Tensor
    y: Tensor
    weights: Tensor

    def part(self, index: Tensor | slice) -> Table:
        """Return the rows of an index, a mask or a slice; a slice gives views."""
        return Table(self.x[index], self.y[index], self.weights[index])

    def rows(self, index: Tensor) -> Table:
        """Return the rows of an index, their weights scaled to mean one."""
        chosen = self.part(index)
        return Table(chosen.x, chosen.y, chosen.weights / chosen.weights.mean())

    def batches(self, rows: int) -> Iterator[Table]:
        """Return the table in batches of at most that number of rows, each a view."""
        for k in range(0, len(self), rows):
            yield self.part(slice(k, k + rows))

    def __len__(self) -> int:
        return len(self.x)
