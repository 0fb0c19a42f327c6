"""The history of a session: a tree of states and a place in it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from edgewise._errors import InputError, unknown
from edgewise.session._compare import Comparison, compare
from edgewise.session._rows import Rows
from edgewise.session._state import State
from edgewise.session._steering import Steering

if TYPE_CHECKING:
    import pandas as pd


class History(Steering):
    """Ways through the states that there are; every one returns a new session, and all sessions share their states."""

    _rows: Rows
    _states: tuple[State, ...]
    _at: int
    _line: str
    _undone: tuple[int, ...]

    @property
    def states(self) -> tuple[State, ...]:
        """All states, by id."""
        return self._states

    @property
    def state(self) -> State:
        """The state that the session is at."""
        return self._states[self._at]

    def undo(self, steps: int = 1) -> Self:
        """Go back to the state before; nothing is lost."""
        session = self
        for _ in range(_steps(steps)):
            parent = session.state.parent
            if parent is None:
                raise InputError("This is the start: there is nothing to undo.")
            session = session._moved(parent, undone=(*session._undone, session._at))
        return session

    def redo(self, steps: int = 1) -> Self:
        """Go forward to what `undo` left."""
        session = self
        for _ in range(_steps(steps)):
            if not session._undone:
                raise InputError("Nothing was undone here: there is nothing to redo.")
            session = session._moved(session._undone[-1], undone=session._undone[:-1])
        return session

    def goto(self, place: int | str) -> Self:
        """Go to a state by its id, or to the last state of a branch by its name."""
        if isinstance(place, str):
            ids = [state.id for state in self._states if state.branch == place]
            if not ids:
                raise unknown("branch", place, self.branches())
            return self._moved(ids[-1])
        return self._moved(self._id(place))

    def branch(self, name: str) -> Self:
        """Begin a line of states with a name of its own here; it shows from the next action on."""
        if not isinstance(name, str) or not name:
            raise InputError(f"A branch's name is a text. Got {name!r}.")
        if name in self.branches():
            raise InputError(f"There is a branch {name!r} already: goto({name!r}), or choose another name.")
        new = self._moved(self._at)
        new._line = name
        return new

    def branches(self) -> list[str]:
        """The names of all lines of states, in the order in which they began."""
        return list(dict.fromkeys(state.branch for state in self._states))

    def note(self, text: str) -> Self:
        """Write a note to the state that the session is at, in the place of one that is there."""
        if not isinstance(text, str):
            raise InputError(f"A note is a text. Got {text!r}.")
        noted = tuple(replace(s, note=text) if s.id == self._at else s for s in self._states)
        new = copy.copy(self)
        new._states = noted
        return new

    def compare(self, a: int, b: int) -> Comparison:
        """Two states beside each other, by their ids."""
        return compare(self._states[self._id(a)], self._states[self._id(b)], self._rows)

    def path(self) -> list[State]:
        """The states from the start to where the session is."""
        found = [self.state]
        while (parent := found[-1].parent) is not None:
            found.append(self._states[parent])
        return found[::-1]

    def log(self) -> str:
        """One line for each state from the start to here."""
        lines = []
        for state in self.path():
            what = state.name if state.id == 0 else state.call
            lines.append(f"{state.id}  {what}, error {state.error:.3g}" + (f"  # {state.note}" if state.note else ""))
        return "\n".join(lines)

    def history(self) -> pd.DataFrame:
        """All states as a table: id, parent, branch, action, error, parameters, edges, splines, note, here."""
        import pandas as pd

        return pd.DataFrame([{**state.row(), "here": state.id == self._at} for state in self._states])

    def _free_line(self) -> str:
        """The branch of the next state: this one's, or a new one where it has gone on already."""
        if self._line != self.state.branch or self._at == max(s.id for s in self._states if s.branch == self._line):
            return self._line
        taken, number = self.branches(), 2
        while f"branch {number}" in taken:
            number += 1
        return f"branch {number}"

    def _id(self, place: int) -> int:
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(self._states):
            raise InputError(f"The session has states 0 to {len(self._states) - 1}. Got {place!r}.")
        return place

    def _moved(
        self, place: int, *, undone: tuple[int, ...] = (), states: tuple[State, ...] | None = None
    ) -> Self:  # fmt: skip
        new = copy.copy(self)
        new._states = self._states if states is None else states
        new._at, new._undone = place, undone
        new._line = new._states[place].branch
        return new


def _steps(steps: int) -> int:
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise InputError(f"'steps' must be an int >= 1. Got {steps!r}.")
    return steps
