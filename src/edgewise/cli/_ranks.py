"""A command that torchrun started: its process group, and the rows that its ranks share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError, unknown
from edgewise.cli._input import open_table, select_columns, split_names

if TYPE_CHECKING:
    from edgewise.tables.encoding import Inputs


@contextmanager
def process_group() -> Iterator[Any]:
    """Join the group of a process that torchrun started, and leave it after; give None for any other process."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield None
        return
    from torch import distributed

    distributed.init_process_group("gloo")
    try:
        yield distributed.group.WORLD
    finally:
        distributed.destroy_process_group()


@dataclass(frozen=True)
class FitRows:
    """Rows to train on: x, and y unless x is read from Parquet; what to say of them, and to save with a network."""

    x: Any
    y: Any
    names: Sequence[str]
    count: int
    notes: list[str] = field(default_factory=list)
    decimals: dict[str, Any] = field(default_factory=dict)
    made: Inputs | None = None
    classes: list[str] = field(default_factory=list)


def rows_of(file: str, target: str, inputs: str | None, options: dict[str, Any], group: Any) -> FitRows:
    """Return a table in memory, or, of a folder or for ranks, Parquet files that are read in batches."""
    if Path(file).is_dir() or group is not None:
        return _streamed(file, target, inputs, group)
    from edgewise.tables.io import with_classes

    table, classes = open_table(file, **options), []
    if target not in (*table.columns, *table.texts, *dict(table.left_out)):
        raise unknown("target column", target, [*table.names, *table.texts])
    if target in table.texts:
        table, classes = with_classes(table, target)
    selection, notes, made = select_columns(table, target, inputs)
    names = selection.names if made is None else made.names
    return FitRows(selection.x, selection.y, names, len(selection.y), notes, table.decimals, made, classes)


def _streamed(file: str, target: str, inputs: str | None, group: Any) -> FitRows:
    from edgewise.train import Parquet

    if not Path(file).is_dir() and Path(file).suffix != ".parquet":
        raise InputError(f"Ranks share the rows of a .parquet file, or of a folder of them. Got {file}.")
    rows = Parquet(file, target, None if inputs is None else split_names(inputs, []))
    assert rows.inputs is not None
    notes = [] if group is None else [f"{group.size()} ranks share the rows."]
    return FitRows(rows, None, list(rows.inputs), len(rows.rows), notes)
