"""Positive definite systems."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from edgewise.kernels.cholesky import cpu, reference


class Factor(Protocol):
    """Solves systems one after the other, in memory of its own."""

    def solve(self, matrix: Tensor, diagonal: Tensor, vector: Tensor) -> Tensor | None: ...


def factor_for(vector: Tensor) -> Factor:
    """Return what solves systems of a vector's size, device and precision.

    >>> factor_for(torch.ones(3)).solve(torch.eye(3), torch.full((3,), 2.0), torch.ones(3))
    tensor([0.5000, 0.5000, 0.5000])
    """
    if vector.device.type == "cpu" and vector.dtype == torch.float64:
        return cpu.Factor(len(vector))
    return reference.Factor()
