"""Which functions that are singular at corners a problem calls for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any, Protocol

import torch
from torch import Tensor

from edgewise._jets import Order
from edgewise.pde.geometry._boundary import Region
from edgewise.pde.geometry._corner import CORNERS, Corner, Ends, Singular, corners_of
from edgewise.pde.geometry._corner_flow import CornerFlow, exponents
from edgewise.pde.geometry._curve import Segment
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to


class Stated(Protocol):
    """What is read of a `Problem`."""

    @property
    def domain(self) -> Region: ...

    @property
    def residual(self) -> Callable[..., Any]: ...

    @property
    def conditions(self) -> Sequence[Any]: ...

    @property
    def constants(self) -> Mapping[str, float]: ...

    @property
    def unknowns(self) -> int: ...

    def left(self, equation: Any, unknowns: Sequence[Any], points: Tensor, constants: Mapping[str, Tensor]) -> Any: ...


def enrichment(problem: Stated, *, corners: bool = True) -> tuple[Singular, ...]:
    """Return the singular functions of all corners where the equation is Laplace's in its second derivatives.

    For one unknown without an ansatz; a condition on each edge of the corner must hold values, or derivatives. On a
    straight side they are needed where one kind of condition ends and the other begins; only there without `corners`.
    """
    domain = problem.domain
    size, found = math.dist(domain.low, domain.high), []
    for corner in corners_of(domain, flat=True, more=_changes(problem, size)):
        angles = (corner.first + part * corner.angle for part in (0.5, 0, 1))
        middle, *edges = (_beside(corner, angle, CORNERS.beside * size) for angle in angles)
        if not (corners or corner.flat) or not _is_laplace(problem, middle):
            continue
        first, second = _held(problem, torch.cat(edges), size)
        if first and second and not (corner.flat and first == second):
            found += _of_corner(corner, _BY_CONDITIONS[first, second])
    return tuple(found)


def _changes(problem: Stated, size: float) -> Iterator[tuple[float, float]]:
    """Where along straight edges one kind of condition ends and the other begins."""
    for curve in problem.domain.curves():
        if isinstance(curve, Segment):
            start, end = torch.tensor([curve.start, curve.end], dtype=torch.float64)
            at = [start + place * (end - start) for place in (torch.arange(CORNERS.along) + 0.5) / CORNERS.along]
            kinds = _held(problem, torch.stack(at), size)
            for low, high, kind, after in zip(at, at[1:], kinds, kinds[1:], strict=False):
                if not kind or after in ("", kind):
                    continue
                for _ in range(40):
                    middle = (low + high) / 2
                    low, high = (middle, high) if _held(problem, middle[None], size) == [kind] else (low, middle)
                x, y = ((high / size).round(decimals=11) * size).tolist()
                yield x, y


_BY_CONDITIONS: dict[tuple[str, str], Ends] = {
    ("value", "value"): "values", ("slope", "slope"): "slopes", ("value", "slope"): "value, slope",
    ("slope", "value"): "slope, value",
}  # fmt: skip


def flows(problem: Stated) -> tuple[CornerFlow, ...]:
    """Return the Stokes flows of all corners between walls, where the highest derivatives of the equations are Stokes'.

    For two velocities and a pressure; conditions on both edges of the corner must hold both velocities.
    """
    domain = problem.domain
    size, found = math.dist(domain.low, domain.high), []
    for corner in corners_of(domain):
        angles = (corner.first + part * corner.angle for part in (0.5, 0, 1))
        middle, *edges = (_beside(corner, angle, CORNERS.beside * size) for angle in angles)
        kind = _stokes(_derivatives(problem, problem.residual, middle))
        if kind is None or not all(_are_held(problem, edge, kind[1][:2], size) for edge in edges):
            continue
        for e, odd in exponents(corner.angle, CORNERS.flowing):
            found += [CornerFlow(corner, e, odd, part, *kind) for part in ((False, True) if e.imag else (False,))]
    return tuple(found)


def _stokes(rows: list[Row]) -> tuple[float, tuple[int, int, int]] | None:
    """Viscosity over the pressure's factor, and the numbers of u, v and p, where equations are Stokes' at a point."""
    if len(rows) != 3:
        return None
    by = [[{order: float(slope) for order, slope in own.items()} for own in row] for row in rows]
    if any(slope for row in by for own in row for order, slope in own.items() if len(order) > 2):
        return None
    for u, v, p in permutations(range(3)):
        for first, second, mass in permutations(range(3)):
            along, across = _momentum(by[first], u, p, 0), _momentum(by[second], v, p, 1)
            flat = not any(by[mass][k][order] for k in range(3) for order in ((0, 0), (0, 1), (1, 1)))
            kept, other = by[mass][u][0,], by[mass][v][1,]
            if along and across and _alike(along, across) and flat and kept and _alike(kept, other):
                return along, (u, v, p)
    return None


def _momentum(row: list[dict[Order, float]], u: int, p: int, axis: int) -> float:
    """Minus the factor of Laplace u over that of p's derivative by an axis; 0 for another equation."""
    second = [[own[order] for order in ((0, 0), (0, 1), (1, 1))] for own in row]
    (xx, xy, yy), pressed = second[u], [row[p][0,], row[p][1,]]
    others = any(any(second[k]) for k in range(3) if k != u)
    if others or not xx or not _alike(xx, yy) or xy or not pressed[axis] or pressed[1 - axis]:
        return 0.0
    return -xx / pressed[axis]


def _alike(one: float, two: float) -> bool:
    return abs(one - two) < 1e-3 * abs(one)


def _are_held(problem: Stated, point: Tensor, unknowns: Sequence[int], size: float) -> bool:
    """Whether conditions at a point (1, 2) of the boundary hold the values of all these unknowns."""
    held: set[int] = set()
    for condition in problem.conditions:
        if condition.sides != 1 or isinstance(condition.where, Tensor):
            continue
        if min(float(curve.distances(point)) for curve in condition.where.curves()) <= 1e-6 * size:
            for row in _derivatives(problem, condition.equation, point):
                read = [(k, order) for k, own in enumerate(row) for order, slope in own.items() if float(slope)]
                held |= {k for k, order in read if len(read) == 1 and order == ()}
    return held >= set(unknowns)


def _of_corner(corner: Corner, ends: Ends) -> list[Singular]:
    known = corner.singular(math.ceil(CORNERS.smooth / corner.exponent) + 1, ends)
    return [s for s in known if (round(s.exponent) == CORNERS.loaded if s.logarithmic else s.exponent < CORNERS.smooth)]


def _beside(corner: Corner, angle: float, far: float) -> Tensor:
    """The point (1, 2) in a direction from a corner."""
    x, y = corner.at
    return torch.tensor([[x + far * math.cos(angle), y + far * math.sin(angle)]], dtype=torch.float64)


def _is_laplace(problem: Stated, point: Tensor) -> bool:
    by = {order: float(slope) for order, slope in _one(_derivatives(problem, problem.residual, point)).items()}
    xx, xy, yy = by.get((0, 0), 0.0), by.get((0, 1), 0.0), by.get((1, 1), 0.0)
    higher = any(slope for order, slope in by.items() if len(order) > 2)
    return not higher and xx != 0 and abs(xx - yy) + abs(xy) < 1e-3 * abs(xx)


def _held(problem: Stated, points: Tensor, size: float) -> list[str]:
    """Whether a condition near each point (n, 2) of the boundary holds the "value" or the "slope"; "" without one."""
    found = [""] * len(points)
    for condition in problem.conditions:
        if condition.sides != 1 or isinstance(condition.where, Tensor):
            continue
        far = torch.stack([curve.distances(points) for curve in condition.where.curves()]).amin(0)
        near = torch.nonzero(far <= 1e-6 * size)[:, 0]
        by = _one(_derivatives(problem, condition.equation, points[near])) if len(near) else {}
        for k, value, *slopes in zip(near.tolist(), by[()], by[0,], by[1,], strict=True) if by else ():
            if value or any(slopes):
                found[k] = found[k] or ("slope" if any(slopes) else "value")
    return found


Row = list[dict[Order, Tensor]]


def _derivatives(problem: Stated, equation: Callable[..., Any], points: Tensor) -> list[Row]:
    """Derivatives of what each part of an equation leaves at points by each unknown's derivatives."""
    orders = orders_up_to(HIGHEST, 2)
    leaves = [{order: torch.full_like(points[:, 0], 0.5).requires_grad_() for order in orders}
              for _ in range(problem.unknowns)]  # fmt: skip
    constants: dict[str, Any] = {name: torch.full_like(points[:, 0], float(v)) for name, v in problem.constants.items()}
    every = [leaf for own in leaves for leaf in own.values()]
    with torch.enable_grad():
        jets = [Jet(own, problem.domain.names) for own in leaves]
        left = problem.left(equation, [tuple(jets) if len(jets) > 1 else jets[0]], points, constants)
        found = []
        for part in left:
            slopes = (torch.autograd.grad(part.sum(), every, materialize_grads=True, retain_graph=True)
                      if part.requires_grad else [torch.zeros_like(leaf) for leaf in every])  # fmt: skip
            by = iter(slopes)
            found.append([{order: next(by) for order in orders} for _ in leaves])
    return found


def _one(rows: list[Row]) -> dict[Order, Tensor]:
    """The derivatives of one equation by one unknown; nothing where there are more."""
    return rows[0][0] if len(rows) == 1 else {}
