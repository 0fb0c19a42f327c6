"""Names of types that several floors share."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]  # of doubles; numbers of no dimension take part too
Formula = Any  # a sympy expression: the annotations of sympy itself are too loose to be checked
