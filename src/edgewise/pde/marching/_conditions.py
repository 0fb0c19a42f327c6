"""Conditions at the ends of space: whether they agree with the initial values, and are as many as are needed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from edgewise._errors import InputError
from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.marching._evolution import Evolution, Part, Side
from edgewise.pde.marching._settings import ENDS
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.solving._determinacy import determinacy
from edgewise.pde.splines._space import Products, Space, grid_points
from edgewise.pde.statement._condition import Condition, Equation, Left
from edgewise.pde.statement._problem import Problem


def one_sided(function: Callable[[Array], Array], end: float, other: float, highest: int) -> Array:
    """Return the derivatives (highest + 1, m) at an end of values (n, m), by Chebyshev's polynomials near it.

    On the widest part of the interval on which their coefficients fall to rounding; or, where they never do, as at a
    kink, where they fall furthest.

    >>> found = one_sided(lambda x: np.exp(-(x[:, None] ** 2)), 0.0, 100.0, 2)
    >>> np.allclose(found[:, 0], [1, 0, -2], atol=1e-9)
    True
    """
    nodes = chebyshev.chebpts2(ENDS.points)
    best, found = np.inf, np.zeros((highest + 1, 0))
    for halving in range(ENDS.halvings):
        length = (other - end) * ENDS.widest * 0.5**halving
        values = function(end + length * (1 + nodes) / 2)
        coefficients = chebyshev.chebfit(nodes, values, ENDS.points - 1)
        largest = np.abs(coefficients).max(0)
        tail = float((np.abs(coefficients[-4:]).max(0) / np.maximum(largest, 1e-300)).max())
        if tail >= best:
            continue
        best = tail
        kept = np.where(np.abs(coefficients) > ENDS.rounding * largest, coefficients, 0.0)
        found = np.stack([_at_begin(kept, order) * (2 / length) ** order for order in range(highest + 1)])
        if tail < ENDS.rounding:
            break
    return found


def _at_begin(coefficients: Array, order: int) -> Array:
    """The derivative of a polynomial at -1, for each column of coefficients."""
    return np.asarray(chebyshev.chebval(-1.0, chebyshev.chebder(coefficients, order) if order else coefficients))


def at_start(evolution: Evolution, side: Side, space: Products, begins: Array) -> tuple[Tensor, dict[Part, Tensor]]:
    """What a condition leaves of the initial values along an end, and its derivatives by the parts it reads."""
    parts, k = evolution.read(side.condition), side.coordinate
    places = space.places(2)
    places[k] = np.array([side.end])
    points, low, high = grid_points(places), *evolution.intervals[k]

    def across(x: Array) -> Array:
        grid = evolution.initial(grid_points([*places[:k], x, *places[k + 1 :]]))
        return np.moveaxis(grid.reshape(*map(len, places[:k]), len(x), *map(len, places[k + 1 :]), -1), k, 0).reshape(
            len(x), -1
        )

    highest = max((a[k] for _, a, _ in parts), default=0)
    normal = one_sided(across, side.end, low + high - side.end, highest).reshape(highest + 1, len(points), -1)
    given = {
        (c, a, b): torch.from_numpy(
            (normal[a[k], :, c] if sum(a) == a[k] else space.matrix(points, a) @ begins[:, c]) * (b == 0)
        )
        for c, a, b in parts
    }
    t = torch.full((len(points),), evolution.duration[0], dtype=torch.float64)
    return evolution.left(side.condition.equation, given, t, torch.from_numpy(points))


def check_ends(evolution: Evolution, space: Products, begins: Array, sizes: Array) -> None:
    """Raise InputError where the initial values and the conditions at an end of space disagree."""
    for side in evolution.ends:
        if any(b or not evolution.changing[c] for c, _, b in evolution.read(side.condition)):
            continue
        left, slopes = at_start(evolution, side, space, begins)
        scale = torch.zeros(len(left), dtype=torch.float64)
        for part, slope in slopes.items():
            scale += slope.abs().max(1).values * _largest(evolution, space, begins, sizes, part)
        if bool((left.abs().max(1).values > ENDS.disagree * scale).any()):
            names = evolution.problem.box.names
            where, time = names[evolution.spaces[side.coordinate]], names[evolution.time]
            raise InputError(
                f"The initial values and the condition at {where}={side.end:g} disagree at {time}="
                f"{evolution.duration[0]:g}: the condition leaves {float(left.abs().max()):.3g}. March from values "
                "that meet it."
            )


def _largest(evolution: Evolution, space: Products, begins: Array, sizes: Array, part: Part) -> float:
    """The largest value of a part at first, or what the component's size over the space's lets expect."""
    c, a, _ = part
    usual = sizes[c]
    for order, (low, high) in zip(a, evolution.intervals, strict=True):
        usual /= (high - low) ** order
    return max(usual, float(np.abs(space.matrix(space.gauss(1)[0], a) @ begins[:, c]).max()))


def check_count(evolution: Evolution, *, surplus: bool = True) -> None:
    """Raise InputError where the conditions at the ends of space are too few or, if `surplus`, too many.

    An implicit step  rate (u - u_0) = F(u)  with the conditions at the ends must have one solution whatever the data.
    That is examined about what the unknowns begin with, with other data added to each equation and condition.
    """
    if len(evolution.spaces) != 1 or evolution.periods[0]:
        return
    begin = _Begin(evolution)
    found = determinacy(_step(evolution, begin), begin.jets)
    space = evolution.problem.box.names[evolution.spaces[0]]
    if found.outcome is Outcome.UNDETERMINED:
        raise InputError(f"There are too few conditions at the ends of {space}. {found.advice}")
    if surplus and found.outcome is Outcome.NO_SOLUTION and found.advice:
        raise InputError(f"There are too many conditions at the ends of {space}. {found.advice}")


class _Begin:
    """What the components begin with, as splines. rate: of their change by time that the equation has for a wave."""

    def __init__(self, evolution: Evolution) -> None:
        self.evolution, (low, high) = evolution, evolution.intervals[0]
        self.space = Space(np.linspace(low, high, ENDS.cells + 1), ENDS.degree)
        x, _ = self.space.gauss(ENDS.degree + 1)
        self.coefficients = self.space.project(evolution.initial(x), ENDS.degree + 1)
        parts = {part: self.part(torch.from_numpy(x), part) for part in evolution.parts}
        time = torch.full((len(x),), evolution.duration[0], dtype=torch.float64)
        _, slopes = evolution.inside(parts, time, torch.from_numpy(x))
        sizes = {part: float(slope.square().mean().sqrt()) for part, slope in slopes.items()}
        moved = sum(size * (ENDS.wave / (high - low)) ** sum(a) for (_, a, b), size in sizes.items() if not b)
        held = max([size for (_, _, b), size in sizes.items() if b], default=1.0)
        self.rate = max(moved / max(held, 1e-300), 1 / (evolution.duration[1] - evolution.duration[0]))

    def part(self, x: Tensor, part: Part) -> Tensor:
        c, a, b = part
        return torch.from_numpy(self.space.matrix(x.numpy(), *a) @ self.coefficients[:, c]) * (b == 0)

    def jets(self, points: Tensor) -> Jets:
        """The components' derivatives, (n, components) of each order."""
        components = range(len(self.evolution.components))
        read = [self.evolution.parts, *(self.evolution.read(side.condition) for side in self.evolution.ends)]
        orders = range(max(sum(a) for parts in read for _, a, _ in parts) + 1)
        return {
            (0,) * a: torch.stack([self.part(points[:, 0], (c, (a,), 0)) for c in components], 1) for a in orders
        }  # fmt: skip


def _step(evolution: Evolution, begin: _Begin) -> Problem:
    """A step of the components as a problem in space."""
    name, (low, high) = evolution.problem.box.names[evolution.spaces[0]], evolution.intervals[0]
    box, numbers = Box(**{name: (low, high)}), count(1)

    def given(u: Any, x: Tensor, parts: tuple[Part, ...]) -> dict[Part, Tensor]:
        unknowns: tuple[Jet, ...] = (u,) if isinstance(u, Jet) else u
        found = {}
        for c, a, b in parts:
            value = unknowns[c].d(*[name] * a[0])
            found[c, a, b] = begin.rate * (value - begin.part(x, (c, a, 0))) if b else value
        return found

    def stated(equation: Any, parts: tuple[Part, ...], number: int) -> Equation:
        def residual(u: Any, p: SimpleNamespace) -> Left:
            x = getattr(p, name)
            time = torch.full_like(x, evolution.duration[0])
            left = equation(given(u, x, parts), time, x)
            more = torch.cos(number + 2 * (x - low) / (high - low))
            return tuple(part + more * (k + 1) ** -0.5 for k, part in enumerate(left))

        return residual

    def of_side(condition: Condition) -> Any:
        return lambda known, t, x: evolution.equations(condition.equation, known, t, x)

    sides = [
        Condition(
            box.face(**{name: side.end}), stated(of_side(side.condition), evolution.read(side.condition), next(numbers))
        )
        for side in evolution.ends
    ]
    inner = stated(lambda known, t, x: evolution.all_equations(known, t, x), evolution.parts, 0)
    return Problem(box, inner, sides, unknowns=len(evolution.components))
