"""Chebyshev polynomials."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from edgewise.kernels import ChebyshevFamily
from edgewise.nn.bases._basis import Basis


@final
@dataclass(frozen=True)
class Chebyshev(ChebyshevFamily, Basis):
    """Polynomials T_0 .. T_G on the range; `grid` is the degree G, K = G + 1.

    For functions that are smooth on the whole range: the error then falls geometrically with the degree.

    >>> Chebyshev().count(grid=5)
    6
    """

    max_grid = 100

    def count(self, grid: int) -> int:
        return grid + 1

    def grid(self, count: int) -> int:
        return count - 1

    def constant(self, count: int) -> Tensor:
        return torch.eye(count, dtype=torch.float64)[0]
