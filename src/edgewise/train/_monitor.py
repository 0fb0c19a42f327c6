"""What a fit reports while it runs, and what may end it early: progress, callbacks, the time limit, Ctrl-C.

Its steps may also be kept in a file, so that the same fit goes on where its process was killed.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from edgewise._callbacks import callbacks, calling, is_stop
from edgewise._deadline import Deadline, cut, whole
from edgewise._progress import LiveLine, Shown, on_screen
from edgewise._renamed import replaced
from edgewise.train._checkpoint import Checkpoint
from edgewise.train._data import ALONE, Ranks
from edgewise.train._options import Options
from edgewise.train._result import Outcome, Row
from edgewise.train.optim import DampedSolver, DampedState, LeastSquaresSolver, Step

if TYPE_CHECKING:
    from rich.console import Console

    from edgewise.nn import KAN


_PATIENCE = 2.0  # seconds before a line appears unasked, and between two epochs of a log


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
    """What progress says.

    Parameters
    ----------
    line
        Says a row of the history as a line of a log.
    brief
        Says the same, short, behind the bar.
    step
        What a step of a solver says, of the cost, the steps that were taken in this run, and the most there may be;
        None for nothing.
    """

    line: Callable[[Row], str] = describe
    brief: Callable[[Row], str] = brief
    step: Callable[[float, int, int | None], str] | None = None


class FitProgress:
    """Shows a fit if asked (True), never (False), or for "auto" on a screen once it takes two seconds.

    A function is called instead with the stage, the fraction that is done, if known, and a detail.

    >>> FitProgress(False).step("grid 5", Step(0.5, 10, 20), 0.5)
    """

    def __init__(self, asked: Shown, console: Console | None = None, words: Words | None = None) -> None:
        self._report = asked if callable(asked) else None
        terminal = on_screen() if console is None else console.is_terminal
        shown = asked is True or (asked == "auto" and terminal)
        self._line = LiveLine(console, 0.0 if asked is True else _PATIENCE) if shown and terminal else None
        self._logs = shown and not terminal
        self._console, self._logged, self._detail = console, -math.inf, ""
        self._words, self._began = words or Words(), time.monotonic()

    def step(self, place: str, at: Step | None, fraction: float | None, detail: str | None = None) -> None:
        """Show what is trained, the step of its solver, and the fraction of the fit that is done, if known.

        A `detail` stands in place of the last row's error, and in a log as well, seldom.
        """
        stage = place if at is None else f"{place}, {at.unit} {at.number}/{at.total}"
        if self._report is not None:
            self._report(stage, math.nan if fraction is None else fraction, detail or self._detail or None)
        elif self._line is not None:
            self._line.show(stage, fraction, detail or self._detail)
        elif self._logs and detail is not None:
            now, seldom = time.monotonic(), 0.1  # of the time so far
            if now - max(self._logged, self._began) >= max(_PATIENCE, seldom * (now - self._began)):
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


@dataclass(frozen=True)
class FitStep:
    """One second-order step of a fit.

    Parameters
    ----------
    step
        How many steps there have been in this fit.
    place
        What is trained, such as "grid 5".
    cost
        The value of what the solver minimizes.
    network
        Makes the network as it is; it takes time, and is to be called from the callback only.
    work
        About how many multiplications a step takes that factors a matrix: rows times parameters squared.
    """

    step: int
    place: str
    cost: float
    network: Callable[[], KAN]
    work: float = 0.0


def step_callback(callback: Callable[[FitStep], object]) -> AbstractContextManager[None]:
    """Call a function after each second-order step of the fits inside: the former name of `edgewise.calling`.

    Parameters
    ----------
    callback
        Called with each `FitStep`; True or "stop" ends the fit.
    """
    replaced("edgewise.train.step_callback(f)", "edgewise.calling(f, edgewise.train.FitStep)")
    return calling(callback, FitStep)


class _Stopped(Exception):
    """Leaves a run of a solver in the middle of a pass."""


class Monitor:
    """Keeps the history of a fit and says, at every step, whether the fit has to end.

    It ends at the time limit, when a callback asks for it, or at the first Ctrl-C; a second Ctrl-C aborts it. Ranks end
    together: all of them ask `ended` at the same points, and one that has to end ends all. Rank 0 shows the progress.

    Parameters
    ----------
    options
        The options of the fit: time limit, callbacks, progress and checkpoint.
    ranks
        The processes that fit together.
    words
        What progress says; None for the errors of a fit.
    identity
        Numbers that tell this fit from others, for its checkpoint.
    """

    def __init__(
        self, options: Options, ranks: Ranks = ALONE, *, words: Words | None = None, identity: Sequence[float] = ()
    ) -> None:
        self.options, self.ranks, self._words = options, ranks, words or Words()
        log = options.checkpoint
        self.checkpoint = None if log is None else Checkpoint(log, ranks, identity)
        self.history: list[Row] = []
        self.deadline = Deadline.never() if options.time_limit is None else Deadline.after(options.time_limit)
        self._began, self._steps = time.perf_counter(), 0
        self._callbacks, self._on_step = [*options.callback_list(), *callbacks(Row)], callbacks(FitStep)
        self._progress = FitProgress(options.progress if ranks.number == 0 else False, words=self._words)
        self._at: Step | None = None
        self._ended: Outcome | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Turn the first Ctrl-C into an end of the fit; a second one raises. Another handler stays in place."""
        usual = signal.default_int_handler
        mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is usual

        def first(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, usual)
            self._interrupt()

        try:
            if mine:
                signal.signal(signal.SIGINT, first)
            yield
        finally:
            if mine:
                signal.signal(signal.SIGINT, usual)
            self._progress.close()

    def minimize(
        self, solver: LeastSquaresSolver, problem: Any, place: str, steps: float = math.inf, *, stream: bool = False
    ) -> Tensor:
        """Return the parameters after a run of a solver, or after as much of it as steps and the time allow.

        Parameters
        ----------
        solver
            A second-order solver.
        problem
            What it minimizes: an object with `start` and the members that the solver needs.
        place
            What is trained, for progress and callbacks.
        steps
            Steps at most in this run.
        stream
            Whether the rows are a stream, read by foreign code, which is not interrupted.
        """
        log, start = self.checkpoint, problem.start
        if log is not None and (over := log.ended(start)) is not None:
            self._steps += over[1]
            return over[0]
        known = None if log is None else log.state(start)
        reached, taken = (start, 0) if known is None else (known.vector, known.step)
        self._steps += taken
        work = 0.0 if stream else float(len(getattr(problem, "table", ())) * len(start) ** 2)

        def callback(vector: Tensor, cost: float) -> bool:
            nonlocal reached, taken
            reached, taken = vector, taken + 1
            say = self._words.step
            detail = None if say is None else say(cost, taken, getattr(solver, "steps", None))
            ended = self.step(place, detail=detail) is not None
            return self.seen(place, cost, lambda: problem.network(vector), work) or ended or taken >= steps

        def kept(state: DampedState) -> bool:
            assert log is not None
            log.keep(start, state)
            return callback(state.vector, state.cost)

        def run() -> None:
            nonlocal reached
            with suppress(_Stopped):
                if log is None or not isinstance(solver, DampedSolver):
                    reached, _ = solver.minimize(problem, start, callback)
                elif taken < steps:
                    begin = DampedState(start, math.nan, solver.damping) if known is None else known
                    reached = solver.proceed(problem, begin, kept).vector

        cut(self.deadline if self.ranks.alone and not stream else Deadline.never(), run)
        if log is not None and self.ended() is None:
            log.end(start, reached, taken)
        return reached

    def seen(self, place: str, cost: float, network: Callable[[], KAN], work: float = 0.0) -> bool:
        """Pass a step on, unless the fit has to end already; True if it has to end.

        Parameters
        ----------
        place
            What is trained.
        cost
            The value of what is minimized.
        network
            Makes the network as it is.
        work
            About how many multiplications the step took.
        """
        if self._ended is not None:
            return True
        seen = FitStep(self._steps, place, cost, network, work)
        answers = [callback(seen) for callback in self._on_step]
        if any(map(is_stop, answers)):
            self._ended = Outcome.STOPPED
        return self._ended is not None

    def check(self) -> None:
        """Leave the run of `minimize` that this is called in, if the fit has to end."""
        if self.ended():
            raise _Stopped

    def ended(self) -> Outcome | None:
        """Return why the fit has to end now, or None."""
        if self._ended is None and self.deadline.passed():
            self._ended = Outcome.TIME_LIMIT
        if not self.ranks.alone:
            outcomes = [None, *Outcome]
            self._ended = outcomes[round(self.ranks.largest(outcomes.index(self._ended)))]
        return self._ended

    @whole
    def step(
        self, place: str = "", at: Step | None = None, fraction: float | None = None, detail: str | None = None
    ) -> Outcome | None:
        """Take note of a step, and return `ended()`.

        Parameters
        ----------
        place
            What is trained.
        at
            Where its solver is; None if unknown.
        fraction
            The fraction of the fit that is done; None if unknown.
        detail
            Shown in place of the last row's error.
        """
        self._steps += 1
        self._at = at
        limit = self.options.time_limit
        if limit is not None:
            fraction = min(1.0, max(fraction or 0.0, self._seconds / limit))
        self._progress.step(place, at, fraction, detail)
        return self.ended()

    @whole
    def show(self, place: str, detail: str | None = None) -> Outcome | None:
        """Show what is being fitted where no solver takes steps, and return `ended()`.

        Parameters
        ----------
        place
            What is fitted.
        detail
            Shown in place of the last row's error.
        """
        limit = self.options.time_limit
        self._progress.step(place, None, None if limit is None else min(1.0, self._seconds / limit), detail)
        return self.ended()

    @property
    def steps(self) -> int:
        """The number of steps that were taken."""
        return self._steps

    def add(self, steps: int) -> None:
        """Count steps that a worker took.

        Parameters
        ----------
        steps
            How many.
        """
        self._steps += steps

    def record(self, grid: int, parameters: int, train: float, validation: float) -> None:
        """Add a row to the history, and pass it to the callbacks.

        Parameters
        ----------
        grid
            Cells of the finest layer.
        parameters
            Number of the network's parameters.
        train
            Error over the training rows, in the target's units.
        validation
            Error over the validation rows; NaN without them.
        """
        row = Row(len(self.history), grid, parameters, train, validation, self._seconds, self._steps)
        self.history.append(row)
        self._progress.row(row, last=self._at is None or self._at.done >= 1)
        try:
            answers = [callback(row) for callback in self._callbacks]
        except KeyboardInterrupt:
            if self._ended is Outcome.INTERRUPTED:
                raise
            self._interrupt()
            return
        if any(map(is_stop, answers)):
            self._ended = self._ended or Outcome.STOPPED

    def asked(self) -> Outcome | None:
        """Return STOPPED or INTERRUPTED if a callback or Ctrl-C ended the fit."""
        return self._ended if self._ended in (Outcome.STOPPED, Outcome.INTERRUPTED) else None

    def notes(self) -> list[str]:
        """Return a note if the fit was interrupted."""
        if self._ended is not Outcome.INTERRUPTED:
            return []
        return [f"Interrupted after {self._seconds:.1f} s and {self._steps} steps."]

    def _interrupt(self) -> None:
        self._ended = Outcome.INTERRUPTED
        self._progress.stopping()

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began
