"""What a model sees of a table: columns and target, or their logarithms."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_WIDE_TARGET, _WIDE_COLUMN = 10.0, 3.0  # ratio of the ends from which logarithms are tried too


@dataclass(frozen=True)
class Coordinates:
    """What a model sees of a table: logarithms of some columns, and the target, its logarithm or its square.

    `sign` is that of the target, where it has one.
    """

    logs: tuple[bool, ...]
    target_as: str = "itself"
    sign: float = 1.0

    def inputs(self, columns: Tensor) -> Tensor:
        return torch.stack([c.log() if log else c for c, log in zip(columns.T, self.logs, strict=True)], dim=1)

    def target(self, t: Tensor) -> Tensor:
        if self.target_as == "log":
            return (self.sign * t).log()
        return t.square() if self.target_as == "square" else t

    def back(self, values: Tensor) -> Tensor:
        if self.target_as == "log":
            return self.sign * values.exp()
        return self.sign * values.clamp_min(0).sqrt() if self.target_as == "square" else values

    def slope(self, t: Tensor) -> Tensor:
        """How fast the target changes with what is seen of it, where the target is t."""
        if self.target_as == "log":
            return t
        return 0.5 / t if self.target_as == "square" else torch.ones_like(t)

    def gradient(self, columns: Tensor, t: Tensor, seen: Tensor) -> Tensor:
        """Derivatives (n, m, ...) of the target t (n, ...) by the columns (n, m), from those in these coordinates."""
        slope = self.slope(t)
        slope = torch.where(torch.isfinite(slope), slope, 0.0)
        divisors = torch.where(torch.tensor(self.logs), columns, 1.0)
        return seen * slope.unsqueeze(1) / divisors.reshape(*divisors.shape, *[1] * (seen.ndim - 2))


def choices(x: Tensor, y: Tensor) -> Iterator[Coordinates]:
    """Which columns, and whether the target, may be taken as logarithms: heavy-tailed ones always, wide ones too."""
    heavy, wide = tuple(heavy_tailed(column) for column in x.T), tuple(_ratio(column) > _WIDE_COLUMN for column in x.T)
    wide = tuple(a or b for a, b in zip(heavy, wide, strict=True))
    for target_as in ("itself", "log") if max(_ratio(y), _ratio(-y)) > _WIDE_TARGET else ("itself",):
        for logs in dict.fromkeys((heavy, wide)):
            yield Coordinates(logs, target_as, float(torch.sign(y[0])))


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
