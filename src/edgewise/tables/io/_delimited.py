"""The delimiter of a text table, and its rows split by it."""

import csv
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

_CANDIDATES = ("\t", ";", ",", "|")
_SAMPLE = 50
_SAMPLE_CHARACTERS = 2_000_000
_LONGEST_FIELD = 2**31 - 1
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
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _sample(lines: Sequence[str]) -> list[str]:
    sample: list[str] = []
    for line in filter(str.strip, lines):
        sample.append(line)
        if len(sample) == _SAMPLE or sum(map(len, sample)) > _SAMPLE_CHARACTERS:
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
