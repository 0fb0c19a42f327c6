"""What can be trained on: rows in batches, as often as needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edgewise.train._table import Table


class Rows(Protocol):
    """Rows to fit, wherever they are: in memory (`Table`), in a file or behind a loader (`Stream`)."""

    def batches(self, rows: int) -> Iterator[Table]:
        """Return all rows, in batches of at most so many."""
        ...

    def __len__(self) -> int: ...
