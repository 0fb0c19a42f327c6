"""Positive definite systems by Cholesky's factor in plain torch: the law that the kernels must match."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class Factor:
    """Solves systems on any device and in any precision."""

    def solve(self, matrix: Tensor, diagonal: Tensor, vector: Tensor) -> Tensor | None:
        """Return x with A x = vector; None where A is not positive definite.

        A has the given diagonal, and off it the symmetric matrix of which only the lower triangle is read. Shapes:
        matrix (P, P), diagonal and vector (P,).

        >>> import torch
        >>> Factor().solve(torch.eye(2), torch.tensor([2.0, 4.0]), torch.ones(2))
        tensor([0.5000, 0.2500])
        """
        whole = matrix.clone()
        whole.diagonal().copy_(diagonal)
        factor, info = torch.linalg.cholesky_ex(whole)
        return None if info else torch.cholesky_solve(vector.unsqueeze(1), factor).squeeze(1)
