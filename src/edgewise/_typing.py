"""Names of types that several floors share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:  # sympy and torch take a second to import
    import sympy
    from numpy.typing import ArrayLike
    from torch import Tensor

    Formula = sympy.Expr
    Data = Tensor | ArrayLike
else:
    Formula = Data = Any

Array = NDArray[Any]
"""Doubles; numbers of no dimension take part too."""
Part = Any
"""A part of a `Formula` that is taken apart: to sympy it is a `Basic`, with which no arithmetic is known."""
