"""Damped Gauss-Newton steps on any sum of squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normal:
    """A sum of squares near a point: its value, and H s = g for the undamped step s."""

    cost: float
    gradient: Tensor
    hessian: Tensor


class SumOfSquares(Protocol):
    """What the solver minimises."""

    def cost(self, vector: Tensor) -> float: ...

    def normal(self, vector: Tensor) -> Normal: ...


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
        self, problem: SumOfSquares, start: Tensor, watch: Callable[[Tensor, float], bool] | None = None
    ) -> tuple[Tensor, float]:  # fmt: skip
        """Return the best vector and its cost; `watch` sees each accepted step and may return True to end the run."""
        theta, mu, slow = start, self.damping, 0
        normal = problem.normal(theta)
        cost = normal.cost
        for _ in range(self.steps):
            step = self._step(problem, theta, normal, mu)
            if step is None:
                break
            theta, new_cost, mu = step
            gain = (cost - new_cost) / cost if cost > 0 else 0.0
            cost = new_cost
            slow = slow + 1 if gain < self.tolerance else 0
            stop = watch is not None and watch(theta, cost)
            if stop or slow == 3 or cost <= 1e-32:
                break
            normal = problem.normal(theta)
        return theta, cost

    def _step(
        self, problem: SumOfSquares, theta: Tensor, normal: Normal, mu: float
    ) -> tuple[Tensor, float, float] | None:  # fmt: skip
        """Raise the damping until a step lowers the cost; None when none does."""
        diagonal = normal.hessian.diagonal()
        scale = diagonal + 1e-9 * diagonal.max().clamp_min(1e-300)
        growth = 4.0
        while mu < 1e12:
            factor, info = torch.linalg.cholesky_ex(normal.hessian + torch.diag(mu * scale))
            if info == 0:
                trial = theta - torch.cholesky_solve(normal.gradient.unsqueeze(1), factor).squeeze(1)
                cost = problem.cost(trial)
                if cost < normal.cost:
                    return trial, cost, max(mu / 3, 1e-15)
            mu *= growth
            growth *= 2
        return None
