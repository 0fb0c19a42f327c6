"""Damped Gauss-Newton steps on any sum of squares, by Cholesky."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from edgewise._memory import require
from edgewise.kernels import factor_for
from edgewise.train.optim._damped import DampedSolver, LeastSquaresProblem, LocalModel, scale_of
from edgewise.train.optim._solver import Needs


@dataclass(frozen=True)
class LM(DampedSolver):
    """Levenberg-Marquardt with Marquardt's scaling.

    (H + mu (diag H + 1e-9 max diag H)) s = g,  theta <- theta - s

    A step is taken when the cost falls, and then mu becomes mu / 3; otherwise mu grows by 4,
    then 8, 16, ... and it is tried again.
    It starts at `damping`: a small value, right near a minimum; far from one a few trials raise it.
    Ends after `steps` steps, when three steps in a row gain less than `tolerance` of the cost, or when no step helps.

    Errors: InputError for settings out of range.

    >>> LM(steps=60).steps
    60

    Source: Marquardt, SIAM J. Appl. Math. 11 (1963).
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
