"""Positive definite systems by Cholesky's factor in plain torch: the law that the kernels must match."""

import torch
from torch import Tensor


class Factor:
    """Factors positive definite matrices one after the other, and solves systems with the last; here on any device."""

    def take(self, matrix: Tensor, diagonal: Tensor) -> bool:
        """Factor A; whether it is positive definite.

        A has the given diagonal, and off it the symmetric matrix of which only the lower triangle is read. Shapes:
        matrix (P, P), diagonal (P,).
        """
        whole = matrix.clone()
        whole.diagonal().copy_(diagonal)
        self.lower, info = torch.linalg.cholesky_ex(whole)
        return not info

    def solve(self, right: Tensor) -> Tensor:
        """Return X with A X = right, for the last A that was positive definite. Shapes: (P,) or (P, m).

        >>> import torch
        >>> factor = Factor()
        >>> factor.take(torch.eye(2), torch.tensor([2.0, 4.0]))
        True
        >>> factor.solve(torch.ones(2))
        tensor([0.5000, 0.2500])
        """
        if right.dim() == 2:
            return torch.cholesky_solve(right, self.lower)
        return torch.cholesky_solve(right.unsqueeze(1), self.lower).squeeze(1)
