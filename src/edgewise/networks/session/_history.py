"""The history of a session: a tree of states, and a place in it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise.formulas import functions as library
from edgewise.kernels import one_thread
from edgewise.networks.session._rows import Rows, Variable
from edgewise.nn import KAN, Edge, KANLayer, Layout, edge_of, trace
from edgewise.train import Table, error_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Situation:
    """A network, the variables that it reads beside the columns, and the functions that no edge may become."""

    model: KAN
    variables: tuple[Variable, ...] = ()
    forbidden: tuple[str, ...] = ()

    def table(self, rows: Rows, *, new: bool = False) -> Table:
        """The rows of training, or those held out, as the network reads them."""
        return rows.with_variables(self.variables, new=new)

    def open_edge(self, edge: Edge) -> KANLayer:
        """The layer of an edge that may be changed by hand."""
        layer = edge_of(self.model, *edge)
        rule = layer.rules.get(edge[1:])
        if rule is not None and rule.locked:
            raise InputError(f"The edge {edge} is locked: unlock it first.")
        return layer

    def active_edge(self, edge: Edge) -> KANLayer:
        """The layer of an edge that is there and may be changed by hand."""
        layer = self.open_edge(edge)
        if not layer.mask[edge[1:]]:
            raise InputError(f"The edge {edge} is removed: restore it first.")
        return layer

    def check_function(self, edge: Edge, function: str) -> None:
        """Raise InputError for a function that the edge may not become."""
        name = library.get(function).name
        rule = edge_of(self.model, *edge).rules.get(edge[1:])
        if name in self.forbidden:
            raise InputError(f"The function {name!r} is forbidden: allow it first.")
        if rule is not None and rule.functions and name not in rule.functions:
            raise InputError(f"The edge {edge} has to be one of {', '.join(rule.functions)}. Got {name!r}.")


def edges_of(model: KAN) -> int:
    """Return how many active edges a network has.

    >>> import edgewise as ew
    >>> edges_of(ew.KAN([2, 3, 1]))
    9
    """
    return sum(int(layer.mask.sum()) for layer in model.layers)


def errors_at(situation: Situation, rows: Rows) -> tuple[float, float]:
    """Return the network's errors over the rows of training and those held out, nan where there are none."""
    with one_thread():
        error = error_of(situation.model, situation.table(rows), rows.loss)
        if not bool(rows.new.any()):
            return error, math.nan
        return error, error_of(situation.model, situation.table(rows, new=True), rows.loss)


@dataclass(frozen=True)
class State:
    """What an action left: the network, its error, and where in the history it stands.

    Parameters
    ----------
    id
        Number of the state, from 0, the start.
    parent
        Number of the state that the action was done in; None at the start.
    branch
        The line of states that it belongs to.
    name
        Name of the action.
    arguments
        Arguments of the action.
    situation
        The network, the forbidden functions and the added variables.
    error
        Root mean square of the residuals in the target's units; of classes the mean cross-entropy in nats.
    held_out
        The same over the rows that were held out; nan without such rows.
    note
        What a person wrote to it.
    said
        What the action has to say of what it did, in sentences; it is not saved.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> state = ew.Session(ew.KAN([1, 1], grid=3), x, x).refit(steps=5).state
    >>> state.id, state.parent, state.name, dict(state.arguments)
    (1, 0, 'refit', {'steps': 5})
    """

    id: int
    parent: int | None
    branch: str
    name: str
    arguments: Mapping[str, Any]
    situation: Situation
    error: float
    held_out: float = math.nan
    note: str = ""
    said: tuple[str, ...] = ()

    @property
    def call(self) -> str:
        """The action as it is written: prune_edge((0, 1, 0))."""
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    @property
    def parameters(self) -> int:
        """Numbers that training may change."""
        return Layout(self.situation.model).size

    @property
    def edges(self) -> int:
        return edges_of(self.situation.model)

    @property
    def splines(self) -> int:
        """Edges that are no function of the library yet."""
        return sum(int(layer.spline_mask().sum()) for layer in self.situation.model.layers)

    def row(self) -> dict[str, Any]:
        """The state as one row of a table."""
        return {
            "id": self.id, "parent": self.parent, "branch": self.branch, "action": self.call, "error": self.error,
            "held_out": self.held_out, "parameters": self.parameters, "edges": self.edges, "splines": self.splines,
            "note": self.note,
        }  # fmt: skip


_COMPARED = ("error", "held_out", "parameters", "edges", "splines")


@dataclass(frozen=True)
class Comparison:
    """What is different between state a and state b.

    Parameters
    ----------
    a
        Number of the one state.
    b
        Number of the other.
    error
        Their errors over the rows of training.
    held_out
        Their errors over the rows held out; nan without such rows.
    parameters
        Numbers of their networks' parameters.
    edges
        Numbers of their active edges.
    splines
        Numbers of edges that are splines.
    moved
        Root mean square by which the outputs differ over the rows.
    curves
        The same for each edge that is there in both and differs, where both networks have the same nodes.
    became
        What an edge was and what it is, for each edge where that differs.
    """

    a: int
    b: int
    error: tuple[float, float]
    held_out: tuple[float, float]
    parameters: tuple[int, int]
    edges: tuple[int, int]
    splines: tuple[int, int]
    moved: float
    curves: dict[Edge, float]
    became: dict[Edge, tuple[str, str]]

    def __str__(self) -> str:
        lines = [f"{'':12}{f'state {self.a}':>12}{f'state {self.b}':>12}"]
        for name in _COMPARED:
            if name == "held_out" and math.isnan(self.held_out[0]):
                continue
            lines.append(f"{name.replace('_', ' '):12}" + "".join(f"{value:>12.4g}" for value in getattr(self, name)))
        lines.append(f"outputs differ by {self.moved:.4g}")
        lines += [f"edge {edge}: {was} -> {is_}" for edge, (was, is_) in self.became.items()]
        return "\n".join(lines)


def compare(a: State, b: State, rows: Rows) -> Comparison:
    """Compare two states on the rows that they were made with."""
    first, second = a.situation, b.situation
    with torch.no_grad():
        seen = trace(first.model, first.table(rows).x), trace(second.model, second.table(rows).x)
    moved = float((seen[1].outputs - seen[0].outputs).square().mean().sqrt())
    curves: dict[Edge, float] = {}
    became: dict[Edge, tuple[str, str]] = {}
    if first.model.widths == second.model.widths:
        for depth, (old, new) in enumerate(zip(first.model.layers, second.model.layers, strict=True)):
            change = (seen[1].edges[depth] - seen[0].edges[depth]).square().mean(0).sqrt()
            differ = old.mask & new.mask & (change != 0)
            curves |= {(depth, j, i): float(change[j, i]) for j, i in differ.nonzero().tolist()}
        before, after = _kinds(first.model), _kinds(second.model)
        became = {edge: (was, after[edge]) for edge, was in before.items() if was != after[edge]}
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in _COMPARED}
    return Comparison(a.id, b.id, moved=moved, curves=curves, became=became, **pairs)


def _kinds(model: KAN) -> dict[Edge, str]:
    """What each edge is: removed, spline or the name of its function, with "locked" where it is."""
    out: dict[Edge, str] = {}
    for depth, layer in enumerate(model.layers):
        locked = layer.locked_mask()
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                kind = layer.symbols.get((j, i), "spline") if layer.mask[j, i] else "removed"
                out[depth, j, i] = kind + (", locked" if locked[j, i] else "")
    return out


class History:
    """Ways through the states that there are; every one returns a new session, and all sessions share their states."""

    states: tuple[State, ...]
    """All states, by id."""

    def __init__(
        self, rows: Rows, states: tuple[State, ...], at: int = 0, line: str = "main", undone: tuple[int, ...] = ()
    ) -> None:
        """Be at the state with the id `at`.

        `line` is the branch of the next state, `undone` the ids of the states that `redo` goes forward to, the next
        last.
        """
        self.states = states
        self._rows, self._at, self._line, self._undone = rows, at, line, undone

    @property
    def state(self) -> State:
        """The state that the session is at."""
        return self.states[self._at]

    @property
    def table(self) -> Table:
        """The rows of training as the network reads them: x with a column for each variable, y."""
        return self._now.table(self._rows)

    @property
    def new_table(self) -> Table | None:
        """The rows that are held out, as the network reads them; None where there are none."""
        return self._now.table(self._rows, new=True) if bool(self._rows.new.any()) else None

    def undo(self, steps: int = 1) -> Self:
        """Go back to the state before; nothing is lost.

        Parameters
        ----------
        steps
            How many states back.

        Raises
        ------
        InputError
            At the start.
        """
        found = self
        for _ in range(_steps(steps)):
            if found.state.parent is None:
                raise InputError("This is the start: there is nothing to undo.")
            found = found._moved(found.state.parent, undone=(*found._undone, found._at))
        return found

    def redo(self, steps: int = 1) -> Self:
        """Go forward to what `undo` left.

        Parameters
        ----------
        steps
            How many states forward.

        Raises
        ------
        InputError
            Where nothing was undone.
        """
        found = self
        for _ in range(_steps(steps)):
            if not found._undone:
                raise InputError("Nothing was undone here: there is nothing to redo.")
            found = found._moved(found._undone[-1], undone=found._undone[:-1])
        return found

    @property
    def can_redo(self) -> bool:
        """Whether `redo` has somewhere to go."""
        return bool(self._undone)

    def goto(self, place: int | str) -> Self:
        """Go to a state.

        Parameters
        ----------
        place
            Number of the state, or the name of a branch for its last state.
        """
        return self._moved(self._find(place))

    def branch(self, name: str) -> Self:
        """Begin a named branch of states here; it shows from the next action on.

        Parameters
        ----------
        name
            Name of the branch.

        Raises
        ------
        InputError
            For a name that is taken.
        """
        if not isinstance(name, str) or not name:
            raise InputError(f"A branch's name is a text. Got {name!r}.")
        if name in self.branches():
            raise InputError(f"There is a branch {name!r} already: goto({name!r}), or choose another name.")
        return self._with(_line=name, _undone=())

    def branches(self) -> list[str]:
        """Return the names of all lines of states, in the order in which they began."""
        return list(dict.fromkeys(state.branch for state in self.states))

    def note(self, text: str) -> Self:
        """Write a note to the state that the session is at, in the place of one that is there.

        Parameters
        ----------
        text
            The note.
        """
        if not isinstance(text, str):
            raise InputError(f"A note is a text. Got {text!r}.")
        noted = tuple(replace(s, note=text) if s is self.state else s for s in self.states)
        return self._with(states=noted)

    def compare(self, a: int, b: int) -> Comparison:
        """Compare two states.

        Parameters
        ----------
        a
            Number of the one state.
        b
            Number of the other.
        """
        first, second = (self.states[self._find(place)] for place in (a, b))
        return compare(first, second, self._rows)

    def path(self) -> list[State]:
        """Return the states from the start to where the session is."""
        found = [self.state]
        while (parent := found[-1].parent) is not None:
            found.append(self.states[parent])
        return found[::-1]

    def log(self) -> str:
        """Return one line for each state from the start to here."""
        lines = []
        for state in self.path():
            what = state.name if state.id == 0 else state.call
            held_out = "" if math.isnan(state.held_out) else f", on new rows {state.held_out:.3g}"
            said = f"{state.id}  {what}, error {state.error:.3g}{held_out}"
            lines.append(said + (f"  # {state.note}" if state.note else ""))
        return "\n".join(lines)

    def history(self) -> pd.DataFrame:
        """Return all states as a table: id, parent, branch, action, error, held_out, parameters, edges, splines, ...

        Further columns are the note, and whether the session is here.
        """
        pd = needed("pandas")

        return pd.DataFrame([{**state.row(), "here": state is self.state} for state in self.states])

    @property
    def _now(self) -> Situation:
        return self.state.situation

    def _changed(
        self, model: KAN, arguments: Mapping[str, Any] | None = None, said: tuple[str, ...] = (), **more: Any
    ) -> Self:
        """A session with another network, in a state that is not named yet; `arguments` that turned out otherwise."""
        return self._grown(replace(self._now, model=model, **more), "", arguments or {}, (math.nan, math.nan), said)

    def _grown(
        self, after: Situation, name: str, arguments: Mapping[str, Any], errors: tuple[float, float],
        said: tuple[str, ...] = (),
    ) -> Self:  # fmt: skip
        """A session with one more state, which it is at."""
        new = State(len(self.states), self._at, self._free_line(), name, arguments, after, *errors, said=said)
        return self._with(states=(*self.states, new))._moved(new.id)

    def _moved(self, place: int, undone: tuple[int, ...] = ()) -> Self:
        return self._with(_at=place, _line=self.states[place].branch, _undone=undone)

    def _with(self, **changes: Any) -> Self:
        """A session with the same rows at another place of the history."""
        new = copy.copy(self)
        vars(new).update(changes)
        return new

    def _find(self, place: int | str) -> int:
        """Return the id of a state by its id, or of the last state of a branch by its name."""
        if isinstance(place, str):
            ids = [state.id for state in self.states if state.branch == place]
            if not ids:
                raise unknown("branch", place, self.branches())
            return ids[-1]
        if not is_int(place, 0, len(self.states) - 1):
            raise InputError(f"The session has states 0 to {len(self.states) - 1}. Got {place!r}.")
        return int(place)

    def _free_line(self) -> str:
        """Return the branch of the next state: this one's, or a new one where it has gone on already."""
        if self._line != self.state.branch or self._at == self._find(self._line):
            return self._line
        number = 2
        while f"branch {number}" in self.branches():
            number += 1
        return f"branch {number}"


def _steps(steps: int) -> int:
    if not is_int(steps, 1):
        raise InputError(f"'steps' must be an int >= 1. Got {steps!r}.")
    return int(steps)
