"""The stages of a fit, shown while it runs."""

from __future__ import annotations

import sys
import time

from edgewise._progress import LiveLine

_PATIENCE = 2.0  # seconds before a line appears that was not asked for


class Stages:
    """Shows what is being fitted on stderr: on a terminal one line, after two seconds or, if asked, at once.

    Elsewhere, as in a log, each new stage prints a line if `verbose` is set.

    >>> stages = Stages(asked=False)
    >>> stages.show("curves")
    >>> stages.close()
    """

    def __init__(self, asked: bool) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._line = LiveLine(patience=0.0 if asked else _PATIENCE) if terminal else None
        self._logs, self._began, self._stage = asked and not terminal, time.monotonic(), ""

    def show(self, stage: str) -> None:
        """Show a stage."""
        if self._line is not None:
            self._line.show(f"fitting {stage}")
        if self._logs and stage != self._stage:
            from rich.console import Console

            seconds = time.monotonic() - self._began
            text = f"[{seconds:5.1f} s] fitting {stage}"
            Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)
        self._stage = stage

    def close(self) -> None:
        """End the line."""
        if self._line is not None:
            self._line.close()
