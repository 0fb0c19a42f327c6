"""Whether the conditions at the ends of space are as many as an equation of evolution needs, and which are not."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._jets import Jets
from edgewise.pde._box import Box
from edgewise.pde._determinacy import step_determinacy
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._jet import Jet
from edgewise.pde._outcome import Outcome
from edgewise.pde._problem import Condition, Equation, Left, Problem
from edgewise.pde._space import Space

_WAVE = 4.0  # a wave number in the length of space, at whose rate of change a step is looked at
_CELLS, _DEGREE = 32, 7


def check_count(evolution: Evolution, *, surplus: bool = True) -> None:
    """Raise InputError where the conditions at the ends of space are too few or, if `surplus`, too many.

    An implicit step  rate (u - u_0) = F(u)  with the conditions at the ends must have one solution whatever the data.
    That is examined about what the unknowns begin with, with other data added to each equation and condition.
    """
    if len(evolution.spaces) > 1 or evolution.periodic:
        return
    begin = _Begin(evolution)
    found = step_determinacy(_step(evolution, begin), begin.jets)
    space = evolution.problem.box.names[evolution.space]
    if found.outcome is Outcome.UNDETERMINED:
        raise InputError(f"There are too few conditions at the ends of {space}. {found.advice}")
    if surplus and found.outcome is Outcome.NO_SOLUTION and found.advice:
        raise InputError(f"There are too many conditions at the ends of {space}. {found.advice}")


class _Begin:
    """What the components begin with, as splines. rate: of their change by time that the equation has for a wave."""

    def __init__(self, evolution: Evolution) -> None:
        self.evolution, (low, high) = evolution, evolution.interval
        self.space = Space(np.linspace(low, high, _CELLS + 1), _DEGREE)
        x, weights = self.space.gauss(_DEGREE + 1)
        self.coefficients = self.space.project(evolution.initial(x), x, weights)
        parts = {part: self.part(torch.from_numpy(x), part) for part in evolution.parts}
        time = torch.full((len(x),), evolution.duration[0], dtype=torch.float64)
        _, slopes = evolution.inside(parts, time, torch.from_numpy(x))
        sizes = {part: float(slope.square().mean().sqrt()) for part, slope in slopes.items()}
        moved = sum(size * (_WAVE / (high - low)) ** a for (_, a, b), size in sizes.items() if not b)
        held = max([size for (_, _, b), size in sizes.items() if b], default=1.0)
        self.rate = max(moved / max(held, 1e-300), 1 / (evolution.duration[1] - evolution.duration[0]))

    def part(self, x: Tensor, part: Part) -> Tensor:
        c, a, b = part
        return torch.from_numpy(self.space.matrix(x.numpy(), a) @ self.coefficients[:, c]) * (b == 0)

    def jets(self, points: Tensor) -> Jets:
        """The components' derivatives, (n, components) of each order."""
        components = range(len(self.evolution.components))
        read = [self.evolution.parts, *(self.evolution.read(condition) for condition, _ in self.evolution.sides)]
        orders = range(max(a for parts in read for _, a, _ in parts) + 1)
        return {
            (0,) * a: torch.stack([self.part(points[:, 0], (c, a, 0)) for c in components], 1) for a in orders
        }  # fmt: skip


def _step(evolution: Evolution, begin: _Begin) -> Problem:
    """A step of the components as a problem in space."""
    names, (low, high) = evolution.problem.box.names, evolution.interval
    box, numbers = Box(**{names[evolution.space]: (low, high)}), count(1)

    def given(u: Any, x: Tensor, parts: tuple[Part, ...]) -> dict[Part, Tensor]:
        unknowns: tuple[Jet, ...] = (u,) if isinstance(u, Jet) else u
        found = {}
        for c, a, b in parts:
            value = unknowns[c].d(*[names[evolution.space]] * a)
            found[c, a, b] = begin.rate * (value - begin.part(x, (c, a, 0))) if b else value
        return found

    def stated(equation: Any, parts: tuple[Part, ...], number: int) -> Equation:
        def residual(u: Any, p: SimpleNamespace) -> Left:
            x = getattr(p, names[evolution.space])
            time = torch.full_like(x, evolution.duration[0])
            left = equation(given(u, x, parts), time, x)
            more = torch.cos(number + 2 * (x - low) / (high - low))
            return tuple(part + more * (k + 1) ** -0.5 for k, part in enumerate(left))

        return residual

    def of_side(condition: Condition) -> Any:
        return lambda known, t, x: evolution.equations(condition.residual, known, t, x)

    sides = [
        Condition(
            box.face(**{names[evolution.space]: end}),
            stated(of_side(condition), evolution.read(condition), next(numbers)),
        )
        for condition, end in evolution.sides
    ]
    inner = stated(lambda known, t, x: evolution.all_equations(known, t, x), evolution.parts, 0)
    return Problem(box, inner, sides, unknowns=len(evolution.components))
