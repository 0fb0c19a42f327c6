"""Which functions an edge combines, as a key that every backend understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from edgewise.kernels.bspline import reference as bspline
from edgewise.kernels.chebyshev import reference as chebyshev
from edgewise.kernels.fourier import reference as fourier
from edgewise.kernels.rbf import reference as rbf


class Family(NamedTuple):
    """A basis by name and size: ("bspline", degree), ("chebyshev", degree), ("rbf", functions), ("fourier", harmonics).

    ("rational", 100 p + q) are the rational functions of `edgewise.kernels.rational`, of which no basis is made.

    Its points are the knots (n_in, G + 2 degree + 1) of B-splines and the range (n_in, 2) = [lo, hi] of the others.

    >>> Family("bspline", 3).size
    3
    """

    name: str
    size: int

    def count(self, points: Tensor) -> int:
        """How many functions there are for each input."""
        if self.name == "bspline":
            return points.shape[-1] - self.size - 1
        return {"chebyshev": self.size + 1, "rbf": self.size, "fourier": 2 * self.size + 1}[self.name]


#: name -> (x (..., n_in), points, size, order) -> values (..., n_in, K): plain torch, the law of every other backend
LAWS: dict[str, Callable[[Tensor, Tensor, int, int], Tensor]] = {
    "bspline": bspline.basis,
    "chebyshev": chebyshev.basis,
    "rbf": rbf.basis,
    "fourier": fourier.basis,
}


def law(x: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    """Every function of the family at every point by plain torch: (..., n_in, K)."""
    return LAWS[family.name](x, points, family.size, order)
