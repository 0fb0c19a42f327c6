"""What a session holds: its rows, a tree of states, and a place among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.session._rows import Rows
from edgewise.session._state import State


@dataclass(frozen=True)
class Record:
    """Rows and states; `at` is the id of the state that the session is at.

    `line` is the branch of the next state, `undone` the ids of the states that `redo` goes forward to, the next last.
    """

    rows: Rows
    states: tuple[State, ...]
    at: int = 0
    line: str = "main"
    undone: tuple[int, ...] = ()

    @property
    def state(self) -> State:
        """The state that the session is at."""
        return self.states[self.at]

    @property
    def branches(self) -> list[str]:
        """The names of all lines of states, in the order in which they began."""
        return list(dict.fromkeys(state.branch for state in self.states))

    def path(self) -> list[State]:
        """Return the states from the start to this one."""
        found = [self.state]
        while (parent := found[-1].parent) is not None:
            found.append(self.states[parent])
        return found[::-1]

    def find(self, place: int | str) -> int:
        """Return the id of a state by its id, or of the last state of a branch by its name."""
        if isinstance(place, str):
            ids = [state.id for state in self.states if state.branch == place]
            if not ids:
                raise unknown("branch", place, self.branches)
            return ids[-1]
        if not is_int(place, 0, len(self.states) - 1):
            raise InputError(f"The session has states 0 to {len(self.states) - 1}. Got {place!r}.")
        return place

    def moved(self, place: int, undone: tuple[int, ...] = ()) -> Record:
        """Return the record at another state."""
        return replace(self, at=place, line=self.states[place].branch, undone=undone)

    def grown(self, new: State) -> Record:
        """Return the record with one more state, which the session is at."""
        return replace(self, states=(*self.states, new)).moved(new.id)

    def free_line(self) -> str:
        """Return the branch of the next state: this one's, or a new one where it has gone on already."""
        if self.line != self.state.branch or self.at == self.find(self.line):
            return self.line
        number = 2
        while f"branch {number}" in self.branches:
            number += 1
        return f"branch {number}"
