"""What a target may be turned into before one function of the library is fitted to it: rows of data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor


@dataclass(frozen=True)
class Transform:
    """One way to read y: as ``T(y)``, with the way back, for y in an open interval.

    ``powers`` are the p tried in ``T(y) z^p``; ``signed`` is whether y may have either sign;
    ``steep`` is whether T needs y clear of 0 where there is noise.

    >>> square = TRANSFORMS[2]
    >>> square.name, square.back(square.forward(torch.tensor(3.0))).item()
    ('square', 3.0)
    """

    name: str
    forward: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    formula: Callable[[sympy.Expr], sympy.Expr]
    domain: tuple[float, float]
    signed: bool
    powers: tuple[int, ...]
    steep: bool = True

    def slope(self, y: Tensor) -> Tensor:
        """Return ``T'(y)``."""
        return with_slope(self.forward, y)[1]


def with_slope(function: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """Return values and derivatives of a function of one variable, each of the shape of `at`."""
    with torch.enable_grad():
        at = at.detach().requires_grad_()
        values = function(at)
        return values.detach(), torch.autograd.grad(values.sum(), at)[0]


_INF = math.inf
_ALL = (0, 1, -1, 2, -2, 3, -3)
_FEW = (0, 1, -1)
TRANSFORMS: tuple[Transform, ...] = (
    Transform("identity", lambda y: y, lambda v: v * 1.0, lambda v: v, (-_INF, _INF), True, _ALL, False),
    Transform("reciprocal", torch.reciprocal, torch.reciprocal, lambda v: 1 / v, (-_INF, _INF), True, _ALL),
    Transform("square", torch.square, torch.sqrt, sympy.sqrt, (0.0, _INF), False, _ALL),
    Transform("inverse square", lambda y: y**-2, torch.rsqrt, lambda v: 1 / sympy.sqrt(v), (0.0, _INF), False, _ALL),
    Transform("log", torch.log, torch.exp, sympy.exp, (0.0, _INF), False, _FEW),
    Transform("sqrt", torch.sqrt, torch.square, lambda v: v**2, (0.0, _INF), False, _FEW),
    Transform("inverse sqrt", torch.rsqrt, lambda v: v**-2, lambda v: v**-2, (0.0, _INF), False, _FEW),
    Transform("exp", torch.exp, torch.log, sympy.log, (-30.0, 30.0), True, _FEW, False),
    Transform("sin", torch.sin, torch.asin, sympy.asin, (-math.pi / 2, math.pi / 2), True, _FEW, False),
    Transform("cos", torch.cos, torch.acos, sympy.acos, (0.0, math.pi), True, _FEW, False),
)
BY_NAME = {transform.name: transform for transform in TRANSFORMS}
