"""How the command ends when a signal asks for it: it unwinds, so that nothing temporary stays."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")  # as far as the system has them; Ctrl-C (SIGINT) is Python's own


class Stop:
    """Which signal asked for the end."""

    def __init__(self) -> None:
        self._number = int(signal.SIGINT)
        self._asked = False

    @property
    def code(self) -> int:
        """The exit code of a process that the signal ended."""
        return 128 + self._number

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Import modules, and be interrupted after it: compiled ones may swallow an interrupt, or abort. A second
        signal interrupts at once."""
        mine = _here() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if mine:
            signal.signal(signal.SIGINT, self._note)
        try:
            yield
        except BaseException:
            if self._asked:
                raise KeyboardInterrupt from None
            raise
        finally:
            if mine:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: Any) -> None:
        if self._asked:
            signal.default_int_handler(number, frame)
        self._asked = True

    def unwind(self, number: int, frame: Any) -> None:
        """Handle a signal as Ctrl-C is handled at this moment; the exit code is that of the signal."""
        self._number = number
        usual = signal.getsignal(signal.SIGINT)
        (usual if callable(usual) else signal.default_int_handler)(number, frame)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """While it lasts, signals that end a process unwind it first. Signals that are ignored or handled stay so."""
    stop = Stop()
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    mine = [number for number in known if _here() and signal.getsignal(number) == signal.SIG_DFL]
    for number in mine:
        signal.signal(number, stop.unwind)
    try:
        yield stop
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _here() -> bool:
    """Whether signals can be handled: Python allows it in the main thread alone."""
    return threading.current_thread() is threading.main_thread()
