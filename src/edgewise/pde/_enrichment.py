"""Which singular functions a problem's corners call for, found from its equation and its conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any, Protocol

import torch
from torch import Tensor

from edgewise._jets import Order
from edgewise.pde._box import Box
from edgewise.pde._corner import Corner, Ends, Singular
from edgewise.pde._domain import Domain
from edgewise.pde._jet import HIGHEST, Jet
from edgewise.pde._weak import Weak

_MOST = 5.0  # exponents below it are added: what is left has bounded derivatives of fourth order
_LOADED = 2  # the whole exponent that a load brings a logarithm to
_NEAR = 1e-4  # over the size of the domain: where the edges of a corner are looked at


class Stated(Protocol):
    """What is read of a `Problem`."""

    @property
    def domain(self) -> Domain: ...

    @property
    def residual(self) -> Callable[..., Any]: ...

    @property
    def conditions(self) -> Sequence[Any]: ...

    @property
    def ansatz(self) -> Callable[..., Any] | None: ...

    @property
    def constants(self) -> Mapping[str, float]: ...

    @property
    def unknowns(self) -> int: ...

    def left(self, equation: Any, unknowns: Sequence[Any], points: Tensor, constants: Mapping[str, Tensor]) -> Any: ...


def enrichment(problem: Stated) -> tuple[Singular, ...]:
    """Return the singular functions of all corners where the equation is Laplace's in its second derivatives.

    None for a box, for several unknowns, for weak forms, and with an ansatz. A condition on each edge of the corner
    must hold values, or derivatives.
    """
    domain = problem.domain
    stated = not isinstance(problem.residual, Weak) and problem.unknowns == 1 and problem.ansatz is None
    if isinstance(domain, Box) or not stated:
        return ()
    size, found = math.dist(domain.low, domain.high), []
    for corner in domain.corners():
        middle = corner.first + corner.angle / 2
        if not _is_laplace(problem, _beside(corner, middle, _NEAR * size)):
            continue
        first = _held(problem, _beside(corner, corner.first, _NEAR * size), size)
        second = _held(problem, _beside(corner, corner.first + corner.angle, _NEAR * size), size)
        if first and second:
            found += _of_corner(corner, _ENDS[first, second])
    return tuple(found)


_ENDS: dict[tuple[str, str], Ends] = {
    ("value", "value"): "values", ("slope", "slope"): "slopes", ("value", "slope"): "value, slope",
    ("slope", "value"): "slope, value",
}  # fmt: skip


def _of_corner(corner: Corner, ends: Ends) -> list[Singular]:
    known = corner.singular(math.ceil(_MOST / corner.exponent) + 1, ends)
    return [s for s in known if (round(s.exponent) == _LOADED if s.logarithmic else s.exponent < _MOST)]


def _beside(corner: Corner, angle: float, far: float) -> Tensor:
    """The point (1, 2) in a direction from a corner."""
    x, y = corner.at
    return torch.tensor([[x + far * math.cos(angle), y + far * math.sin(angle)]], dtype=torch.float64)


def _is_laplace(problem: Stated, point: Tensor) -> bool:
    by = _derivatives(problem, problem.residual, point)
    if any(len(order) > 2 and by[order] for order in by):
        return False
    xx, xy, yy = by.get((0, 0), 0.0), by.get((0, 1), 0.0), by.get((1, 1), 0.0)
    return xx != 0 and abs(xx - yy) + abs(xy) < 1e-3 * abs(xx)


def _held(problem: Stated, point: Tensor, size: float) -> str:
    """Whether a condition near a point of the boundary holds the "value" or the "slope"; "" without a condition."""
    for condition in problem.conditions:
        if condition.also is not None or isinstance(condition.where, Tensor):
            continue
        if min(float(curve.distances(point)) for curve in condition.where.curves()) > 1e-6 * size:
            continue
        by = _derivatives(problem, condition.equation, point)
        if by.get((0,)) or by.get((1,)):
            return "slope"
        if by.get(()):
            return "value"
    return ""


def _derivatives(problem: Stated, equation: Callable[..., Any], point: Tensor) -> dict[Order, float]:
    """Derivatives of what an equation leaves at a point by the unknown's; nothing where it is not one equation."""
    orders = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(2), k)]
    leaves = {order: torch.full((1,), 0.5, dtype=torch.float64, requires_grad=True) for order in orders}
    constants: dict[str, Any] = {name: torch.full_like(point[:, 0], float(v)) for name, v in problem.constants.items()}
    with torch.enable_grad():
        left = problem.left(equation, [Jet(leaves, problem.domain.names)], point, constants)
        if len(left) != 1 or not left[0].requires_grad:
            return {}
        slopes = torch.autograd.grad(left[0].sum(), list(leaves.values()), materialize_grads=True)
    return {order: float(slope) for order, slope in zip(orders, slopes, strict=True)}
