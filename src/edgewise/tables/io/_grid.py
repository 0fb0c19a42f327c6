"""The text of a table as a header and columns of cells."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgewise._errors import InputError
from edgewise.tables.io._delimited import OpenQuote, long_fields, sniff, split_lines
from edgewise.tables.io._marks import bare
from edgewise.tables.io._numbers import is_missing, is_number

_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)  # Excel's first line, which names the delimiter
_COMMENTS = ("#", "%")
_NEAR = 50
"""Rows that show whether a column holds numbers."""

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Field:
    """A column: its name, "" where it has none, and its numbers, its texts, or the reason why it is neither.

    `dates` are its dates, where it holds such.
    """

    name: str
    values: np.ndarray | Sequence[str | None] | str
    rounded: bool = False
    dates: np.ndarray | None = None


@dataclass(frozen=True)
class Grid:
    """The columns of a file, the delimiter between them, notes on what was left out of it, and units of columns."""

    fields: list[Field]
    n_rows: int
    delimiter: str = ""
    notes: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)


def read_grid(path: Path, text: str, decimal: str | None) -> Grid:
    """Split a text into a header and columns.

    Understood, and said in `notes` where rows are left out: Excel's first line "sep=;", comment lines that begin with
    "#" or "%", a header in the last of these above the numbers, R's names of rows, a line of units below the header,
    delimiters at the ends of the lines.

    Raises `InputError` for a text without rows, without a header, with two columns of one name, or ragged.
    """
    lines = text.split("\n")
    named = _SEPARATOR.fullmatch(lines[0])
    if named:
        lines[0] = ""
    with long_fields():
        try:
            plain = [line for line in lines if not line.startswith(_COMMENTS)]
            delimiter = named[1] if named else sniff(plain or lines, decimal)
            rows = list(split_lines(lines, delimiter))
        except OpenQuote:
            raise InputError(
                f"{path} cannot be split into rows for certain: look for a quotation mark without its twin."
            ) from None
    notes: list[str] = []
    if not rows:
        raise InputError(f"{path} is empty: give a file whose first line names the columns.")
    header, rows = header_and_rows(rows, notes)
    if all(is_number(name) for name in header):
        raise InputError(
            f"{path} has no header: its first line is {', '.join(header[:3])}, all numbers. "
            "Add a first line that names the columns."
        )
    if not rows:
        raise InputError(f"{path} has a header but no rows: add the data below it.")
    header, rows = _even(header, rows, delimiter, notes)
    _check_even(path, header, rows, decimal)
    check_unique(path, header)
    rows, units = without_units(rows, notes)
    columns = zip(*(fields for _, fields in rows), strict=True)
    return Grid([Field(*column) for column in zip(header, columns, strict=True)], len(rows), delimiter, notes,
                {name: unit for name, unit in zip(header, units, strict=False) if name and unit})  # fmt: skip


def check_unique(path: Path, header: Sequence[str]) -> None:
    """Raise for two columns of one name."""
    first: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if name and name in first:
            raise InputError(f"{path} has two columns named {name!r} (columns {first[name]} and {place}): rename one.")
        first[name] = place


def header_and_rows(rows: list[Row], notes: list[str]) -> tuple[list[str], list[Row]]:
    """Take the header, which may be the last comment above the numbers, and drop the other comments."""
    above = next((place for place, (_, fields) in enumerate(rows) if not _is_comment(fields)), len(rows))
    comments, rows = rows[:above], rows[above:]
    header: list[str] | None = None
    if comments and (not rows or any(is_number(field) for field in rows[0][1])):
        named = _uncommented(comments[-1][1])
        if not rows or len(named) == len(rows[0][1]):
            header = named
            comments.pop()
    if header is None:
        header, rows = rows[0][1], rows[1:]
    header = [name.strip() for name in header]
    kept = [row for row in rows if not (_is_comment(row[1]) and len(row[1]) != len(header))]
    left_out = len(comments) + len(rows) - len(kept)
    if left_out:
        signs = sorted({fields[0].lstrip()[0] for _, fields in [*comments, *rows] if _is_comment(fields)})
        begun = " or ".join(map(repr, signs))
        notes.append(f"{left_out} comment line{'s' * (left_out > 1)} left out (beginning with {begun}).")
    return header, kept


def _is_comment(fields: Sequence[str]) -> bool:
    return fields[0].lstrip().startswith(_COMMENTS)


def _uncommented(fields: Sequence[str]) -> list[str]:
    first = fields[0].lstrip().lstrip("#").strip()
    first = "" if not first.strip("%") else first  # "% fat" is a name
    return [first, *fields[1:]] if first else list(fields[1:])


def _even(header: list[str], rows: list[Row], delimiter: str, notes: list[str]) -> tuple[list[str], list[Row]]:
    """Make the header as long as the rows where all of them have one field more or less for a known reason."""
    width = len(header)
    lengths = {len(fields) for _, fields in rows}
    if lengths == {width + 1}:
        if all(not fields[-1].strip() for _, fields in rows):
            return header, [(line, fields[:-1]) for line, fields in rows]
        if _are_names([fields[0].strip() for _, fields in rows], delimiter):
            notes.append(f"The first of {width + 1} fields is taken for the names of the rows: the header has {width}.")
            return ["", *header], rows
    if lengths == {width - 1} and not header[-1]:
        return header[:-1], rows
    return header, rows


def _are_names(cells: Sequence[str], delimiter: str) -> bool:
    """Whether these are names of rows as R writes them: texts, or the numbers from 1 on."""
    if delimiter in ("\t", " ") and all(cell == str(row) for row, cell in enumerate(cells, start=1)):
        return True
    return len(set(cells)) == len(cells) and not any(is_number(cell) or is_missing(cell) for cell in cells)


def without_units(rows: list[Row], notes: list[str]) -> tuple[list[Row], list[str]]:
    """Take out a first row of units: texts, some of them blank, above at least two numbers or numbers alone.

    Return the other rows and the units, none where there is no such row.
    """
    if len(rows) < 2:
        return rows, []
    line, first = rows[0]
    near = zip(*(fields for _, fields in rows[1:_NEAR]), strict=True)
    below = [next((cell for cell in cells if not is_missing(cell)), "") for cells in near]
    numbers = [place for place, field in enumerate(below) if is_number(bare(field))]
    texts = [place for place in numbers if not is_missing(first[place])]
    if any(is_number(bare(field)) for field in first) or 2 * len(texts) <= len(numbers):
        return rows, []
    if len(numbers) < 2 and len(numbers) < sum(map(bool, below)):
        return rows, []
    notes.append(f"Line {line} is taken for units: {', '.join(first)[:60]!r}.")
    return rows[1:], [unit.strip().strip("[]()") for unit in first]


def _check_even(path: Path, header: Sequence[str], rows: Sequence[Row], decimal: str | None) -> None:
    """Raise unless all rows are as long as the header."""
    width = len(header)
    odd = next(((line, fields) for line, fields in rows if len(fields) != width), None)
    if odd is None:
        return
    line, fields = odd
    usual, times = Counter(len(fields) for _, fields in rows).most_common(1)[0]
    remedy = "Mend that line, or put quotation marks around fields that hold the delimiter."
    if usual == 2 * width and decimal is None:
        remedy = (
            "If its commas are decimal signs, give decimal=',' (--decimal ,) or put the numbers in quotation marks."
        )
    elif usual > width and 2 * times > len(rows):
        remedy = (
            f"Most lines have {usual}: give each of them a name in the header, "
            "and remove what stands above it, or begin such lines with #."
        )
    raise InputError(f"{path} is ragged: line {line} has {len(fields)} fields where the header has {width}. {remedy}")
