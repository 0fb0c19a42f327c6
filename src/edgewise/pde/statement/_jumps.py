"""Places where a term of an equation jumps across a coordinate, and how unknowns go on there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Order
from edgewise.pde.geometry._boundary import unit
from edgewise.pde.geometry._domain import Box, Domain
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to
from edgewise.pde.statement._interface import SIDE, Interface
from edgewise.pde.statement._problem import Problem, Weak

ASIDE = 10 * SIDE  # of the size of the domain: how far from a jump its sides are read
_LINES, _ALONG, _HALVINGS = 16, 256, 40  # along which jumps are looked for, places there, and halvings between two
_JUMP = 1e-3  # of what changes between two places: what is left of it by a jump
_STEEP = 3.0  # times the changes before and after: those of a jump
_SAME, _MOST = 1e-6, 8  # of the range of a coordinate: jumps as near are at one place; places, at most
_ROUNDING = 1e-9


def smooth_between(problem: Problem) -> Problem:
    """Return a problem whose load, or a coefficient of lower derivatives, jumps at a place, with an `Interface` there.

    Across a place of a coordinate the unknowns are continuous, with their derivatives by it below the highest that the
    equation has. Others are returned as they are: those whose highest derivatives have coefficients that jump, for
    which fluxes may be meant to be continuous, and those that jump across anything else.
    """
    found = _places(problem)
    if not found or any(not any(one.highest) or not _is_of_lower(problem, one) for one in found):
        return problem
    names = problem.domain.names
    meetings = [
        Interface(below_place(problem.domain, one.k, one.place), _going_on(names[one.k], one.highest)) for one in found
    ]
    return replace(problem, conditions=(*problem.conditions, *meetings))


def unmet(problem: Problem) -> str:
    """Say where the coefficient of the highest derivatives jumps and no condition says how unknowns meet; "" if not."""
    for one in _places(problem):
        if any(one.highest) and not _is_of_lower(problem, one):
            return (
                f"The coefficient of the highest derivatives jumps at {problem.domain.names[one.k]} = {one.place:.6g}, "
                "and nothing says how the unknown meets there: add an Interface, or state a Weak form."
            )
    return ""


class _Place(NamedTuple):
    """Where an equation jumps: coordinate k is `place`; each unknown's highest number of derivatives by it."""

    k: int
    place: float
    highest: list[int]


def _places(problem: Problem) -> list[_Place]:
    """Places at which terms of an equation jump; none with interfaces, or of more than three coordinates."""
    domain = problem.domain
    special = isinstance(problem.residual, Weak) or problem.functions or problem.complex or problem.ansatz is not None
    if special or len(domain.names) > 3 or any(isinstance(one, Interface) for one in problem.conditions):
        return []
    found = jumps(domain, _explicit(problem), {}, steep=_STEEP)
    asked = problem.asked(problem.residual, [domain.points(2)]) if found and any(found.values()) else []
    return [
        _Place(k, place, [max((order.count(k) for order in own), default=0) for own in asked])
        for k, name in enumerate(domain.names)
        for place in (found or {}).get(name, ())
    ]


@torch.no_grad()
def jumps(
    domain: Domain, values: Callable[[Tensor], Tensor], known: Mapping[str, Sequence[float]], steep: float = 0.0
) -> dict[str, list[float]] | None:
    """Return the places of each coordinate where values (n, m) of points (n, d) jump, as some lines show them.

    None for other jumps. `known` places are among them. `steep`: times the changes next to it, what the change of a
    jump is at least.
    """
    d, found = len(domain.names), {}
    low, high = domain.ends
    for k, name in enumerate(domain.names):
        count, width = (_LINES if d > 1 else 1), float(high[k] - low[k])
        lines = (low + (high - low) * unit(count, d, 7, "random")).repeat_interleave(_ALONG, 0)
        lines[:, k] = torch.linspace(float(low[k]), float(high[k]), _ALONG, dtype=torch.float64).repeat(count)
        one, two = lines[:-1], lines[1:]
        inside = domain.contains(lines)
        along = (one[:, k] < two[:, k]) & inside[:-1] & inside[1:]
        at = values(lines)
        each = torch.where(along, (at[1:] - at[:-1]).abs().amax(1), 0.0)
        beside = torch.maximum(torch.cat([each[1:], each[:1]]), torch.cat([each[-1:], each[:-1]]))
        lower, upper, size = one[along, k], two[along, k], at[inside].abs().amax()
        some = along & (each > _ROUNDING * size) & (each > steep * beside)
        one, two, changes = one[some], two[some], each[some]
        left = changes
        for _ in range(_HALVINGS if len(changes) else 0):
            middle = (one + two) / 2
            ends = values(torch.cat([one, middle, two])).chunk(3)
            first, second = ((ends[i + 1] - ends[i]).abs().amax(1) for i in range(2))
            before = (first >= second).unsqueeze(1)
            one, two = torch.where(before, one, middle), torch.where(before, middle, two)
            left = torch.maximum(first, second)
        places, seen = [float(place) for place in known.get(name, ())], one[left > _JUMP * changes][:, k]
        for place in seen.tolist():
            if not any(abs(place - other) < _SAME * width for other in places):
                places.append(place)
                crossing = int(((lower <= place) & (place < upper)).sum())
                if int(((seen - place).abs() < _SAME * width).sum()) < crossing or len(places) > _MOST:
                    return None
        found[name] = places
    return found


def below_place(domain: Domain, k: int, place: float) -> Box:
    """Return the part of the space around a domain that is below a place of one coordinate."""
    ends = {}
    for i, (name, low, high) in enumerate(zip(domain.names, domain.low, domain.high, strict=True)):
        more = high - low
        ends[name] = (low - more, place if i == k else high + more)
    return Box(**ends)


def _explicit(problem: Problem, highest: tuple[int, Sequence[int]] | None = None) -> Callable[[Tensor], Tensor]:
    """What the equation leaves (n, m) at points (n, d), of unknowns that are the same everywhere.

    highest: a coordinate, and the number of derivatives by it of each unknown from which on they are others.
    """
    names, orders = problem.domain.names, orders_up_to(HIGHEST, len(problem.domain.names))

    def one(order: Order, q: int) -> float:
        more = highest is not None and order.count(highest[0]) >= max(highest[1][q], 1)
        return 0.3 + 0.1 * len(order) + 0.07 * q + (1.7 if more else 0.0)

    def rest(points: Tensor) -> Tensor:
        like = torch.ones(len(points), dtype=torch.float64)
        jets = [Jet({order: one(order, q) * like for order in orders}, names) for q in range(problem.unknowns)]
        held = {name: float(value) * like for name, value in problem.constants.items()}
        return torch.stack(
            problem.left(problem.residual, [jets[0] if len(jets) == 1 else tuple(jets)], points, held), 1
        )

    return rest


def _is_of_lower(problem: Problem, at: _Place) -> bool:
    """Whether what jumps at a place of a coordinate does not multiply the highest derivatives by it."""
    low, high = problem.domain.ends
    below, above = (problem.domain.points(_ALONG) for _ in range(2))
    aside = ASIDE * float((high - low).max())
    below[:, at.k], above[:, at.k] = at.place - aside, at.place + aside
    one, two = (rest(above) - rest(below) for rest in (_explicit(problem), _explicit(problem, (at.k, at.highest))))
    return bool((one - two).abs().amax() <= _SAME * one.abs().amax())


def _going_on(name: str, highest: Sequence[int]) -> Callable[..., tuple[Tensor, ...]]:
    """The conditions that unknowns and their derivatives by a coordinate, as many as given, go on across a place."""

    def meet(u: Any, v: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
        pairs = zip(u, v, strict=True) if isinstance(u, tuple) else [(u, v)]
        return tuple(
            one.d(*order) - other.d(*order)
            for (one, other), count in zip(pairs, highest, strict=True)
            for order in (count_of * [name] for count_of in range(count))
        )

    return meet
