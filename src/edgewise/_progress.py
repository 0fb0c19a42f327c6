"""One live line, on a terminal or in a notebook, that shows how far long work is."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from edgewise._errors import InputError
from edgewise._extras import installed
from edgewise._printable import printable, shortened

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Report: TypeAlias = Callable[[str, float, str | None], object]
"""A function of the stage, the fraction done (0 to 1; NaN if unknown) and a detail, such as the best formula so far."""

Shown: TypeAlias = bool | Literal["auto"] | Report
"""Progress on stderr or in a notebook's cell: always (True), never (False), where a line can be erased after two
seconds ("auto"); or a function to call."""

_TASK: Any = 0  # the one task of rich's progress
_PATIENCE = 2.0  # seconds before a line appears that was not asked for


class LiveLine:
    """What is being done, a bar, the time spent and left, and a detail; erased at the end.

    It appears after `patience` seconds, in the cell of a notebook or else on stderr, unless a console is given, and not
    while another one is shown. A detail that is too long for the terminal is cut.

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
        self._bar: Progress | _CellBar | None = None

    def show(self, stage: str, fraction: float | None = None, detail: str | None = None) -> None:
        """Update the line; a fraction or detail of None stays what it was."""
        now = time.monotonic()
        if now < self._due and (self._bar is None or stage == self._stage):
            return
        if LiveLine._shown not in (None, self):
            return
        self._stage, self._due = stage, now + 0.1
        self._bar = self._bar or self._started()
        left = max(self._bar.console.width - 44 - len(stage), 0)  # beside stage, bar and times
        fields: dict[str, Any] = {} if detail is None else {"detail": shortened(detail, left)}
        total = None if fraction is None else 1.0
        self._bar.update(_TASK, description=stage, completed=fraction, total=total, **fields)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            LiveLine._shown = None

    def _started(self) -> Progress | _CellBar:
        LiveLine._shown = self
        shell = _kernel()
        if self._console is None and shell is not None:
            return _CellBar(shell, self._began)
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
        return bar


class _CellBar:
    """The part of rich's progress that a line needs, as a display of a cell, which is empty at the end."""

    console = SimpleNamespace(width=140)

    def __init__(self, shell: Any, began: float) -> None:
        self._shell, self._began, self._drawn, self._detail, self._done = shell, began, False, "", 0.0

    def update(
        self, task: Any, *, description: str, completed: float | None, total: float | None, detail: str | None = None
    ) -> None:
        self._detail = self._detail if detail is None else detail
        self._done = self._done if completed is None else completed
        done, spent = self._done, time.monotonic() - self._began
        left = f", {spent * (1 - done) / done:.0f} s left" if 0 < done < 1 else ""
        bar = f"{'━' * round(20 * done):20} {done:4.0%}  " if done else ""
        self._show(f"{description}  {bar}{spent:.0f} s{left}  {self._detail}")

    def stop(self) -> None:
        self._show("")

    def _show(self, text: str) -> None:
        place = {"display_id": f"edgewise-{id(self)}"}
        self._shell.display_pub.publish({"text/plain": text}, transient=place, update=self._drawn)
        self._drawn = True


def _kernel() -> Any:
    """Return the shell of a notebook's kernel; None in a terminal or script."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if getattr(shell, "kernel", None) else None


def on_screen() -> bool:
    """Return whether a live line can be shown: in a notebook, or on a terminal if rich is installed."""
    terminal = sys.stderr is not None and sys.stderr.isatty() and installed("rich")
    return terminal or _kernel() is not None


def check_shown(progress: object) -> None:
    """Raise InputError for what says nothing of how to show progress: see `Shown`."""
    word = isinstance(progress, str) and progress == "auto"
    if not (word or isinstance(progress, bool) or callable(progress)):
        raise InputError(
            f"'progress' must be True, False, 'auto' or a function (stage, fraction, detail). Got {progress!r}."
        )


@contextmanager
def reporting(progress: Shown | None) -> Iterator[Report]:
    """Yield a function to report progress to: the one given, one that shows a line on stderr, or one that does nothing.

    None means "auto". Where stderr is no terminal, as in a log, True prints each stage on a separate line.

    Errors: InputError for any other value.

    >>> with reporting(False) as report:
    ...     report("curves", 0.5, None)
    >>> with reporting(lambda stage, fraction, detail: print(stage, fraction)) as report:
    ...     report("curves", 0.5, None)
    curves 0.5
    """
    check_shown("auto" if progress is None else progress)
    if callable(progress):
        yield progress
        return
    stderr, began, last = sys.stderr, time.monotonic(), ""
    shown = progress is not False and on_screen()
    line = LiveLine(patience=0.0 if progress is True else _PATIENCE) if shown else None

    def report(stage: str, fraction: float, detail: str | None = None) -> None:
        nonlocal last
        if line is not None:
            line.show(
                printable(stage),
                None if math.isnan(fraction) else fraction,
                None if detail is None else printable(detail),
            )
        elif progress is True and stderr is not None and stage != last:
            last = stage
            print(f"[{time.monotonic() - began:5.1f} s] {printable(stage)}", file=stderr, flush=True)

    try:
        yield report
    finally:
        if line is not None:
            line.close()
