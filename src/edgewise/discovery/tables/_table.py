"""The rows that a discovery explains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.discovery.tables._noise_model import ADDITIVE, NoiseModel

_DECADES, _LOW = 1e4, 0.05  # a target of one sign is judged by relative errors from that size over that quantile on
_LARGEST_WEIGHT = 1e60  # times the least: beyond, squares of weights and of what they multiply leave doubles


@dataclass(frozen=True)
class Table:
    """Rows x (n, m) and y (n,), with names of the columns and the target; `weight` (n,) multiplies residuals.

    `noise` is the kind of noise that the weights stand for, `index` (n,) the numbers of the rows in the table given,
    where some were left out.
    """

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    target: str = "y"
    noise: NoiseModel = ADDITIVE
    index: Array | None = None

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, y: Array, target: str) -> Table:
        """Return a table; a target of one sign over many decades has errors relative to each value."""
        one_sign = bool((y > 0).all() or (y < 0).all())
        relative = one_sign and bool(np.abs(y).max() > _DECADES * np.quantile(np.abs(y), _LOW))
        if not relative:
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
        return self.noise.kind == "relative"

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
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self))[:count]))

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
        return self if names == self.names else Table(names, self.x[:, keep], self.y, self.weight, self.target)

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return x, y and weight as tensors."""
        return torch.from_numpy(self.x), torch.from_numpy(self.y), torch.from_numpy(self.weight)


def _bounded(weight: Array) -> Array:
    """Return weights that can be squared: where they cannot, the largest are bounded, and 1 lies in the middle."""
    logs = np.log(weight) - np.log(weight.min())
    if logs.max() <= np.log(_LARGEST_WEIGHT) and weight.max() < _LARGEST_WEIGHT and weight.min() > 1 / _LARGEST_WEIGHT:
        return weight
    most = min(float(logs.max()), float(np.log(_LARGEST_WEIGHT)))
    return np.exp(np.minimum(logs, most) - most / 2)


def _given(y: Array, weight: Array, known: bool) -> NoiseModel:
    """Return the noise that weights of rows stand for: in proportion to the values where that is what they are."""
    used = y != 0
    ratio, size = np.log(1 / weight[used]) - np.log(np.abs(y[used])), np.log(weight[used])
    relative = used.mean() > 0.9 and np.std(ratio) < 0.3 * np.std(size)
    level = float(np.median(1 / weight))
    return NoiseModel("given", level, float(np.exp(np.median(ratio))) if relative else 0.0, known)
