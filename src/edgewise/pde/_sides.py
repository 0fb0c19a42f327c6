"""What a problem's conditions say of its first time, and of the sides of space; and which derivatives are read."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import NamedTuple

import torch

from edgewise._errors import InputError
from edgewise._jets import Order
from edgewise.pde._jet import HIGHEST, Jet
from edgewise.pde._problem import Condition, Equation, Face, Periodic, Problem


class Side(NamedTuple):
    """A condition at an end of a coordinate of space, which is given by its number among those of space."""

    condition: Condition
    coordinate: int
    end: float


def sorted_conditions(problem: Problem, time: int) -> tuple[tuple[Condition, ...], tuple[Side, ...], tuple[bool, ...]]:
    """Conditions at the first time, those at ends of space, and whether each coordinate of space is periodic."""
    box = problem.box
    spaces = [k for k in range(len(box.names)) if k != time]
    starts, ends, periods = [], [], [False] * len(spaces)
    for condition in problem.conditions:
        where = condition.where
        if isinstance(condition, Periodic) and condition.name != box.names[time]:
            periods[spaces.index(box.names.index(condition.name))] = True
        elif condition.also is None and isinstance(where, Face) and where.fixed == ((time, box.low[time]),):
            starts.append(condition)
        elif condition.also is None and isinstance(where, Face) and all(k != time for k, _ in where.fixed):
            ends += [Side(condition, spaces.index(k), end) for k, end in where.fixed]
        else:
            raise InputError(
                f"march takes conditions on box.face({box.names[time]}={box.low[time]:g}), on faces of space, and "
                f"periodic ones. Got one on {where!r:.80}; use solve for it."
            )
    if any(periods[side.coordinate] for side in ends):
        raise InputError("A periodic problem has no ends of space, and so no conditions there.")
    return tuple(starts), tuple(ends), tuple(periods)


def asked_of(problem: Problem, equation: Equation) -> list[set[Order]]:
    """The derivatives that an equation reads of each unknown."""
    d, names = len(problem.box.names), problem.box.names
    every = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(d), k)]
    points = problem.box.points(2)
    asked: list[set[Order]] = [set() for _ in range(problem.unknowns)]
    some = torch.full((2,), 0.5, dtype=torch.float64)
    jets = [Jet(dict.fromkeys(every, some), names, (noted,)) for noted in asked]
    problem.left(equation, [jets[0] if len(jets) == 1 else tuple(jets)], points, {})
    return asked
