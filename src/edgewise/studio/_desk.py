"""The desk: one session, its file, the work that is going on, and everyone who is told what changes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError, unknown
from edgewise.studio._hosts import load_requests
from edgewise.studio._requests import REQUESTS, Answer, Moved, request
from edgewise.studio._work import Event, Task, Worker

if TYPE_CHECKING:
    from edgewise.networks.session import Session

ENDING = ".session"


@dataclass
class Job:
    """Work that is going on: what it is, since when, and the last that it said."""

    number: int
    name: str
    call: str
    began: float = field(default_factory=time.time)
    last: Event = field(default_factory=dict)

    def row(self) -> Answer:
        return {"number": self.number, "name": self.name, "call": self.call, "began": self.began, **self.last}


class Desk:
    """Where requests are answered; hosts (the server, the widget) hold one and pass on what they are asked.

    Every change is on disk before it is answered. Requests may come from several threads.

    Parameters
    ----------
    folder
        The only place where files are opened and written.
    session
        The session to begin with; None for the choice of one.
    file
        The file that the session is saved in; None for no file.
    notes
        Which rows and columns a table was begun without.
    read_only
        Whether requests that change anything are refused.
    """

    def __init__(
        self, folder: Path, session: Session | None = None, *, file: Path | None = None, notes: Sequence[str] = (),
        read_only: bool = False,
    ):  # fmt: skip
        self.folder, self.read_only = folder.resolve(), read_only
        self.file = file
        self.notes = list(notes)  # what the session was begun without: rows and columns
        self.drawers: dict[str, Any] = {}  # what requests of one subject keep between them, by subject
        self.ended: Answer | None = None  # the number and the problem of the work that ended last
        self._session = session
        self._seated = int(session is not None)
        self._lock = threading.RLock()
        self._listeners: list[queue.Queue[Event]] = []
        self._job: Job | None = None
        self._jobs = 0
        self._worker = Worker()

    @property
    def session(self) -> Session:
        """The session; InputError before there is one."""
        if self._session is None:
            raise InputError("There is no session yet: open a table or a session first.")
        return self._session

    @property
    def has_session(self) -> bool:
        return self._session is not None

    @property
    def number(self) -> int | None:
        """Which session is open: another number for each that was begun or opened here; None where there is none."""
        return None if self._session is None else self._seated

    @property
    def job(self) -> Job | None:
        return self._job

    def ask(self, name: str, given: Mapping[str, Any]) -> Answer:
        """Answer a request.

        Parameters
        ----------
        name
            Name of the request, one of `REQUESTS`.
        given
            Its arguments by name.

        Raises
        ------
        InputError
            For what cannot be done.
        Moved
            Where the page is behind or work goes on.
        """
        load_requests(name)
        if name not in REQUESTS:
            raise unknown("request", name, REQUESTS)
        row = REQUESTS[name]
        if not row.changes:
            return row.answer(self, given)
        if self.read_only:
            raise InputError("This studio only shows: start it without --read-only to change anything.")
        with self._lock:
            return row.answer(self, given)

    def at(self, place: int) -> Session:
        """Return the session if it is at this state and nothing is being done to it.

        Parameters
        ----------
        place
            Number of the state.

        Raises
        ------
        Moved
            If the session is elsewhere, or busy.
        """
        self.free()
        session = self.session
        if session.state.id != place:
            raise Moved(f"The session is at state {session.state.id} by now, not at {place}: look at it again.")
        return session

    def change(self, made: Session) -> None:
        """Let another session take the place of this one, once it is on disk, and tell everyone.

        Parameters
        ----------
        made
            The other session.
        """
        with self._lock:
            if self.file is not None:
                made.save(self.file)
            self._session = made
        self.publish({"kind": "moved", "at": made.state.id, "session": self.number})

    def free(self) -> None:
        """Raise Moved while work goes on."""
        if self._job is not None:
            raise Moved(f"{self._job.call} is running: wait, or stop it first.")

    def seat(self, session: Session | None, file: Path | None = None, notes: Sequence[str] = ()) -> None:
        """Let another session, with its file and notes, take the place of the one that is open, or none; tell everyone.

        A session is on disk first. What requests have kept of the session before is dropped.

        Parameters
        ----------
        session
            The other session; None for none.
        file
            The file that it is saved in; None for no file.
        notes
            Which rows and columns a table was begun without.
        """
        with self._lock:
            self.free()
            if session is not None and file is not None and not file.exists():
                session.save(file)
            self._session, self.file, self.notes = session, file, list(notes)
            self._seated += 1
            self.drawers.clear()
        self.publish({"kind": "moved", "at": None if session is None else session.state.id, "session": self.number})

    def run(self, name: str, call: str, task: Task, arguments: tuple[Any, ...], done: Callable[[Any], None]) -> Answer:
        """Begin long work in the worker, and return the job.

        Parameters
        ----------
        name
            Name of the work.
        call
            The work as a call, to be shown.
        task
            Called in the worker, with a channel and the arguments.
        arguments
            The arguments.
        done
            Called here, with the result.
        """
        with self._lock:
            self.free()
            self._jobs += 1
            job = self._job = Job(self._jobs, name, call)

            def event(said: Event) -> None:
                job.last = {k: v for k, v in said.items() if k != "picture"}
                self.publish({"kind": "work", **job.row(), **said})

            def ended(result: Any, problem: str | None) -> None:
                with self._lock:
                    try:
                        if problem is None:
                            done(result)
                    except InputError as error:
                        problem = str(error)
                    finally:  # not before: who sees no work sees what it made
                        self.ended = {"number": job.number, "problem": problem}
                        if self._job is job:
                            self._job = None
                self.publish({"kind": "ended", **job.row(), "problem": problem})

            self._worker.run(task, arguments, event, ended)
        self.publish({"kind": "work", **job.row()})
        return {"job": job.row()}

    def stop(self, how: str = "stop") -> None:
        """End the work, if there is any.

        Parameters
        ----------
        how
            "stop" keeps what it has so far where it can, "interrupt" is Ctrl-C, "kill" keeps nothing.
        """
        if self._job is None:
            return
        {"stop": self._worker.stop, "interrupt": self._worker.interrupt, "kill": self._worker.kill}[how]()

    def warm(self) -> None:
        """Load the worker before it is needed."""
        self._worker.start()

    @contextmanager
    def listening(self, events: queue.Queue[Event] | None = None) -> Iterator[queue.Queue[Event]]:
        """Give a queue of all events from now on while the block runs.

        Parameters
        ----------
        events
            The queue to fill; None for a new one. One that is not emptied loses the oldest.
        """
        events = queue.Queue() if events is None else events
        self._listeners.append(events)
        try:
            yield events
        finally:
            self._listeners.remove(events)

    def publish(self, event: Event) -> None:
        """Tell everyone who listens.

        Parameters
        ----------
        event
            What to tell.
        """
        waiting = 1000  # events that a listener may be behind
        for events in list(self._listeners):
            if events.qsize() >= waiting:
                with suppress(queue.Empty):
                    events.get_nowait()
            events.put(event)

    def close(self) -> None:
        """End the worker; the session is on disk."""
        self._worker.kill()


@request()
def seated(desk: Desk) -> Answer:
    """Which session is open, by its number; None where there is none yet."""
    return {"session": desk.number}


class Host:
    """What shows a desk to a person."""

    desk: Desk

    @property
    def session(self) -> Session:
        """The session as it is now; InputError before there is one."""
        return self.desk.session

    @property
    def notes(self) -> list[str]:
        """What the session was begun without, rows and columns of its table, in whole sentences."""
        return list(self.desk.notes)
