"""Cosines and sines."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from edgewise.kernels import FourierFamily
from edgewise.nn.bases._basis import Basis


@final
@dataclass(frozen=True)
class Fourier(FourierFamily, Basis):
    """A constant, and cosines and sines of 1 to `grid` half turns over the range, K = 2 G + 1.

    The range is half a period, so that a function need not be periodic. The functions are nearly dependent there:
    from about 15 harmonics on, many coefficients give the same function to rounding.

    >>> Fourier().count(grid=5)
    11
    """

    max_grid = 50

    def count(self, grid: int) -> int:
        return 2 * grid + 1

    def grid(self, count: int) -> int:
        return (count - 1) // 2 if count % 2 else 0

    def constant(self, count: int) -> Tensor:
        return torch.eye(count, dtype=torch.float64)[0]
