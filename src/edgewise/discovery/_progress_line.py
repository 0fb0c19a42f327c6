"""The progress of a search, shown on a terminal where nothing else was asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgewise._printable import printable
from edgewise._progress import LiveLine
from edgewise.discovery.tables import Progress

_PATIENCE = 2.0  # seconds before a line appears


@contextmanager
def progress_line(given: Progress | None) -> Iterator[Progress | None]:
    """Give the callback that was given; without one, where stderr is a terminal, one that shows a live line there.

    The line appears after two seconds and is erased at the end.

    >>> with progress_line(None) as progress:
    ...     print(progress)
    None
    """
    if given is not None or sys.stderr is None or not sys.stderr.isatty():
        yield given
        return
    line = LiveLine(patience=_PATIENCE)

    def show(stage: str, fraction: float, best: str | None = None) -> None:
        line.show(printable(stage), fraction, None if best is None else printable(best))

    try:
        yield show
    finally:
        line.close()
