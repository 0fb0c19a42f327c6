"""What a fit shows while it runs: one live line on a terminal, lines of a log elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewise._progress import LiveLine, on_terminal
from edgewise.train._result import Row
from edgewise.train.optim import Step

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 2.0  # seconds before a line appears unasked, and between two epochs of a log
_SELDOM = 0.1  # of the time so far: between two lines of a log that tell steps


def describe(row: Row) -> str:
    """Return one row of the history as a line.

    >>> describe(Row(0, 5, 120, 1.25e-3, math.nan, 0.5, 300))
    '[  0.5 s] grid 5, 120 parameters: training 1.25e-03'
    """
    validation = "" if math.isnan(row.validation) else f", validation {row.validation:.2e}"
    return f"[{row.seconds:5.1f} s] grid {row.grid}, {row.parameters} parameters: training {row.train:.2e}{validation}"


def brief(row: Row) -> str:
    """Return the error of a row, to stand behind a progress bar."""
    known = not math.isnan(row.validation)
    return f"validation error {row.validation:.2e}" if known else f"training error {row.train:.2e}"


@dataclass(frozen=True)
class Words:
    """What progress says: of a row as a line of a log, and behind the bar; and of a step, if anything.

    step: what a step of a solver says, of the cost, the steps that were taken in this run, and the most there may be.
    """

    line: Callable[[Row], str] = describe
    brief: Callable[[Row], str] = brief
    step: Callable[[float, int, int | None], str] | None = None


class FitProgress:
    """Shows a fit if asked (True), never (False), or for "auto" on a terminal once it takes two seconds.

    >>> FitProgress(False).step("grid 5", Step(0.5, 10, 20), 0.5)
    """

    def __init__(self, asked: bool | str, console: Console | None = None, words: Words | None = None) -> None:
        terminal = on_terminal() if console is None else console.is_terminal
        shown = asked is True or (asked == "auto" and terminal)
        self._line = LiveLine(console, 0.0 if asked is True else _PATIENCE) if shown and terminal else None
        self._logs = shown and not terminal
        self._console, self._logged, self._detail = console, -math.inf, ""
        self._words, self._began = words or Words(), time.monotonic()

    def step(self, place: str, at: Step | None, fraction: float | None, detail: str | None = None) -> None:
        """Show what is trained, the step of its solver, and the fraction of the fit that is done, if known.

        A `detail` stands in place of the last row's error, and in a log as well, seldom.
        """
        if self._line is not None:
            stage = place if at is None else f"{place}, {at.unit} {at.number}/{at.total}"
            self._line.show(stage, fraction, detail or self._detail)
        elif self._logs and detail is not None:
            now = time.monotonic()
            if now - max(self._logged, self._began) >= max(_PATIENCE, _SELDOM * (now - self._began)):
                self._log(f"[{now - self._began:5.1f} s] {place}: {detail}")

    def row(self, row: Row, *, last: bool) -> None:
        """Show a row of the history; in a log, one that is not the last of a run at most every two seconds."""
        self._detail = self._words.brief(row)
        if self._logs and (last or time.monotonic() - self._logged >= _PATIENCE):
            self._log(self._words.line(row))

    def _log(self, text: str) -> None:
        self._logged = time.monotonic()
        if self._console is not None:
            self._console.print(text, soft_wrap=True, markup=False, highlight=False)
        elif sys.stderr is not None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def stopping(self) -> None:
        if self._line is not None:
            self._line.show("ending with the best so far; Ctrl-C once more aborts")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
