"""Damped Gauss-Newton steps on any sum of squares, by Cholesky."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.optim._damped import Damped, Watch
from edgewise.optim._normal import Normal, SumOfSquares


@dataclass(frozen=True)
class LM:
    """Levenberg-Marquardt with Marquardt's scaling.

    (H + mu (diag H + 1e-9 max diag H)) s = g,  theta <- theta - s

    A step is taken when the cost falls, and then mu becomes mu / 3; otherwise mu grows by 4,
    then 8, 16, ... and it is tried again.
    Ends after `steps` steps, when three steps in a row gain less than `tolerance` of the cost, or when no step helps.

    >>> LM(steps=60).steps
    60

    Source: Marquardt, SIAM J. Appl. Math. 11 (1963).
    """

    steps: int = 60
    tolerance: float = 1e-4
    damping: float = 1e-2

    def minimise(
        self, problem: SumOfSquares, start: Tensor, watch: Watch | None = None
    ) -> tuple[Tensor, float]:  # fmt: skip
        """Return the best vector and its cost; `watch` sees each accepted step and may return True to end the run."""
        loop = Damped(self.steps, self.tolerance, self.damping)
        return loop.minimise(problem.cost, lambda theta: _Cholesky(problem.normal(theta)), start, watch)


class _Cholesky:
    """Steps by factoring the damped matrix."""

    def __init__(self, normal: Normal) -> None:
        self.cost, self.gradient, self.hessian = normal.cost, normal.gradient, normal.hessian
        self.diagonal = normal.hessian.diagonal().clone()
        self.scale = self.diagonal + 1e-9 * self.diagonal.max().clamp_min(1e-300)

    def step(self, damping: float) -> Tensor | None:
        torch.add(self.diagonal, self.scale, alpha=damping, out=self.hessian.diagonal())
        factor, info = torch.linalg.cholesky_ex(self.hessian)
        self.hessian.diagonal().copy_(self.diagonal)
        return None if info else torch.cholesky_solve(self.gradient.unsqueeze(1), factor).squeeze(1)
