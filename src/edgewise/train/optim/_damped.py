"""Damped Gauss-Newton solvers and what they minimize: a sum of squares, or a loss with a semidefinite curvature.

They raise the damping until a step lowers the cost, then lower it.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

from torch import Tensor

from edgewise.train.optim._solver import LeastSquaresSolver, VectorCallback, check_count, check_number

_ROUNDING = 1e-14  # of the cost: smaller gains are rounding errors
_SLOW = 3  # steps in a row of little gain that end a run
_ZERO = 1e-32  # a cost that cannot fall


@dataclass(frozen=True)
class NormalEquations:
    """The cost at a point, half its gradient g, and half its Gauss-Newton matrix H: the undamped step solves H s = g.

    Of `hessian` (P, P) only the lower triangle is read.
    """

    cost: float
    gradient: Tensor
    hessian: Tensor


@dataclass(frozen=True)
class GaussNewtonOperator:
    """The same without the matrix: its diagonal (P,), and its product with any vector (P,)."""

    cost: float
    gradient: Tensor
    diagonal: Tensor
    matvec: Callable[[Tensor], Tensor]


class LeastSquaresProblem(Protocol):
    """What a solver that needs the matrix minimizes, as a function of a flat vector (P,)."""

    def cost(self, vector: Tensor) -> float: ...

    def normal_equations(self, vector: Tensor) -> NormalEquations: ...


class MatrixFreeProblem(Protocol):
    """What a solver that needs only products with the matrix minimizes."""

    def cost(self, vector: Tensor) -> float: ...

    def operator(self, vector: Tensor) -> GaussNewtonOperator: ...


class LocalModel(NamedTuple):
    """A quadratic model of the cost near a point; `step` returns the step for a damping, None if there is none."""

    cost: float
    gradient: Tensor
    step: Callable[[float], Tensor | None]


class DampedState(NamedTuple):
    """Where a damped solver is: vector, cost and damping after `step` steps, of which the last `slow` gained little."""

    vector: Tensor
    cost: float
    damping: float
    step: int = 0
    slow: int = 0


def scale_of(diagonal: Tensor) -> Tensor:
    """Return what the damping multiplies: the diagonal of the Gauss-Newton matrix, nowhere zero."""
    return diagonal + 1e-9 * diagonal.max().clamp_min(1e-300)


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
        begin = DampedState(start, math.nan, self.damping)
        end = self.proceed(problem, begin, lambda state: callback is not None and callback(state.vector, state.cost))
        return end.vector, end.cost

    def proceed(self, problem: Any, state: DampedState, callback: Callable[[DampedState], bool]) -> DampedState:
        """Return the state at the end of a run that goes on from a state, as it would have gone on without a break.

        `callback` is called with the state after each step, and ends the run by returning True.
        """
        model = self.models(problem, state.vector)
        while state.step < self.steps and state.slow < _SLOW and not (state.step and state.cost <= _ZERO):
            near = model(state.vector)
            best = state.cost if state.step else near.cost
            taken = _step(problem.cost, near, state.vector, state.damping)
            if taken is None:
                return state._replace(cost=best)
            vector, cost, damping = taken
            gain = (best - cost) / best if best > 0 else 0.0
            slow = state.slow + 1 if gain < self.tolerance else 0
            state = DampedState(vector, cost, damping, state.step + 1, slow)
            if callback(state):
                break
        return state


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
