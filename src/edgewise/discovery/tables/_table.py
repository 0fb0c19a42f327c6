"""The rows that a discovery explains, what is left to explain, and what a search is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._progress import Report
from edgewise._typing import Array, Formula
from edgewise.discovery.knowledge import Knowledge
from edgewise.discovery.tables._noise_model import ADDITIVE, Loss, NoiseModel


@dataclass(frozen=True)
class Settings:
    """What a search is asked for.

    The noise if it is known, the seed, the seconds, the formulas that evolution evaluates, what shows progress, the
    loss, whether constants are rounded to simple numbers, whether a target over decades may be searched in logarithms,
    and what a person knows.

    `n_jobs` workers take part; the search is saved to the file `save`, and goes on with what `resume` holds.

    Errors: InputError for a time limit that is no positive number.
    """

    noise: float | None = None
    seed: int = 0
    limit: float = math.inf
    evaluations: int = 0
    progress: Report | None = None
    loss: Loss = "squared"
    rounding: bool = True
    logarithms: bool = True
    knowledge: Knowledge = field(default_factory=Knowledge)
    n_jobs: int | None = None
    save: Path | None = None
    resume: Path | None = None

    def __post_init__(self) -> None:
        limit = self.limit
        if not (is_number(limit, 0, 1e300) and limit) and not (isinstance(limit, float) and limit == math.inf):
            raise InputError(f"'time_limit' must be a positive number of seconds. Got {limit!r}.")


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


@dataclass(frozen=True)
class Table:
    """Rows x (n, m) and y (n,), with names of the columns and the target; `weight` (n,) multiplies residuals.

    `noise` is the kind of noise that the weights stand for, `index` (n,) the numbers of the rows in the table given,
    where some were left out. `logs` are the columns that are logarithms, where the target is one; else None.
    """

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    target: str = "y"
    noise: NoiseModel = ADDITIVE
    index: Array | None = None
    logs: tuple[str, ...] | None = None

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, y: Array, target: str) -> Table:
        """Return a table; a target of one sign over many decades has errors relative to each value."""
        decades = 4.0  # that a target covers, from which errors are relative
        if covered(y) <= decades:
            return cls(names, x, y, np.ones(len(y)), target, NoiseModel(level=1.0, rows=len(y)))
        return cls(names, x, y, _bounded(1 / np.abs(y)), target, NoiseModel("relative", share=1.0, rows=len(y)))

    @classmethod
    def weighted(cls, names: tuple[str, ...], x: Array, y: Array, target: str, weight: Array, known: bool) -> Table:
        """Return a table whose rows' weights were given: of residuals, one over their standard errors if `known`.

        Rows without weight are left out.
        """
        keep, rows = np.flatnonzero(weight > 0), len(y)
        x, y, weight = x[keep], y[keep], weight[keep]
        noise = replace(_given(y, weight, known), rows=rows)
        return cls(names, x, y, _bounded(weight), target, noise, keep)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def relative(self) -> bool:
        """Whether errors are relative to each value."""
        return self.noise.relative and bool(np.ptp(self.weight) > 0)

    @property
    def wide(self) -> tuple[str, ...]:
        """The columns that cover more than two decades."""
        return tuple(name for name, column in zip(self.names, self.x.T, strict=True) if covered(column) > WIDE)

    @property
    def numbers(self) -> Array:
        """The numbers (n,) of the rows in the table given, from 0."""
        return np.arange(len(self)) if self.index is None else self.index

    @cached_property
    def positive(self) -> tuple[str, ...]:
        """The columns without a value of zero or below."""
        return tuple(name for name, column in zip(self.names, self.x.T, strict=True) if (column > 0).all())

    def sample(self, count: int, seed: int) -> Table:
        """Return up to `count` of the rows, in the order of the table."""
        return self.rows(drawn_rows(len(self), count, seed))

    def rows(self, keep: Array) -> Table:
        """Return some of the rows."""
        return replace(self, x=self.x[keep], y=self.y[keep], weight=self.weight[keep], index=self.numbers[keep])

    def judged_by(self, noise: NoiseModel, weight: Array) -> Table:
        """Return the rows with other weights, and the noise that these stand for."""
        return replace(
            self, weight=_bounded(weight), noise=replace(noise, outliers=self.noise.outliers, rows=self.noise.rows)
        )

    def without(self, far: Array) -> Table:
        """Return the table without some rows, whose numbers its noise tells."""
        outliers = tuple(sorted({*self.noise.outliers, *(int(k) for k in self.numbers[far])}))
        kept = self.rows(np.delete(np.arange(len(self)), far))
        return replace(kept, noise=replace(self.noise, outliers=outliers))

    def of_columns(self, names: tuple[str, ...]) -> Table:
        """Return the table with some of the columns only."""
        keep = [self.names.index(name) for name in names]
        return self if names == self.names else replace(self, names=names, x=self.x[:, keep])

    def keep(self, columns: Array) -> Table:
        """Return some of the columns."""
        return replace(self, names=tuple(self.names[k] for k in columns), x=np.ascontiguousarray(self.x[:, columns]))

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return x, y and weight as tensors."""
        return torch.from_numpy(self.x), torch.from_numpy(self.y), torch.from_numpy(self.weight)


WIDE = 2.0
"""The decades of a column from which its logarithm may be the better scale."""


def covered(values: Array) -> float:
    """Return the decades between the 5 % quantile of sizes (n,) and the largest; 0 where signs differ.

    >>> round(covered(np.geomspace(1, 1e5, 100)), 2), covered(np.array([-1.0, 2.0]))
    (4.75, 0.0)
    """
    lowest = 0.05  # quantile of sizes: a few that are nearly zero are no decades
    if not ((values > 0).all() or (values < 0).all()):
        return 0.0
    sizes = np.abs(values)
    return math.log10(float(sizes.max()) / float(np.quantile(sizes, lowest)))


JUDGED = 20_000
"""The rows that constants are fitted to, of many."""


def drawn_rows(rows: int, count: int = JUDGED, seed: int = 0) -> Array:
    """Return the numbers of up to `count` of the rows, in order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def _bounded(weight: Array) -> Array:
    """Return weights that can be squared: where they cannot, the largest are bounded, and 1 lies in the middle."""
    largest_weight = 1e60  # times the least: beyond, squares of weights and of what they multiply leave doubles
    logs = np.log(weight) - np.log(weight.min())
    if logs.max() <= np.log(largest_weight) and weight.max() < largest_weight and weight.min() > 1 / largest_weight:
        return weight
    most = min(float(logs.max()), float(np.log(largest_weight)))
    return np.exp(np.minimum(logs, most) - most / 2)


def _given(y: Array, weight: Array, known: bool) -> NoiseModel:
    """Return the noise that weights of rows stand for: in proportion to the values where that is what they are."""
    used = y != 0
    ratio, size = np.log(1 / weight[used]) - np.log(np.abs(y[used])), np.log(weight[used])
    relative = used.mean() > 0.9 and np.std(ratio) < 0.3 * np.std(size)
    level = float(np.median(1 / weight))
    return NoiseModel("given", level, float(np.exp(np.median(ratio))) if relative else 0.0, known)
