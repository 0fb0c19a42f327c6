"""The inputs of formulas: numbers without gaps, under names that a formula can hold."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.expressions import primitives
from edgewise.interpret.export import identifiers
from edgewise.tables.encoding import Category, Column, Dates, Encoder

_RESERVED = frozenset({"pi", "e", "E", "I", "sqrt", "where"})


@dataclass(frozen=True)
class Feature:
    """One input of formulas, from one column of the encoded table.

    A value is the number minus `number`, and `fill` where there is none. A level is 1 where the code is `number`, and
    0 elsewhere. A gap is 1 where there is no number.
    """

    name: str
    meaning: str
    column: int
    kind: Literal["value", "level", "gap"]
    number: float = 0.0
    fill: float = 0.0

    def of(self, x: Array) -> Array:
        """Return the input (n,) at rows (n, p) of the encoded table."""
        values = x[:, self.column]
        if self.kind == "value":
            return np.where(np.isnan(values), self.fill, values - self.number)
        return (np.isnan(values) if self.kind == "gap" else values == self.number).astype(np.float64)


@dataclass(frozen=True)
class Features:
    """The inputs of formulas, from an encoded table.

    A number is an input; its gaps are the median, and one more input says where they are. A date is counted in days
    from the first one. A category has an input for each of its 8 most frequent levels but the most frequent one,
    which is 1 at this level. What does not vary is left out.

    >>> table = [[1.0, "a"], [None, "b"], [3.0, "a"], [4.0, "b"], [9.0, "a"]]
    >>> encoder = Encoder.learn(table)
    >>> Features.learn(encoder, encoder.encode(table)).meanings
    {'x1': 'x1', 'x1_is_missing': 'x1 is missing', 'x2_b': 'x2 == "b"'}
    """

    features: tuple[Feature, ...]

    @classmethod
    def learn(cls, encoder: Encoder, x: Array) -> Features:
        """Return the inputs for the encoded rows x (n, p)."""
        found = [part for k, column in enumerate(encoder.columns) for part in _features(column, k, x[:, k])]
        names = identifiers([feature.name for feature in found], {*primitives(), *_RESERVED})
        return cls(
            tuple(
                Feature(names[f.name], f.meaning, f.column, f.kind, f.number, f.fill)
                for f in found
                if np.ptp(f.of(x)) > 0
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs in formulas."""
        return tuple(feature.name for feature in self.features)

    @property
    def meanings(self) -> dict[str, str]:
        """What each name in a formula means."""
        return {feature.name: feature.meaning for feature in self.features}

    def of(self, x: Array) -> Array:
        """Return the inputs (n, m) at rows (n, p) of the encoded table; all are finite."""
        return np.column_stack([np.empty((len(x), 0)), *(feature.of(x) for feature in self.features)])


def _features(column: Column, k: int, values: Array) -> list[Feature]:
    if isinstance(column, Category):
        return _levels(column, k, values)
    name, there = column.name, values[~np.isnan(values)]
    if not len(there):
        return []
    meaning, start = name, 0.0
    if isinstance(column, Dates):
        meaning = f"{name}, in days"
        if column.kind == "date":
            epoch, start = datetime.date(1970, 1, 1), float(math.floor(there.min()))
            meaning += f" since {epoch + datetime.timedelta(days=start)}" if abs(start) < 5e5 else " since 1970-01-01"
            start = start if abs(start) < 5e5 else 0.0
    value = Feature(name, meaning, k, "value", start, float(np.median(there - start)))
    gap = Feature(f"{name}_is_missing", f"{name} is missing", k, "gap")
    return [value, gap] if len(there) < len(values) else [value]


def _levels(column: Category, k: int, values: Array) -> list[Feature]:
    counts = np.array([np.count_nonzero(values == code) for code in range(len(column.labels))])
    most = 8  # levels with an input of their own, besides the most frequent one
    frequent = np.sort(np.argsort(-counts, kind="stable")[1 : most + 1])
    if len(column.labels) == 2:  # the second one, as in every table of 0 and 1
        frequent = np.array([1])
    found = []
    for code in frequent.tolist():
        label = column.labels[code]
        name = f"{column.name}_is_missing" if label is None else f"{column.name}_{label}"
        meaning = f"{column.name} is missing" if label is None else f"{column.name} == {json.dumps(label)}"
        found.append(Feature(name, meaning, k, "level", float(code)))
    return found
