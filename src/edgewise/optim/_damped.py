"""The loop of every damped method: raise the damping until a step lowers the cost, lower it when one does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

_NOTHING = 1e-14  # of the cost: a gain that rounding hides

Watch = Callable[[Tensor, float], bool]


class Model(Protocol):
    """A model of the cost near a point, that gives the step for a damping, or None where there is none."""

    @property
    def cost(self) -> float: ...

    @property
    def gradient(self) -> Tensor: ...

    def step(self, damping: float) -> Tensor | None: ...


@dataclass(frozen=True)
class Damped:
    """Steps from `start`; ends after `steps` of them, after three in a row below `tolerance`, or when none helps."""

    steps: int
    tolerance: float
    damping: float

    def minimise(
        self, cost: Callable[[Tensor], float], model: Callable[[Tensor], Model], start: Tensor, watch: Watch | None
    ) -> tuple[Tensor, float]:  # fmt: skip
        theta, mu, slow, best = start, self.damping, 0, math.nan
        for step in range(self.steps):
            near = model(theta)
            best = best if step else near.cost
            taken = _step(cost, near, theta, mu)
            if taken is None:
                break
            theta, new, mu = taken
            gain = (best - new) / best if best > 0 else 0.0
            best = new
            slow = slow + 1 if gain < self.tolerance else 0
            stop = watch is not None and watch(theta, best)
            if stop or slow == 3 or best <= 1e-32:
                break
        return theta, best


def _step(
    cost: Callable[[Tensor], float], near: Model, theta: Tensor, mu: float
) -> tuple[Tensor, float, float] | None:  # fmt: skip
    """Raise the damping until a step lowers the cost; None when none does."""
    growth = 4.0
    while mu < 1e12:
        step = near.step(mu)
        if step is not None:
            # More damping promises less still, so there is nothing to be gained.
            if float(near.gradient @ step) < _NOTHING * near.cost:
                return None
            trial = theta - step
            value = cost(trial)
            if value < near.cost:
                return trial, value, max(mu / 3, 1e-15)
        mu *= growth
        growth *= 2
    return None
