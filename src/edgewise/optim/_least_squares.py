"""What second-order solvers minimize: a sum of squares, or a loss with a positive semidefinite curvature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


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
