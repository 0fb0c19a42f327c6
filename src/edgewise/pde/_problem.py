"""What is to hold: an equation inside a box, conditions on its faces or anywhere, unknown constants, measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.pde._domain import Box, Face
from edgewise.pde._jet import Jet

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


def periodic(box: Box, name: str, weight: float = 100.0) -> Condition:
    """The condition that values and slopes are the same at both ends of a coordinate.

    >>> periodic(Box(t=(0, 1), x=(-1, 1)), "x").weight
    100.0
    """
    low, high = box.boundary(name).fixed

    def residual(u: Any, v: Any, p: Any) -> tuple[Tensor, ...]:
        both = [(u, v)] if isinstance(u, Jet) else list(zip(u, v, strict=True))
        return tuple(part for a, b in both for part in (a.value - b.value, a.d(name) - b.d(name)))

    return Condition(Face(box, (low,)), residual, weight, Face(box, (high,)))


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

    def unknown(self, jets: tuple[Tensor, Tensor, Tensor], points: Tensor) -> Jet | tuple[Jet, ...]:
        """The unknown functions of a network's outputs (n, m), their gradients (n, m, d) and bends (n, m, d, d)."""
        names, (value, gradient, bend) = self.box.names, jets
        outputs = tuple(Jet(value[:, k], gradient[:, k], bend[:, k], names) for k in range(self.unknowns))
        whole: Any = outputs[0] if self.unknowns == 1 else outputs
        if self.ansatz is None:
            return whole
        return self.ansatz(whole, SimpleNamespace(**Jet.coordinates(points, names)))

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
