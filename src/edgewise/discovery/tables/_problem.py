"""What is left to explain: y = scale(x) t + offset(x), with t a function of a few columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula

Key = tuple[frozenset[Formula], Formula, Formula]


@dataclass(frozen=True)
class Problem:
    """A target to be written as a function of columns, each column a known formula of the inputs.

    columns (n, m), target (n,), weight (n,): rms(weight * residual of the target) is the relative error in units of the
    original target, whatever was eliminated on the way. `lift` turns a formula of the columns into one of the inputs.
    """

    columns: Tensor
    expressions: tuple[Formula, ...]
    target: Tensor
    weight: Tensor
    scale: Formula = sympy.S.One
    offset: Formula = sympy.S.Zero

    @property
    def n_columns(self) -> int:
        return self.columns.shape[1]

    @property
    def names(self) -> list[str]:
        """Names of the columns in formulas of this problem."""
        return [f"z{i}" for i in range(self.n_columns)]

    def key(self) -> Key:
        """What tells problems of one table apart, whatever the order of their columns."""
        return frozenset(self.expressions), self.scale, self.offset

    @property
    def text(self) -> tuple[tuple[Formula, ...], Formula, Formula]:
        """What tells problems of one table apart, with their columns in order."""
        return self.expressions, self.scale, self.offset

    @property
    def sign(self) -> int:
        """1 or -1 where all targets have that sign, else 0."""
        return int(bool((self.target > 0).all())) - int(bool((self.target < 0).all()))

    @property
    def mean(self) -> Tensor:
        """The constant that leaves least of the target."""
        square = self.weight.square()
        return (square * self.target).sum() / square.sum().clamp_min(1e-300)

    def error(self, prediction: Tensor) -> float:
        """Relative error of a prediction of the target; infinite where undefined."""
        value = float((self.weight * (prediction - self.target)).square().mean().sqrt())
        return value if value == value else float("inf")

    def share(self, noise: float) -> float:
        """Noise over the weighted spread of this target, given over that of the original target."""
        return noise / max(self.error(self.mean), 1e-300)

    def positive(self, i: int) -> bool:
        """Whether all values of column i are."""
        return bool((self.columns[:, i] > 0).all())

    def lift(self, formula: Formula) -> Formula:
        """The formula of the original target that a formula of the columns z0, z1, ... stands for."""
        symbols = {sympy.Symbol(name): expr for name, expr in zip(self.names, self.expressions, strict=True)}
        return self.scale * formula.xreplace(symbols) + self.offset

    def rows(self, index: Tensor) -> Problem:
        return replace(self, columns=self.columns[index], target=self.target[index], weight=self.weight[index])

    def sound(self) -> bool:
        """Whether every number is finite and of a size that can be squared."""
        parts = (self.columns, self.target, self.weight)
        return all(bool(torch.isfinite(p).all()) and float(p.abs().max()) < 1e100 for p in parts if p.numel())

    def without(self, i: int) -> Problem:
        """The problem in which column i plays no part."""
        return self.of([k for k in range(self.n_columns) if k != i])

    def of(self, kept: list[int]) -> Problem:
        """The problem in which only some columns play a part."""
        return replace(self, columns=self.columns[:, kept], expressions=tuple(self.expressions[k] for k in kept))

    def over(self, values: Tensor, formula: Formula) -> Problem:
        """The problem for t / f, given f as values (n,) and as a formula of the inputs."""
        weight = self.weight * values.abs()
        return replace(self, target=self.target / values, weight=weight, scale=self.scale * formula)

    def divided(self, i: int, power: Fraction) -> Problem:
        """The problem for t / column_i^power."""
        if power == 0:
            return self
        return self.over(self.columns[:, i] ** float(power), self.expressions[i] ** power)

    def less(self, values: Tensor, formula: Formula) -> Problem:
        """The problem for t - f, given f as values (n,) and as a formula of the inputs."""
        return replace(self, target=self.target - values, offset=self.offset + self.scale * formula)

    def multiplied(self, j: int, i: int, power: Fraction) -> Problem:
        """The problem with column_j column_i^power in place of column_j."""
        values = self.columns[:, j] * self.columns[:, i] ** float(power)
        return self._with(j, values, self.expressions[j] * self.expressions[i] ** power)

    def shifted(self, j: int, i: int, slope: float) -> Problem:
        """The problem with column_j + slope column_i in place of column_j."""
        values = self.columns[:, j] + slope * self.columns[:, i]
        return self._with(j, values, self.expressions[j] + _number(slope) * self.expressions[i])

    def summed(self, i: int, p: Fraction, j: int, r: Fraction, k: float) -> Problem:
        """The problem with column_i^p + k column_j^r in place of column_j, and without column_i."""
        values = self.columns[:, i] ** float(p) + k * self.columns[:, j] ** float(r)
        formula = self.expressions[i] ** p + _number(k) * self.expressions[j] ** r
        return self._with(j, values, formula).without(i)

    def _with(self, j: int, values: Tensor, formula: Formula) -> Problem:
        columns = self.columns.clone()
        columns[:, j] = values
        expressions = (*self.expressions[:j], formula, *self.expressions[j + 1 :])
        return replace(self, columns=columns, expressions=expressions)


def _number(value: float) -> Formula:
    """A number as a formula, a whole one exactly."""
    return sympy.Integer(int(value)) if value == int(value) else sympy.Float(value)
