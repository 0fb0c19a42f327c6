"""What a running fit shows: one live line on a terminal, plain lines in a log, by default nothing in the first two
seconds and nothing where no terminal is."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgewise.optim import Step
from edgewise.train._result import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

_PATIENCE = 2.0  # seconds before a line appears unasked, and between two epochs of a log
_WINDOW = 5.0  # seconds that the rate is measured over


@dataclass
class State:
    """How far a fit is; `share` is the part of it that is over, zero where nobody can tell."""

    began: float = field(default_factory=time.perf_counter)
    limit: float | None = None
    steps: int = 0
    place: str = ""
    at: Step | None = None
    share: float = 0.0
    row: Row | None = None
    stopping: bool = False

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def left(self) -> str:
        """The time to go, as far as anybody can tell."""
        seconds = self.seconds
        limit = math.inf if self.limit is None else max(0.0, self.limit - seconds)
        left = seconds * (1 - self.share) / self.share if self.share > 0 else math.inf
        if math.isinf(left):
            return f"{_clock(seconds)} so far" if math.isinf(limit) else f"at most {_clock(limit)} left"
        return f"{_clock(min(left, limit))} left"


def describe(row: Row) -> str:
    """One row of the history as a line.

    >>> describe(Row(0, 5, 120, 1.25e-3, math.nan, 0.5, 300))
    '[  0.5 s] grid 5, 120 parameters: training 1.25e-03'
    """
    held = "" if math.isnan(row.validation) else f", held out {row.validation:.2e}"
    return f"[{row.seconds:5.1f} s] grid {row.grid}, {row.parameters} parameters: training {row.train:.2e}{held}"


class Display(Protocol):
    def step(self) -> None: ...

    def row(self) -> None: ...

    def close(self) -> None: ...


def display(asked: bool | str, state: State, console: Console | None = None) -> Display:
    """What shows the state of a fit: always (True), never (False), or "auto": a line on a terminal, if it takes long.

    >>> display(False, State()).step()
    """
    terminal = sys.stderr is not None and sys.stderr.isatty() if console is None else console.is_terminal
    if asked is False or (asked == "auto" and not terminal):
        return _Nothing()
    if terminal:
        return _Line(state, 0.0 if asked is True else _PATIENCE, console)
    return _Log(state, console)


class _Nothing:
    def step(self) -> None: ...

    def row(self) -> None: ...

    def close(self) -> None: ...


class _Log:
    """A line for each row of the history, for those of one run at most every two seconds."""

    def __init__(self, state: State, console: Console | None) -> None:
        self._state, self._console = state, console or _stderr()
        self._said = -math.inf

    def step(self) -> None: ...

    def row(self) -> None:
        state = self._state
        within = state.at is not None and state.at.done < 1
        if state.row is None or (within and state.seconds - self._said < _PATIENCE):
            return
        self._said = state.seconds
        self._console.print(describe(state.row), soft_wrap=True, markup=False, highlight=False)

    def close(self) -> None: ...


class _Line:
    """One live line, gone at the end. A thread of its own reads the state, so that a step costs the fit nothing."""

    def __init__(self, state: State, patience: float, console: Console | None) -> None:
        self._state, self._patience, self._console = state, patience, console
        self._live: Live | None = None
        self._recent = deque([(0.0, 0)])

    def step(self) -> None:
        if self._live is None and self._state.seconds > self._patience:
            self._start()

    def row(self) -> None: ...

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _start(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        spinner = Spinner("dots")

        def render() -> Spinner:
            spinner.update(text=self.text())
            return spinner

        console = self._console or _stderr()
        self._live = Live(get_renderable=render, console=console, refresh_per_second=5, transient=True)
        self._live.start()

    def text(self) -> str:
        state = self._state
        if state.stopping:
            return "ending with the best so far; Ctrl-C once more aborts"
        parts = [state.place]
        if state.at is not None:
            parts.append(f"{state.at.unit} {state.at.number}/{state.at.total}")
        if state.row is not None:
            held = not math.isnan(state.row.validation)
            parts.append(
                f"held-out error {state.row.validation:.2e}" if held else f"training error {state.row.train:.2e}"
            )
        parts.append(_speed(self._rate()))
        parts.append(state.left())
        return ", ".join(part for part in parts if part)

    def _rate(self) -> float:
        """Steps a second over the last few seconds."""
        now, recent = (self._state.seconds, self._state.steps), self._recent
        recent.append(now)
        while now[0] - recent[1][0] > _WINDOW:
            recent.popleft()
        return (now[1] - recent[0][1]) / max(1e-9, now[0] - recent[0][0])


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False)


def _speed(rate: float) -> str:
    """
    >>> _speed(12345.6), _speed(2.5), _speed(0.25)
    ('12346 steps/s', '2.5 steps/s', '4.0 s/step')
    """
    if rate < 1:
        return f"{1 / rate:.1f} s/step" if rate > 0 else ""
    return f"{rate:.{0 if rate >= 10 else 1}f} steps/s"


def _clock(seconds: float) -> str:
    """
    >>> _clock(75), _clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
