"""Damped Gauss-Newton steps without a matrix, by conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Self

import torch
from torch import Tensor

from edgewise.train.optim._damped import DampedSolver, GaussNewtonOperator, LocalModel, MatrixFreeProblem, scale_of
from edgewise.train.optim._solver import Needs, check_count, check_number


@dataclass(frozen=True)
class CG(DampedSolver):
    """Levenberg-Marquardt whose steps are solved by conjugate gradients, preconditioned by the diagonal.

    (H + mu (diag H + 1e-9 max diag H)) s = g

    is solved until the residual's norm, weighted by the inverse diagonal, is below `accuracy` times that of g, or after
    `inner` products with H. H itself is never stored, so this serves networks of many thousand parameters.

    Ends as `LM` does.

    Errors: InputError for settings out of range.

    >>> CG(steps=20).inner
    200

    Source: Hestenes and Stiefel, J. Res. NBS 49 (1952); Martens, Deep learning via Hessian-free optimization (2010).
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
