"""What is to hold on boundaries, at points, and of integrals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.pde.geometry._boundary import Boundary
from edgewise.pde.geometry._domain import Box, Domain, Face
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.statement._quadrature import Rule, quadrature

Left = Tensor | tuple[Tensor, ...]
Equation = (  # of the unknown, a Jet, or a tuple of them where there are several: a type checker cannot tell which
    Callable[[Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace], Left]
    | Callable[[Any, Any, SimpleNamespace, SimpleNamespace], Left]
)
Function = Callable[[Any, SimpleNamespace], Any]  # of jets, which torch's functions take, but not in its types


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

    Parameters
    ----------
    where
        A boundary, as `box.face(t=0)`, `box.boundary()`, `polygon.edge(0)`, or points (n, d).
    residual
        A function that is to be zero, of the unknown u, the point p and the constants c. On a boundary p has the
        outward normal as well: p.nx, p.ny, named after the coordinates.
    weight
        The factor of the mean square of the residual in the loss.
    also
        As many points again, or a second boundary. The residual then takes the unknown at both: residual(u, v, p), as
        for periodic functions.

    Raises
    ------
    InputError
        For a weight that is no number > 0, and places that are neither a boundary nor points.
    """

    where: Where
    residual: Equation
    weight: float = 100.0
    also: Where | None = None

    def __post_init__(self) -> None:
        if not is_number(self.weight) or not self.weight > 0:
            raise InputError(f"The weight of a condition must be a number > 0. Got {self.weight!r}.")
        for name in ("where", "also"):
            side: Any = getattr(self, name)
            if isinstance(side, np.ndarray) or (isinstance(side, list) and side and isinstance(side[0], list | tuple)):
                side = torch.as_tensor(side, dtype=torch.float64)
                object.__setattr__(self, name, side)
            if not isinstance(side, Face | Boundary | Tensor | None):
                raise InputError(
                    "A condition holds on a boundary, like box.boundary() or polygon.edge(0), or at points (n, d). "
                    f"Got {type(side).__name__}."
                )

    def points(self, count: int, seed: int) -> list[Tensor]:
        """Return points at which the condition is to hold, a tensor (n, d) for each side.

        Parameters
        ----------
        count
            The number of points on a boundary; points that were given stay as they are.
        seed
            Seed of the Sobol sequence on a boundary.

        Raises
        ------
        InputError
            Where the two sides do not have as many points.
        """
        sides = [self.where] if self.also is None else [self.where, self.also]
        found = [side if isinstance(side, Tensor) else side.points(count, seed) for side in sides]
        if len(found) == 2 and len(found[0]) != len(found[1]):
            raise InputError(f"Both sides of a condition need as many points. Got {len(found[0])} and {len(found[1])}.")
        return found

    @property
    def sides(self) -> int:
        """At how many points the residual takes the unknown: 1, or 2."""
        return 1 if self.also is None else 2

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
        side, place = self.where, self.sides
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
    """The condition that an unknown takes measured values.

    Parameters
    ----------
    where : (n, d)
        The points.
    residual
        A function of the unknown that is the difference from the values.
    weight
        The factor of the mean square of the difference in the loss.
    also
        Not used.
    values : (n,)
        The measured values.
    """

    values: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))


@dataclass(frozen=True)
class Periodic(Condition):
    """The condition that the unknowns are periodic in a named coordinate.

    Parameters
    ----------
    where
        The face at the lower end of the coordinate.
    residual
        A function of the unknown at both ends: the differences of values and slopes.
    weight
        The factor of the mean square of the differences in the loss.
    also
        The face at the upper end of the coordinate.
    name
        The name of the coordinate.
    """

    name: str = ""

    @property
    def place(self) -> str:
        return f"periodic in {self.name}"


def periodic(box: Box, name: str, weight: float = 100.0) -> Periodic:
    """Return the condition that values and slopes are the same at both ends of a coordinate.

    Parameters
    ----------
    box
        The domain.
    name
        The name of the coordinate.
    weight
        The factor of the mean square of the differences in the loss.

    Raises
    ------
    InputError
        For an unknown coordinate.

    Examples
    --------
    >>> from edgewise.pde import Box, periodic
    >>> periodic(Box(t=(0, 1), x=(-1, 1)), "x").weight
    100.0
    """
    low, high = box.boundary(name).fixed

    def residual(u: Any, v: Any, *_: Any) -> tuple[Tensor, ...]:
        both = [(u, v)] if isinstance(u, Jet) else list(zip(u, v, strict=True))
        return tuple(part for a, b in both for part in (a.value - b.value, a.d(name) - b.d(name)))

    return Periodic(Face(box, (low,)), residual, weight, Face(box, (high,)), name)


def measured(points: Data, values: Data, weight: float = 100.0, output: int = 0) -> Measured:
    """Return the condition that an unknown takes measured values at points.

    Parameters
    ----------
    points : (n, d)
        Where the values were measured.
    values : (n,)
        The measured values, real or complex.
    weight
        The factor of the mean square of the difference in the loss.
    output
        The number of the unknown that was measured, where there are several.

    Raises
    ------
    InputError
        For shapes that do not match, and points and values that are not finite.

    Examples
    --------
    >>> from edgewise.pde import measured
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
class Integral(Condition):
    """The condition that an integral over a domain or along a boundary is a number.

    integral of integrand(u, p) = equals, or of integrand(u, p, c) with unknown constants c. Such a condition fixes the
    mean of a pressure, or the size of an eigenfunction. The integral is computed at points: Gauss's on boxes and disks,
    and in slices of other domains, where it is exact to many digits (of balls cut by others to five or six); equally
    spaced ones along other boundaries; and a Sobol sequence on boxes of many coordinates.

    Parameters
    ----------
    where
        The domain or the boundary to integrate over.
    residual
        The integrand, a function of the unknown u, the point p and the constants c.
    weight
        The factor of the square of the difference in the loss.
    also
        Not used: an integral is over one domain or boundary.
    equals
        What the integral is to be.
    nodes
        About how many points the integral is computed at.

    Raises
    ------
    InputError
        For places that are no domain and no boundary, and numbers out of range.

    Examples
    --------
    >>> from edgewise.pde import Integral
    >>> from edgewise.pde import Box
    >>> box = Box(x=(0, 1))
    >>> Integral(box, lambda u, p: u.value**2, equals=1).equals
    1
    """

    where: Domain | Face | Boundary  # type: ignore[assignment]
    equals: float = 0.0
    nodes: int = 2000

    def __post_init__(self) -> None:
        if not isinstance(self.where, Domain | Face | Boundary):
            raise InputError(
                "An integral is over a domain or a boundary, like box or box.face(x=1). Got "
                f"{type(self.where).__name__}."
            )
        if self.also is not None:
            raise InputError("An integral is over one domain or boundary: leave 'also' out.")
        if not is_number(self.equals):
            raise InputError(f"'equals' must be a finite number. Got {self.equals!r}.")
        if not is_int(self.nodes, 1):
            raise InputError(f"'nodes' must be an int >= 1. Got {self.nodes!r}.")
        if not is_number(self.weight) or not self.weight > 0:
            raise InputError(f"The weight of a condition must be a number > 0. Got {self.weight!r}.")

    def points(self, count: int, seed: int) -> list[Tensor]:
        """Return points at which the integrand is read, a list of one tensor (n, d).

        Parameters
        ----------
        count
            The number of points.
        seed
            Seed of the Sobol sequence.
        """
        return [self.where.points(count, seed)]

    @cached_property
    def rule(self) -> Rule:
        """The points and weights of the integral."""
        return quadrature(self.where, self.nodes)

    @property
    def equation(self) -> Equation:
        """What has the integral zero: the integrand less its mean as it should be."""
        mean = float(self.equals) / float(self.rule[1].sum())
        integrand: Any = self.residual if isinstance(self.where, Domain) else super().equation

        def equation(*given: Any) -> Left:
            found = integrand(*given)
            return tuple(part - mean for part in found) if isinstance(found, tuple) else found - mean

        return equation
