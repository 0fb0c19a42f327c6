"""The base of damped Gauss-Newton solvers: raise the damping until a step lowers the cost, then lower it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from torch import Tensor

from edgewise.optim._settings import check_count, check_number
from edgewise.optim._solver import LeastSquaresSolver, VectorCallback

_ROUNDING = 1e-14  # of the cost: smaller gains are rounding errors


class LocalModel(Protocol):
    """A quadratic model of the cost near a point; `step` returns the step for a damping, None if there is none."""

    @property
    def cost(self) -> float: ...

    @property
    def gradient(self) -> Tensor: ...

    def step(self, damping: float) -> Tensor | None: ...


@dataclass(frozen=True)
class DampedSolver(LeastSquaresSolver):
    """At most `steps` steps; fewer if three in a row gain less than `tolerance`, or if no step lowers the cost."""

    steps: int = 60
    tolerance: float = 1e-4
    damping: float = 1e-8

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_number("tolerance", self.tolerance)
        check_number("damping", self.damping, above=True)

    @abstractmethod
    def models(self, problem: Any, start: Tensor) -> Callable[[Tensor], LocalModel]:
        """Return a function that models a problem's cost near any vector."""

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        return replace(self, tolerance=max(tolerance, self.tolerance), damping=damping or self.damping)

    def minimize(self, problem: Any, start: Tensor, callback: VectorCallback | None = None) -> tuple[Tensor, float]:
        """Return the best vector and its cost; `callback` is called with each, and ends the run by returning True."""
        model = self.models(problem, start)
        theta, mu, slow, best = start, self.damping, 0, math.nan
        for step in range(self.steps):
            near = model(theta)
            best = best if step else near.cost
            taken = _step(problem.cost, near, theta, mu)
            if taken is None:
                break
            theta, new, mu = taken
            gain = (best - new) / best if best > 0 else 0.0
            best = new
            slow = slow + 1 if gain < self.tolerance else 0
            stop = callback is not None and callback(theta, best)
            if stop or slow == 3 or best <= 1e-32:
                break
        return theta, best


def _step(
    cost: Callable[[Tensor], float], near: LocalModel, theta: Tensor, mu: float
) -> tuple[Tensor, float, float] | None:
    """Raise the damping until a step lowers the cost; return None if none does."""
    growth = 4.0
    while mu < 1e12:
        step = near.step(mu)
        if step is not None:
            # The predicted gain only falls as the damping grows.
            if float(near.gradient @ step) < _ROUNDING * near.cost:
                return None
            trial = theta - step
            value = cost(trial)
            if value < near.cost:
                return trial, value, max(mu / 3, 1e-15)
        mu *= growth
        growth *= 2
    return None
