"""Programs that a search starts from: plain families of formulas along a path of columns or shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs._library import Library, Shape
from edgewise.formulas.programs._operations import apply, combine, constant, variable
from edgewise.formulas.programs._pursuit import pursuit, total
from edgewise.formulas.programs._rows import Rows

_MARGIN = 0.02  # of the target's range, between it and the offset of a transformed target
_FACTORS = (0.1, 0.02)  # by how much one node makes a shape of the library less attractive
_MOST_QUADRATIC = 600  # squares and products of columns
_MOST_FACTORS = 8  # of a power law
_MOST_TERMS = 10  # inside a transform


def starts(rows: Rows, library: Library, most_nodes: int, functions: frozenset[str]) -> Iterator[Shape]:
    """Yield linear and quadratic paths, sums of shapes, power laws, and sums inside exp, square and reciprocal."""
    single = Library.of([variable(j) for j in range(len(rows.columns))], rows.columns)
    yield from single.shapes
    yield from _sums(single, rows.target, rows.weights, most_nodes // 2)
    if len(rows.columns) > 1:
        yield from _sums(_quadratic(rows, functions), rows.target, rows.weights, most_nodes // 3)
    for by in _FACTORS:
        yield from _sums(library, rows.target, rows.weights, most_nodes // 3, 1 / (1 + by * library.lengths()))
    low, width = rows.target.min(), np.ptp(rows.target)
    offsets = {low - _MARGIN * width}
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
            factors = 1 / (1 + _FACTORS[0] * library.lengths())
            for source, chances in ((single, None), (library, factors)):
                yield from _wrapped(source, values, rows.weights, chances, wrap)


def _sums(source: Library, target: Array, weights: Array, most: int, factors: Array | None = None) -> Iterator[Shape]:
    for chosen, coefficients in pursuit(source.whole, target, weights, most, factors):
        yield total(source.shapes, chosen, coefficients)


def _wrapped(
    source: Library, values: Array, weights: Array, factors: Array | None, wrap: Callable[[Shape], Shape]
) -> Iterator[Shape]:
    """Yield sums that were fitted to a transformed target, inside the inverse of the transform."""
    for chosen, coefficients in pursuit(source.whole, values, weights, _MOST_TERMS, factors):
        inner = combine("add", total(source.shapes, chosen, coefficients), constant(float(coefficients[-1])))
        yield wrap(inner)


def _quadratic(rows: Rows, functions: frozenset[str]) -> Library:
    p = len(rows.columns)
    squares = [apply("square", variable(j)) for j in range(p)] if "square" in functions else []
    products = [combine("mul", variable(i), variable(j)) for i in range(p) for j in range(i)]
    plain = [variable(j) for j in range(p)]
    return Library.of([*plain, *squares, *products][:_MOST_QUADRATIC], rows.columns)


def _power_laws(rows: Rows, logarithm: Array) -> Iterator[Shape]:
    """Yield products of powers of the positive columns, by a regression of logarithms."""
    positive = [j for j, column in enumerate(rows.columns) if (column > 0).all()]
    if not positive:
        return
    for chosen, powers in pursuit(np.log(rows.columns[positive]), logarithm, rows.weights, _MOST_FACTORS):
        factors = [apply("power", variable(positive[j]), float(powers[k])) for k, j in enumerate(chosen)]
        yield reduce(lambda a, b: combine("mul", a, b), factors)


def _transforms(above: Array, functions: frozenset[str]) -> Iterator[tuple[Array, Callable[[Shape], Shape]]]:
    """Yield transformed targets, and what turns a formula for them into one for the target."""
    if "exp" in functions:
        yield np.log(above), lambda inner: apply("exp", inner)
    if "square" in functions:
        yield np.sqrt(above), lambda inner: apply("square", inner)
    yield 1 / above, lambda inner: combine("div", constant(1.0), inner)
