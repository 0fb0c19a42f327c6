"""The form that begins a session with a table: target, inputs, logarithms, units, and the network's shape."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise.interpret.symbolic import dimension
from edgewise.nn import KAN
from edgewise.studio._coded import meaning, why_not, with_codes
from edgewise.studio._first_network import first_network
from edgewise.studio._kept import Meaning
from edgewise.studio._requests import check
from edgewise.tables.io import Selection, Table

_MANY = 50_000  # rows


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
        coded = [name for name in inputs if name in table.texts or name in table.dates]
        for name in coded:
            why = why_not(table, name)
            if why is not None:
                raise InputError(f"The column {name!r} cannot be an input: {why}.")
        table, said = with_codes(table, coded)
        meanings = {name: meaning(table, name) for name in coded}
        table.select(target, inputs)  # problems name the columns as they are
        wanted = [name for name in [*inputs, target] if name in logs]
        table, names = with_logarithms(table, wanted)
        chosen = table.select(names[target], [names[name] for name in inputs])
        units = checked_units(self.units, [*chosen.names, chosen.target])
        shape = {"grid": self.grid, "degree": self.degree, "seed": self.seed}
        model, sized = first_network(len(chosen.names), len(chosen.y), self.widths, **shape)
        notes = [*said, *chosen.notes, sized]
        meanings |= {names[name]: {"kind": "log", "of": name, "levels": []} for name in wanted}
        if len(chosen.y) > _MANY:
            notes.append(f"{len(chosen.y)} rows make each step slow: a table of up to {_MANY} is answered at once.")
        return Plan(chosen, model, notes, units, meanings)


@dataclass(frozen=True)
class Plan:
    """What a session would begin with. `meanings` says what columns stand for that are not those of the table."""

    chosen: Selection
    model: KAN
    notes: list[str]
    units: dict[str, str]
    meanings: dict[str, Meaning]

    @property
    def derived(self) -> str:
        """What a table of the rows is called after: "log" or "numbers"; "" where the rows are the table's own."""
        kinds = {one["kind"] for one in self.meanings.values()}
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
    >>> table.columns["log_t"], names
    (array([ 0., nan]), {'t': 'log_t', 'y': 'y'})
    """
    called = {name: name for name in table.columns}
    for name in names:
        count = int((table.columns[name] <= 0).sum())
        if count:
            where = f"{count} of {table.n_rows} rows, where it is not positive"
            raise InputError(f"{name!r} has no logarithm in {where}: leave it as it is.")
        called[name] = _free(f"log_{name}", {*table.columns, *called.values()})
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
