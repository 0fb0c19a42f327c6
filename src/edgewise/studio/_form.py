"""The form that begins a session with a table: target, inputs, units, columns as numbers, the first network."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._typing import Array
from edgewise.discovery.tables import Term, prepare
from edgewise.interpret.symbolic import dimension
from edgewise.networks.session import Session
from edgewise.nn import KAN
from edgewise.studio._first_network import first_network, placed, share_held_out
from edgewise.studio._kept import Meaning
from edgewise.studio._requests import check
from edgewise.tables.io import Selection, Table, frame_of, why_no_class, with_classes

_ARGUMENT = re.compile(r" \(groups=[^)]*\)|; missing='indicator'[^.]*")  # what only Python can do


def why_not(table: Table, name: str) -> str | None:
    """Return why a column of text or dates is no input; None where it can be one.

    >>> table = Table({}, 4, texts={"a": ["u", "v", "u", None], "b": ["p", "q", "r", "s"]})
    >>> why_not(table, "a"), why_not(table, "b")
    (None, 'it is text with 4 different values in 4 rows')
    """
    levels = len(levels_of(table, name))
    if levels < 2:
        return "it is the same in every row" if levels else "it is empty"
    if name in table.texts and levels > table.n_rows / 2:  # it says little about other rows
        return f"it is text with {levels} different values in {table.n_rows} rows"
    return None


def levels_of(table: Table, name: str) -> list[str]:
    """Return the different texts or dates of a column, sorted, without gaps."""
    if name in table.texts:
        return sorted({cell for cell in table.texts[name] if cell is not None})
    days = table.dates[name]
    return [str(day) for day in np.unique(days[~np.isnat(days)])]


def meaning(table: Table, term: Term, inputs: Sequence[str]) -> Meaning:
    """Return what an input stands for that is not a column as it is, as plain data; {} for a column."""
    of = inputs[term.column]
    if term.kind == "number":
        return {"kind": "days", "of": of, "levels": []} if of in table.dates else {}
    return {"kind": term.kind, "of": of, "levels": [levels_of(table, of)[term.level]] if term.kind == "level" else []}


def classes_of(table: Table, name: str) -> list[str]:
    """Return the labels of a target that is a class: text of a few levels, or numbers of two values; else none.

    >>> classes_of(Table({"a": np.array([0.0, 1.0, np.nan, 1.0])}, 4), "a")
    ['0', '1']
    """
    if name in table.texts:
        return levels_of(table, name)
    values = np.unique(table.columns[name])
    values = values[np.isfinite(values)]
    return [f"{value:g}" for value in values] if len(values) == 2 else []


def power_law(x: Array, y: Array) -> float | None:
    """Return how far a power law of all inputs is from the target, over the spread of its logarithm.

    The error is that of the least squares of ln y on ln x; None where a column is not positive, or rows are too few.

    >>> x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 2.0], [2.5, 7.0]])
    >>> power_law(x, 3 * x[:, 0] / x[:, 1]) < 1e-12
    True
    """
    if len(y) < x.shape[1] + 3 or not (x > 0).all() or not (y > 0).all():
        return None
    design, goal = np.column_stack([np.ones(len(y)), np.log(x)]), np.log(y)
    spread = float(goal.std())
    misfit = goal - design @ np.linalg.lstsq(design, goal, rcond=None)[0]
    return float(np.sqrt(np.mean(misfit**2))) / spread if spread > 0 else None


@dataclass(frozen=True)
class Form:
    """What a person chose of a table, as it came; `plan` checks it.

    `logs` are columns that give their natural logarithms instead. `widths`, `grid`, `degree` and `seed` are None where
    the network is left to the studio.
    """

    target: Any
    inputs: Any
    logs: Any = None
    units: Any = None
    widths: Any = None
    grid: Any = None
    degree: Any = None
    seed: Any = None

    def plan(self, table: Table) -> Plan:
        """Return the rows, the network and the units that the form asks for.

        Errors: InputError for fields that do not fit the table or each other, logarithms of what is not positive, and
        what `Table.select` and `first_network` refuse.
        """
        target, inputs, logs = self.target, self.inputs, self.logs or []
        check(isinstance(target, str), "'target' is a column's name.", target)
        check(_are_names(inputs), "'inputs' are names.", inputs)
        check(_are_names(logs), "'logs' are names.", logs)
        for name in inputs:
            why = why_not(table, name) if name in table.texts or name in table.dates else None
            if why is not None:
                raise InputError(f"The column {name!r} cannot be an input: {why}.")
        why = why_no_class(table, target) if target in table.texts else None
        if why is not None:
            raise InputError(f"The column {target!r} cannot be the target: {why}.")
        kinds = {**table.columns, **dict.fromkeys([*table.texts, *table.dates], np.empty(0))}
        wide = replace(table, columns=kinds)
        wide.require(target, "target column")
        if target in table.dates:
            table.require(target, "target column")
        wide.chosen(target, inputs)
        table, names = with_logarithms(table, [name for name in [*inputs, target] if name in logs])
        return self._prepared(table, names)

    def _prepared(self, table: Table, names: Mapping[str, str]) -> Plan:
        """The plan of a table in which logarithms stand for some columns, under the names that they have now."""
        inputs, target = [names.get(name, name) for name in self.inputs], names.get(self.target, self.target)
        classes = [] if self.target in (self.logs or []) else classes_of(table, target)
        y = _codes(table, target, classes)
        made = prepare(frame_of(table, inputs), y, inputs, target, "indicator")
        columns, y = made.columns, y[made.rows]
        called = list(columns.names)
        chosen = Selection(made.x, y, called, target, [_ARGUMENT.sub("", note) for note in columns.notes])
        units = checked_units(self.units, [*called, target])
        shape = {"grid": self.grid, "degree": self.degree, "seed": self.seed}
        outputs = len(classes) if len(classes) > 2 else 1
        held_out = share_held_out(len(y))
        rows = len(y) - round(held_out * len(y))
        model, sized = first_network(len(called), rows, self.widths, outputs=outputs, **shape)
        own = {name: column for column, name in names.items() if name != column}
        meanings = {term.name: meaning(table, term, inputs) for term in columns.terms}
        meanings |= {name: {"kind": "log", "of": of, "levels": []} for name, of in own.items()}
        hints = _of_power_law(made.x, y, bool(classes or self.logs))
        notes = [*chosen.notes, *hints, *_of_classes(y, classes), _of_new(len(y) - rows, len(y)), sized]
        return Plan(chosen, model, notes, units, {n: m for n, m in meanings.items() if m}, classes, held_out, made.rows)


def _of_new(new: int, rows: int) -> str:
    if not new:
        return f"{rows} rows are too few to hold some out: the error is on the rows that the network is trained on."
    return f"{new} of {rows} rows are held out: every error is shown on these new rows too."


def _codes(table: Table, target: str, classes: Sequence[str]) -> Array:
    """The target (n,): numbers, or those of its classes; nan at gaps."""
    if not classes:
        return table.columns[target]
    if target in table.texts:
        return with_classes(table, target)[0].columns[target]
    values = table.columns[target]
    return np.where(np.isnan(values), np.nan, (values == np.nanmax(values)).astype(float))


def _of_power_law(x: Array, y: Array, other: bool) -> list[str]:
    close = 1e-3
    error = None if other else power_law(x, y)
    if error is None or error > close:
        return []
    return [
        f"In logarithms of all columns a straight line misses the target by {error:.1g} of its spread: tick ln for all."
    ]


def _of_classes(y: Array, classes: Sequence[str]) -> list[str]:
    counts = [f"{label} ({int((y == code).sum())})" for code, label in enumerate(classes)]
    if len(counts) == 2:
        return [f"Two classes: the network gives the log-odds of {classes[1]}. Rows: {', '.join(counts)}."]
    return [f"{len(counts)} classes, an output for each. Rows: {', '.join(counts)}."] if counts else []


@dataclass(frozen=True)
class Plan:
    """What a session would begin with. `meanings` says what columns stand for that are not those of the table."""

    chosen: Selection
    model: KAN
    notes: list[str]
    units: dict[str, str]
    meanings: dict[str, Meaning]
    classes: list[str]
    held_out: float
    rows: Array  # of the table, in the order of the session's

    def session(self) -> Session:
        """The session that begins with it."""
        chosen = self.chosen
        model = placed(self.model, chosen.x, chosen.y, self.classes)
        return Session(
            model, chosen.x, chosen.y, chosen.names, target=chosen.target,
            units=self.units, classes=self.classes or None, held_out=self.held_out,
        )  # fmt: skip

    @property
    def derived(self) -> str:
        """What a table of the rows is called after: "log" or "numbers"; "" where the rows are the table's own."""
        kinds = {one["kind"] for one in self.meanings.values()} | ({"class"} if self.classes else set())
        return "" if not kinds else "log" if kinds == {"log"} else "numbers"

    def write(self, path: Path) -> None:
        """Write the rows as a table that `edgewise.io.read_table` reads bit for bit."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.chosen.names, self.chosen.target])
        writer.writerows(
            [repr(float(value)) for value in row] for row in np.column_stack([self.chosen.x, self.chosen.y])
        )
        with writing(path) as file:
            file.write(text.getvalue().encode())


def with_logarithms(table: Table, names: list[str]) -> tuple[Table, dict[str, str]]:
    """Return a table with the natural logarithms of some columns in their places, and what each column is called now.

    Errors: InputError for values that are not positive.

    >>> table, names = with_logarithms(Table({"t": np.array([1.0, np.nan]), "y": np.ones(2)}, n_rows=2), ["t"])
    >>> table.columns["ln_t"], names
    (array([ 0., nan]), {'t': 'ln_t', 'y': 'y'})
    """
    called = {name: name for name in table.columns}
    for name in names:
        count = int((table.columns[name] <= 0).sum())
        if count:
            where = f"{count} of {table.n_rows} rows, where it is not positive"
            raise InputError(f"{name!r} has no logarithm in {where}: leave it as it is.")
        called[name] = _free(f"ln_{name}", {*table.columns, *called.values()})
    columns = {called[name]: np.log(v) if name in names else v for name, v in table.columns.items()}
    return replace(table, columns=columns), called


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def checked_units(units: Any, names: list[str] | None, notes: list[str] | None = None) -> dict[str, str]:
    """Return units by column, blank ones left out, and those of columns that are not among `names`, where given.

    With `notes`, units that cannot be read are left out with a note.

    Errors: InputError for what maps no texts to texts, and without `notes` for units that cannot be read.
    """
    given = {} if units is None else units
    sound = isinstance(given, Mapping) and all(isinstance(part, str) for pair in given.items() for part in pair)
    check(sound, "'units' maps columns to texts like 'm/s'.", units)
    found = {name: unit.strip() for name, unit in given.items() if unit.strip() and (names is None or name in names)}
    for name, unit in list(found.items()):
        try:
            dimension(unit)
        except InputError as problem:
            if notes is None:
                raise InputError(f"The unit of {name!r}: {problem}") from None
            notes.append(f"The unit of {name!r} is left out: {problem}")
            del found[name]
    return found


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
