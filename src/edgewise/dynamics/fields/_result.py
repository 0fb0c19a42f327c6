"""What `discover_pde` gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
import torch

from edgewise import pde
from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.dynamics._equations import Equations
from edgewise.dynamics._verdict import Outcome
from edgewise.dynamics._written import Written
from edgewise.dynamics.fields._lattice import Lattice
from edgewise.dynamics.fields._measured import Measured
from edgewise.dynamics.fields._terms import Term
from edgewise.tables.encoding import as_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class FieldCandidate:
    """Other equations that explain a field nearly as well.

    Parameters
    ----------
    equations
        The rate of each component, a sympy expression of the components and their derivatives, as u_xx.
    complexity
        The number of their constants.
    lead
        How much better the best equations are, in units of twice the log-likelihood.
    """

    equations: dict[str, Formula]
    complexity: int
    lead: float


@dataclass(frozen=True, repr=False)
class FieldEquations(Written):
    """Partial differential equations for a measured field.

    `equations` maps each component to its rate, a sympy expression of the components and their derivatives, as u_xx.

    Parameters
    ----------
    names
        Names of the components.
    coordinates
        Names of the coordinates of space.
    written
        The equations with named constants, and the constants.
    noise
        The standard deviation of the residuals, by component and in its unit, corrected for the fitted parameters.
    error
        The same, divided by the standard deviation of the component.
    outcome
        What may be claimed of the equations, or why the search stopped.
    rivals
        Equations with other terms that explain the data about as well, the closest first.
    ranges
        The measured range of each component, outside of which nothing is known.
    data
        The measured field.
    terms
        The terms of each equation, in the order of the constants.
    lattice, coefficients
        The fitted field, which satisfies the equations.
    """

    names: tuple[str, ...]
    coordinates: tuple[str, ...]
    written: Equations
    noise: dict[str, float]
    error: dict[str, float]
    outcome: Outcome
    rivals: tuple[FieldCandidate, ...]
    ranges: dict[str, tuple[float, float]]
    data: Measured = field(repr=False)
    terms: tuple[tuple[Term, ...], ...] = field(repr=False)
    lattice: Lattice = field(repr=False)
    coefficients: Array = field(repr=False)

    def field(self, t: Data, *x: Data) -> Array:
        """Return the fitted field, which satisfies the equations, at points: (n, d), or (n,) for one component.

        Parameters
        ----------
        t : (n,)
            Times.
        *x : (n,)
            Positions, one array for each coordinate.

        Raises
        ------
        InputError
            For a wrong number of coordinates, different lengths, and points outside the measured range.
        """
        if len(x) != len(self.coordinates):
            raise InputError(f"A point has t and {', '.join(self.coordinates)}. Got {len(x)} places besides t.")
        columns = [np.asarray(as_array(own), dtype=np.float64).ravel() for own in (t, *x)]
        if len({len(own) for own in columns}) > 1:
            raise InputError(f"Times and places must be as many. Got {[len(own) for own in columns]}.")
        points = np.stack(columns, 1)
        low, high = self.data.points.min(0), self.data.points.max(0)
        if not ((points >= low) & (points <= high)).all():
            raise InputError(f"The field is known from {low.tolist()} to {high.tolist()}. Got points outside.")
        found = self.lattice.at(points, (0,) * len(columns)).image(self.coefficients)
        return found[:, 0] if found.shape[1] == 1 else found

    def problem(self, domain: pde.Box, conditions: Sequence[pde.Condition | pde.Periodic]) -> pde.Problem:
        """Return the equations as a `pde.Problem`, to solve with `pde.march` from other initial values.

        Parameters
        ----------
        domain
            A box of t and the spatial coordinates.
        conditions
            Initial and boundary conditions. With several components, u[0], u[1], ... are the components.

        Raises
        ------
        InputError
            For a domain with other coordinates.
        """
        if {*domain.names} != {"t", *self.coordinates}:
            named = ", ".join(("t", *self.coordinates))
            raise InputError(f"The domain must be a box of {named}. Got {', '.join(domain.names)}.")
        each = [[_at_jets(term, self.coordinates) for term in own] for own in self.terms]
        values, split = [c.value for c in self.written.constants], np.cumsum([len(own) for own in self.terms])[:-1]
        parts = [own.tolist() for own in np.split(np.array(values), split)]
        by = ("t",) * self.data.order

        def residual(u: Any, p: Any) -> Any:
            jets = u if isinstance(u, tuple) else (u,)
            rests = []
            for jet, factors, own in zip(jets, each, parts, strict=True):
                rest = jet.d(*by)
                for factor, value in zip(factors, own, strict=True):
                    rest = rest - value * factor(jets)
                rests.append(rest)
            return tuple(rests) if len(rests) > 1 else rests[0]

        return pde.Problem(domain, residual, list(conditions), unknowns=len(self.names))

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the data, the fitted field and the residuals, one row for each component.

        In two dimensions, the picture is of the middle time.

        Parameters
        ----------
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        from edgewise.dynamics.fields._pictures import panels

        zero = (0,) * self.data.points.shape[1]
        return panels(self.data, self.lattice.at(self.data.points, zero).image(self.coefficients), ax)

    def __str__(self) -> str:
        digits = 4  # of the constants of rivals
        leaves = ", ".join(f"{name} {value:.2g}" for name, value in self.error.items())
        lines = [self.written.text(), f"error over standard deviation: {leaves}", self.outcome.message]
        if self.rivals:
            seen = ", ".join(f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in self.ranges.items())
            lines.append(f"The nearest of {len(self.rivals)} rivals, for {seen}:")
            for name, rate in self.rivals[0].equations.items():
                lines.append(f"  {name}_{self.written.by} = {rate.evalf(digits)}")
        return "\n".join(lines)

    __repr__ = __str__


def _at_jets(term: Term, coordinates: Sequence[str]) -> Callable[[Sequence[pde.Jet]], torch.Tensor]:
    """A term as a function of jets."""
    if term.function:
        known = {name: getattr(torch, name) for name in ("sin", "cos", "exp", "tanh")}
        outer = sympy.lambdify(sympy.Symbol("v"), sympy.sympify(term.function), known)
        component = term.factors[0][0]
        return lambda jets: outer(jets[component].value)
    letters = [(c, [name for name, n in zip(coordinates, by, strict=True) for _ in range(n)]) for c, by in term.factors]

    def value(jets: Sequence[pde.Jet]) -> torch.Tensor:
        found = torch.ones_like(jets[0].value)
        for c, names in letters:
            found = found * jets[c].d(*names)
        return found

    return value
