"""The form that begins a session with a table: target, inputs, units, columns as numbers, the first network."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._typing import Array
from edgewise.interpret.symbolic import dimension
from edgewise.nn import KAN, Layout, Width, scale_outputs, shift_outputs
from edgewise.nn.bases import HIGHEST_DEGREE
from edgewise.studio._kept import Meaning
from edgewise.studio._requests import check
from edgewise.tables.io import Selection, Table
from edgewise.train import rescale_knots


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


def with_codes(table: Table, names: Sequence[str]) -> tuple[Table, list[str]]:
    """Return a table in which columns of text are the numbers of their levels, and dates are days, and notes on them.

    The numbers are those of `edgewise fit`: levels are sorted, and counted from 0; days are since 1970-01-01. Gaps
    stay gaps. Names of other columns are passed over.

    >>> table, notes = with_codes(Table({}, 3, texts={"sex": ["male", None, "female"]}), ["sex"])
    >>> table.columns["sex"], notes
    (array([ 1., nan,  0.]), ["Column 'sex' as numbers: 0 is 'female', 1 is 'male'."])
    """
    columns, notes, shown = dict(table.columns), [], 12  # levels in a note
    for name in names:
        if name in table.texts:
            levels = levels_of(table, name)
            codes = {level: float(code) for code, level in enumerate(levels)}
            columns[name] = np.array([np.nan if cell is None else codes[cell] for cell in table.texts[name]])
            said = [f"{code} is {level!r:.40}" for code, level in enumerate(levels)]
            more = [f"and so on, {len(said)} in all"] if len(said) > shown else []
            notes.append(f"Column {name!r} as numbers: {', '.join([*said[:shown], *more])}.")
        elif name in table.dates:
            days = table.dates[name].astype("datetime64[us]")
            values = (days - np.datetime64(0, "us")) / np.timedelta64(1, "D")
            columns[name] = np.where(np.isnat(days), np.nan, values)
            notes.append(f"Column {name!r} as numbers: days since 1970-01-01.")
    return replace(table, columns=columns), notes


def meaning(table: Table, name: str) -> dict[str, Any]:
    """Return what a column of text or dates stands for as numbers, as plain data.

    >>> meaning(Table({}, 2, texts={"sex": ["male", "female"]}), "sex")
    {'kind': 'codes', 'of': 'sex', 'levels': ['female', 'male']}
    """
    is_text = name in table.texts
    return {"kind": "codes" if is_text else "days", "of": name, "levels": levels_of(table, name) if is_text else []}


@dataclass(frozen=True)
class FirstNetwork:
    """The networks that the studio chooses from, the first one that the rows determine."""

    hidden: tuple[int, ...] = (5, 3, 2, 1)  # nodes of the hidden layer
    grid: int = 5  # intervals
    coarse_grid: int = 3  # of the last choice
    determined: float = 0.7  # parameters over rows, at most
    most_edges: int = 2000  # of any network that a person may ask for


_FIRST = FirstNetwork()


def first_network(
    inputs: int, rows: int, widths: Any = None, *, grid: Any = None, degree: Any = None, seed: Any = None
) -> tuple[KAN, str]:
    """Return a network for a number of inputs and rows, and what was chosen and why, in a sentence.

    What is not given: one hidden layer of five nodes on a grid of five intervals, or of fewer where it would have more
    parameters than 0.7 of the rows.

    >>> print(first_network(2, 44)[1])
    KAN([2, 1, 1]) on a grid of 5: 24 parameters. A hidden layer of 5 would have 120, too many for 44 rows.
    """
    check(grid is None or is_int(grid, 1, 200), "'grid' is a whole number from 1 to 200.", grid)
    top = HIGHEST_DEGREE
    check(degree is None or is_int(degree, 1, top), f"'degree' is a whole number from 1 to {top}.", degree)
    last = 2**32 - 1
    check(seed is None or is_int(seed, 0, last), f"'seed' is a whole number from 0 to {last}.", seed)
    degree, seed = 3 if degree is None else degree, 0 if seed is None else seed
    own = _FIRST.grid if grid is None else grid
    if widths is None:
        check(
            inputs * _FIRST.hidden[0] < _FIRST.most_edges,
            "These are too many inputs for one network: choose fewer.",
            inputs,
        )
        shapes: list[list[Width]] = [[inputs, hidden, 1] for hidden in _FIRST.hidden]
    else:
        shapes = [_read(widths, inputs)]
    plans = [(nodes, own) for nodes in shapes]
    if widths is None and grid is None:
        plans.append((shapes[-1], _FIRST.coarse_grid))
    made = [KAN(nodes, grid=size, degree=degree, seed=seed) for nodes, size in plans]
    model = next((one for one in made if _parameters(one) <= _FIRST.determined * rows), made[-1])
    return model, _said(model, made[0], rows)


def placed(model: KAN, x: Array, y: Array) -> KAN:
    """Return an untrained network with its knots over the rows, and with values as far from the mean as the target's.

    It is what the page draws before the first training, which ends the same with and without this.
    """
    rows, target = (torch.as_tensor(values, dtype=torch.float64) for values in (x, y))
    size, mean = target.std(unbiased=False).reshape(1), target.mean().reshape(1)
    if not bool(size > 0):
        return model
    return shift_outputs(scale_outputs(rescale_knots(model, rows), size), mean)


def _parameters(model: KAN) -> int:
    return Layout(model).size


def _said(model: KAN, wanted: KAN, rows: int) -> str:
    count = _parameters(model)
    said = f"KAN({model.widths}) on a grid of {model.layers[0].grid}: {count} parameters."
    if model is not wanted:
        hidden = wanted.nodes[1].n_nodes
        said += f" A hidden layer of {hidden} would have {_parameters(wanted)}, too many for {rows} rows."
    if count > _FIRST.determined * rows:
        said += f" These are many for {rows} rows, and the network may follow noise: choose fewer inputs or nodes."
    return said


def _read(widths: Any, inputs: int) -> list[Width]:
    """The nodes of each layer of a request, [2, 5, 1] or [2, [3, 2], 1]."""
    wanted = f"'widths' lists the nodes of each layer, the {inputs} inputs first and 1 last, like [{inputs}, 5, 1]."
    check(isinstance(widths, list) and 2 <= len(widths) <= 8, wanted, widths)
    read: list[Width] = []
    sizes: list[tuple[int, int]] = []  # nodes, and the ends of edges at them: a product has two
    for width in widths:
        pair = isinstance(width, list) and len(width) == 2 and all(is_int(n, 0, 100) for n in width) and sum(width) > 0
        check(is_int(width, 1, 1000) or pair, wanted, widths)
        sums, products = (int(n) for n in (width if isinstance(width, list) else (width, 0)))
        read.append((sums, products) if pair else sums)
        sizes.append((sums + products, sums + 2 * products))
    check(read[0] == inputs and read[-1] == 1, wanted, widths)
    edges = sum(before[0] * after[1] for before, after in pairwise(sizes))
    check(
        edges <= _FIRST.most_edges,
        f"A network has at most {_FIRST.most_edges} edges here; {widths} has {edges}.",
        widths,
    )
    return read


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
        fast = 50_000  # rows
        if len(chosen.y) > fast:
            notes.append(f"{len(chosen.y)} rows make each step slow: a table of up to {fast} is answered at once.")
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
