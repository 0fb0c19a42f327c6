"""One live line on a terminal that shows how far long work is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_INTERVAL = 0.1  # seconds between two updates of the same stage
_TAKEN = 44  # characters of the line that are neither stage nor detail


class LiveLine:
    """What is being done, a bar, the time spent and left, and a detail; erased at the end.

    It appears after `patience` seconds, on stderr unless a console is given, and not while another one is shown. A
    detail that is too long for the terminal is cut.

    >>> line = LiveLine(patience=60)
    >>> line.show("grid 5", 0.25, "training error 1e-3")
    >>> line.close()
    """

    _shown: ClassVar[LiveLine | None] = None

    def __init__(self, console: Console | None = None, patience: float = 0.0) -> None:
        self._console = console
        self._began = time.monotonic()
        self._due = self._began + patience
        self._stage = ""
        self._bar: Progress | None = None

    def show(self, stage: str, fraction: float | None = None, detail: str | None = None) -> None:
        """Update the line; a fraction or detail of None stays what it was."""
        now = time.monotonic()
        if now < self._due and (self._bar is None or stage == self._stage):
            return
        if LiveLine._shown not in (None, self):
            return
        self._stage, self._due = stage, now + _INTERVAL
        self._bar = self._bar or self._started()
        left = max(self._bar.console.width - _TAKEN - len(stage), 0)
        fields: dict[str, Any] = {} if detail is None else {"detail": _cut(detail, left)}
        total = None if fraction is None else 1.0
        self._bar.update(self._bar.tasks[0].id, description=stage, completed=fraction, total=total, **fields)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            LiveLine._shown = None

    def _started(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=self._console or Console(stderr=True),
            transient=True,
        )
        bar.add_task("", total=None, detail="")
        bar.tasks[0].start_time = self._began
        bar.start()
        LiveLine._shown = self
        return bar


def _cut(text: str, longest: int) -> str:
    """Return the beginning of a text, if it is long.

    >>> _cut("a*b + c", 5), _cut("a*b", 5), _cut("a*b", 1)
    ('a*b …', 'a*b', '')
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…" if longest > 1 else ""
