"""Reads a CSV, TSV, Parquet or Excel file into a table of numbers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgewise._errors import InputError
from edgewise.tables.io._convention import Convention, read_numbers
from edgewise.tables.io._excel import EXCEL, read_excel
from edgewise.tables.io._grid import Grid, read_grid, read_text
from edgewise.tables.io._numbers import Column, Separator, Sign, iso_dates
from edgewise.tables.io._parquet import read_parquet
from edgewise.tables.io._table import Table

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_PARQUET = (".parquet", ".pq")
_GAP_CODES = (-99.0, -999.0, -9999.0, -99999.0)  # by which some files mark gaps


def read_table(
    path: str | Path,
    *,
    decimal: Sign | None = None,
    thousands: Separator | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    like: Mapping[str, str] | None = None,
) -> Table:
    """Return the columns of numbers of a .csv, .tsv, .tab, .txt, .dat, .parquet or .xlsx file.

    The first line of a text file names the columns; the delimiter (comma, semicolon, tab, white space) is
    found by looking. Truth values become 0 and 1; text and dates are left out, with the reason in `left_out`;
    missing values are NaN. `texts` and `dates` hold the columns left out that are text, or dates as ISO 8601
    writes them. Thousands separators and decimal commas are understood, and said in `notes`.

    `decimal` ("." or ",") and `thousands` (",", ".", "'", " " or "" for none) are the signs in the numbers, `encoding`
    is that of the text; what is not given is found by looking. `sheet` names one of a workbook, else the first is read;
    this needs openpyxl. `like`, the `decimals` of a table read before, decides
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
        if sheet is not None and path.suffix.lower() not in EXCEL:
            raise InputError(f"'sheet' (--sheet) is for Excel workbooks. {path} is none.")
        if path.suffix.lower() in _PARQUET:
            return _table(read_parquet(path), convention)
        if path.suffix.lower() in EXCEL:
            return _table(read_excel(path, sheet), convention)
        text, notes = read_text(path, encoding)
        grid = read_grid(path, text, convention.decimal)
        return _table(replace(grid, notes=[*notes, *grid.notes]), convention)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def _check_place(path: Path) -> None:
    """Raise unless the path is a regular file with a known ending."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    suffix = path.suffix.lower()
    if suffix not in (*_TEXT, *_PARQUET, *EXCEL):
        raise InputError(
            f"{path} is of a kind that edgewise does not read ({suffix or 'no ending'}): "
            f"save it as one of {', '.join((*_TEXT, _PARQUET[0], EXCEL[0]))}."
        )
    if not path.is_file():
        raise InputError(f"{path} is not a regular file but a pipe or device: save the table to a file first.")


def _table(grid: Grid, convention: Convention) -> Table:
    """The columns of numbers, those of text read as numbers where they can be, and the others as text or dates."""
    fields = [field for field in grid.fields if isinstance(field.values, list | tuple)]
    cells = [Column(field.values, convention.thousands) for field in fields]
    found = read_numbers([field.name for field in fields], cells, convention, grid.delimiter)
    parsed = iter(zip(found.columns, cells, strict=True))
    rounded = found.rounded.union(field.name for field in grid.fields if field.rounded)
    table = Table({}, grid.n_rows, [], [*grid.notes, *found.notes], found.decimals, rounded, units=dict(grid.units))
    for place, field in enumerate(grid.fields, start=1):
        texts: list[str | None] = []
        values = field.values
        if isinstance(values, list | tuple):
            values, column = next(parsed)
            texts = column.raw
        table.order.append(field.name)
        if not field.name:
            table.left_out.append((f"column {place}", "no name in the header"))
        elif isinstance(values, np.ndarray):
            table.columns[field.name] = values
        else:
            table.left_out.append((field.name, str(values)))
            days = field.dates if field.dates is not None else iso_dates(texts) if values == "dates" else None
            if days is not None:
                table.dates[field.name] = days
            elif values == "text":
                table.texts[field.name] = texts
    table.notes.extend(_codes(name, column) for name, column in table.columns.items() if _has_codes(column))
    return table


def _has_codes(values: np.ndarray) -> bool:
    """Return whether a column of numbers that are not negative holds -99, -999 or the like."""
    with np.errstate(invalid="ignore"):
        below = np.unique(values[values < 0])
    return len(below) == 1 and below[0] in _GAP_CODES and bool((values >= 0).any())


def _codes(name: str, values: np.ndarray) -> str:
    code = values[values < 0]
    return (
        f"{code[0]:g} in column {name!r}, {len(code)} times, is read as a number, though all others are not negative: "
        "leave such cells empty if it marks gaps."
    )
