"""A person's way through networks: a branching history in which every step can be seen, undone and replayed."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, final

import torch

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula
from edgewise.kernels import one_thread
from edgewise.nn import KAN, clone
from edgewise.session._actions import action
from edgewise.session._compare import Comparison, compare
from edgewise.session._rows import Rows, Unit, Variable
from edgewise.session._situation import Edge, Situation
from edgewise.session._state import State
from edgewise.session._steering import Steering
from edgewise.symbolic import Candidate, candidates
from edgewise.train import error_of

if TYPE_CHECKING:
    import pandas as pd


@final
class Session(Steering):
    """A value: a tree of networks, each made from another by one action, and a place in it.

    Every step returns a new session and leaves the old one as it was, as do `undo`, `redo`, `goto` and `branch`; all of
    them share their states. Steps are methods (see `Steering`) and rows of `ACTIONS`; `apply` does one by its name,
    `preview` shows what it would do. The same steps on the same rows give the same network, bit for bit, on the same
    machine: they run in float64 on one thread, with fixed seeds. `export_script` writes them down.

    Shapes: x (n, n_in), y (n,) or (n, n_out): arrays, tensors or tables. `names` are the inputs', those of a data
    frame's columns or x1, x2, ... if left out; `target` that of the output, or a list. `units` maps some of the names
    to units (see `edgewise.symbolic.dimension`).

    Errors: InputError for rows that do not fit the network, and for every step that cannot be taken.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> session = Session(ew.KAN([2, 1], grid=3), x, torch.sin(x[:, 0]) + x[:, 1], names=["t", "v"])
    >>> session = session.fit().snap_edge((0, 0, 1), "x").lock((0, 0, 1))
    >>> print(session.undo().log())
    0  start, error 0...
    1  fit(grids=None, sparsity=0.0), error ...
    2  snap_edge(edge=(0, 0, 1), function='x'), error ...
    """

    def __init__(
        self, model: KAN, x: Any, y: Any, names: Sequence[str] | None = None, *,
        target: str | Sequence[str] | None = None, units: Mapping[str, Unit] | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(model, KAN):
            raise InputError(f"A session begins with an edgewise.KAN. Got {type(model).__name__}.")
        self._rows = Rows.of(model, x, y, names, target, units)
        start = Situation(clone(model, torch.float64))
        self._states: tuple[State, ...] = (State(0, None, "main", "start", {}, start, self._error(start)),)
        self._at, self._line = 0, "main"
        self._undone: tuple[int, ...] = ()

    @property
    def states(self) -> tuple[State, ...]:
        """All states, by id."""
        return self._states

    @property
    def state(self) -> State:
        """The state that the session is at."""
        return self._states[self._at]

    @property
    def model(self) -> KAN:
        """The network as it is now: a copy."""
        return clone(self.state.situation.model)

    @property
    def error(self) -> float:
        """Root mean square over the rows, in the target's units."""
        return self.state.error

    @property
    def names(self) -> list[str]:
        """What the network reads: columns, then variables."""
        return self._rows.all_names(self.state.situation.variables)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Columns computed from others."""
        return self.state.situation.variables

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Functions that no edge may become."""
        return self.state.situation.forbidden

    def formula(self) -> Formula | list[Formula]:
        """The network as a formula over the original columns, one for each output; InputError while splines are left.

        >>> import edgewise as ew, torch
        >>> x = 1 + torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        >>> session = Session(ew.KAN([2, 1], grid=3), x, x[:, 0] / x[:, 1], names=["v", "c"]).add_variable("b", "v/c")
        >>> session.prune_edge((0, 0, 0)).prune_edge((0, 0, 1)).set_function((0, 0, 2), "x", (1, 0, 1, 0)).formula()
        v/c
        """
        found = self.state.situation.model.formula(self.names)
        whole = [self._rows.in_columns(one, self.variables) for one in (found if isinstance(found, list) else [found])]
        return whole if isinstance(found, list) else whole[0]

    def unit_problem(self, constants: str = "free") -> str | None:
        """What is wrong with the units of the formula, None where they fit: see `edgewise.symbolic.unit_problem`.

        Errors: InputError while splines are left, and where a column of the formula has no unit.
        """
        found = self.formula()
        for one, target in zip(found if isinstance(found, list) else [found], self._rows.targets, strict=True):
            missing = sorted(symbol.name for symbol in one.free_symbols if symbol.name not in self._rows.units)
            if missing:
                raise InputError(f"No unit is given for {missing[0]!r}: name it in Session(..., units={{...}}).")
            problem = self._rows.problem(one, target, constants)
            if problem:
                return problem
        return None

    def suggest(self, edge: Edge, limit: int = 5) -> list[Candidate]:
        """Functions that an edge could become, each with the whole network's error after a brief refit, best first.

        See `edgewise.symbolic.candidates`. Forbidden ones are left out, and required ones are all there is.
        """
        now = self.state.situation
        table = now.table(self._rows)
        edge = action("prune_edge").read((edge,), {})["edge"]
        with one_thread():
            return candidates(now.model, table.x, table.y, edge, forbid=now.forbidden, limit=limit)

    def apply(self, name: str, /, *given: Any, **named: Any) -> Self:
        """Do an action of `ACTIONS` by its name and return the session with it done."""
        row = action(name)
        arguments = row.read(given, named)
        with one_thread():
            after = row.act(self.state.situation, self._rows, **arguments)
            error = self._error(after)
        branch = self._free_line()
        new = State(len(self._states), self._at, branch, name, arguments, after, error)
        return self._moved(len(self._states), states=(*self._states, new))

    def preview(self, name: str, /, *given: Any, **named: Any) -> Preview:
        """What an action would do; nothing changes.

        >>> import edgewise as ew, torch
        >>> x = torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        >>> shown = Session(ew.KAN([2, 1], grid=3), x, x[:, 0]).preview("prune_edge", (0, 0, 1))
        >>> shown.before != shown.after, len(shown.session.states)
        (True, 2)
        """
        done = self.apply(name, *given, **named)
        return Preview(self.error, done.error, compare(self.state, done.state, self._rows), done)

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

    def script(
        self, start: str = "start.safetensors", data: str | PathLike[str] | None = None, *, whole: bool = False
    ) -> str:
        """The session as a Python script, which loads the first network from `start` and reads rows from `data`.

        Without `data`, a function of the script has to be filled in. Written are the states from the start to here, or
        the `whole` tree.
        """
        from edgewise.session._script import script

        return script(self, start, None if data is None else str(data), whole)

    def export_script(
        self, path: str | PathLike[str], data: str | PathLike[str] | None = None, *, whole: bool = False
    ) -> None:
        """Write `script` to a file, and the first network beside it as `<name>.safetensors`.

        `data` is a table (see `edgewise.io.read_table`) with the columns of the session; the script finds both files
        where it is itself.

        Errors: InputError for a table that does not hold the session's rows, and places that cannot be written.
        """
        from edgewise.session._script import export

        export(self, path, data, whole)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the session to one file: a zip of safetensors and JSON, which runs nothing when it is loaded."""
        from edgewise.session._file import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Session:
        """Read a session that `save` wrote; InputError for a file that is missing or damaged."""
        from edgewise.session._file import load

        return load(path)

    def __repr__(self) -> str:
        return (
            f"Session({len(self._states)} states, at {self._at} on {self._line!r}, error {self.error:.3g}, "
            f"{self.state.situation.model.widths})"
        )

    def _error(self, situation: Situation) -> float:
        with one_thread():
            return error_of(situation.model, situation.table(self._rows))

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


@dataclass(frozen=True)
class Preview:
    """What an action would do: the error before and after, what would change, and the session with it done."""

    before: float
    after: float
    comparison: Comparison
    session: Session

    def __str__(self) -> str:
        return f"{self.session.state.call}: error {self.before:.3g} -> {self.after:.3g}"


def _steps(steps: int) -> int:
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise InputError(f"'steps' must be an int >= 1. Got {steps!r}.")
    return steps
