"""What the columns of a table are like."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_EDGE = 0.03  # fraction of each column's rows cut off at either end


def inner_rows(x: Tensor, least: int) -> Tensor:
    """Return which rows of x (n, m) lie between the 3rd and the 97th percentile of every column, a mask (n,).

    Surrogates and their gradients are worst at the ends. All rows are kept where fewer than `least` would be.

    >>> int(inner_rows(torch.arange(100.0).unsqueeze(1), least=10).sum())
    94
    """
    ends = torch.tensor([_EDGE, 1 - _EDGE], dtype=x.dtype)
    low, high = torch.quantile(x[:10_000], ends, dim=0)
    inner = ((x >= low) & (x <= high)).all(1)
    return inner if int(inner.sum()) >= least else torch.ones_like(inner)


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
