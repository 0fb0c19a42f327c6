"""From columns to features: the inputs of the first layer, and products of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.tables.additive._curve import Axis, Curve
from edgewise.tables.additive._levels import Gap, Levels
from edgewise.tables.additive._reml import Block, Matrix, Vector
from edgewise.tables.additive._tuning import TUNING

Input = Curve | Levels | Gap
Pair = tuple[int, int]
"""Two inputs, by number, that a product node multiplies."""

Features = Sequence[Matrix] | Mapping[int, Matrix]
"""The features of each input, by its number."""


@dataclass(frozen=True)
class Design:
    """The inputs of an additive model: curves of columns, effects of levels, gaps.

    A column that is constant has no input.

    >>> x = np.column_stack([np.linspace(0, 1, 50), np.arange(50) % 3])
    >>> [type(part).__name__ for part in Design.of(x, levels=[False, True]).inputs]
    ['Curve', 'Levels']
    """

    inputs: tuple[Input, ...]

    @classmethod
    def of(
        cls, x: Matrix, levels: Sequence[bool], *, mapped: bool = False, values: Iterable[int] = (),
        linear: Collection[int] = (), groups: Collection[int] = (),
    ) -> "Design":  # fmt: skip
        """Return the design for columns x (n, p), missing where not finite.

        `levels` is True for columns that are categories. `mapped`: skewed columns get a logarithmic or asinh axis.
        `values`: numeric columns whose single values get an effect of their own. `linear`: columns that get a straight
        line, or an effect of each level but the first, without a penalty. `groups`: categories that get a random
        intercept.
        """
        inputs: list[Input] = []
        for column, is_category in enumerate(levels):
            seen = x[np.isfinite(x[:, column]), column]
            gaps = len(seen) < len(x)
            varies = len(seen) > 0 and seen.min() < seen.max()
            if is_category:
                kind = "group" if column in groups else "linear" if column in linear else "level"
                found = Levels.of(column, seen, kind) if varies or gaps else None
                inputs += [found] if found else []
                continue
            if varies:
                axis = Axis.chosen(seen) if mapped and column not in linear else Axis.of(seen, "raw")
                made = Curve.line if column in linear else Curve.of
                inputs.append(made(column, seen, axis, gaps))
            if gaps and len(seen):
                inputs.append(Gap(column))
            found = Levels.of(column, seen, "value") if column in set(values) else None
            inputs += [found] if found else []
        return cls(tuple(inputs))

    @property
    def is_mapped(self) -> bool:
        return any(isinstance(part, Curve) and part.axis.name != "raw" for part in self.inputs)

    def blocks(self) -> list[Block]:
        """Return the ridge blocks of all inputs."""
        return [block for part in self.inputs for block in part.blocks()]

    def features(self, x: Matrix) -> list[Matrix]:
        """Return the features of each input, a list of (n, m)."""
        return [part.features(x[:, part.column]) for part in self.inputs]

    def values(self, x: Matrix) -> Matrix:
        """Return what a network is given: one finite number a row and input, one zero without inputs."""
        if not self.inputs:
            return np.zeros((len(x), 1))
        return np.column_stack([part.value(x[:, part.column]) for part in self.inputs])

    def factors(self, features: Features, pair: Pair) -> tuple[list[Matrix], list[Matrix]]:
        """Return the blocks of features of both inputs that their product is made of."""
        first, second = (self.inputs[k].factors(features[k], TUNING.factors, self._most_levels(pair)) for k in pair)
        return first, second

    def factor_numbers(self, pair: Pair, number: int) -> np.ndarray:
        """Return which features of an input the product of a pair has."""
        return self.inputs[number].factor_numbers(TUNING.factors, self._most_levels(pair))

    def _most_levels(self, pair: Pair) -> int:
        """Return how many levels take part in a product: fewer of two categories than of one."""
        return TUNING.paired_levels if all(isinstance(self.inputs[k], Levels) for k in pair) else TUNING.factor_levels

    def multipliable(self) -> list[int]:
        """Return the inputs that products may have."""
        return [k for k, part in enumerate(self.inputs) if _kind(part) not in ("gap", "value", "linear", "group")]

    def constraints(self, directions: Mapping[int, int]) -> Matrix | None:
        """Return the matrix G (m, P) for which G beta >= 0 makes curves rise or fall, None without any.

        `directions` has 1 or -1 for columns: the coefficients of their B-splines must rise or fall.
        """
        rows, at = [], np.cumsum([0, *(part.n_features for part in self.inputs)])
        for k, part in enumerate(self.inputs):
            if isinstance(part, Curve) and directions.get(part.column, 0):
                steps = np.diff(part.coefficients, axis=0)
                block = np.zeros((len(steps), at[-1]))
                block[:, at[k] : at[k + 1]] = directions[part.column] * steps
                rows.append(block)
        return np.vstack(rows) if rows else None

    def product(self, features: Features, pair: Pair) -> tuple[Matrix, list[Block]]:
        """Return the products of the smooth functions of two inputs, (n, m), and their ridge blocks."""
        first, second = self.factors(features, pair)
        parts = [(a[:, :, None] * b[:, None, :]).reshape(len(a), -1) for a in first for b in second]
        return np.hstack(parts), [Block("product", part.shape[1]) for part in parts]

    def product_blocks(self, pair: Pair) -> list[Block]:
        """Return the ridge blocks of a product."""
        one = [np.zeros((1, part.n_features)) for part in self.inputs]
        return self.product(one, pair)[1]

    def factor_matrix(self, pair: Pair, beta: Vector) -> Matrix:
        """Return the coefficients of a product as (functions of the first input, functions of the second)."""
        one = [np.zeros((1, part.n_features)) for part in self.inputs]
        rows, columns = ([f.shape[1] for f in blocks] for blocks in self.factors(one, pair))
        matrix, place = np.zeros((sum(rows), sum(columns))), 0
        at, there = np.cumsum([0, *rows]), np.cumsum([0, *columns])
        for a, height in enumerate(rows):
            for b, width in enumerate(columns):
                block = beta[place : place + height * width].reshape(height, width)
                matrix[at[a] : at[a + 1], there[b] : there[b + 1]] = block
                place += height * width
        return matrix


def _kind(part: Input) -> str:
    return part.blocks()[0].kind


def input_name(part: Input, columns: Sequence[str]) -> str:
    """Return what an input is called.

    >>> input_name(Gap(0), ["mass"])
    'mass is missing'
    """
    name = columns[part.column]
    if isinstance(part, Gap):
        return f"{name} is missing"
    if isinstance(part, Curve):
        return part.axis.described(name)
    return f"{name} (single values)" if part.kind == "value" else name


def joined(features: Sequence[Matrix], rows: int) -> Matrix:
    """Return the features of all inputs side by side, (n, P)."""
    return np.hstack(features) if features else np.zeros((rows, 0))
