"""Programs that a search starts from: a library of shapes, sums of them by matching pursuit, families along a path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

import numpy as np

from edgewise._selection import Orthogonal
from edgewise._typing import Array
from edgewise.formulas.functions import shapes
from edgewise.formulas.programs._cpu_layout import LIBRARY_ROWS
from edgewise.formulas.programs._expression import Node, apply, combine, constant, scaled, variable
from edgewise.formulas.programs._fit import Rows
from edgewise.formulas.programs._kernels import RECORD, Job
from edgewise.formulas.programs._program import Program
from edgewise.formulas.programs._shape import shape_nodes
from edgewise.formulas.programs._tabulated import tabulated_names

Nodes = list[Node]


@dataclass(frozen=True)
class Library:
    """Shapes as records, and their values on the first rows of a table.

    Shapes: records (n_shapes,), values (n_shapes, LIBRARY_ROWS), whole (n_shapes, n).
    """

    shapes: list[Nodes]
    records: Array
    values: Array
    whole: Array

    @classmethod
    def of(cls, shapes: Sequence[Nodes], columns: Array) -> Library:
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
    largest = 1e6  # of the values of a shape
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > largest:
        return False
    return bool(values.std() > 1e-9 * (1 + abs(values.mean())))


def shapes_of(columns: Array, functions: Collection[str], rng: np.random.Generator) -> list[Nodes]:
    """Return shapes of columns (n_columns, n) whose sizes are about one, with the allowed functions only."""
    most_shapes = 1500
    most_pairs = 200  # of columns
    few_columns = 8  # with more, only the first shapes of each column are certain to be in
    certain, others = 8, 400
    single = [
        [shape for shape in _unary(j, bool((column > 0).all())) if _allowed(shape, functions)]
        for j, column in enumerate(columns)
    ]
    p = len(columns)
    if p <= few_columns:
        shapes = [shape for of_one in single for shape in of_one]
    else:
        total = p * max(map(len, single))
        chosen = [(k, shape) for of_one in single for k, shape in enumerate(of_one)]
        shapes = [shape for k, shape in chosen if k < certain or rng.random() < others / total]
    pairs = [(i, j) for i in range(p) for j in range(i)]
    if len(pairs) > most_pairs:
        pairs = [pairs[k] for k in rng.choice(len(pairs), most_pairs, replace=False)]
    shapes += [shape for i, j in pairs for shape in _binary(i, j) if _allowed(shape, functions)]
    shapes += _own(columns, functions)
    while len(shapes) < most_shapes and p > 1:
        i, j = rng.choice(p, 2, replace=False)
        left, right = (single[k][rng.integers(len(single[k]))] for k in (i, j))
        shapes.append(combine("mul", left, right))
    return shapes


def _allowed(shape: Nodes, functions: Collection[str]) -> bool:
    plain = ("variable", "constant", "add", "sub", "mul", "div", "tabulated")
    return all(node.operation in plain or node.operation in functions for node in shape)


def _unary(j: int, positive: bool) -> list[Nodes]:
    """Return the shapes of the table of one column, those of rows with equal values by turns."""
    rows = [row for row in shapes("evolution") if row.function is None and (positive or row.where == "anywhere")]
    together = [list(group) for _, group in groupby(rows, key=lambda row: row.evolution)]
    return [shape_nodes(row, {"B": b}, j) for group in together for b in group[0].evolution for row in group]


def _own(columns: Array, functions: Collection[str]) -> list[Nodes]:
    """Return shapes of the registered functions of each column."""
    rows = [row for row in shapes("evolution") if row.name in functions and row.name in tabulated_names()]
    return [shape_nodes(row, {"B": b}, j) for j in range(len(columns)) for row in rows for b in row.evolution]


def _binary(i: int, j: int) -> list[Nodes]:
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


def pursuit(
    features: Array, y: Array, weights: Array, most: int, factors: Array | None = None
) -> Iterator[tuple[list[int], Array]]:
    """Yield the chosen features and the coefficients of least squares, the constant last, after each choice.

    The next feature is the one that lowers the weighted sum of squares most, times its factor. Shapes: features
    (n_features, n), y and weights (n,), factors (n_features,).

    Source: Pati, Rezaiifar and Krishnaprasad (1993), Orthogonal matching pursuit.
    """
    dependent = 1e-6  # of the variance of a feature left over by those chosen
    root = np.sqrt(weights / weights.sum())
    centered = (features - (features @ np.square(root))[:, None]) * root
    orthogonal, chosen = Orthogonal.of(centered, (y - y @ np.square(root)) * root), []
    size = orthogonal.squares
    for _ in range(min(most, len(features), len(y) - 2)):
        score = orthogonal.gains() * (1.0 if factors is None else factors)
        score[orthogonal.squares <= dependent * size] = -1
        score[chosen] = -1
        best = int(np.argmax(score))
        if not score[best] > 0:
            return
        orthogonal = orthogonal.joined(best)
        chosen.append(best)
        matrix = np.column_stack([*features[chosen], np.ones(len(y))]) * root[:, None]
        yield list(chosen), np.linalg.lstsq(matrix, y * root, rcond=None)[0]


def total(shapes: Sequence[Nodes], chosen: Sequence[int], coefficients: Array) -> Nodes:
    """Return the nodes of the sum of shapes times coefficients."""
    terms = [scaled(shapes[j], float(coefficients[k])) for k, j in enumerate(chosen)]
    return reduce(lambda a, b: combine("add", a, b), terms)


def starts(rows: Rows, library: Library, most_nodes: int, functions: frozenset[str]) -> Iterator[Nodes]:
    """Yield linear and quadratic paths, sums of shapes, power laws, and sums inside exp, square and reciprocal."""
    by_length = (0.1, 0.02)  # by how much one node makes a shape of the library less attractive
    margin = 0.02  # of the target's range, between it and the offset of a transformed target
    single = Library.of([variable(j) for j in range(len(rows.columns))], rows.columns)
    yield from single.shapes
    yield from _sums(single, rows.target, rows.weights, most_nodes // 2)
    if len(rows.columns) > 1:
        yield from _sums(_quadratic(rows, functions), rows.target, rows.weights, most_nodes // 3)
    for by in by_length:
        yield from _sums(library, rows.target, rows.weights, most_nodes // 3, 1 / (1 + by * library.lengths()))
    low, width = rows.target.min(), np.ptp(rows.target)
    offsets = {low - margin * width}
    zero = -rows.mean / rows.unit  # where the table's target is zero
    if low > zero:
        offsets.add(zero)
    for offset in sorted(offsets):
        above = rows.target - offset
        if not above.min() > 0:
            continue
        if "power" in functions:
            yield from _power_laws(rows, np.log(above))
        for values, wrap in _transforms(above, functions):
            factors = 1 / (1 + by_length[0] * library.lengths())
            for source, chances in ((single, None), (library, factors)):
                yield from _wrapped(source, values, rows.weights, chances, wrap)


def _sums(source: Library, target: Array, weights: Array, most: int, factors: Array | None = None) -> Iterator[Nodes]:
    for chosen, coefficients in pursuit(source.whole, target, weights, most, factors):
        yield total(source.shapes, chosen, coefficients)


def _wrapped(
    source: Library, values: Array, weights: Array, factors: Array | None, wrap: Callable[[Nodes], Nodes]
) -> Iterator[Nodes]:
    """Yield sums that were fitted to a transformed target, inside the inverse of the transform."""
    most_terms = 10  # inside a transform
    for chosen, coefficients in pursuit(source.whole, values, weights, most_terms, factors):
        inner = combine("add", total(source.shapes, chosen, coefficients), constant(float(coefficients[-1])))
        yield wrap(inner)


def _quadratic(rows: Rows, functions: frozenset[str]) -> Library:
    most_quadratic = 600  # squares and products of columns
    p = len(rows.columns)
    squares = [apply("square", variable(j)) for j in range(p)] if "square" in functions else []
    products = [combine("mul", variable(i), variable(j)) for i in range(p) for j in range(i)]
    plain = [variable(j) for j in range(p)]
    return Library.of([*plain, *squares, *products][:most_quadratic], rows.columns)


def _power_laws(rows: Rows, logarithm: Array) -> Iterator[Nodes]:
    """Yield products of powers of the positive columns, by a regression of logarithms."""
    most_factors = 8  # of a power law
    positive = [j for j, column in enumerate(rows.columns) if (column > 0).all()]
    if not positive:
        return
    for chosen, powers in pursuit(np.log(rows.columns[positive]), logarithm, rows.weights, most_factors):
        factors = [apply("power", variable(positive[j]), float(powers[k])) for k, j in enumerate(chosen)]
        yield reduce(lambda a, b: combine("mul", a, b), factors)


def _transforms(above: Array, functions: frozenset[str]) -> Iterator[tuple[Array, Callable[[Nodes], Nodes]]]:
    """Yield transformed targets, and what turns a formula for them into one for the target."""
    if "exp" in functions:
        yield np.log(above), lambda inner: apply("exp", inner)
    if "square" in functions:
        yield np.sqrt(above), lambda inner: apply("square", inner)
    yield 1 / above, lambda inner: combine("div", constant(1.0), inner)
