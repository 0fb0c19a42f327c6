"""What a smooth process sees of a table: columns and target, or logarithms of them, standardised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.structure._gaussian import GaussianProcess

_WIDE_TARGET, _WIDE_COLUMN = 10.0, 3.0  # ratio of the ends from which logarithms are tried too


@dataclass(frozen=True)
class Coordinates:
    """What the process sees of a table: columns or their logarithms, and the target or its logarithm, standardised."""

    logs: tuple[bool, ...]
    centre: Tensor
    scale: Tensor
    sign: float  # 0: the target itself
    middle: float
    spread: float

    @classmethod
    def of(cls, x: Tensor, y: Tensor, logs: tuple[bool, ...], log_target: bool) -> Coordinates:
        sign = float(torch.sign(y[0])) if log_target else 0.0
        t = (sign * y).log() if sign else y
        bare = _columns(x, logs)
        return cls(logs, bare.mean(0), bare.std(0), sign, float(t.mean()), float(t.std()))

    def inputs(self, x: Tensor) -> Tensor:
        return (_columns(x, self.logs) - self.centre) / self.scale

    def target(self, y: Tensor) -> Tensor:
        return (((self.sign * y).log() if self.sign else y) - self.middle) / self.spread

    def back(self, t: Tensor) -> Tensor:
        t = self.middle + self.spread * t
        return self.sign * t.exp() if self.sign else t

    def values(self, process: GaussianProcess, x: Tensor) -> Tensor:
        """Values (n, 1 + samples) of y."""
        return self.back(process.values(self.inputs(x)))

    def slopes(self, process: GaussianProcess, x: Tensor) -> Tensor:
        """Derivatives (n, m, 1 + samples) of y by the columns of x."""
        slopes = self.spread * process.slopes(self.inputs(x)) / self.scale.unsqueeze(1)
        for i, log in enumerate(self.logs):
            if log:
                slopes[:, i] /= x[:, i, None]
        return slopes * self.values(process, x).unsqueeze(1) if self.sign else slopes

    def uneven(self, y: Tensor) -> Tensor:
        """How much more noise of y of one size moves the target at each row than in the middle."""
        if not self.sign:
            return torch.ones_like(y)
        return (y.abs().median() / y.abs()).clamp(max=100.0)


def _columns(x: Tensor, logs: Sequence[bool]) -> Tensor:
    return torch.stack([column.log() if log else column for column, log in zip(x.T, logs, strict=True)], dim=1)


def choices(x: Tensor, y: Tensor) -> Iterator[tuple[tuple[bool, ...], bool]]:
    """Which columns, and whether the target, may be taken as logarithms: heavy-tailed ones always, wide ones too."""
    heavy, wide = tuple(heavy_tailed(column) for column in x.T), tuple(_ratio(column) > _WIDE_COLUMN for column in x.T)
    wide = tuple(a or b for a, b in zip(heavy, wide, strict=True))
    for log_target in (False, True) if _ratio(y) > _WIDE_TARGET or _ratio(-y) > _WIDE_TARGET else (False,):
        for logs in dict.fromkeys((heavy, wide)):
            yield logs, log_target


def _ratio(values: Tensor) -> float:
    """Of the largest to the least, 0 unless all are positive."""
    low = float(values.min())
    return float(values.max()) / low if low > 0 else 0.0


def heavy_tailed(column: Tensor) -> bool:
    """Return whether a positive column has its median in the lowest fifth of its range, but not of its logarithms.

    In logarithms the median lies above a quarter of the range.

    >>> heavy_tailed(torch.linspace(0, 6, 50).exp()), heavy_tailed(torch.linspace(1, 2, 50))
    (True, False)
    """
    low, high, median = float(column.min()), float(column.max()), float(column.median())
    if low <= 0 or high <= low:
        return False
    inside = (math.log(median) - math.log(low)) / (math.log(high) - math.log(low))
    return (median - low) / (high - low) < 0.2 and inside > 0.25
