"""What can be trained on: rows that come in batches, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edgewise.train._table import Table


class Rows(Protocol):
    """Rows to fit, wherever they are: in memory (`Table`), in a file or behind a loader (`Stream`)."""

    def batches(self, rows: int) -> Iterator[Table]:
        """All rows, in pieces of at most so many."""
        ...

    def __len__(self) -> int: ...
