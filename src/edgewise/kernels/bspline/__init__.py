"""B-splines and their derivatives."""

from dataclasses import dataclass

from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.bspline._splines import basis
from edgewise.kernels.bspline.cpu import SparseCPU
from edgewise.kernels.bspline.gpu import VALUES, SparseGPU
from edgewise.kernels.dense.gpu import DenseGPU


@dataclass(frozen=True)
class BSplineFamily(Family):
    """B-splines of a degree on knots (n_in, K + degree + 1); `basis` of `reference` has the definition.

    >>> BSplineFamily(3).degree
    3
    """

    degree: int = 3  # type: ignore[misc]
    name = "bspline"
    cpu = {"sparse": SparseCPU()}  # noqa: RUF012
    gpu = {"dense": DenseGPU(VALUES), "sparse": SparseGPU(VALUES)}  # noqa: RUF012

    def reference(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        return basis(x, knots, self.degree, order)
