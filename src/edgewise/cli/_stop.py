"""The way in, and how the command ends when a signal asks for it: it unwinds, so that nothing temporary stays."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgewise._extras import MissingPackage, extras
from edgewise.cli._failure import fail

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (None: the program's own) and return its exit code.

    Errors: 2 after a bad input, file or disk; 128 and the signal's number after a signal that ends the command: 130
    for Ctrl-C, 143 for SIGTERM. Each is one line on stderr, never a traceback.

    >>> main(["discover", "orbits", "--target", "period_days", "--noise", "a lot"])
    2
    """
    with stoppable() as stop:
        try:
            arguments = list(sys.argv[1:] if argv is None else argv)
            helps = bool({"-h", "--help", "--version"} & set(arguments))
            starts = arguments[:1] == ["studio"] and not helps
            with stop.loading():
                if starts:
                    print("The studio starts ...", flush=True)  # noqa: T201 (before the packages that print)
                with extras():
                    from edgewise.cli._app import run

                if not starts and not helps:  # which answer without torch
                    import edgewise.tables.io  # noqa: F401
            return run(arguments)
        except MissingPackage as missing:
            return fail(str(missing))
        except KeyboardInterrupt as asked:
            return fail(f"interrupted; {str(asked) or 'no file is half written'}", stop.code)
