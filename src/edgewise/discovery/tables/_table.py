"""The rows that a discovery explains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from edgewise._typing import Array

_DECADES, _LOW = 1e4, 0.05  # a target of one sign is judged by relative errors from that size over that quantile on


@dataclass(frozen=True)
class Table:
    """Rows x (n, m) and y (n,), with names of the columns and the target; `weight` (n,) multiplies residuals."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    target: str = "y"

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, y: Array, target: str) -> Table:
        """Return a table; a target of one sign over many decades has errors relative to each value."""
        one_sign = bool((y > 0).all() or (y < 0).all())
        relative = one_sign and bool(np.abs(y).max() > _DECADES * np.quantile(np.abs(y), _LOW))
        return cls(names, x, y, 1 / np.abs(y) if relative else np.ones(len(y)), target)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def relative(self) -> bool:
        """Whether errors are relative to each value."""
        return bool(np.ptp(self.weight) > 0)

    @cached_property
    def positive(self) -> tuple[str, ...]:
        """The columns without a value of zero or below."""
        return tuple(name for name, column in zip(self.names, self.x.T, strict=True) if (column > 0).all())

    def sample(self, count: int, seed: int) -> Table:
        """Return up to `count` of the rows, in the order of the table."""
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self))[:count]))

    def rows(self, keep: Array) -> Table:
        """Return some of the rows."""
        return Table(self.names, self.x[keep], self.y[keep], self.weight[keep], self.target)

    def keep(self, columns: Array) -> Table:
        """Return some of the columns."""
        names = tuple(self.names[k] for k in columns)
        return Table(names, np.ascontiguousarray(self.x[:, columns]), self.y, self.weight, self.target)

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return x, y and weight as tensors."""
        return torch.from_numpy(self.x), torch.from_numpy(self.y), torch.from_numpy(self.weight)
