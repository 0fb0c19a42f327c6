"""What a likelihood of rows is, for any formula."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.expressions import Tape


class Linear(NamedTuple):
    """Minus the log-likelihood near some constants: its gradient (k,), and a root (m, k) of the expected information.

    `root` is a matrix whose products of columns are the information of the constants, the other parameters known.
    """

    gradient: Array
    root: Array


class Summary(NamedTuple):
    """What a printout says of a fit by a likelihood: a line on what the formula leaves, and notes."""

    leaves: str
    notes: tuple[str, ...] = ()


class Likelihood(ABC):
    """How rows scatter around the values of a formula, and what is estimated together with its constants.

    `parameters` names what is estimated too, in the order of `theta` (q,), which holds them without limits. `observed`
    says whether standard errors come from second derivatives, or from their expectation; `normal` whether intervals are
    those of the normal distribution, or of Student's. `name` is that of the kind of noise, `measure` what the
    error of a formula is, in words.
    """

    name: ClassVar[str]
    measure: ClassVar[str]
    observed: ClassVar[bool] = False
    normal: ClassVar[bool] = False

    #: what values may lie between
    within: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    @property
    def count(self) -> float:
        """The number of measurements, by whose logarithm constants are paid for."""
        return float(len(self.measured))

    @property
    @abstractmethod
    def measured(self) -> Array:
        """Which rows hold a measurement, (n,)."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what is estimated together with the constants."""
        return ()

    @abstractmethod
    def start(self, values: Array) -> Array:
        """Return where to start with `theta` (q,), from values (n,) of the formula."""

    @abstractmethod
    def loss(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> float:
        """Return minus the log-likelihood; infinite or nan where there is none."""

    @abstractmethod
    def linear(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> Linear:
        """Return the gradient of the loss by the constants, and a root of its expected curvature."""

    @abstractmethod
    def residual(self, values: Array, theta: Array) -> Array:
        """Return what is left (n,), of variance one and independent if the formula is right."""

    @abstractmethod
    def natural(self, theta: Array) -> Array:
        """Return the parameters (q,) as they are named."""

    @abstractmethod
    def level(self, theta: Array) -> float:
        """Return the size of the noise, as its kind has it."""

    @abstractmethod
    def deviation(self, values: Array, theta: Array) -> Array:
        """Return the standard deviation (n,) of a new measurement around these values, of the usual weight."""

    @abstractmethod
    def summary(self, values: Array, theta: Array, errors: Array, constants: int) -> Summary:
        """Return what to say of a fit: errors (q,) are standard errors of the parameters as they are named."""

    @abstractmethod
    def rows(self, keep: Array) -> Likelihood:
        """Return the likelihood of some of the rows."""

    @abstractmethod
    def size(self, values: Array, theta: Array) -> float:
        """Return what values leave: a mean square, or what has its place; its root over a constant's is the error."""

    def admits(self, values: Array) -> bool:
        """Return whether a formula may have such values (n,)."""
        low, high = self.within
        return bool(((values >= low) & (values <= high)).all())

    def is_doubtful(self, values: Array, constants: int) -> bool:
        """Return whether rows scatter around values (n,) otherwise than the likelihood says."""
        return False

    def unit(self, loss: float, theta: Array, constants: int) -> float:
        """Return the factor of standard errors that few rows, or an unknown size of the errors, ask for."""
        return 1.0

    def log_likelihood(self, loss: float) -> float:
        """Return the log-likelihood; nan where it says nothing of the formula."""
        return -loss


class OfValues(Likelihood):
    """A likelihood that depends on the inputs by the values of the formula alone."""

    @abstractmethod
    def minus_log(self, values: Array, theta: Array) -> float:
        """Return minus the log-likelihood of values (n,)."""

    @abstractmethod
    def slope(self, values: Array, theta: Array) -> Array:
        """Return the derivatives (n,) of that by the values."""

    @abstractmethod
    def rooted(self, columns: Array, values: Array, theta: Array) -> Array:
        """Return R c for columns c (n, k): R' R is the expected curvature of `minus_log` by the values."""

    def working(self, values: Array, theta: Array) -> tuple[Array, Array]:
        """Return a target (n,) and weights (n,) whose weighted squares have the slope and curvature of the loss.

        Rows that tell next to nothing there have next to no weight.

        Source: McCullagh and Nelder, Generalized Linear Models (1989), section 2.5.
        """
        least = 1e-3  # of the largest weight
        weight = np.abs(self.rooted(np.ones((len(values), 1)), values, theta)[:, 0])
        weight = np.maximum(weight, least * weight.max())
        return values - self.slope(values, theta) / weight**2, weight

    def loss(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> float:
        values = tape.values(columns, constants)
        return self.minus_log(values, theta) if np.isfinite(values).all() else np.inf

    def linear(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> Linear:
        values, jacobian = tape.jacobian(columns, constants)
        return Linear(jacobian.T @ self.slope(values, theta), self.rooted(jacobian, values, theta))
