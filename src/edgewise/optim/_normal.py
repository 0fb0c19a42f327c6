"""A sum of squares, or what is curved like one, near a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Normal:
    """The value, half the derivative g, and half the second derivatives H, so that the undamped step solves H s = g.

    Of H only the lower triangle is read.
    """

    cost: float
    gradient: Tensor
    hessian: Tensor


@dataclass(frozen=True)
class Linear:
    """The same with H as its diagonal and a function that multiplies by it."""

    cost: float
    gradient: Tensor
    diagonal: Tensor
    times: Callable[[Tensor], Tensor]


class SumOfSquares(Protocol):
    """What `LM` minimises."""

    def cost(self, vector: Tensor) -> float: ...

    def normal(self, vector: Tensor) -> Normal: ...


class MatrixFree(Protocol):
    """What `CG` minimises."""

    def cost(self, vector: Tensor) -> float: ...

    def linear(self, vector: Tensor) -> Linear: ...
