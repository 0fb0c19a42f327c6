"""Interfaces inside a domain, across which unknowns or their fluxes jump, and problems of one function on each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Jets, Order
from edgewise.pde.geometry._boundary import Boundary
from edgewise.pde.geometry._corner import Singular
from edgewise.pde.geometry._corner_flow import CornerFlow
from edgewise.pde.geometry._domain import Box, Domain
from edgewise.pde.statement._condition import Condition, Equation, OnBoundary
from edgewise.pde.statement._problem import Problem, Several, Weak

SIDE = 1e-12  # how far from an interface its two sides are read, of the size of the domain


@dataclass(frozen=True)
class Interface(Condition):
    """What is to hold where a region borders the rest of the domain: residual(inner, outer, p), or with constants c.

    The unknowns are smooth in the region and outside of it, and meet at its boundary as stated there: for heat that
    flows from a material of conductivity k to another of K,  u_inner = u_outer  and  k du_inner/dn = K du_outer/dn.
    Coefficients that jump there are functions that `Domain.piecewise` gives.

    Parameters
    ----------
    where
        The region, of the coordinates of the domain; what of its boundary is inside the domain is the interface. On a
        line a Box. Parts outside of the domain do not matter.
    residual
        A function that is to be zero, of the unknown in the region, the unknown outside, the point p and the constants
        c, which gives as many conditions as a boundary needs on each side. p.nx, p.ny are the normal out of the region.
    weight
        The factor of the mean square of the residual in the loss.
    also
        Not used: an interface has its two sides.

    Raises
    ------
    InputError
        For a region that is no domain, and a weight that is no number > 0.

    Examples
    --------
    >>> from edgewise.pde import Box, Condition, Interface, Problem, solve
    >>> wall, left = Box(x=(0, 1)), Box(x=(0, 0.5))
    >>> k = left.piecewise(10.0, 1.0)
    >>> ends = Condition(wall.boundary(), lambda u, p: u.value - p.x)
    >>> meet = Interface(left, lambda u, v, p: (u.value - v.value, 10 * u.x - v.x))
    >>> found = solve(Problem(wall, lambda u, p: k(p) * u.xx, [ends, meet]))
    >>> [round(value, 6) for value in found([[0.25], [0.75]]).tolist()]  # 1/22, 6/11
    [0.045455, 0.545455]
    """

    where: Domain  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.where, Domain):
            raise InputError(
                f"An interface bounds a region, like pde.Disk(x=0, y=0, radius=1). Got {type(self.where).__name__}."
            )
        if self.also is not None:
            raise InputError("An interface has the two sides of a region's boundary: leave 'also' out.")
        if not is_number(self.weight) or not self.weight > 0:
            raise InputError(f"The weight of a condition must be a number > 0. Got {self.weight!r}.")

    @property
    def sides(self) -> int:
        return 2

    @property
    def place(self) -> str:
        return "at an interface"

    @cached_property
    def side(self) -> Any:
        """The region's boundary, which has normals."""
        return self.where.boundary()

    def points(self, count: int, seed: int) -> list[Tensor]:
        """Return points of the region's boundary, (count, d), the same for each side.

        Parameters
        ----------
        count
            The number of points.
        seed
            Seed of the Sobol sequence on the boundary.
        """
        return 2 * [self.side.points(count, seed)]

    @property
    def equation(self) -> Equation:
        residual: Any = self.residual

        def equation(u: Any, v: Any, p: Any, *more: Any) -> Any:
            return residual(u, v, OnBoundary(self.side, self.where.names, vars(p)), *more)

        return equation


@dataclass(frozen=True)
class Between(Interface):
    """An interface in a domain: points of both sides."""

    domain: Domain = field(default_factory=lambda: Box(x=(0, 1)))

    def points(self, count: int, seed: int) -> list[Tensor]:
        """Return points of the region's side and of the other, each (count, d); fewer on a line."""
        tried = max(64, 2 * count)
        while True:
            sides, _ = self.spaced(tried)
            if len(sides[0]) >= count or len(self.domain.names) == 1:
                return [side[torch.arange(min(count, len(side))) * len(side) // count] for side in sides]
            tried *= 2

    def spaced(self, count: int) -> tuple[list[Tensor], Tensor]:
        """Return equally spaced points of both sides, and their shares (n,) of the length or area."""
        region, (low, high) = self.where, self.domain.ends
        if len(low) == 1:
            points = torch.tensor([[region.low[0]], [region.high[0]]], dtype=torch.float64)
            shares = torch.ones(2, dtype=torch.float64)
        else:
            points, shares = Boundary(region, region.curves()).spaced(count)
        step = SIDE * float((high - low).norm())
        inner = self.domain.signed_distance(points) > 10 * step
        points = points[inner]
        away = step * self.side.normals(points)
        return [points - away, points + away], shares[inner]

    @property
    def length(self) -> float:
        """The length or area of the region's boundary."""
        return 2.0 if len(self.domain.names) == 1 else sum(curve.length for curve in self.where.curves())


@dataclass(frozen=True)
class Pieced(Problem):
    """A problem with interfaces: a network has the unknowns of one piece of the domain after those of another.

    `kinds` are the pieces: the regions that each is a part of, as bits of a number.
    """

    whole: Problem | None = None
    regions: tuple[Domain, ...] = ()
    kinds: tuple[int, ...] = ()

    def piece(self, points: Tensor) -> Tensor:
        """The number of the piece (n,) that each point (n, d) lies in."""
        codes = _codes(self.regions, points)
        return (codes[:, None] == torch.tensor(self.kinds)).long().argmax(1)

    def unknown(
        self, jets: Jets, points: Tensor, asked: Sequence[set[Order]] = (), numbers: Mapping[str, Any] = {}
    ) -> Several:
        """The unknown functions, each point's those of the piece that it lies in."""
        assert self.whole is not None
        m, each = self.whole.unknowns, torch.arange(len(points))
        piece = self.piece(points)
        chosen = {order: part.view(len(part), -1, m)[each, piece] for order, part in jets.items()}
        return self.whole.unknown(chosen, points, asked[:m], numbers)

    def presented(self, unknowns: Several) -> Several:
        """The unknowns as the problem was stated."""
        assert self.whole is not None
        return self.whole.presented(unknowns)

    @cached_property
    def terms(self) -> tuple[Singular | CornerFlow, ...]:
        """The singular functions that are added to the network."""
        assert self.whole is not None
        return self.whole.terms


def pieced(problem: Problem) -> Problem:
    """Return a problem with interfaces as one with the unknowns of each piece; others as they are."""
    domain = problem.domain
    regions = tuple(one.where for one in problem.conditions if isinstance(one, Interface))
    if not regions:
        return problem
    if isinstance(problem.residual, Weak) or problem.functions:
        raise InputError("Interfaces are for residuals at points, without unknown functions.")
    if len(domain.names) > 3:
        raise InputError(f"Interfaces are for domains of up to 3 coordinates. Got {len(domain.names)}.")
    points, conditions = [domain.points(4096)], list[Condition]()
    for one in problem.conditions:
        conditions.append(_within(domain, one) if isinstance(one, Interface) else one)
    for region in regions:
        inner = region.points(256)
        points.append(inner[domain.contains(inner)])
    kinds = tuple(_codes(regions, torch.cat(points)).unique().tolist())
    own = {part.name: getattr(problem, part.name) for part in fields(Problem)}
    own |= {"conditions": tuple(conditions), "unknowns": problem.unknowns * len(kinds)}
    return Pieced(**own, whole=problem, regions=regions, kinds=kinds)


def _within(domain: Domain, interface: Interface) -> Between:
    """An interface with its domain; InputError where it is not inside of it."""
    region = interface.where
    if region.names != domain.names:
        raise InputError(
            f"The region of an interface needs the domain's coordinates, {', '.join(domain.names)}. "
            f"Got {', '.join(region.names)}."
        )
    between = Between(region, interface.residual, interface.weight, domain=domain)
    if not len(between.spaced(256)[0][0]):
        raise InputError(f"The boundary of this region is not inside the domain: {region!r:.80}.")
    return between


def _codes(regions: Sequence[Domain], points: Tensor) -> Tensor:
    """The regions that points are a part of, as bits of a number (n,)."""
    codes = torch.zeros(len(points), dtype=torch.int64)
    for k, region in enumerate(regions):
        codes |= region.encloses(points).long() << k
    return codes


def outputs_at(problem: Problem, piece: int) -> Tensor:
    """The numbers of a network's outputs that are the unknowns of a piece; all where there are no pieces."""
    if not isinstance(problem, Pieced) or problem.whole is None:
        return torch.arange(problem.unknowns)
    return piece * problem.whole.unknowns + torch.arange(problem.whole.unknowns)


def count_of(problem: Problem) -> int:
    """The number of pieces of the domain."""
    return len(problem.kinds) if isinstance(problem, Pieced) else 1


def pieces_at(problem: Problem, points: Tensor) -> Tensor:
    """The number of the piece (n,) that each point (n, d) lies in; 0 where there are no pieces."""
    return problem.piece(points) if isinstance(problem, Pieced) else torch.zeros(len(points), dtype=torch.int64)
