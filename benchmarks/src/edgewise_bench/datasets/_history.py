"""Measurements from the history of science, each with the law that they led to."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise._typing import Array

_FOLDER = Path(__file__).resolve().parent / "equations"


@dataclass(frozen=True, eq=False)
class HistoricalTable:
    """Measurements with one input, and the accepted law, a formula with parameters b1, b2, ...

    x: (rows, 1). y: (rows,), the target. parameters: those of the least squares. held: whether the table was kept back
    while the search was developed. year: of the law, or of its measurements.
    """

    name: str
    year: int
    held: bool
    title: str
    target: str
    formula: str
    parameters: tuple[float, ...]
    source: str
    names: tuple[str, ...]
    x: Array
    y: Array


def history() -> list[HistoricalTable]:
    """Return ten laws of the history of science with real measurements, 8 to 43 rows each, in order of the years.

    `equations/README.md` beside the tables says what is measured, and in which units.

    >>> boyle = next(table for table in history() if table.name == "boyle")
    >>> boyle.formula, boyle.x.shape, float(boyle.y[0])
    ('b1/V', (25, 1), 29.125)

    Source: each table's `source`.
    """
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for row in _rows("history_rows"):
        rows[row["law"]].append([float(row["x"]), float(row["y"])])
    return [_table(row, np.array(rows[row["law"]])) for row in _rows("history")]


def _table(row: dict[str, str], table: Array) -> HistoricalTable:
    parameters = tuple(float(part) for part in row["parameters"].split())
    described = int(row["year"]), row["half"] == "held", row["title"], row["target"], row["formula"]
    return HistoricalTable(
        row["law"], *described, parameters, row["source"], (row["input"],), table[:, :1], table[:, 1]
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
