"""What a running fit shows: one live line on a terminal, a line for each round in a log."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from edgewise._progress import LiveLine
from edgewise.optim import Step
from edgewise.train._result import Row

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 2.0  # seconds before a line appears unasked, and between two epochs of a log


def describe(row: Row) -> str:
    """Return one row of the history as a line.

    >>> describe(Row(0, 5, 120, 1.25e-3, math.nan, 0.5, 300))
    '[  0.5 s] grid 5, 120 parameters: training 1.25e-03'
    """
    validation = "" if math.isnan(row.validation) else f", validation {row.validation:.2e}"
    return f"[{row.seconds:5.1f} s] grid {row.grid}, {row.parameters} parameters: training {row.train:.2e}{validation}"


class FitProgress:
    """Shows a fit if asked (True), never (False), or for "auto" on a terminal once it takes two seconds.

    >>> FitProgress(False).step("grid 5", Step(0.5, 10, 20), 0.5)
    """

    def __init__(self, asked: bool | str, console: Console | None = None) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty() if console is None else console.is_terminal
        shown = asked is True or (asked == "auto" and terminal)
        self._line = LiveLine(console, 0.0 if asked is True else _PATIENCE) if shown and terminal else None
        self._logs = shown and not terminal
        self._console, self._logged, self._detail = console, -math.inf, ""

    def step(self, place: str, at: Step | None, fraction: float | None) -> None:
        """Show what is trained, the step of its solver, and the fraction of the fit that is done, if known."""
        if self._line is not None:
            stage = place if at is None else f"{place}, {at.unit} {at.number}/{at.total}"
            self._line.show(stage, fraction, self._detail)

    def row(self, row: Row, *, last: bool) -> None:
        """Show a row of the history; in a log, one that is not the last of a run at most every two seconds."""
        known = not math.isnan(row.validation)
        self._detail = f"validation error {row.validation:.2e}" if known else f"training error {row.train:.2e}"
        now = time.monotonic()
        if self._logs and (last or now - self._logged >= _PATIENCE):
            from rich.console import Console

            self._logged = now
            self._console = self._console or Console(stderr=True)
            self._console.print(describe(row), soft_wrap=True, markup=False, highlight=False)

    def stopping(self) -> None:
        if self._line is not None:
            self._line.show("ending with the best so far; Ctrl-C once more aborts")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
