"""Tables: numbers read from rows, rows grouped and chosen, and Markdown."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgewise_bench._benchmark import Cell, Row


def number(row: Mapping[str, Any] | None, column: str = "error") -> float:
    """Read a number from a measured or stored row; infinity if there is none."""
    return float(row[column]) if row is not None and row[column] not in ("", None) else float("inf")


def known(rows: Iterable[Row], column: str) -> list[float]:
    """Return the numbers of a column, truth values as 0 and 1, as measured or as read back.

    >>> known([{"r": True}, {"r": "False"}, {"r": ""}, {"r": "2.5"}], "r")
    [1.0, 0.0, 2.5]
    """
    words = {"True": 1.0, "False": 0.0}
    return [words[text] if (text := str(row[column])) in words else float(text)
            for row in rows if row[column] not in ("", None)]  # fmt: skip


def best(rows: Iterable[Row], by: str = "error", **wanted: Any) -> Row | None:
    """Return the row with the lowest value of column `by` among those that match."""
    found = [row for row in rows if all(str(row[key]) == str(value) for key, value in wanted.items())]
    return min(found, key=lambda row: number(row, by), default=None)


def format_number(value: float, digits: int = 2) -> str:
    """Format a number for a table; infinity, which means missing, gives an empty string.

    >>> format_number(1.234e-9), format_number(float("inf"))
    ('1.2e-09', '')
    """
    return "" if value == float("inf") else f"{value:.{digits}g}"


def format_error(row: Row | None) -> str:
    """Format a row's error, or the reason why there is none."""
    return "" if row is None else str(row["status"] or format_number(number(row)))


def grouped(rows: Iterable[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """Group rows by the values of some columns, in order of first occurrence."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in columns), []).append(row)
    return groups


def items_of(rows: Iterable[Row]) -> list[str]:
    """Return the distinct items of rows, in order of first occurrence."""
    return list(dict.fromkeys(str(row["item"]) for row in rows))


def markdown(head: Sequence[str], lines: Iterable[Iterable[Cell]], text_columns: int = 1) -> list[str]:
    """Return a Markdown table whose leading columns are text; a cell beyond its limit is bold."""
    rule = [*["---"] * text_columns, *["---:"] * (len(head) - text_columns)]
    return [_line(head), _line(rule), *(_line(_marked(cell) for cell in line) for line in lines)]


def measured_with(file: str, last: Mapping[str, str]) -> str:
    """Return where and with what rows were measured."""
    libraries = f"Python {last['python']}, torch {last['torch']}, {last['versions']}"
    return paragraph(f"`{file}`: {last['device']}, {libraries}; commit {last['commit']}, {last['date']}")


def paragraph(text: str) -> str:
    """Return a sentence as a Markdown paragraph: a capital, a full stop, and lines of at most 120 columns."""
    sentence = f"{text[:1].upper()}{text[1:]}."
    return textwrap.fill(sentence, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _marked(cell: Cell) -> str:
    text = cell.text if "`" in cell.text else cell.text.replace("*", "\\*")
    return f"**{text}**" if cell.passed is False else text


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
