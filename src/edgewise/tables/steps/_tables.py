"""A sum of steps as tables: of each set of columns, one value for each combination of their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from edgewise._typing import Array
from edgewise.tables.steps._bins import Bins
from edgewise.tables.steps._cpu_growing import columns_of, tabulate

Group = tuple[int, ...]


@dataclass(frozen=True)
class Trees:
    """The trees of a fold: the code of each place of each column; trees (T, nodes, 3), values (T, nodes) by output."""

    maps: list[Array]
    trees: list[Array]
    values: list[Array]


@dataclass(frozen=True)
class StepTable:
    """What some columns add together: `values` (cells of the first, of the second, ..., K).

    Cells of numbers are that of gaps, then those between `cuts`; of levels that of gaps and unknown ones, then each.
    """

    columns: Group
    bins: tuple[Bins, ...]
    values: Array

    def at(self, x: Array) -> Array:
        """Return what the columns add (n, K) at rows x (n, d)."""
        return self.values[self.cells(x)]

    def cells(self, x: Array) -> tuple[Array, ...]:
        """Return the cell (n,) of each column at rows x (n, d)."""
        return tuple(each.places(x[:, column]) for each, column in zip(self.bins, self.columns, strict=True))

    def on(self, bins: tuple[Bins, ...]) -> StepTable:
        """Return the same table on finer bins."""
        if bins == self.bins:
            return self
        cells = [own.places(fine.inside) for own, fine in zip(self.bins, bins, strict=True)]
        return StepTable(self.columns, bins, self.values[np.ix_(*cells)])


@dataclass(frozen=True)
class StepModel:
    """eta = intercept + sum of tables of one, two and three columns, for K outputs."""

    intercept: Array
    tables: tuple[StepTable, ...]

    def eta(self, x: Array) -> Array:
        """Return eta (n, K) at rows x (n, d)."""
        total = np.tile(self.intercept, (len(x), 1))
        for table in self.tables:
            total += table.at(x)
        return total

    def scaled(self, scale: float) -> StepModel:
        """Return scale eta."""
        tables = tuple(replace(table, values=scale * table.values) for table in self.tables)
        return StepModel(scale * self.intercept, tables)

    def strongest(self, x: Array, faint: float) -> StepModel:
        """Return the model without tables of several columns that have less than a share of the variance at rows x."""
        variances = {table.columns: float(table.at(x).var(0).sum()) for table in self.tables}
        least = faint * sum(variances.values())
        kept = tuple(each for each in self.tables if len(each.columns) == 1 or variances[each.columns] >= least)
        return replace(self, tables=kept)

    @cached_property
    def size(self) -> int:
        """How many numbers the tables hold."""
        return sum(table.values.size for table in self.tables)


def added(models: Sequence[StepModel]) -> StepModel:
    """Return the sum of models, one table for each set of columns."""
    tables: dict[Group, StepTable] = {}
    for table in (each for model in models for each in model.tables):
        tables[table.columns] = _sum(tables[table.columns], table) if table.columns in tables else table
    return StepModel(np.sum([model.intercept for model in models], 0), tuple(tables.values()))


def purified(model: StepModel, x: Array, weights: Array) -> StepModel:
    """Return the same sum, in which no table has a part that fewer columns could have.

    Every table of two or three columns has the mean zero along each of its columns, over the values that the column
    has in rows x (n, d) with weights (n,); curves have the mean zero. What was taken is given to the tables of fewer
    columns, so that the sum stays what it is.

    Source: Hooker, Generalized functional ANOVA diagnostics (2007), with independent columns.
    """
    tables = {table.columns: table for table in model.tables}
    intercept = model.intercept.copy()
    for size in (3, 2, 1):
        for columns in [own for own in tables if len(own) == size]:
            pure, given = _split(tables[columns], x, weights)
            tables[columns] = pure
            for part in given:
                if part.columns:
                    tables[part.columns] = _sum(tables[part.columns], part) if part.columns in tables else part
                else:
                    intercept = intercept + part.values
    order = sorted(tables, key=lambda columns: (len(columns), columns))
    return StepModel(intercept, tuple(tables[columns] for columns in order))


def _split(table: StepTable, x: Array, weights: Array) -> tuple[StepTable, list[StepTable]]:
    """Return a table without its means, and what these are: tables of fewer columns, down to a number."""
    count, given = len(table.columns), []
    shares = []
    for each, cells in zip(table.bins, table.cells(x), strict=True):
        rows = np.bincount(cells, weights, each.size)
        shares.append(rows / rows.sum())
    for size in range(count):
        for kept in combinations(range(count), size):
            part = _means(table, kept, shares)
            for less in given:  # inclusion and exclusion: means of means belong to still fewer columns
                if {*less.columns} < {table.columns[k] for k in kept}:
                    part = _less(part, less)
            given.append(part)
    pure = table
    for part in given:
        pure = _less(pure, part)
    return pure, given


def _means(table: StepTable, kept: Sequence[int], shares: Sequence[Array]) -> StepTable:
    values = table.values
    for axis in reversed(range(len(table.columns))):
        if axis not in kept:
            values = np.tensordot(shares[axis], values, (0, axis))
    return StepTable(tuple(table.columns[k] for k in kept), tuple(table.bins[k] for k in kept), values)


def _less(table: StepTable, part: StepTable) -> StepTable:
    """Return a table less one of some of its columns, on the same bins."""
    shape = [
        size if column in part.columns else 1
        for column, size in zip(table.columns, table.values.shape[:-1], strict=True)
    ]
    return replace(table, values=table.values - part.values.reshape(*shape, -1))


def _sum(first: StepTable, second: StepTable) -> StepTable:
    """Return the sum of two tables of the same columns."""
    bins = tuple(a.refined(b) for a, b in zip(first.bins, second.bins, strict=True))
    first, second = first.on(bins), second.on(bins)
    return replace(first, values=first.values + second.values)


def tabulated(bins: Sequence[Bins], sums: Sequence[Trees], intercept: Array) -> StepModel:
    """Return the sum of the trees of all folds as tables."""
    outputs = len(intercept)
    members: dict[Group, list[tuple[int, int, Array]]] = defaultdict(list)
    for f, fold in enumerate(sums):
        for k in range(outputs):
            own: dict[Group, list[int]] = defaultdict(list)
            for t, tree in enumerate(fold.trees[k]):
                own[columns_of(tree)].append(t)
            for group, numbers in own.items():
                members[group].append((f, k, np.array(numbers)))
    intercept = np.array(intercept, dtype=float)
    tables = []
    for group, parts in sorted(members.items()):
        if not group:
            for f, k, numbers in parts:
                intercept[k] += sums[f].values[k][numbers, 0].sum()
            continue
        axes = [_axis(bins[column], column, sums, parts) for column in group]
        shape = tuple(len(places) for _, places in axes)
        values = np.zeros((*shape, outputs))
        places = [own for _, own in axes]
        alike: dict[tuple[int, int], list[tuple[Trees, Array]]] = defaultdict(list)  # each fold has its order of levels
        for f, k, numbers in parts:
            alike[k, f if any(bins[column].levels for column in group) else 0].append((sums[f], numbers))
        for (k, _), some in alike.items():
            values[..., k] += _summed(some, k, group, places)
        tables.append(StepTable(group, tuple(each for each, _ in axes), values))
    return StepModel(intercept, tuple(tables))


def _summed(parts: Sequence[tuple[Trees, Array]], output: int, group: Group, places: Sequence[Array]) -> Array:
    """Return the sum of some trees of folds with equal codes at the combinations of places of a group of columns."""
    maps = parts[0][0].maps
    codes = [maps[column][own] for column, own in zip(group, places, strict=True)]
    kinds = [np.unique(own, return_inverse=True) for own in codes]
    columns = np.full(3, -1)
    columns[: len(group)] = group
    bounds = np.zeros((3, int(max(own.max() for own in codes)) + 256), dtype=np.int64)
    for axis, (known, _) in enumerate(kinds):
        bounds[axis] = np.searchsorted(known, np.arange(bounds.shape[1]), "right")
    table = np.zeros([len(kinds[axis][0]) if axis < len(group) else 1 for axis in range(3)])
    for fold, numbers in parts:
        tabulate(fold.trees[output], fold.values[output], numbers, columns, bounds, table)
    for axis in range(len(group)):
        np.cumsum(table, axis, out=table)
    table = table.reshape([len(known) for known, _ in kinds])
    return table[np.ix_(*(place for _, place in kinds))]


def _axis(
    bins: Bins, column: int, sums: Sequence[Trees], parts: Sequence[tuple[int, int, Array]]
) -> tuple[Bins, Array]:  # fmt: skip
    """Return the bins between the cuts that questions about a column use, and a place in each."""
    if bins.levels:
        return bins, np.arange(bins.size)
    asked: set[int] = set()
    for f, k, numbers in parts:
        trees = sums[f].trees[k][numbers]
        asked |= {*trees[trees[:, :, 0] == column][:, 1].tolist()}
    cuts = np.array(sorted(c for c in asked if 0 < c <= len(bins.cuts)), dtype=int)  # codes up to it go left
    return Bins(tuple(np.asarray(bins.cuts)[cuts - 1].tolist())), np.concatenate([[0, 1], cuts + 1])
