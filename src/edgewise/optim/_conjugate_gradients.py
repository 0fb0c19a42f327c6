"""Damped Gauss-Newton steps without a matrix, by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.optim._damped import Damped, Watch
from edgewise.optim._normal import Linear, MatrixFree
from edgewise.optim._settings import real, whole


@dataclass(frozen=True)
class CG:
    """Levenberg-Marquardt whose steps are solved by conjugate gradients, preconditioned by the diagonal.

    (H + mu (diag H + 1e-9 max diag H)) s = g

    is solved until the remainder, measured by the inverse diagonal, is below `accuracy` of g's or after `inner`
    products with H. Nothing of the size of H is stored: for networks of many thousand parameters.

    Ends as `LM` does.

    Errors: InputError for settings out of range.

    >>> CG(steps=20).inner
    200

    Source: Hestenes and Stiefel, J. Res. NBS 49 (1952); Martens, Deep learning via Hessian-free optimization (2010).
    """

    steps: int = 60
    tolerance: float = 1e-4
    damping: float = 1e-2
    inner: int = 200
    accuracy: float = 0.1

    def __post_init__(self) -> None:
        whole("steps", self.steps)
        real("tolerance", self.tolerance)
        real("damping", self.damping, above=True)
        whole("inner", self.inner)
        real("accuracy", self.accuracy, 0, 1)

    def minimise(
        self, problem: MatrixFree, start: Tensor, watch: Watch | None = None
    ) -> tuple[Tensor, float]:  # fmt: skip
        """Return the best vector and its cost; `watch` sees each accepted step and may return True to end the run."""
        loop = Damped(self.steps, self.tolerance, self.damping)
        return loop.minimise(problem.cost, lambda theta: _Iterative(problem.linear(theta), self), start, watch)


class _Iterative:
    def __init__(self, linear: Linear, settings: CG) -> None:
        self.cost, self.gradient, self.linear, self.settings = linear.cost, linear.gradient, linear, settings
        self.scale = linear.diagonal + 1e-9 * linear.diagonal.max().clamp_min(1e-300)

    def step(self, damping: float) -> Tensor | None:
        extra = damping * self.scale
        inverse = 1 / (self.linear.diagonal + extra)
        step, rest = torch.zeros_like(inverse), self.gradient.clone()
        z = inverse * rest
        direction, size = z, rest @ z
        enough = self.settings.accuracy**2 * size
        for _ in range(self.settings.inner):
            image = self.linear.times(direction) + extra * direction
            bend = direction @ image
            if not bend > 0:  # rounding, or a gradient of zero
                break
            step = step + (size / bend) * direction
            rest = rest - (size / bend) * image
            z = inverse * rest
            before, size = size, rest @ z
            if size <= enough:
                break
            direction = z + (size / before) * direction
        return step
