"""A fit as it is seen from outside: its clock, its record, who watches, and what may end it early."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgewise._deadline import Deadline, whole
from edgewise.optim import Step
from edgewise.train._options import Options
from edgewise.train._progress import State, display
from edgewise.train._result import Outcome, Row


class Monitor:
    """Keeps the history of one fit and asks, at every step, whether it has to end.

    It ends at the time limit, when a callback says so, or at the first Ctrl-C; a second one aborts it.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.history: list[Row] = []
        self._watchers = options.watchers()
        limit = options.time_limit
        self.deadline = Deadline.never() if limit is None else Deadline.after(limit)
        self._state = State(limit=limit)
        self._display = display(options.progress, self._state)
        self._ended: Outcome | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            with _first_interrupt(self._interrupt):
                yield
        finally:
            self._display.close()

    def ended(self) -> Outcome | None:
        """Why the fit has to end now, or None."""
        if self._ended is None and self.deadline.passed():
            self._ended = Outcome.TIME_LIMIT
        return self._ended

    @whole
    def step(self, place: str = "", at: Step | None = None, share: float = 0.0) -> Outcome | None:
        """Take note of a step (what is trained, where its solver is, the share of the fit that is over); `ended()`."""
        state = self._state
        state.steps += 1
        state.place, state.at, state.share = place, at, share
        self._display.step()
        return self.ended()

    def record(self, grid: int, parameters: int, train: float, validation: float) -> None:
        """Add a row to the history, and show it to all who watch."""
        state = self._state
        row = Row(len(self.history), grid, parameters, train, validation, state.seconds, state.steps)
        self.history.append(row)
        state.row = row
        self._display.row()
        try:
            answers = [watch(row) for watch in self._watchers]
        except KeyboardInterrupt:
            if self._ended is Outcome.INTERRUPTED:
                raise
            self._interrupt()
            return
        if any(_is_stop(answer) for answer in answers):
            self._ended = self._ended or Outcome.STOPPED

    def asked(self) -> Outcome | None:
        """STOPPED or INTERRUPTED where somebody asked for the end, however far the fit was."""
        return self._ended if self._ended in (Outcome.STOPPED, Outcome.INTERRUPTED) else None

    def notes(self) -> list[str]:
        """What is worth saying of how it went."""
        if self._ended is not Outcome.INTERRUPTED:
            return []
        return [f"Interrupted after {self._state.seconds:.1f} s and {self._state.steps} steps."]

    def _interrupt(self) -> None:
        self._ended = Outcome.INTERRUPTED
        self._state.stopping = True


def _is_stop(answer: Any) -> bool:
    """Only what is meant as one: numbers, as `file.write` returns, are none."""
    return bool(answer) if isinstance(answer, bool | np.bool_) else isinstance(answer, str) and answer == "stop"


@contextmanager
def _first_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Turn the first Ctrl-C into a call; a second one raises KeyboardInterrupt. A handler of others stays in place."""
    usual = signal.default_int_handler
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is usual
    if not mine:
        yield
        return

    def first(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, usual)
        act()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
