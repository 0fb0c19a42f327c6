"""Nonlinear regressions whose best parameters are certified."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise._typing import Array

_FOLDER = Path(__file__).resolve().parent / "equations"


@dataclass(frozen=True, eq=False)
class CertifiedFit:
    """A table, a formula with parameters b1, b2, ..., and the parameters of the least squares.

    x: (rows, inputs). y: (rows,), the target; `target` says what it is. residual: the sum of squares at `parameters`.
    errors: the certified standard errors of the parameters; starts: the two starting points of the problem, the first
    far from the solution. level: of difficulty, "lower", "average" or "higher".
    """

    name: str
    level: str
    target: str
    formula: str
    parameters: tuple[float, ...]
    errors: tuple[float, ...]
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    residual: float
    names: tuple[str, ...]
    x: Array
    y: Array


def nist() -> list[CertifiedFit]:
    """Return NIST's 27 problems of nonlinear regression; the target of Nelson's is the logarithm of what was measured.

    >>> len(nist()), nist()[0].formula, nist()[0].x.shape
    (27, 'b1*(b2+x)**(-1/b3)', (154, 1))

    Source: National Institute of Standards and Technology, Statistical Reference Datasets, nonlinear regression (1999).
    """
    tables: dict[str, list[list[float]]] = defaultdict(list)
    for row in _rows("nist_rows"):
        tables[row["problem"]].append([float(row[name]) for name in ("y", "x1", "x2") if row[name]])
    return [_fit(row, np.array(tables[row["problem"]])) for row in _rows("nist")]


def _fit(row: dict[str, str], table: Array) -> CertifiedFit:
    x, measured = table[:, 1:], table[:, 0]
    names = ("x",) if x.shape[1] == 1 else ("x1", "x2")
    parameters, errors, *starts = (
        tuple(float(part) for part in row[column].split()) for column in ("parameters", "errors", "start1", "start2")
    )
    y = np.log(measured) if row["target"] == "log(y)" else measured
    shared = row["problem"], row["level"], row["target"], row["formula"]
    return CertifiedFit(*shared, parameters, errors, (starts[0], starts[1]), float(row["residual"]), names, x, y)


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
