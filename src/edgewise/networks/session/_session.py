"""A person's way through networks: a branching history in which every step can be seen, undone and replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Literal, final

import torch

from edgewise._errors import InputError
from edgewise._typing import Data, Formula
from edgewise.interpret.symbolic import Candidate, candidates
from edgewise.kernels import one_thread
from edgewise.networks.session._actions import action
from edgewise.networks.session._file import load, save
from edgewise.networks.session._history import Comparison, Situation, State, compare, errors_at
from edgewise.networks.session._rows import Rows, Unit, Variable
from edgewise.networks.session._script import export, script
from edgewise.networks.session._steering import Steering
from edgewise.nn import KAN, Edge, clone
from edgewise.train import error_of


@final
class Session(Steering):
    """A value: a tree of networks, each made from another by one action, and a place in it.

    Every step returns a new session and leaves the old one as it was, as do `undo`, `redo`, `goto` and `branch`; all of
    them share their states. Steps are methods (see `Steering`) and rows of `ACTIONS`; `apply` does one by its name,
    `preview` shows what it would do. The same steps on the same rows give the same network, bit for bit, on the same
    machine: they run in float64 on one thread, with fixed seeds. `export_script` writes them down.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n, n_out)
        The targets; (n,) for one output. With `classes` (n,), the class numbers.
    names
        Names of the inputs; None for those of a DataFrame's columns, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    units
        Units of some of the names (see `edgewise.symbolic.dimension`).
    classes
        Labels of the target's classes 0, 1, ..., if it is a class: an output for each of them, or one output for two,
        whose sigmoid is the probability of the second. Errors are then cross-entropies, in nats.
    held_out
        The fraction of rows that no step sees, on which every step's error is measured too, such as 0.2; for a network
        that was not trained on them. They are drawn with a fixed seed.

    Raises
    ------
    InputError
        For rows that do not fit the network, and for every step that cannot be taken.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise import Session
    >>> x = torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> session = Session(ew.KAN([2, 1], grid=3), x, torch.sin(x[:, 0]) + x[:, 1], names=["t", "v"], held_out=0.2)
    >>> session = session.fit().snap_edge((0, 0, 1), "x").lock((0, 0, 1))
    >>> print(session.undo().log())
    0  start, error 0..., on new rows 0...
    1  fit(grids=None, sparsity=0.0, steps=None), error ..., on new rows ...
    2  snap_edge(edge=(0, 0, 1), function='x'), error ..., on new rows ...
    """

    def __init__(
        self, model: KAN, x: Data, y: Data, names: Sequence[str] | None = None, *,
        target: str | Sequence[str] | None = None, units: Mapping[str, Unit] | None = None,
        classes: Sequence[str] | None = None, held_out: float = 0.0,
    ) -> None:  # fmt: skip
        if not isinstance(model, KAN):
            raise InputError(f"A session begins with an edgewise.KAN. Got {type(model).__name__}.")
        rows = Rows.of(model, x, y, names, target, units, classes, held_out)
        start = Situation(clone(model, torch.float64))
        super().__init__(rows, (State(0, None, "main", "start", {}, start, *errors_at(start, rows)),))

    @property
    def model(self) -> KAN:
        """The network as it is now: a copy."""
        return clone(self._now.model)

    @property
    def error(self) -> float:
        """Root mean square over the rows of training, in the target's units; of classes the cross-entropy in nats."""
        return self.state.error

    @property
    def held_out_error(self) -> float:
        """The same over the rows that were held out; nan without such rows."""
        return self.state.held_out

    @property
    def rows(self) -> list[int]:
        """The numbers of the rows of training among those that the session was begun with."""
        return (~self._rows.new).nonzero().flatten().tolist()

    @property
    def answer(self) -> str | None:
        """The name of the target whose classes the network tells; None where it predicts numbers."""
        return self._rows.target

    @property
    def classes(self) -> list[str]:
        """The labels of the target's classes; none where the target is a number."""
        return list(self._rows.classes)

    @property
    def names(self) -> list[str]:
        """What the network reads: columns, then variables."""
        return self._rows.all_names(self.variables)

    @property
    def columns(self) -> list[str]:
        """The columns that the session was begun with."""
        return list(self._rows.names)

    @property
    def targets(self) -> list[str]:
        """What the network predicts, by output: columns, or the logits of classes."""
        return list(self._rows.targets)

    @property
    def units(self) -> dict[str, Unit]:
        """The units of some of the columns."""
        return dict(self._rows.units)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Columns computed from others."""
        return self._now.variables

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Functions that no edge may become."""
        return self._now.forbidden

    def formula(self) -> Formula | list[Formula]:
        """The network as a formula over the original columns, one for each output; InputError while splines are left.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> from edgewise import Session
        >>> x = 1 + torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        >>> session = Session(ew.KAN([2, 1], grid=3), x, x[:, 0] / x[:, 1], names=["v", "c"]).add_variable("b", "v/c")
        >>> session.prune_edge((0, 0, 0)).prune_edge((0, 0, 1)).set_function((0, 0, 2), "x", (1, 0, 1, 0)).formula()
        v/c
        """
        whole = self._formulas()
        return whole if len(whole) > 1 else whole[0]

    def _formulas(self) -> list[Formula]:
        found = self._now.model.formula(self.names)
        outputs = found if isinstance(found, list) else [found]
        return [self._rows.in_columns(one, self.variables) for one in outputs]

    def unit_problem(self, constants: Literal["free", "dimensionless"] = "free") -> str | None:
        """Return what is wrong with the units of the formula, None where they fit.

        See `edgewise.symbolic.unit_problem`.

        Parameters
        ----------
        constants
            Whether constants may have any unit ("free") or none ("dimensionless").

        Raises
        ------
        InputError
            While splines are left, and where a column of the formula has no unit.
        """
        rows = self._rows
        for one, target in zip(self._formulas(), rows.targets, strict=True):
            missing = sorted({str(symbol) for symbol in one.free_symbols} - set(rows.units))
            if missing:
                raise InputError(f"No unit is given for {missing[0]!r}: name it in Session(..., units={{...}}).")
            problem = rows.problem(one, target, constants)
            if problem:
                return problem
        return None

    def suggest(self, edge: Edge, limit: int = 5) -> list[Candidate]:
        """Return functions that an edge could become, each with the network's error after a brief refit, best first.

        See `edgewise.symbolic.candidates`. Forbidden ones are left out, and required ones are all there is. If rows are
        held out, those that raise the error on them by no more than 2 % come first, the simplest of them before.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        limit
            How many to return, at most.
        """
        now, table = self._now, self._aims
        edge = action("prune_edge").read((edge,), {})["edge"]
        new, loss = self.new_table, self._rows.loss
        with one_thread():
            found = candidates(now.model, table.x, table.y, edge, forbid=now.forbidden, limit=limit)
            if new is None:
                return found
            found = [replace(one, held_out=error_of(one.model, new, loss)) for one in found]
        most = 1.02 * self.held_out_error
        kept = [one for one in found if one.accepted or one.held_out <= most]
        kept = [replace(one, accepted=not one.hazard) for one in sorted(kept, key=lambda one: one.complexity)]
        others = [one for one in found if all(one.function != other.function for other in kept)]
        return kept + sorted(others, key=lambda one: one.held_out)

    def preview(self, name: str, /, *given: Any, **named: Any) -> Preview:
        """Return what an action would do; nothing changes.

        Parameters
        ----------
        name
            Name of the action, one of `ACTIONS`.
        *given
            Its arguments by position.
        **named
            Its arguments by name.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> from edgewise import Session
        >>> x = torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        >>> shown = Session(ew.KAN([2, 1], grid=3), x, x[:, 0]).preview("prune_edge", (0, 0, 1))
        >>> shown.before != shown.after, len(shown.session.states)
        (True, 2)
        """
        done = self.apply(name, *given, **named)
        return Preview(self.error, done.error, compare(self.state, done.state, self._rows), done)

    def script(
        self, start: str = "start.safetensors", data: str | PathLike[str] | None = None, *, whole: bool = False
    ) -> str:
        """Return the session as a Python script.

        Parameters
        ----------
        start
            File that the script loads the first network from.
        data
            File that it reads rows from; None leaves a function of the script to be filled in.
        whole
            Whether to write the whole tree, not only the states from the start to here.
        """
        return script(self, repr(start), None if data is None else repr(str(data)), whole)

    def export_script(
        self, path: str | PathLike[str], data: str | PathLike[str] | None = None, *, whole: bool = False,
        rows: bool = False,
    ) -> None:  # fmt: skip
        """Write `script` to a file, and the first network beside it as `<name>.safetensors`.

        Parameters
        ----------
        path
            The script's file.
        data
            A table (see `edgewise.io.read_table`) with the columns of the session; the script finds both files where it
            is itself, and a table of `edgewise.datasets` wherever it runs.
        whole
            Whether to write the whole tree, not only the states from the start to here.
        rows
            Whether to save the session's rows there too, as `<name>.rows.safetensors`, so that the script runs as it
            is.

        Raises
        ------
        InputError
            For a table that does not hold the session's rows, and places that cannot be written.
        """
        export(self, path, data, whole, rows)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the session to one file: a zip of safetensors and JSON, which runs nothing when it is loaded.

        Parameters
        ----------
        path
            The file.
        """
        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Session:
        """Return a session that `save` wrote.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        InputError
            For a file that is missing or damaged.
        """
        session = cls.__new__(cls)
        vars(session).update(vars(load(path)))
        return session

    def __repr__(self) -> str:
        return (
            f"Session({len(self.states)} states, at {self.state.id} on {self._line!r}, error {self.error:.3g}, "
            f"{self._now.model.widths})"
        )


@dataclass(frozen=True)
class Preview:
    """What an action would do.

    Parameters
    ----------
    before
        The error before, in the target's units.
    after
        The error after.
    comparison
        What would change.
    session
        The session with the action done.
    """

    before: float
    after: float
    comparison: Comparison
    session: Session

    def __str__(self) -> str:
        return f"{self.session.state.call}: error {self.before:.3g} -> {self.after:.3g}"
