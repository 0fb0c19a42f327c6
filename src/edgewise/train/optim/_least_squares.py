"""Second-order solvers of least squares: damped Gauss-Newton steps, by a factored matrix or by conjugate gradients."""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from edgewise._memory import require
from edgewise.kernels import factor_for
from edgewise.train.optim._solver import LeastSquaresSolver, Needs, VectorCallback, check_count, check_number


@dataclass(frozen=True)
class NormalEquations:
    """The normal equations at a point: the undamped step solves H s = g.

    Parameters
    ----------
    cost
        The cost.
    gradient : (p,)
        g, half its gradient.
    hessian : (p, p)
        H, half its Gauss-Newton matrix, of which only the lower triangle is read.
    """

    cost: float
    gradient: Tensor
    hessian: Tensor


@dataclass(frozen=True)
class GaussNewtonOperator:
    """The normal equations at a point without their matrix H.

    Parameters
    ----------
    cost
        The cost.
    gradient : (p,)
        Half its gradient.
    diagonal : (p,)
        The diagonal of H.
    matvec
        Returns the product of H with any vector (p,).
    """

    cost: float
    gradient: Tensor
    diagonal: Tensor
    matvec: Callable[[Tensor], Tensor]


class LeastSquaresProblem(Protocol):
    """What a solver that needs the matrix minimizes, as a function of a flat vector (P,)."""

    def cost(self, vector: Tensor) -> float:
        """Return the cost.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        ...

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        """Return the cost with half its gradient and half its Gauss-Newton matrix.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        ...


class MatrixFreeProblem(Protocol):
    """What a solver that needs only products with the matrix minimizes."""

    def cost(self, vector: Tensor) -> float:
        """Return the cost.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        ...

    def operator(self, vector: Tensor) -> GaussNewtonOperator:
        """Return the cost with half its gradient, and products with half its Gauss-Newton matrix.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        ...


class LocalModel(NamedTuple):
    """A quadratic model of the cost near a point; `step` returns the step for a damping, None if there is none."""

    cost: float
    gradient: Tensor
    step: Callable[[float], Tensor | None]


class DampedState(NamedTuple):
    """Where a damped solver is.

    Parameters
    ----------
    vector : (p,)
        The parameters.
    cost
        Their cost.
    damping
        The damping of the next step.
    step
        Steps so far.
    slow
        How many of the last steps in a row gained little.
    """

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
    """A second-order solver with damped steps; its run ends early if no step lowers the cost.

    Parameters
    ----------
    steps
        Steps at most.
    tolerance
        Fraction of the cost; the run ends when three steps in a row gain less.
    damping
        The damping to start from.
    """

    steps: int = 60
    tolerance: float = 1e-4
    damping: float = 1e-8

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_number("tolerance", self.tolerance)
        check_number("damping", self.damping, above=True)

    @abstractmethod
    def models(self, problem: Any, start: Tensor) -> Callable[[Tensor], LocalModel]:
        """Return a function that models a problem's cost near any vector.

        Parameters
        ----------
        problem
            A `LeastSquaresProblem` or a `MatrixFreeProblem`, by what the solver needs.
        start : (p,)
            The vector that the run starts from.
        """

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        return replace(self, tolerance=max(tolerance, self.tolerance), damping=damping or self.damping)

    def minimize(self, problem: Any, start: Tensor, callback: VectorCallback | None = None) -> tuple[Tensor, float]:
        """Return the best vector (p,) and its cost.

        Parameters
        ----------
        problem
            A `LeastSquaresProblem` or a `MatrixFreeProblem`, by what the solver needs.
        start : (p,)
            The vector to start from; it is not changed.
        callback
            Called with vector and cost after each step; the run ends when it returns True.
        """
        begin = DampedState(start, math.nan, self.damping)
        end = self.proceed(problem, begin, lambda state: callback is not None and callback(state.vector, state.cost))
        return end.vector, end.cost

    def proceed(self, problem: Any, state: DampedState, callback: Callable[[DampedState], bool]) -> DampedState:
        """Return the state at the end of a run that goes on from a state, as it would have gone on without a break.

        Parameters
        ----------
        problem
            A `LeastSquaresProblem` or a `MatrixFreeProblem`, by what the solver needs.
        state
            The state to go on from.
        callback
            Called with the state after each step; the run ends when it returns True.
        """
        model = self.models(problem, state.vector)
        slow_steps, zero = 3, 1e-32  # a cost that cannot fall
        while state.step < self.steps and state.slow < slow_steps and not (state.step and state.cost <= zero):
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
    growth, rounding = 4.0, 1e-14  # of the cost
    while mu < 1e12:
        step = near.step(mu)
        if step is not None:
            # The predicted gain only falls as the damping grows.
            if float(near.gradient @ step) < rounding * near.cost:
                return None
            trial = theta - step
            value = cost(trial)
            if value < near.cost:
                return trial, value, max(mu / 3, 1e-15)
        mu *= growth
        growth *= 2
    return None


@dataclass(frozen=True)
class LM(DampedSolver):
    """Levenberg-Marquardt with Marquardt's scaling.

    (H + mu (diag H + 1e-9 max diag H)) s = g,  theta <- theta - s

    A step is taken when the cost falls, and then mu becomes mu / 3; otherwise mu grows by 4, then 8, 16, ... and it is
    tried again. The run also ends when no step helps.

    Parameters
    ----------
    steps
        Steps at most.
    tolerance
        Fraction of the cost; the run ends when three steps in a row gain less.
    damping
        The first mu: a small value, right near a minimum; far from one a few trials raise it.

    Raises
    ------
    InputError
        For settings out of range.

    References
    ----------
    Marquardt, SIAM J. Appl. Math. 11 (1963).

    Examples
    --------
    >>> from edgewise.optim import LM
    >>> LM(steps=60).steps
    60
    """

    needs: ClassVar[Needs] = Needs.MATRIX

    def models(self, problem: LeastSquaresProblem, start: Tensor) -> Callable[[Tensor], LocalModel]:
        require(
            3 * start.element_size() * len(start) ** 2,
            f"The matrix of a Levenberg-Marquardt step in {len(start)} parameters",
            "Use solver 'cg', 'lbfgs' or 'adam', fewer nodes or a coarser grid.",
        )
        factor = factor_for(start)

        def near(theta: Tensor) -> LocalModel:
            normal = problem.normal_equations(theta)
            diagonal = normal.hessian.diagonal()
            scale = scale_of(diagonal)

            def step(damping: float) -> Tensor | None:
                taken = factor.take(normal.hessian, diagonal + damping * scale)
                return factor.solve(normal.gradient) if taken else None

            return LocalModel(normal.cost, normal.gradient, step)

        return near


@dataclass(frozen=True)
class CG(DampedSolver):
    """Levenberg-Marquardt whose steps are solved by conjugate gradients, preconditioned by the diagonal.

    (H + mu (diag H + 1e-9 max diag H)) s = g

    H itself is never stored, so this serves networks of many thousand parameters. A run ends as that of `LM` does.

    Parameters
    ----------
    steps
        Steps at most.
    tolerance
        Fraction of the cost; the run ends when three steps in a row gain less.
    damping
        The first mu.
    inner
        Products with H in a step, at most.
    accuracy
        A step is solved until the residual's norm, weighted by the inverse diagonal, is below this times that of g.

    Raises
    ------
    InputError
        For settings out of range.

    References
    ----------
    Hestenes and Stiefel, J. Res. NBS 49 (1952); Martens, Deep learning via Hessian-free optimization (2010).

    Examples
    --------
    >>> from edgewise.optim import CG
    >>> CG(steps=20).inner
    200
    """

    needs: ClassVar[Needs] = Needs.PRODUCTS

    damping: float = 1e-2
    inner: int = 200
    accuracy: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("inner", self.inner)
        check_number("accuracy", self.accuracy, 0, 1)

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        inner = min(products or self.inner, self.inner)
        return replace(super().rough(tolerance, damping=damping), inner=inner)

    def models(self, problem: MatrixFreeProblem, start: Tensor) -> Callable[[Tensor], LocalModel]:
        def near(theta: Tensor) -> LocalModel:
            operator = problem.operator(theta)
            return LocalModel(operator.cost, operator.gradient, partial(self._step, operator))

        return near

    def _step(self, operator: GaussNewtonOperator, damping: float) -> Tensor:
        """Solve for a step by preconditioned conjugate gradients."""
        extra = damping * scale_of(operator.diagonal)
        inverse = 1 / (operator.diagonal + extra)
        step, residual = torch.zeros_like(inverse), operator.gradient.clone()
        z = inverse * residual
        direction, size = z, residual @ z
        enough = self.accuracy**2 * size
        for _ in range(self.inner):
            image = operator.matvec(direction) + extra * direction
            curvature = direction @ image
            if not curvature > 0:  # rounding, or a gradient of zero
                break
            step = step + (size / curvature) * direction
            residual = residual - (size / curvature) * image
            z = inverse * residual
            before, size = size, residual @ z
            if size <= enough:
                break
            direction = z + (size / before) * direction
        return step
