"""What integrals of the unknowns are to be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.pde._boundary import Boundary
from edgewise.pde._box import Face
from edgewise.pde._domain import Domain
from edgewise.pde._problem import Condition, Equation, Left
from edgewise.pde._quadrature import Rule, quadrature


@dataclass(frozen=True)
class Integral(Condition):
    """The condition that an integral over a domain or along a boundary is a number.

    integral of integrand(u, p) = equals, or of integrand(u, p, c) with unknown constants c. Such a condition fixes the
    mean of a pressure, or the size of an eigenfunction. `weight` multiplies the square of the difference. The integral
    is computed at about `nodes` points: Gauss's on boxes and disks, where it is exact to many digits; equally spaced
    ones along other boundaries; and a Sobol sequence on other domains, which gives three to four digits.

    Errors: InputError for places that are no domain and no boundary, and numbers out of range.

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
