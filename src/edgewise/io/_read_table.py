"""Reads a CSV, TSV or Parquet file into a table of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgewise._errors import InputError
from edgewise.io._convention import Convention, read_numbers
from edgewise.io._grid import check_unique, read_grid
from edgewise.io._numbers import Column, Separator, Sign
from edgewise.io._parquet import read_fields
from edgewise.io._table import Table
from edgewise.io._text import read_text

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_PARQUET = (".parquet", ".pq")


def read_table(
    path: str | Path,
    *,
    decimal: Sign | None = None,
    thousands: Separator | None = None,
    encoding: str | None = None,
    like: Mapping[str, str] | None = None,
) -> Table:
    """Return the columns of numbers of a .csv, .tsv, .tab, .txt, .dat or .parquet file.

    The first line of a text file names the columns; the delimiter (comma, semicolon, tab, white space) is
    found by looking. Truth values become 0 and 1; text and dates are left out, with the reason in `left_out`;
    missing values are NaN. Thousands separators and decimal commas are understood, and said in `notes`.

    `decimal` ("." or ",") and `thousands` (",", ".", "'", " " or "" for none) are the signs in the numbers, `encoding`
    is that of the text; what is not given is found by looking. `like`, the `decimals` of a table read before, decides
    where this file's columns can be read in two ways, so that both are read alike.

    Raises `InputError`, one line with the remedy, for a file that is missing, not a regular file, empty, binary,
    damaged, of another encoding, ragged, without a header, or with two columns of one name, and for wrong options.

    >>> from edgewise import datasets
    >>> table = read_table(datasets.path("orbits"))
    >>> table.names, table.n_rows
    (['primary_mass_kg', 'semi_major_axis_km', 'period_days'], 44)
    >>> table.left_out
    [('body', 'text'), ('primary', 'text')]
    """
    path = Path(path)
    convention = Convention(decimal, thousands, dict(like or {}))
    try:
        _check_place(path)
        if path.suffix.lower() in _PARQUET:
            return _from_parquet(path, convention)
        return _from_text(path, convention, encoding)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def _check_place(path: Path) -> None:
    """Raise unless the path is a regular file with a known ending."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    suffix = path.suffix.lower()
    if suffix not in (*_TEXT, *_PARQUET):
        raise InputError(
            f"{path} is of a kind that edgewise does not read ({suffix or 'no ending'}): "
            f"save it as one of {', '.join((*_TEXT, _PARQUET[0]))}."
        )
    if not path.is_file():
        raise InputError(f"{path} is not a regular file but a pipe or device: save the table to a file first.")


def _from_text(path: Path, convention: Convention, encoding: str | None) -> Table:
    grid = read_grid(path, read_text(path, encoding), convention.decimal)
    columns = [Column(cells, convention.thousands) for cells in grid.columns]
    found = read_numbers(grid.header, columns, convention, grid.delimiter)
    table = _assemble(grid.header, found.columns, len(grid.columns[0]))
    table.notes.extend([*grid.notes, *found.notes])
    table.decimals.update(found.decimals)
    table.rounded.update(found.rounded)
    return table


def _from_parquet(path: Path, convention: Convention) -> Table:
    fields, n_rows = read_fields(path)
    header = [field.name for field in fields]
    check_unique(path, header)
    if not n_rows or not fields:
        raise InputError(f"{path} has no rows: write the table again with its data.")
    texts = {place: field.values for place, field in enumerate(fields) if isinstance(field.values, list)}
    columns = [Column(cells, convention.thousands) for cells in texts.values()]
    found = read_numbers([header[place] for place in texts], columns, convention, "")
    parsed = dict(zip(texts, found.columns, strict=True))
    table = _assemble(
        header,
        [parsed[place] if isinstance(field.values, list) else field.values for place, field in enumerate(fields)],
        n_rows,
    )
    table.rounded.update(found.rounded, (field.name for field in fields if field.rounded))
    table.notes.extend(found.notes)
    table.decimals.update(found.decimals)
    return table


def _assemble(header: Sequence[str], parsed: Sequence[np.ndarray | str], n_rows: int) -> Table:
    columns: dict[str, np.ndarray] = {}
    left_out: list[tuple[str, str]] = []
    for place, (name, column) in enumerate(zip(header, parsed, strict=True), start=1):
        if not name:
            left_out.append((f"column {place}", "no name in the header"))
        elif isinstance(column, str):
            left_out.append((name, column))
        else:
            columns[name] = column
    return Table(columns, n_rows, left_out)
