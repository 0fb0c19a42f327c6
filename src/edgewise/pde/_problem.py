"""What is to hold and where: a box and its faces, an equation inside, conditions, unknown constants, measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations_with_replacement
from types import SimpleNamespace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise._jets import Jets, Order, below
from edgewise._typing import Data
from edgewise.pde._jet import HIGHEST, Jet

Way = Literal["sobol", "random", "grid"]
_WAYS = get_args(Way)


@dataclass(frozen=True)
class Box:
    """A product of intervals of named coordinates.

    >>> square = Box(x=(-1, 1), y=(-1, 1))
    >>> square.points(100, seed=0).shape
    torch.Size([100, 2])
    >>> len(square.boundary().points(40))
    40
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __init__(self, **ranges: tuple[float, float]) -> None:
        if not ranges:
            raise InputError("A Box needs at least one coordinate, like Box(x=(0, 1)).")
        for name, ends in ranges.items():
            sound = isinstance(ends, tuple | list) and len(ends) == 2 and all(is_number(end) for end in ends)
            if not sound or not ends[0] < ends[1]:
                raise InputError(
                    f"The range of {name!r} must be (low, high) with low < high, both finite. Got {ends!r}."
                )
        object.__setattr__(self, "names", tuple(ranges))
        object.__setattr__(self, "low", tuple(float(low) for low, _ in ranges.values()))
        object.__setattr__(self, "high", tuple(float(high) for _, high in ranges.values()))

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Lower and upper ends, each (d,)."""
        return torch.tensor(self.low, dtype=torch.float64), torch.tensor(self.high, dtype=torch.float64)

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Points (n, d) inside: a Sobol sequence, uniform random ones, or a lattice of at most `count` of them."""
        low, high = self.ends
        return low + (high - low) * _unit(count, len(self.names), seed, how)

    def face(self, **at: float) -> Face:
        """The face where one coordinate is at one of its ends, like face(t=0)."""
        if len(at) != 1:
            raise InputError(f"A face fixes one coordinate, like face(x=0). Got {at!r}.")
        (name, value), = at.items()  # fmt: skip
        if name not in self.names:
            raise unknown("coordinate", name, self.names)
        k = self.names.index(name)
        if value not in (self.low[k], self.high[k]):
            raise InputError(f"{name!r} ends at {self.low[k]:g} and {self.high[k]:g}. Got {value!r}.")
        return Face(self, ((k, float(value)),))

    def boundary(self, *names: str) -> Face:
        """All faces, or those at both ends of the named coordinates."""
        for name in names:
            if name not in self.names:
                raise unknown("coordinate", name, self.names)
        chosen = [k for k, name in enumerate(self.names) if name in (names or self.names)]
        return Face(self, tuple((k, end) for k in chosen for end in (self.low[k], self.high[k])))


@dataclass(frozen=True)
class Face:
    """Faces of a box, each a coordinate's number and the end where it is held."""

    box: Box
    fixed: tuple[tuple[int, float], ...]

    def points(self, count: int, seed: int = 0, how: Way = "sobol") -> Tensor:
        """Points (n, d), as many on each face."""
        share = math.ceil(count / len(self.fixed))
        parts = []
        for number, (k, end) in enumerate(self.fixed):
            part = self.box.points(share, seed + number, how)
            part[:, k] = end
            parts.append(part)
        return torch.cat(parts)


def _unit(count: int, d: int, seed: int, how: Way) -> Tensor:
    """Points (n, d) in [0, 1]^d."""
    if how not in _WAYS:
        raise unknown("way to place points", how, _WAYS)
    if not is_int(count, 1):
        raise InputError(f"The number of points must be an int >= 1. Got {count!r}.")
    count = int(count)
    if how == "random":
        return torch.rand(count, d, generator=torch.Generator().manual_seed(int(seed)), dtype=torch.float64)
    if how == "grid":
        side = torch.linspace(0, 1, max(2, math.floor(count ** (1 / d) + 1e-9)), dtype=torch.float64)
        return torch.cartesian_prod(*[side] * d).reshape(-1, d)
    return torch.quasirandom.SobolEngine(d, scramble=True, seed=int(seed)).draw(count, dtype=torch.float64)


Left = Tensor | tuple[Tensor, ...]
Equation = (  # of the unknown, a Jet, or a tuple of them where there are several: a type checker cannot tell which
    Callable[[Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace, SimpleNamespace], Left]
)
Function = Callable[[Any, SimpleNamespace], Any]  # of jets, which torch's functions take, but not in its types


@dataclass(frozen=True)
class Condition:
    """What is to hold on faces or at given points: residual(u, p), or residual(u, p, c) with unknown constants c.

    `where` is `box.face(t=0)`, `box.boundary()`, or points (n, d). With `also`, as many points again, the residual
    takes the unknown at both: residual(u, v, p), as for periodic functions. `weight` multiplies the mean square.
    """

    where: Face | Tensor
    residual: Equation
    weight: float = 100.0
    also: Face | Tensor | None = None

    def __post_init__(self) -> None:
        if not is_number(self.weight) or not self.weight > 0:
            raise InputError(f"The weight of a condition must be a number > 0. Got {self.weight!r}.")

    def points(self, count: int, seed: int) -> list[Tensor]:
        sides = [self.where] if self.also is None else [self.where, self.also]
        found = [side.points(count, seed) if isinstance(side, Face) else side for side in sides]
        if len(found) == 2 and len(found[0]) != len(found[1]):
            raise InputError(f"Both sides of a condition need as many points. Got {len(found[0])} and {len(found[1])}.")
        return found


@dataclass(frozen=True)
class Periodic(Condition):
    """The condition that the unknowns are periodic in a named coordinate."""

    name: str = ""


def periodic(box: Box, name: str, weight: float = 100.0) -> Periodic:
    """The condition that values and slopes are the same at both ends of a coordinate.

    >>> periodic(Box(t=(0, 1), x=(-1, 1)), "x").weight
    100.0
    """
    low, high = box.boundary(name).fixed

    def residual(u: Any, v: Any, *_: Any) -> tuple[Tensor, ...]:
        both = [(u, v)] if isinstance(u, Jet) else list(zip(u, v, strict=True))
        return tuple(part for a, b in both for part in (a.value - b.value, a.d(name) - b.d(name)))

    return Periodic(Face(box, (low,)), residual, weight, Face(box, (high,)), name)


def measured(points: Data, values: Data, weight: float = 100.0, output: int = 0) -> Condition:
    """The condition that an unknown takes measured values (n,) at points (n, d).

    >>> measured([[0.0, 0.5]], [1.0]).where.shape
    torch.Size([1, 2])
    """
    at, known = (torch.as_tensor(part, dtype=torch.float64) for part in (points, values))
    if at.ndim != 2 or known.shape != at.shape[:1]:
        raise InputError(f"Points (n, d) and values (n,) are needed. Got {tuple(at.shape)} and {tuple(known.shape)}.")
    if not bool(torch.isfinite(at).all() and torch.isfinite(known).all()):
        raise InputError("Measured points and values must be finite numbers. Got NaN or infinity among them.")

    def residual(u: Any, *_: Any) -> Tensor:
        return (u if isinstance(u, Jet) else u[output]).value - known

    return Condition(at, residual, weight)


@dataclass(frozen=True)
class Problem:
    """A differential equation: residual(u, p) is zero inside the box, and its conditions hold.

    residual    a function of the unknown u and the point p, which returns a tensor (n,) or a tuple of them:
                u.value, u.x, u.xx, u.xy are the unknown and its derivatives, p.x, p.y the coordinates. With several
                unknowns u is a tuple; with `constants` a third argument c holds them, as c.nu.
    conditions  what holds on faces or at points
    ansatz      a function of the network n and the coordinates p, all with their derivatives, that gives the unknown:
                lambda n, p: (1 - p.x**2) * n vanishes at x = -1 and 1 whatever the network is
    constants   unknown numbers with their first values, found together with the solution
    unknowns    how many functions are sought

    >>> import torch
    >>> box = Box(x=(0, 1))
    >>> Problem(box, lambda u, p: u.xx + u.value, [Condition(box.boundary(), lambda u, p: u.value - p.x)]).unknowns
    1
    """

    box: Box
    residual: Equation
    conditions: Sequence[Condition] = ()
    ansatz: Function | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    unknowns: int = 1

    def unknown(self, jets: Jets, points: Tensor, asked: tuple[set[Order], ...] = ()) -> Jet | tuple[Jet, ...]:
        """The unknown functions of the jets (n, m) of a network's outputs; `asked` notes which derivatives are read."""
        names = self.box.names
        outputs = tuple(
            Jet({order: part[:, k] for order, part in jets.items()}, names, asked) for k in range(self.unknowns)
        )
        whole: Any = outputs[0] if self.unknowns == 1 else outputs
        if self.ansatz is None:
            return whole
        return self.ansatz(whole, SimpleNamespace(**Jet.coordinates(points, names, jets)))

    @cached_property
    def orders(self) -> list[Order]:
        """The derivatives that the equation and its conditions read, and all below them."""
        asked: set[Order] = set()
        self._note(self.residual, [self.box.points(2)], asked)
        for condition in self.conditions:
            self._note(condition.residual, condition.points(2, 0), asked)
        return below(asked)

    def _note(self, equation: Equation, sides: list[Tensor], asked: set[Order]) -> None:
        """Add the derivatives that an equation reads."""
        d = len(self.box.names)
        every = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(d), k)]
        unknowns = []
        for points in sides:
            some = torch.full((len(points), self.unknowns), 0.5, dtype=torch.float64)
            unknowns.append(self.unknown(dict.fromkeys(every, some), points, (asked,)))
        constants = {name: torch.full((len(sides[0]),), float(v)) for name, v in self.constants.items()}
        self.left(equation, unknowns, sides[0], constants)

    def left(
        self, equation: Callable[..., Left], unknowns: Sequence[Any], points: Tensor, constants: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """What an equation leaves at points: tensors (n,)."""
        at = SimpleNamespace(**{name: points[:, k] for k, name in enumerate(self.box.names)})
        more = (SimpleNamespace(**constants),) if constants else ()
        found = equation(*unknowns, at, *more)
        parts = found if isinstance(found, tuple) else (found,)
        for part in parts:
            if not isinstance(part, Tensor) or part.shape != points.shape[:1]:
                got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise InputError(
                    f"A residual must give tensors of shape ({len(points)},), one number a point. Got {got}."
                )
        return parts
