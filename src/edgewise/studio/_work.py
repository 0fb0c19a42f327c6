"""Long work in a separate process: the page stays responsive, and the work can be stopped at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

from edgewise._errors import EdgewiseError

Event = dict[str, Any]
Task = Callable[..., Any]
_POSIX = os.name == "posix"


class Channel:
    """What a task sees of those who wait for it: it sends events, and asks whether it is to end."""

    def __init__(self, connection: Connection, stop: Any) -> None:
        self._connection, self._stop = connection, stop

    def send(self, event: Event) -> None:
        self._connection.send(("event", event))

    def stopped(self) -> bool:
        return self._stop.is_set()


class Worker:
    """A process that does one task after the other; a stopped one is replaced.

    `run` returns at once. Events and the end of the task arrive in a thread: `event(dict)`, then `done(result, None)`
    or `done(None, problem)`.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._connection: Any = None
        self._stop = self._context.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process before it is needed: it takes seconds to load."""
        with self._lock:
            if self._process is not None and self._process.is_alive():
                return
            self._connection, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_serve, args=(theirs, self._stop), daemon=True)
            with _alone():
                self._process.start()
            theirs.close()

    def run(self, task: Task, arguments: tuple[Any, ...], event: Callable[[Event], None], done: Callable) -> None:
        """Begin a task, a function at the top of a module: task(channel, *arguments)."""
        self.start()
        self._stop.clear()
        self._connection.send((task, arguments))
        threading.Thread(target=self._follow, args=(self._connection, event, done), daemon=True).start()

    def stop(self) -> None:
        """Ask the task to end with what it has."""
        self._stop.set()

    def interrupt(self) -> None:
        """Ask the task to end as Ctrl-C does."""
        self._stop.set()
        if self._process is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process = None

    def _follow(self, connection: Any, event: Callable[[Event], None], done: Callable) -> None:
        while True:
            try:
                kind, value = connection.recv()
            except (EOFError, OSError):
                done(None, "The work was ended before it was done; nothing changed.")
                return
            if kind == "event":
                event(value)
                continue
            done(*((value, None) if kind == "done" else (None, value)))
            return


@contextmanager
def _alone() -> Iterator[None]:
    """Start a process that does not run the program's main script, as processes otherwise do to find its functions.

    Tasks are edgewise's own, and the script may be the one that opens the studio and waits. Ctrl-C in the terminal is
    not for the process, also not while it loads: see `_leave_terminal`.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if _POSIX else None
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_terminal() -> None:
    """Let Ctrl-C in the terminal pass by, and SIGINT be what `Worker.interrupt` sends alone."""
    if _POSIX:
        os.setpgrp()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets those that came before
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _serve(connection: Connection, stop: Any) -> None:
    """Do tasks until there is nobody to do them for."""
    import edgewise.networks.session  # noqa: F401  (loaded before the first task)

    threading.Thread(target=_end_with_parent, daemon=True).start()
    _leave_terminal()
    channel = Channel(connection, stop)
    while True:
        try:
            task, arguments = connection.recv()
        except (EOFError, OSError):
            return
        except KeyboardInterrupt:
            continue
        try:
            answer = ("done", task(channel, *arguments))
        except EdgewiseError as error:
            answer = ("problem", str(error))
        except KeyboardInterrupt:
            answer = ("problem", "Stopped; nothing changed.")
        except MemoryError:
            answer = ("problem", "Out of memory: use fewer rows, or a smaller network. Nothing changed.")
        except Exception as error:  # noqa: BLE001 (whatever a task does, its process goes on)
            answer = ("problem", f"Internal error ({type(error).__name__}: {error}). Nothing changed.")
        connection.send(answer)


def _end_with_parent() -> None:
    """End this process, whatever it is doing, when the one that started it is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
