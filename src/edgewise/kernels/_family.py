"""Which functions an edge combines, as a key that every backend understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from edgewise.kernels.bspline import reference as bspline


class Family(NamedTuple):
    """A basis by name and size: ("bspline", degree).

    >>> Family("bspline", 3).size
    3
    """

    name: str
    size: int


#: name -> (x (..., n_in), points, size, order) -> values (..., n_in, K): plain torch, the law of every other backend
LAWS: dict[str, Callable[[Tensor, Tensor, int, int], Tensor]] = {"bspline": bspline.basis}


def law(x: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    """Every function of the family at every point by plain torch: (..., n_in, K)."""
    return LAWS[family.name](x, points, family.size, order)
