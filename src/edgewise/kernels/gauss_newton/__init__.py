"""Second-order steps: the normal equations of spline edges, and positive definite systems."""

import torch
from torch import Tensor

from edgewise.kernels.gauss_newton import cholesky, gram
from edgewise.kernels.gauss_newton.cholesky import Factor as Factor
from edgewise.kernels.gauss_newton.gram import Edges as Edges
from edgewise.kernels.gauss_newton.gram import Local as Local
from edgewise.kernels.gauss_newton.gram import add_splines as add_splines


def factor_for(vector: Tensor) -> Factor:
    """Return what factors matrices of a vector's size, device and precision.

    >>> factor = factor_for(torch.ones(3))
    >>> factor.take(torch.eye(3), torch.full((3,), 2.0)), factor.solve(torch.ones(3))
    (True, tensor([0.5000, 0.5000, 0.5000]))
    """
    if vector.device.type == "cpu" and vector.dtype == torch.float64:
        return cholesky.CompiledFactor(len(vector))
    return Factor()


def prepare(degree: int | None) -> None:
    """Compile the kernels for splines of a degree, or load them."""
    cholesky.prepare()
    if degree is not None:
        gram.prepare(degree)
