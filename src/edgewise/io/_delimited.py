"""The delimiter of a text table, and its rows split by it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

_CANDIDATES = ("\t", ";", ",", "|")
_SAMPLE = 50


def sniff(lines: Sequence[str]) -> str:
    """Return the delimiter: a tab, semicolon, comma or bar, " " for white space, a comma for one column.

    The delimiter is the one that splits the most of the first lines into as many fields as the header, at
    least two; a tie goes to the one with more fields in the header, then to the rarer sign.

    >>> sniff(["a;b", "1,5;2,5"]), sniff(["a,b", "1,2"]), sniff(["a  b", "1  2"]), sniff(["mass in kg", "1"])
    (';', ',', ' ', ',')
    """
    sample = [line for line in lines if line.strip()][:_SAMPLE]
    best, most = ",", (0, 1)
    for delimiter in (*_CANDIDATES, " "):
        header, *counts = (len(fields) for _, fields in split_lines(sample, delimiter))
        agreeing = counts.count(header)
        if header > 1 and (agreeing, header) > most and (agreeing or delimiter != " "):
            best, most = delimiter, (agreeing, header)
        if header > 1 and agreeing == len(counts):
            break
    return best


def split_lines(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number from 1, fields) of every line that is not blank.

    >>> list(split_lines(["a,b", "", '1,"2,5"'], ","))
    [(1, ['a', 'b']), (3, ['1', '2,5'])]
    """
    if delimiter == " ":
        yield from ((number, line.split()) for number, line in enumerate(lines, start=1) if line.strip())
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    for fields in reader:
        if any(field.strip() for field in fields) or len(fields) > 1:
            yield reader.line_num, fields
