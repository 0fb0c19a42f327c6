"""How nearly an equation between values and gradients holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_KEPT = 0.97  # share of the points with the smallest residuals that count


@dataclass(frozen=True)
class Measured:
    """A statistic, and the root mean square of what the error of the model alone would give."""

    statistic: float
    error: float


def measured(terms: Sequence[Tensor], size: Tensor | None = None) -> Measured:
    """Return how nearly terms (n, 1 + samples) add up to zero, over the sum of their sizes or over `size` (n,).

    Points of large terms weigh less, so that a few do not decide; the worst 3 % do not count. Points where a term is
    not finite are left out; if these are more than half of all, nothing is known, and the error is infinite.

    >>> x = torch.linspace(1, 2, 9).unsqueeze(1)
    >>> measured([x, -x]).statistic, measured([x, x]).statistic
    (0.0, 1.0)
    """
    total = torch.stack(list(terms)).sum(0)
    if size is None:
        size = torch.stack([term[:, 0].abs() for term in terms]).sum(0)
    known = torch.isfinite(total).all(1) & torch.isfinite(size)
    if 2 * int(known.sum()) < len(known):
        return Measured(0.0, math.inf)
    total, size = total[known], size[known]
    weight = 1 / (size + size.median()).clamp_min(1e-300)
    scale = _size(weight * size)
    if not scale > 0:
        return Measured(0.0, math.inf)
    parts = weight.unsqueeze(1) * total
    off = [_size(part - parts[:, 0]) for part in parts[:, 1:].unbind(1)]
    error = math.sqrt(sum(s * s for s in off) / len(off)) if off else 0.0
    return Measured(_size(parts[:, 0]) / scale, error / scale)


def _size(values: Tensor) -> float:
    """Root mean square of the values but the largest few."""
    kept = max(1, round(_KEPT * len(values)))
    return float(np.sqrt(np.partition(values.square().numpy(), kept - 1)[:kept].mean()))
