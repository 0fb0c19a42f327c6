"""What is to hold: an equation inside a domain, conditions, unknown constants, measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations_with_replacement
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Jets, Order, below
from edgewise._typing import Data
from edgewise.pde._boundary import Boundary
from edgewise.pde._box import Box, Face
from edgewise.pde._coefficient import Coefficient
from edgewise.pde._corner import Singular
from edgewise.pde._domain import Domain
from edgewise.pde._enrichment import enrichment
from edgewise.pde._jet import HIGHEST, Jet

Left = Tensor | tuple[Tensor, ...]
Equation = (  # of the unknown, a Jet, or a tuple of them where there are several: a type checker cannot tell which
    Callable[[Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace, SimpleNamespace], Left]
)
Function = Callable[[Any, SimpleNamespace], Any]  # of jets, which torch's functions take, but not in its types


_NONE: Mapping[str, Any] = {}
Where = Face | Boundary | Tensor


class OnBoundary(SimpleNamespace):
    """The coordinates of points on a boundary, and the outward normal there as nx, ny, found when it is read."""

    def __init__(self, side: Face | Boundary, names: tuple[str, ...], coordinates: Mapping[str, Tensor]) -> None:
        super().__init__(**coordinates)
        self._side, self._names = side, names

    def __getattr__(self, name: str) -> Tensor:
        if name not in {"n" + known for known in self._names}:
            raise AttributeError(
                f"A point of the boundary has {', '.join(self._names)} and their normals. Got {name!r}."
            )
        points = torch.stack([self.__dict__[known] for known in self._names], dim=1)
        normals = self._side.normals(points)
        self.__dict__.update({"n" + known: normals[:, k] for k, known in enumerate(self._names)})
        return self.__dict__[name]


@dataclass(frozen=True)
class Condition:
    """What is to hold on a boundary or at points: residual(u, p), or residual(u, p, c) with unknown constants c.

    `where` is a boundary, as `box.face(t=0)`, `box.boundary()`, `polygon.edge(0)`, or points (n, d). On a boundary p
    has the outward normal as well: p.nx, p.ny, named after the coordinates. With `also`, as many points again, the
    residual takes the unknown at both: residual(u, v, p), as for periodic functions. `weight` multiplies the mean
    square.
    """

    where: Where
    residual: Equation
    weight: float = 100.0
    also: Where | None = None

    def __post_init__(self) -> None:
        if not is_number(self.weight) or not self.weight > 0:
            raise InputError(f"The weight of a condition must be a number > 0. Got {self.weight!r}.")
        for side in (self.where, self.also):
            if not isinstance(side, Face | Boundary | Tensor | None):
                raise InputError(
                    "A condition holds on a boundary, like box.boundary() or polygon.edge(0), or at points (n, d). "
                    f"Got {type(side).__name__}."
                )

    def points(self, count: int, seed: int) -> list[Tensor]:
        sides = [self.where] if self.also is None else [self.where, self.also]
        found = [side if isinstance(side, Tensor) else side.points(count, seed) for side in sides]
        if len(found) == 2 and len(found[0]) != len(found[1]):
            raise InputError(f"Both sides of a condition need as many points. Got {len(found[0])} and {len(found[1])}.")
        return found

    @property
    def place(self) -> str:
        """Where it holds, in words."""
        where = self.where
        if isinstance(where, Tensor):
            return f"at {len(where)} points"
        if isinstance(where, Face):
            return "at " + ", ".join(f"{where.box.names[k]} = {end:g}" for k, end in where.fixed)
        return "on the boundary"

    @property
    def equation(self) -> Equation:
        """The residual, with the outward normal added to the points that it is given."""
        side, place = self.where, 1 if self.also is None else 2
        if isinstance(side, Tensor):
            return self.residual
        names = side.box.names if isinstance(side, Face) else side.domain.names
        residual: Any = self.residual

        def equation(*given: Any) -> Left:
            at = OnBoundary(side, names, vars(given[place]))
            return residual(*given[:place], at, *given[place + 1 :])

        return equation


@dataclass(frozen=True)
class Measured(Condition):
    """The condition that an unknown takes measured values (n,)."""

    values: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))


@dataclass(frozen=True)
class Periodic(Condition):
    """The condition that the unknowns are periodic in a named coordinate."""

    name: str = ""

    @property
    def place(self) -> str:
        return f"periodic in {self.name}"


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


def measured(points: Data, values: Data, weight: float = 100.0, output: int = 0) -> Measured:
    """The condition that an unknown takes measured values (n,) at points (n, d).

    >>> measured([[0.0, 0.5]], [1.0]).where.shape
    torch.Size([1, 2])
    """
    at, known = torch.as_tensor(points, dtype=torch.float64), torch.as_tensor(values)
    known = known.to(torch.complex128 if known.is_complex() else torch.float64)
    if at.ndim != 2 or known.shape != at.shape[:1]:
        raise InputError(f"Points (n, d) and values (n,) are needed. Got {tuple(at.shape)} and {tuple(known.shape)}.")
    if not bool(torch.isfinite(at).all() and torch.isfinite(known).all()):
        raise InputError("Measured points and values must be finite numbers. Got NaN or infinity among them.")

    def residual(u: Any, *_: Any) -> Tensor:
        return (u if isinstance(u, Jet) else u[output]).value - known

    return Measured(at, residual, weight, values=known)


@dataclass(frozen=True)
class Problem:
    """A differential equation: residual(u, p) is zero inside the domain, and its conditions hold.

    residual    a function of the unknown u and the point p, which returns a tensor (n,) or a tuple of them:
                u.value, u.x, u.xx, u.xy are the unknown and its derivatives, p.x, p.y the coordinates. With several
                unknowns u is a tuple; with `constants` a third argument c holds them, as c.nu.
    domain      a Box, a Disk, a Polygon, or what |, & and - make of them
    conditions  what holds on the boundary or at points
    ansatz      a function of the network n and the coordinates p, all with their derivatives, that gives the unknown:
                lambda n, p: (1 - p.x**2) * n vanishes at x = -1 and 1 whatever the network is
    constants   unknown numbers with their first values, found together with the solution
    functions   unknown functions by name, found as well: the names of what each depends on, as "x" or ("x", "u"), or a
                `Coefficient`. The third argument holds them too, to be called: c.k(p.x).value, c.D(u.value).u
    unknowns    how many functions are sought
    singular    functions that are added to the network, each times an unknown number: those of `Corner.singular`. With
                "auto" those of all corners of a domain that is no Box, where it has one unknown, no ansatz, and an
                equation whose second derivatives are Laplace's.
    complex     whether the unknowns are complex: u.value and its derivatives then are complex tensors, and a network
                has two outputs for each, the real and the imaginary part

    >>> import torch
    >>> box = Box(x=(0, 1))
    >>> Problem(box, lambda u, p: u.xx + u.value, [Condition(box.boundary(), lambda u, p: u.value - p.x)]).unknowns
    1
    """

    domain: Domain
    residual: Equation
    conditions: Sequence[Condition] = ()
    ansatz: Function | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    unknowns: int = 1
    singular: Sequence[Singular] | Literal["auto"] = "auto"
    complex: bool = False
    functions: Mapping[str, str | Sequence[str] | Coefficient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.complex, bool):
            raise InputError(f"'complex' must be True or False. Got {self.complex!r}.")
        if not isinstance(self.domain, Domain):
            raise InputError(f"The domain must be a Box, a Disk, a Polygon or made of them. Got {self.domain!r:.80}.")
        both = sorted(set(self.constants) & set(self.functions))
        if both:
            raise InputError(f"A name is either a constant or an unknown function. Got {both[0]!r} as both.")

    @cached_property
    def coefficients(self) -> dict[str, Coefficient]:
        """The unknown functions of the equation."""
        return {name: own if isinstance(own, Coefficient) else Coefficient(own) for name, own in self.functions.items()}

    @property
    def box(self) -> Box:
        """The domain, which must be a Box."""
        if not isinstance(self.domain, Box):
            raise InputError(f"Here the domain must be a Box. Got {self.domain!r:.80}.")
        return self.domain

    @cached_property
    def terms(self) -> tuple[Singular, ...]:
        """The singular functions that are added to the network."""
        if isinstance(self.singular, str):
            if self.singular != "auto":
                raise InputError(f"'singular' must be 'auto' or functions of corners. Got {self.singular!r}.")
            return enrichment(self)
        return tuple(self.singular)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The unknown constants and the factors of the singular functions, with their first values."""
        return {**self.constants, **{repr(function): 0.0 for function in self.terms}}

    def unknown(
        self, jets: Jets, points: Tensor, asked: tuple[set[Order], ...] = (), numbers: Mapping[str, Any] = _NONE
    ) -> Jet | tuple[Jet, ...]:
        """The unknown functions of the jets (n, m) of a network's outputs.

        `asked` notes which derivatives are read; `numbers` are the factors of the singular functions.
        """
        names = self.domain.names
        outputs = tuple(
            Jet({order: part[:, k] for order, part in jets.items()}, names, asked) for k in range(self.unknowns)
        )
        whole: Any = outputs[0] if self.unknowns == 1 else outputs
        for function in self.terms:
            whole = whole + function.jet(points, jets) * numbers.get(repr(function), 0.0)
        if self.ansatz is None:
            return whole
        return self.ansatz(whole, SimpleNamespace(**Jet.coordinates(points, names, jets)))

    def presented(self, unknowns: Jet | tuple[Jet, ...]) -> Jet | tuple[Jet, ...]:
        """The unknowns as the problem was stated."""
        return unknowns

    def outputs_of(self, unknown: int) -> tuple[int, ...]:
        """The network's outputs that make up an unknown, as the problem was stated."""
        return (unknown,)

    @cached_property
    def orders(self) -> list[Order]:
        """The derivatives that the equation and its conditions read, and all below them."""
        return below(self._read[0])

    @property
    def function_orders(self) -> dict[str, list[Order]]:
        """The same of each unknown function."""
        return {name: below(asked) for name, asked in self._read[1].items()}

    @cached_property
    def _read(self) -> tuple[set[Order], dict[str, set[Order]]]:
        """The derivatives of the unknowns and of each unknown function that are read."""
        asked: set[Order] = set()
        of_functions: dict[str, set[Order]] = {name: set() for name in self.functions}
        self._note(self.residual, [self.domain.points(2)], asked, of_functions)
        for condition in self.conditions:
            self._note(condition.equation, condition.points(2, 0), asked, of_functions)
        return asked, of_functions

    def _note(
        self, equation: Equation, sides: list[Tensor], asked: set[Order], of_functions: dict[str, set[Order]]
    ) -> None:  # fmt: skip
        """Add the derivatives that an equation reads."""
        d = len(self.domain.names)
        every = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(d), k)]
        unknowns = []
        for points in sides:
            some = torch.full((len(points), self.unknowns), 0.5, dtype=torch.float64)
            unknowns.append(self.unknown(dict.fromkeys(every, some), points, (asked,)))
        constants: dict[str, Any] = {
            name: torch.full_like(sides[0][:, 0], float(v)) for name, v in self.constants.items()
        }
        constants |= {name: own.constant(of_functions[name]) for name, own in self.coefficients.items()}
        self.left(equation, unknowns, sides[0], constants)

    def left(
        self, equation: Callable[..., Left], unknowns: Sequence[Any], points: Tensor, constants: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        """What an equation leaves at points: tensors (n,). Unknown functions that are not given are constant."""
        at = SimpleNamespace(**{name: points[:, k] for k, name in enumerate(self.domain.names)})
        known = {name: constants[name] for name in self.constants}
        for name, own in self.coefficients.items():
            known[name] = constants.get(name) or own.constant()
        more = (SimpleNamespace(**known),) if known else ()
        found = equation(*unknowns, at, *more)
        parts = found if isinstance(found, tuple) else (found,)
        for part in parts:
            if isinstance(part, Tensor) and part.is_complex():
                raise InputError("This residual is complex. State so: Problem(..., complex=True).")
            if not isinstance(part, Tensor) or part.shape != points.shape[:1]:
                got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise InputError(
                    f"A residual must give tensors of shape ({len(points)},), one number a point. Got {got}."
                )
        return tuple(part.to(torch.float64) for part in parts)
