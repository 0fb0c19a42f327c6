"""Columns of a table that follow from others: straight lines in one, and sums of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from edgewise.tables.io import Table

Array = np.ndarray
_EXACT = 1e-9  # of a column's range
_MOST = 60  # columns that are compared


def copies(table: Table, names: Sequence[str]) -> list[str]:
    """Return a sentence on each column that is a straight line in another one, or a sum of others, in every row.

    >>> a, b = np.array([1.0, 4.0, 2.5, 3.0]), np.array([2.0, 0.5, 7.0, 1.0])
    >>> copies(Table({"a": a, "b": 24 - a}, 4), ["a", "b"])
    ["In every row 'b' is 24 - 'a': one of the two is enough."]
    """
    columns = {name: table.columns[name] for name in names[:_MOST]}
    said, lines = [], set()
    for first, second in combinations(columns, 2):
        text = "" if first in lines else _line(columns[first], columns[second], first)
        if text:
            lines.add(second)
            said.append(f"In every row {second!r} is {text}: one of the two is enough.")
    for name, text, terms in _sums({name: values for name, values in columns.items() if name not in lines}):
        said.append(f"In every row {name!r} is {text}: one of these {terms + 1} columns can be left out.")
    return said


def _line(a: Array, b: Array, name: str) -> str:
    """The straight line in `a` that `b` is, exactly or to within a hundredth of its range; nothing if it is none."""
    close, few = 0.01, 64
    there = np.flatnonzero(np.isfinite(a) & np.isfinite(b))
    for some in (there[:: max(1, len(there) // few)], there):  # a few rows rule out most pairs
        if len(some) < 3 or not np.ptp(a[some]) > 0 or not np.ptp(b[some]) > 0:
            return ""
        slope, offset = np.polyfit(a[some], b[some], 1)
        far, size = np.abs(slope * a[some] + offset - b[some]).max(), np.ptp(b[some])
        if far > close * size:
            return ""
    within = "" if far < _EXACT * size else f" to within {far:.2g}"
    return _combination(offset, [(slope, name)], max(far, _EXACT * size), 3 if within else 9) + within


def _sums(columns: dict[str, Array]) -> Iterable[tuple[str, str, int]]:
    """Columns that are sums of two to eight of those before them, with factors: the sum, and how many terms it has."""
    most, sample = 8, 2000
    there = np.logical_and.reduce([np.isfinite(values) for values in columns.values()]) if columns else np.zeros(0)
    rows = np.flatnonzero(there)
    basis: list[str] = []
    for name, values in columns.items():
        some = rows[:: max(1, len(rows) // sample)]
        if len(some) < 2 * len(columns) + 10:
            return
        design = np.column_stack([np.ones(len(some)), *(_scaled(columns[one], some) for one in basis)])
        goal = _scaled(values, some)
        weights = np.linalg.lstsq(design, goal, rcond=None)[0]
        kept = [one for one, weight in zip(basis, weights[1:], strict=True) if abs(weight) > _EXACT]
        if np.abs(design @ weights - goal).max() > _EXACT or not 2 <= len(kept) <= most:
            basis.append(name)
            continue
        whole = np.column_stack([np.ones(len(rows)), *(columns[one][rows] for one in kept)])
        scale = np.abs(whole).max(0)
        factors = np.linalg.lstsq(whole / scale, values[rows], rcond=None)[0] / scale
        size = np.ptp(values[rows])
        if np.abs(whole @ factors - values[rows]).max() <= _EXACT * size:
            yield name, _combination(factors[0], list(zip(factors[1:], kept, strict=True)), _EXACT * size, 9), len(kept)
        else:
            basis.append(name)


def _scaled(values: Array, rows: Array) -> Array:
    """Some rows of a column from 0 to 1."""
    chosen = values[rows]
    return (chosen - chosen.min()) / (np.ptp(chosen) or 1.0)


def _combination(offset: float, terms: Sequence[tuple[float, str]], least: float, digits: int) -> str:
    """A sum of columns with factors, as a person writes it: 24 - 'a'; without an offset below `least`."""
    parts = [] if abs(offset) <= least else [f"{offset:.{digits}g}"]
    for factor, name in sorted(terms, key=lambda term: bool(parts) and term[0] < 0):
        rounded = f"{abs(factor):.{digits}g}"
        sign = "-" if factor < 0 else "+"
        text = repr(name) if rounded == "1" else f"{rounded} {name!r}"
        parts.append(f"{sign} {text}" if parts else f"{'-' if factor < 0 else ''}{text}")
    return " ".join(parts)
