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

    Parameters
    ----------
    degree
        The degree of the splines.

    Examples
    --------
    >>> from edgewise.kernels import BSplineFamily
    >>> BSplineFamily(3).degree
    3
    """

    degree: int = 3  # type: ignore[misc]
    name = "bspline"
    cpu = {"sparse": SparseCPU()}  # noqa: RUF012
    gpu = {"dense": DenseGPU(VALUES), "sparse": SparseGPU(VALUES)}  # noqa: RUF012

    def reference(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        """Return all splines, or their derivatives, in plain torch: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points.
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        return basis(x, knots, self.degree, order)
