"""The text of a table: its encoding, its delimiter, a header and columns of cells."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgewise._errors import InputError
from edgewise.tables.io._numbers import bare, is_missing, is_number

_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_OTHER = "cp1252"


def read_text(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    """Return a text with "\\n" at the ends of its lines, and a note where its encoding was guessed.

    Without `encoding` it is UTF-8, or what the byte order mark says, or else cp1252, that of Excel on Windows.

    Errors: InputError for a file that is empty or binary, or not of this encoding.
    """
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path} is empty: give a file whose first line names the columns.")
    text, notes = (_decode(path, data)) if encoding is None else (_decode_as(path, data, encoding), [])
    if "\0" in text:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    return io.StringIO(text.lstrip("\ufeff"), newline=None).read(), notes


def _decode(path: Path, data: bytes) -> tuple[str, list[str]]:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    try:
        return data.decode(encoding), [] if encoding == "utf-8" else [f"The text is {encoding.upper()}."]
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    try:
        if encoding == "utf-8" and _is_text(data):
            said = f"The text is not UTF-8 (line {line}) and is read as {_OTHER}"
            return data.decode(_OTHER), [f"{said}: encoding= (--encoding) names another encoding."]
    except UnicodeDecodeError:
        pass
    raise InputError(
        f"{path} is not {encoding.upper()} text (line {line}): save it again with the encoding UTF-8, or name "
        "the encoding that it has, such as encoding='mac-roman' (--encoding mac-roman)."
    )


def _is_text(data: bytes) -> bool:
    """Return whether bytes hold no control characters but those between lines and fields."""
    return not any(byte in data for byte in (*range(9), 11, 12, *range(14, 32)) if byte != 0x1A)


def _decode_as(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, TypeError):
        raise InputError(
            f"Unknown encoding {encoding!r}. Usual ones: utf-8, utf-16, cp1252, latin-1, mac-roman, shift-jis."
        ) from None
    except ValueError:
        raise InputError(f"{path} is not {encoding} text: name another encoding, or save it as UTF-8.") from None


_CANDIDATES = ("\t", ";", ",", "|")
_WORD = re.compile(r'"((?:[^"]|"")*)"(?!\S)|(\S+)')
_END = "end of the table"

_limit = threading.Lock()


class OpenQuote(Exception):
    """A quotation mark without its twin."""


def sniff(lines: Sequence[str], decimal: str | None = None) -> str:
    """Return the delimiter: a tab, semicolon, comma or bar, " " for white space, a comma for one column.

    The delimiter is the one that splits the most of the first lines into as many fields as the header, at
    least two; a tie goes to the one with more fields in the header, then to the rarer sign. Where none splits the
    header, it is the one that splits most of the other lines alike, unless that is the decimal sign.

    Parameters
    ----------
    lines
        The lines of the table, its header first.
    decimal
        The decimal sign, "." or ",", if it is known.

    Examples
    --------
    >>> from edgewise.io import sniff
    >>> sniff(["a;b", "1,5;2,5"]), sniff(["a,b", "1,2"]), sniff(["a  b", "1  2"]), sniff(["mass in kg", "1"])
    (';', ',', ' ', ',')
    """
    sample = _sample(lines)
    best, most = "", (0, 1)
    for delimiter in (*_CANDIDATES, " "):
        header, *counts = _counts(sample, delimiter)
        agreeing = counts.count(header)
        if header > 1 and (agreeing, header) > most and (agreeing or delimiter != " "):
            best, most = delimiter, (agreeing, header)
        if header > 1 and agreeing == len(counts):
            break
    if best:
        return best
    for delimiter in _CANDIDATES:
        (fields, times) = Counter(_counts(sample, delimiter)).most_common(1)[0]
        if fields > 1 and 2 * times > len(sample) and delimiter != decimal:
            return delimiter
    header, *counts = _counts(sample, " ")
    named = not any(line.lstrip()[:1].isdecimal() for line in sample[1:])
    if header > 1 and named and set(counts) == {header + 1}:
        return " "  # R leaves out the name of its rows' names
    return "\t" if decimal == "," else ","


def split_lines(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its last line from 1, fields) of every row that is not blank.

    Raises `OpenQuote` where a quoted field does not end.

    >>> list(split_lines(["a,b", "", '1,"2,5"'], ","))
    [(1, ['a', 'b']), (3, ['1', '2,5'])]
    >>> list(split_lines(['"car name" mpg', '"Mazda RX4"  21'], " "))
    [(1, ['car name', 'mpg']), (2, ['Mazda RX4', '21'])]
    """
    if delimiter == " ":
        yield from ((number, _words(line)) for number, line in enumerate(lines, start=1) if line.strip())
        return
    # The last row shows whether a quoted field is still open there.
    reader = csv.reader([*lines, _END], delimiter=delimiter, skipinitialspace=True)
    try:
        for fields in reader:
            if reader.line_num > len(lines):
                if fields != [_END]:
                    raise OpenQuote
            elif len(fields) > 1 or lines[reader.line_num - 1].strip():
                yield reader.line_num, fields
    except csv.Error:
        raise OpenQuote from None


@contextmanager
def long_fields() -> Iterator[None]:
    """Let the csv module read fields of any length meanwhile: its limit is one for the whole process."""
    with _limit:
        before = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _sample(lines: Sequence[str], most: int = 50, characters: int = 2_000_000) -> list[str]:
    sample: list[str] = []
    for line in filter(str.strip, lines):
        sample.append(line)
        if len(sample) == most or sum(map(len, sample)) > characters:
            break
    return sample


def _counts(sample: Sequence[str], delimiter: str) -> list[int]:
    """The fields of each row; a quoted field that the sample cuts off does not count."""
    counts: list[int] = []
    with suppress(OpenQuote):
        counts.extend(len(fields) for _, fields in split_lines(sample, delimiter))
    return counts or [0]


def _words(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    return [word or quoted.replace('""', '"') for quoted, word in _WORD.findall(line)]


_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)  # Excel's first line, which names the delimiter
_COMMENTS = ("#", "%")

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
    enough = 50  # rows that show whether a column holds numbers
    near = zip(*(fields for _, fields in rows[1:enough]), strict=True)
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
