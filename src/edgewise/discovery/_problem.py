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

    def error(self, prediction: Tensor) -> float:
        """Relative error of a prediction of the target; infinite where undefined."""
        value = float((self.weight * (prediction - self.target)).square().mean().sqrt())
        return value if value == value else float("inf")

    def share(self, noise: float) -> float:
        """Noise over the weighted spread of this target, given over that of the original target."""
        square = self.weight.square()
        mean = (square * self.target).sum() / square.sum().clamp_min(1e-300)
        return noise / max(self.error(mean), 1e-300)

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
        keep = [k for k in range(self.n_columns) if k != i]
        return replace(self, columns=self.columns[:, keep], expressions=tuple(self.expressions[k] for k in keep))

    def over(self, values: Tensor, formula: Formula) -> Problem:
        """The problem for t / f, given f as values (n,) and as a formula of the inputs."""
        weight = self.weight * values.abs()
        return replace(self, target=self.target / values, weight=weight, scale=self.scale * formula)

    def divided(self, i: int, power: Fraction) -> Problem:
        """The problem for t / column_i^power."""
        if power == 0:
            return self
        formula = self.expressions[i] ** sympy.Rational(power.numerator, power.denominator)
        return self.over(self._power(i, power), formula)

    def less(self, values: Tensor, formula: Formula) -> Problem:
        """The problem for t - f, given f as values (n,) and as a formula of the inputs."""
        return replace(self, target=self.target - values, offset=self.offset + self.scale * formula)

    def multiplied(self, j: int, i: int, power: Fraction) -> Problem:
        """The problem with column_j column_i^power in place of column_j."""
        exact = sympy.Rational(power.numerator, power.denominator)
        return self._with(
            j, self.columns[:, j] * self._power(i, power), self.expressions[j] * self.expressions[i] ** exact
        )

    def shifted(self, j: int, i: int, slope: float) -> Problem:
        """The problem with column_j + slope column_i in place of column_j."""
        factor = sympy.Integer(int(slope)) if slope == int(slope) else sympy.Float(slope)
        values = self.columns[:, j] + slope * self.columns[:, i]
        return self._with(j, values, self.expressions[j] + factor * self.expressions[i])

    def summed(self, i: int, p: Fraction, j: int, r: Fraction, k: float) -> Problem:
        """The problem with column_i^p + k column_j^r in place of column_j, and without column_i."""
        factor = sympy.Integer(int(k)) if k == int(k) else sympy.Float(k)
        left, right = sympy.Rational(p.numerator, p.denominator), sympy.Rational(r.numerator, r.denominator)
        values = self._power(i, p) + k * self._power(j, r)
        formula = self.expressions[i] ** left + factor * self.expressions[j] ** right
        return self._with(j, values, formula).without(i)

    def _power(self, i: int, power: Fraction) -> Tensor:
        exponent = int(power) if power.denominator == 1 else float(power)
        return self.columns[:, i] ** exponent

    def _with(self, j: int, values: Tensor, formula: Formula) -> Problem:
        columns = self.columns.clone()
        columns[:, j] = values
        expressions = (*self.expressions[:j], formula, *self.expressions[j + 1 :])
        return replace(self, columns=columns, expressions=expressions)
