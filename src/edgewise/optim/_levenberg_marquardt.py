"""Damped Gauss-Newton steps on any sum of squares, by Cholesky."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edgewise._memory import require
from edgewise.kernels import Factor, factor_for
from edgewise.optim._damped import Damped, Watch
from edgewise.optim._normal import Normal, SumOfSquares
from edgewise.optim._settings import real, whole


@dataclass(frozen=True)
class LM:
    """Levenberg-Marquardt with Marquardt's scaling.

    (H + mu (diag H + 1e-9 max diag H)) s = g,  theta <- theta - s

    A step is taken when the cost falls, and then mu becomes mu / 3; otherwise mu grows by 4,
    then 8, 16, ... and it is tried again.
    It begins at `damping`: small, as beside a minimum; far from one a few trials raise it.
    Ends after `steps` steps, when three steps in a row gain less than `tolerance` of the cost, or when no step helps.

    Errors: InputError for settings out of range.

    >>> LM(steps=60).steps
    60

    Source: Marquardt, SIAM J. Appl. Math. 11 (1963).
    """

    steps: int = 60
    tolerance: float = 1e-4
    damping: float = 1e-8

    def __post_init__(self) -> None:
        whole("steps", self.steps)
        real("tolerance", self.tolerance)
        real("damping", self.damping, above=True)

    def minimise(
        self, problem: SumOfSquares, start: Tensor, watch: Watch | None = None
    ) -> tuple[Tensor, float]:  # fmt: skip
        """Return the best vector and its cost; `watch` sees each accepted step and may return True to end the run."""
        loop = Damped(self.steps, self.tolerance, self.damping)
        require(
            3 * start.element_size() * len(start) ** 2,
            f"The matrix of a Levenberg-Marquardt step in {len(start)} parameters",
            "Use solver 'cg', 'lbfgs' or 'adam', fewer nodes or a coarser grid.",
        )
        factor = factor_for(start)
        return loop.minimise(problem.cost, lambda theta: _Cholesky(problem.normal(theta), factor), start, watch)


class _Cholesky:
    """Steps by factoring the damped matrix."""

    def __init__(self, normal: Normal, factor: Factor) -> None:
        self.cost, self.gradient, self.hessian = normal.cost, normal.gradient, normal.hessian
        self.diagonal = normal.hessian.diagonal()
        self.scale = self.diagonal + 1e-9 * self.diagonal.max().clamp_min(1e-300)
        self.factor = factor

    def step(self, damping: float) -> Tensor | None:
        taken = self.factor.take(self.hessian, self.diagonal + damping * self.scale)
        return self.factor.solve(self.gradient) if taken else None
