"""What `edgewise discover` hands to the search: arrays of numbers, or data frames of a table as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError
from edgewise.cli._input import require_by_row, select_weighted, split_names

if TYPE_CHECKING:
    import numpy as np

    from edgewise.tables.io import Table


@dataclass(frozen=True)
class Chosen:
    """Inputs `x` and target `y`, arrays or data frames, their names, notes, and what is said of rows, by column."""

    x: Any
    y: Any
    names: list[str]
    targets: list[str]
    notes: list[str]
    by_row: dict[str, np.ndarray]


def choose(
    table: Table, target: str, inputs: str | None, asked: tuple[str | None, str | None], by_row: Mapping[str, str]
) -> Chosen:
    """Return what to search: numbers without gaps as arrays, and everything else as it is.

    `asked` are the column of groups and what to do with gaps, `by_row` columns that say something of the rows, with
    the options that name them. Rows in which one of these is empty are left out.

    Errors: InputError for unknown columns, and targets that are not numbers.
    """
    from edgewise.tables.io import frame_of, select_mixed

    groups, missing = asked
    known = [*table.columns, *table.texts, *table.dates]
    targets = split_names(target, known, "--target")
    if len(targets) == 1 and groups is None and missing is None:
        named = None if inputs is None else split_names(inputs, [*table.names, *(n for n, _ in table.left_out)])
        mixed = select_mixed(table, target, named) if table.texts or table.dates else None
        if mixed is None or all(name in table.columns for name in mixed.names):
            require_by_row(table, by_row)
            selection, notes, given = select_weighted(table, target, inputs, list(by_row))
            return Chosen(selection.x, selection.y, selection.names, targets, notes, given)
    for each in targets:
        table.require(each, "target column")
    require_by_row(table, by_row)
    names = (
        [name for name in known if name not in (*targets, *by_row)] if inputs is None else split_names(inputs, known)
    )
    if groups is not None and groups not in names:
        names.append(groups)
    if {*names} & {*targets}:
        raise InputError(f"The target {targets[0]!r} is also among the inputs: take it out of the inputs.")
    notes = _notes(table, names)
    x, y = frame_of(table, names), frame_of(table, targets)
    if not by_row:
        return Chosen(x, y, names, targets, notes, {})
    rows = table.complete_rows(list(by_row), notes)
    given = {column: table.columns[column][rows] for column in by_row}
    return Chosen(*(part.iloc[rows].reset_index(drop=True) for part in (x, y)), names, targets, notes, given)


def _notes(table: Table, names: Sequence[str]) -> list[str]:
    usable = {*table.texts, *table.dates}
    unused = [(name, why) for name, why in table.left_out if name not in usable and name not in names]
    return [*table.notes, *(f"Column {name!r} is left out: {why}." for name, why in unused)]
