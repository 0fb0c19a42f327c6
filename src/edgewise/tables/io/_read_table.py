"""Reads a CSV, TSV, Parquet or Excel file into a table of numbers."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.tables.encoding import iso_dates
from edgewise.tables.io._convention import Convention, read_numbers
from edgewise.tables.io._excel import EXCEL, read_excel
from edgewise.tables.io._grid import Field, Grid, check_unique, read_grid, read_text
from edgewise.tables.io._numbers import PRINTED, Column, Separator, Sign, parquet_dates
from edgewise.tables.io._table import Table

_DAMAGE = (OSError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RuntimeError, MemoryError)
"""What pyarrow raises at a damaged file, besides its own exceptions."""


@contextmanager
def open_parquet(path: str | Path) -> Iterator[Any]:
    """Open a Parquet file.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    pyarrow.parquet.ParquetFile
        The open file.

    Raises
    ------
    InputError
        For a file that is missing, is no Parquet file or cannot be read, and any error while it is read.
    """
    pa = needed("pyarrow")
    pq = needed("pyarrow.parquet")

    if not Path(path).is_file():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    except (pa.ArrowException, *_DAMAGE) as error:
        detail = next(iter(str(error).splitlines()), "").rstrip(".")[:200]
        raise InputError(
            f"{path} is not a Parquet file, or a damaged one ({detail or type(error).__name__}): write the table again."
        ) from None


def read_parquet(path: Path) -> Grid:
    """Return the columns of a Parquet file, a named index of pandas first."""
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: write the table again.")
    with open_parquet(path) as file:
        table = file.read(use_threads=False)  # a thread of pyarrow that lives at exit may abort the process
        table.validate(full=True)
        names, index = _names(table.schema)
        order = [*index, *(place for place in range(len(names)) if place not in set(index))]
        named = [(name, table.column(place)) for place in order if (name := names[place]) is not None]
        fields = [*_ranges(table), *(_field(name, column) for name, column in named)]
        check_unique(path, [field.name for field in fields])
        if not table.num_rows or not fields:
            raise InputError(f"{path} has no rows: write the table again with its data.")
        return Grid(fields, table.num_rows)


def _ranges(table: Any) -> list[Field]:
    """Named indices that pandas stores as the range of their numbers."""
    ranges = (table.schema.pandas_metadata or {}).get("index_columns", ())
    return [
        Field(str(index["name"]), np.arange(index["start"], index["stop"], index["step"], dtype=np.float64))
        for index in ranges
        if isinstance(index, dict)
        and index.get("name") is not None
        and len(range(index["start"], index["stop"], index["step"])) == table.num_rows
    ]


def _names(schema: Any) -> tuple[list[str | None], list[int]]:
    """The names as pandas prints them, None for an index without a name, and the places of the other indices."""
    stored = [str(name) for name in schema.names]
    said = schema.pandas_metadata or {}
    indices = {name for name in said.get("index_columns", ()) if isinstance(name, str)}
    shown: dict[str, Any] = {
        column["field_name"]: column["name"] for column in said.get("columns", ()) if isinstance(column, dict)
    }
    names = [
        None if name in indices and shown.get(name, name) is None else str(shown.get(name) or name).strip()
        for name in stored
    ]
    index = [place for place, name in enumerate(stored) if name in indices and names[place] is not None]
    return names, index


def _field(name: str, column: Any) -> Field:
    pa = needed("pyarrow")
    kinds = needed("pyarrow.types")

    if isinstance(column.type, pa.ExtensionType | pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    while kinds.is_dictionary(column.type) or kinds.is_run_end_encoded(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind):
        values = np.asarray(column.to_numpy(), dtype=np.float64)
        largest = 2.0**sys.float_info.mant_dig  # larger integers are not all float64 numbers
        large = np.flatnonzero(kinds.is_integer(kind) & (np.abs(values) >= largest))
        return Field(name, values, any(map(_loses_digits, column.take(large).to_pylist(), values[large])))
    if kinds.is_decimal(kind):
        exact = column.to_pylist()
        values = np.array([np.nan if value is None else float(value) for value in exact])
        return Field(name, values, any(map(_loses_digits, exact, values.tolist())))
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        return Field(name, column.to_pylist())
    if kinds.is_null(kind):
        return Field(name, np.full(len(column), np.nan))
    if kinds.is_date(kind) or kinds.is_timestamp(kind):
        return Field(name, "dates", dates=parquet_dates(column))
    if kinds.is_temporal(kind):
        return Field(name, "durations" if kinds.is_duration(kind) or kinds.is_interval(kind) else "dates")
    return Field(name, f"values of the type {str(kind)[:40]}")


def _loses_digits(value: Any, near: float) -> bool:
    """Whether a float is not the number: an integer that float64 does not hold, or more digits than it has."""
    if value is None or not np.isfinite(near):
        return False
    if isinstance(value, Decimal) and value != value.to_integral_value():
        return len(value.normalize().as_tuple().digits) > PRINTED
    return int(value) != int(near)


_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_PARQUET = (".parquet", ".pq")


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

    The first line of a text file names the columns; the delimiter (comma, semicolon, tab, white space) is found by
    looking. Truth values become 0 and 1; text and dates are left out, with the reason in `left_out`; missing values are
    NaN. `texts` and `dates` hold the columns left out that are text, or dates as ISO 8601 writes them. Thousands
    separators and decimal commas are understood, and said in `notes`.

    Parameters
    ----------
    path
        The file.
    decimal
        The decimal sign, "." or ","; found by looking by default.
    thousands
        The sign between groups of three digits: ",", ".", "'", " " or "" for none; found by looking by default.
    encoding
        The encoding of a text file; found by looking by default.
    sheet
        The name of a sheet of a workbook, which needs openpyxl; the first by default.
    like
        The `decimals` of a table read before. It decides where this file's columns can be read in two ways, so that
        both are read alike.

    Raises
    ------
    InputError
        For a file that is missing, not a regular file, empty, binary, damaged, of another encoding, ragged, without a
        header, or with two columns of one name, and for wrong options; one line with the remedy.

    Examples
    --------
    >>> from edgewise.io import read_table
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
    table = Table(
        {}, grid.n_rows, [], [*grid.notes, *found.notes], found.decimals, rounded, units=dict(grid.units),
        limits=found.limits,
    )  # fmt: skip
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
    codes = -99.0, -999.0, -9999.0, -99999.0  # by which some files mark gaps
    with np.errstate(invalid="ignore"):
        below = np.unique(values[values < 0])
    return len(below) == 1 and below[0] in codes and bool((values >= 0).any())


def _codes(name: str, values: np.ndarray) -> str:
    code = values[values < 0]
    return (
        f"{code[0]:g} in column {name!r}, {len(code)} times, is read as a number, though all others are not negative: "
        "leave such cells empty if it marks gaps."
    )
