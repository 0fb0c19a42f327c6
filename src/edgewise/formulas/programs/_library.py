"""The library of shapes that the search builds from: functions of one column, products and quotients of two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs._cpu_layout import LIBRARY_ROWS
from edgewise.formulas.programs._kernels import RECORD, Job
from edgewise.formulas.programs._operations import Node, apply, combine, constant, variable
from edgewise.formulas.programs._program import Program

Shape = list[Node]

_MOST_SHAPES = 1500
_MOST_PAIRS = 200  # of columns
_FEW_COLUMNS = 8  # with more, only the first shapes of each column are certain to be in
_CERTAIN, _OTHERS = 8, 400
_LARGEST = 1e6  # of the values of a shape

_RATES = (0.3, 0.6, 1.0, 2.0, 4.0)  # of exponentials
_WIDTHS = (0.3, 1.0, 3.0)  # of bells and of what turns into a constant
_FREQUENCIES = (0.5, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
_CHIRPS = (0.5, 1.0, 1.7, 2.5, 3.5)


@dataclass(frozen=True)
class Library:
    """Shapes as records, and their values on the first rows of a table.

    Shapes: records (n_shapes,), values (n_shapes, LIBRARY_ROWS), whole (n_shapes, n).
    """

    shapes: list[Shape]
    records: Array
    values: Array
    whole: Array

    @classmethod
    def of(cls, shapes: Sequence[Shape], columns: Array) -> Library:
        """Return the shapes whose values on columns (n_columns, n) are finite and not constant."""
        job, rows = Job(columns), columns.shape[1]
        kept, records, values = [], [], []
        for shape in shapes:
            found = np.empty(rows)
            Program.of(shape).write(job.record[0])
            job.run("values", found)
            if _usable(found):
                kept.append(shape)
                records.append(job.record.copy())
                values.append(found)
        whole = np.array(values).reshape(len(kept), rows)
        first = np.zeros((len(kept), LIBRARY_ROWS))
        first[:, : min(rows, LIBRARY_ROWS)] = whole[:, :LIBRARY_ROWS]
        return cls(kept, np.concatenate(records) if records else np.zeros(0, RECORD), first, whole)

    def lengths(self) -> Array:
        """Return the nodes of each shape."""
        return np.array([len(shape) for shape in self.shapes], dtype=float)


def _usable(values: Array) -> bool:
    """Return whether values are finite, not too large and not constant."""
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > _LARGEST:
        return False
    return bool(values.std() > 1e-9 * (1 + abs(values.mean())))


def shapes_of(columns: Array, functions: Collection[str], rng: np.random.Generator) -> list[Shape]:
    """Return shapes of columns (n_columns, n) whose sizes are about one, with the allowed functions only."""
    single = [
        [shape for shape in _unary(j, bool((column > 0).all())) if _allowed(shape, functions)]
        for j, column in enumerate(columns)
    ]
    p = len(columns)
    if p <= _FEW_COLUMNS:
        shapes = [shape for of_one in single for shape in of_one]
    else:
        total = p * max(map(len, single))
        chosen = [(k, shape) for of_one in single for k, shape in enumerate(of_one)]
        shapes = [shape for k, shape in chosen if k < _CERTAIN or rng.random() < _OTHERS / total]
    pairs = [(i, j) for i in range(p) for j in range(i)]
    if len(pairs) > _MOST_PAIRS:
        pairs = [pairs[k] for k in rng.choice(len(pairs), _MOST_PAIRS, replace=False)]
    shapes += [shape for i, j in pairs for shape in _binary(i, j) if _allowed(shape, functions)]
    while len(shapes) < _MOST_SHAPES and p > 1:
        i, j = rng.choice(p, 2, replace=False)
        left, right = (single[k][rng.integers(len(single[k]))] for k in (i, j))
        shapes.append(combine("mul", left, right))
    return shapes


def _allowed(shape: Shape, functions: Collection[str]) -> bool:
    plain = ("variable", "constant", "add", "sub", "mul", "div")
    return all(node.operation in plain or node.operation in functions for node in shape)


def _unary(j: int, positive: bool) -> list[Shape]:
    """Return shapes of one column."""
    one = constant(1.0)
    shapes = [variable(j), apply("square", variable(j)), apply("cube", variable(j)), combine("div", one, variable(j))]
    shapes += [apply("tanh", variable(j, a)) for a in (0.5, 1.0, 2.0, 4.0)]
    shapes += [apply("exp", variable(j, sign * a)) for a in _RATES for sign in (1, -1)]
    for a in _WIDTHS:
        square = apply("square", variable(j), a)
        shapes.append(combine("div", one, combine("add", variable(j, a), one)))
        shapes.append(combine("div", one, combine("add", square, one)))
        shapes.append(apply("log", combine("add", square, one)))
        shapes.append(apply("exp", apply("square", variable(j), -a)))
    shapes += [apply(wave, variable(j, a)) for a in _FREQUENCIES for wave in ("sin", "cos")]
    shapes += [apply(wave, apply("square", variable(j), a)) for a in _CHIRPS for wave in ("sin", "cos")]
    if positive:
        shapes += [apply("sqrt", variable(j)), apply("log", variable(j))]
        shapes += [apply("power", variable(j), p) for p in (1.5, -0.5, -2.0)]
        shapes += [apply("log", combine("add", variable(j, a), one)) for a in _WIDTHS]
    return shapes


def _binary(i: int, j: int) -> list[Shape]:
    """Return shapes of two columns."""
    x, z = variable(i), variable(j)
    return [
        combine("mul", x, z),
        combine("div", x, z),
        combine("div", z, x),
        apply("exp", combine("mul", variable(i, -1.0), z)),
        apply("square", combine("sub", x, z)),
        combine("div", constant(1.0), combine("add", x, z)),
        apply("cos", combine("add", x, z)),
        apply("sin", combine("mul", x, z)),
    ]
