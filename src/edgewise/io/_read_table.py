"""Reads a CSV, TSV or Parquet file into a table of numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgewise._errors import InputError
from edgewise.io._delimited import sniff, split_lines
from edgewise.io._numbers import parse_columns
from edgewise.io._table import Table

if TYPE_CHECKING:
    import pandas as pd

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_PARQUET = (".parquet", ".pq")
_MISSING = ["-", "--", "?"]
"""Signs for a missing value beside those that pandas knows (empty, NA, NaN, null, ...)."""


def read_table(path: str | Path) -> Table:
    """Return the columns of numbers of a .csv, .tsv, .tab, .txt, .dat or .parquet file.

    The first line of a text file names the columns; the delimiter (comma, semicolon, tab, white space) is
    found by looking. Truth values become 0 and 1; text and dates are left out, with the reason in `left_out`;
    missing values are NaN. Thousands separators and decimal commas are understood, and said in `notes`.

    Raises `InputError`, one line with the remedy, for a file that is missing, empty, binary, not UTF-8,
    ragged, without a header, or with two columns of one name.

    >>> from edgewise import datasets
    >>> table = read_table(datasets.path("orbits"))
    >>> table.names, table.n_rows
    (['primary_mass_kg', 'semi_major_axis_km', 'period_days'], 44)
    >>> table.left_out
    [('body', 'text'), ('primary', 'text')]
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    suffix = path.suffix.lower()
    if suffix in _PARQUET:
        return _from_parquet(path)
    if suffix in _TEXT:
        return _from_text(path)
    raise InputError(
        f"{path} is of a kind that edgewise does not read ({suffix or 'no ending'}): "
        f"save it as one of {', '.join((*_TEXT, _PARQUET[0]))}."
    )


def _from_text(path: Path) -> Table:
    import pandas as pd

    lines = io.StringIO(_decode(path), newline=None).read().split("\n")
    delimiter = sniff(lines)
    try:
        rows = split_lines(lines, delimiter)
        header_line, header = next(rows)
        header = [name.strip() for name in header]
        _check_header(path, header)
        n_rows = _check_rows(path, header, rows)
        frame = pd.read_csv(
            io.StringIO("\n".join(lines[header_line:])),
            sep=r"\s+" if delimiter == " " else delimiter,
            header=None,
            names=list(range(len(header))),
            dtype=str,
            na_values=_MISSING,
            skipinitialspace=True,
            index_col=False,
        )
    except (csv.Error, pd.errors.ParserError):
        n_rows, frame = -1, pd.DataFrame()
    if len(frame) != n_rows:
        raise InputError(f"{path} cannot be split into rows for certain: look for a quotation mark without its twin.")
    parsed, notes = parse_columns([frame[number].to_numpy(dtype=object) for number in frame], delimiter)
    return _assemble(header, parsed, n_rows, notes)


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path} is empty: give a file whose first line names the columns.")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and b"\0" in data:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path} is not UTF-8 text (line {line}): save it again with the encoding UTF-8.") from None


def _check_header(path: Path, header: list[str]) -> None:
    if all(_is_number(name) for name in header):
        raise InputError(
            f"{path} has no header: its first line is {', '.join(header[:3])}, all numbers. "
            "Add a first line that names the columns."
        )
    _check_unique(path, header)


def _check_unique(path: Path, header: list[str]) -> None:
    for place, name in enumerate(header):
        if name and name in header[:place]:
            first = header.index(name) + 1
            raise InputError(f"{path} has two columns named {name!r} (columns {first} and {place + 1}): rename one.")


def _check_rows(path: Path, header: list[str], rows: Iterator[tuple[int, list[str]]]) -> int:
    """Return the number of rows below the header, all of them as long as the header."""
    n_rows = 0
    for line, fields in rows:
        n_rows += 1
        if len(fields) != len(header):
            raise InputError(
                f"{path} is ragged: line {line} has {len(fields)} fields where the header has {len(header)}. "
                "Mend that line, or put quotation marks around fields that hold the delimiter."
            )
    if n_rows == 0:
        raise InputError(f"{path} has a header but no rows: add the data below it.")
    return n_rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_parquet(path: Path) -> Table:
    import pandas as pd
    import pyarrow as pa

    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: write the table again.")
    try:
        frame = pd.read_parquet(path)
    except pa.ArrowException:
        raise InputError(f"{path} is not a Parquet file, or a damaged one: write the table again.") from None
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    header = [str(name).strip() for name in frame.columns]
    _check_unique(path, header)
    if frame.empty:
        raise InputError(f"{path} has no rows: write the table again with its data.")
    text = [number for number in range(len(header)) if _is_text(frame.iloc[:, number])]
    parsed: list[np.ndarray | str] = [_typed(frame.iloc[:, number]) for number in range(len(header))]
    from_text, notes = parse_columns([frame.iloc[:, number].to_numpy(dtype=object) for number in text], ",")
    for number, column in zip(text, from_text, strict=True):
        parsed[number] = column
    return _assemble(header, parsed, len(frame), notes)


def _is_text(column: pd.Series) -> bool:
    values = column.dropna()
    return bool(len(values)) and all(isinstance(value, str) for value in values)


def _typed(column: pd.Series) -> np.ndarray | str:
    """Return a typed column as float64 numbers, or the reason why it is none."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    types = pd.api.types
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        return "dates"
    if types.is_complex_dtype(column.dtype):
        return "complex numbers"
    if types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        return np.asarray(pd.to_numeric(column), dtype=np.float64)
    except (TypeError, ValueError):
        return "text"


def _assemble(header: list[str], parsed: list[np.ndarray | str], n_rows: int, notes: list[str]) -> Table:
    columns: dict[str, np.ndarray] = {}
    left_out: list[tuple[str, str]] = []
    for place, (name, column) in enumerate(zip(header, parsed, strict=True), start=1):
        if not name:
            left_out.append((f"column {place}", "no name in the header"))
        elif isinstance(column, str):
            left_out.append((name, column))
        else:
            columns[name] = column
    return Table(columns, n_rows, left_out, notes)
