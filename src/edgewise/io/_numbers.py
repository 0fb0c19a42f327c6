"""Columns of text cells turned into numbers: truth values, thousands separators, decimal commas."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_TRUTH = {"true": 1.0, "false": 0.0}
_GAP = "' \u00a0\u202f\u2019"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}(?:[,{_GAP}]\d{{3}})+(?:\.\d*)?{_EXPONENT}")
_DECIMAL_COMMA = re.compile(rf"[+-]?(?:\d{{1,3}}(?:[.{_GAP}]\d{{3}})+|\d+)(?:,\d*)?{_EXPONENT}")
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?")
_NO_GAPS = str.maketrans("", "", _GAP)

Cells = list[str | None]


def parse_columns(columns: Sequence[np.ndarray], delimiter: str) -> tuple[list[np.ndarray | str], list[str]]:
    """Return each column as float64 numbers or the reason why it is none, and notes on how numbers were read.

    A column is an object array of strings with NaN or None where a value is missing. Commas are decimal signs
    when they are not the delimiter and some column's commas cannot separate thousands (in a file with
    semicolons: in any case).

    >>> parse_columns([np.array(["1,5", "2"], dtype=object)], ";")
    ([array([1.5, 2. ])], ['Commas are read as decimal signs.'])
    >>> parse_columns([np.array(["1,500", "2"], dtype=object)], ",")
    ([array([1500.,    2.])], ['Thousands separators are taken out of the numbers.'])
    """
    cells = [[_cell(value) for value in column] for column in columns]
    decimal_comma = delimiter != "," and any(_has_decimal_comma(column, delimiter) for column in cells)
    parsed: list[np.ndarray | str] = []
    separated = False
    for column in cells:
        numbers = _with_decimal_comma(column) if decimal_comma else None
        if numbers is None:
            numbers = _plain(column)
        if numbers is None and not decimal_comma:
            numbers = _with_thousands(column)
            separated = separated or numbers is not None
        parsed.append(_reason(column) if numbers is None else numbers)
    notes = ["Commas are read as decimal signs."] if decimal_comma else []
    notes += ["Thousands separators are taken out of the numbers."] if separated else []
    return parsed, notes


def _cell(value: object) -> str | None:
    """Return the stripped text, None where there is none (pandas marks gaps by NaN, None or NA)."""
    return (value.strip() or None) if isinstance(value, str) else None


def _has_decimal_comma(column: Cells, delimiter: str) -> bool:
    texts = [text for text in column if text is not None]
    commas = [text for text in texts if "," in text]
    if not commas or not all(_DECIMAL_COMMA.fullmatch(text) for text in texts):
        return False
    return delimiter == ";" or not all(_THOUSANDS.fullmatch(text) for text in commas)


def _plain(column: Cells) -> np.ndarray | None:
    """Return Python's reading of the cells, true and false as 1 and 0; None if a cell is no number."""
    try:
        return np.array([np.nan if text is None else float(text) for text in column])
    except ValueError:
        pass
    if all(text is None or text.lower() in _TRUTH for text in column):
        return np.array([np.nan if text is None else _TRUTH[text.lower()] for text in column])
    return None


def _with_decimal_comma(column: Cells) -> np.ndarray | None:
    if not all(text is None or _DECIMAL_COMMA.fullmatch(text) for text in column):
        return None
    return _plain([text and text.translate(_NO_GAPS).replace(".", "").replace(",", ".") for text in column])


def _with_thousands(column: Cells) -> np.ndarray | None:
    bare = [
        text.translate(_NO_GAPS).replace(",", "") if text and _THOUSANDS.fullmatch(text) else text for text in column
    ]
    return _plain(bare)


def _reason(column: Cells) -> str:
    """Say why a column is not numbers, naming the first offending cell when most cells are numbers."""
    texts = [text for text in column if text is not None]
    if all(_DATE.fullmatch(text) for text in texts):
        return "dates"
    odd = [(row, text) for row, text in enumerate(column, start=1) if text is not None and _plain([text]) is None]
    if not odd or 2 * len(odd) > len(texts):
        return "text"
    row, text = odd[0]
    return f"text in {len(odd)} of {len(texts)} rows, first {text[:30]!r} in row {row}"
