"""A column as the classes of a target: their labels, and their numbers as the column."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from edgewise._errors import InputError
from edgewise.tables.io._table import Table

_MOST, _FEWEST = 12, 3  # classes of a target, rows of each


def why_no_class(table: Table, name: str) -> str | None:
    """Return why a column of text is no target; None where it can be one.

    Parameters
    ----------
    table
        The table.
    name
        The name of the column of text.

    Examples
    --------
    >>> from edgewise.tables.io import Table, why_no_class
    >>> why_no_class(Table({}, 3, texts={"a": ["u", "v", "w"]}), "a")
    "its class 'u' has fewer than 3 rows"
    """
    counts = Counter(cell for cell in table.texts[name] if cell is not None)
    if not 2 <= len(counts) <= _MOST:
        return f"a target of text has 2 to {_MOST} classes, and this has {len(counts)}"
    rare = min(counts, key=lambda label: counts[label])
    return f"its class {rare!r} has fewer than {_FEWEST} rows" if counts[rare] < _FEWEST else None


def with_classes(table: Table, name: str) -> tuple[Table, list[str]]:
    """Return the table with the numbers 0, 1, ... of a text's classes as its column, and their labels, sorted.

    Parameters
    ----------
    table
        The table.
    name
        The name of the column of text; its gaps are NaN.

    Raises
    ------
    InputError
        For a text that is no target, with the reason.

    Examples
    --------
    >>> from edgewise.tables.io import Table, with_classes
    >>> table, labels = with_classes(Table({}, 6, texts={"a": ["u", "v", "u", "v", "v", "u"]}), "a")
    >>> table.columns["a"].tolist(), labels
    ([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], ['u', 'v'])
    """
    why = why_no_class(table, name)
    if why is not None:
        raise InputError(f"The column {name!r} cannot be the target: {why}.")
    cells = table.texts[name]
    labels = sorted({cell for cell in cells if cell is not None})
    place: dict[str | None, float] = {label: float(code) for code, label in enumerate(labels)}
    codes = np.array([place.get(cell, np.nan) for cell in cells])
    texts = {other: each for other, each in table.texts.items() if other != name}
    left_out = [pair for pair in table.left_out if pair[0] != name]
    return replace(table, columns={**table.columns, name: codes}, texts=texts, left_out=left_out), labels
