"""What `discover_ode` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.dynamics._equations import Equations, path, rates_of
from edgewise.dynamics._inputs import Curve
from edgewise.dynamics._measured import Measured, driven
from edgewise.dynamics._population import Population, population
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._system import System
from edgewise.dynamics._verdict import Outcome
from edgewise.dynamics._written import Written
from edgewise.tables.encoding import as_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class DynamicsCandidate:
    """Equations of the front: those of one complexity that explain the rows best.

    Parameters
    ----------
    equations
        The rate of each state, a sympy expression of the states and t.
    complexity
        The number of their constants.
    error
        What they leave, the root mean square over the standard deviation.
    score
        The criterion, lower is better.
    """

    equations: dict[str, Formula]
    complexity: int
    error: float
    score: float


@dataclass(frozen=True, repr=False)
class Dynamics(Written):
    """Differential equations for measured trajectories.

    `equations` maps each state to its rate, a sympy expression of the states and t.

    Parameters
    ----------
    names
        Names of the states.
    written
        The equations with named constants, and the constants.
    noise
        The standard deviation of what the equations leave, by state and in its unit.
    error
        The same over the state's standard deviation.
    forecast
        The error of predictions of the last 30 % of each trajectory from equations fitted to the rows before, over the
        state's standard deviation; None where that was not possible.
    starts : (trajectories, d)
        The fitted states at the beginning of each trajectory.
    front
        The best equations of each complexity.
    outcome
        What may be claimed of the equations, or why the search stopped.
    rivals
        Systems with other terms that explain the rows about as well, the nearest first.
    ranges
        The least and the largest value of each state that was measured, outside of which nothing is known.
    data
        The trajectories that were measured.
    system
        The equations as they were fitted.
    """

    names: tuple[str, ...]
    written: Equations
    noise: dict[str, float]
    error: dict[str, float]
    forecast: dict[str, float] | None
    starts: Array
    front: tuple[DynamicsCandidate, ...]
    outcome: Outcome
    rivals: tuple[DynamicsCandidate, ...]
    ranges: dict[str, tuple[float, float]]
    data: Measured = field(repr=False)
    system: System = field(repr=False)

    def rates(self, t: Data, x: Data, inputs: Any = None) -> Array:
        """Return the rates (n, m) at times and states.

        Parameters
        ----------
        t : (n,)
            Times, or one time for all states.
        x : (n, m)
            States, one a row.
        inputs
            Measured inputs at these times: a table (n, k), or columns and functions of time by name.

        Raises
        ------
        InputError
            For states of another width, what is no number, and inputs that are missing.
        """
        states = _matrix(x, len(self.names), "x")
        times = np.broadcast_to(np.asarray(as_array(t), dtype=np.float64).reshape(-1), len(states))
        with np.errstate(all="ignore"):
            found = rates_of(self.written)(times, *states.T, *self._driven(inputs, times)(times).T)
        return np.stack([np.broadcast_to(value, len(states)) for value in found], axis=1).astype(np.float64)

    def simulate(self, x0: Data, t: Data, inputs: Any = None) -> Array:
        """Return the states (n, m) at increasing times from a state at the first; nan after a blow-up.

        Parameters
        ----------
        x0 : (m,)
            The state at the first time.
        t : (n,)
            Times that increase.
        inputs
            Inputs at these times: a table (n, k), or columns and functions of time by name. Between times they run as
            those that were measured.

        Raises
        ------
        InputError
            For shapes and times that do not fit, and inputs that are missing.
        """
        start = _matrix(x0, len(self.names), "x0")
        times = np.asarray(as_array(t), dtype=np.float64).reshape(-1)
        if len(start) != 1 or not np.isfinite(start).all():
            raise InputError(f"'x0' must be one state of {len(self.names)} numbers ({', '.join(self.names)}).")
        if len(times) == 0 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise InputError("'t' must be finite times that increase.")
        return path(self.written, start[0], times, self._driven(inputs, times) if self.written.inputs else None)

    def _driven(self, inputs: Any, times: Array) -> Curve:
        """Return the inputs as a function of time."""
        names = self.written.inputs
        if (inputs is not None) != bool(names):
            wanted = f"needs {', '.join(names)}" if names else "has none: leave 'inputs' out"
            raise InputError(f"This system {wanted}. Got {'no inputs' if inputs is None else type(inputs).__name__}.")
        if not names:
            return lambda at: np.empty((len(at), 0))
        return driven(inputs, [times], [0.0], self.names, names, self.data.inputs.kinds).curves[0]

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the rows and the solutions from the fitted starts; of two states also in their plane.

        A solution of a chaotic system leaves the rows after some time, however right the equations are.

        Parameters
        ----------
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        from edgewise import plot

        fine = 600  # times of a curve
        data, rows, curves = self.data, [], []
        for start, own, moved in zip(self.starts, data.pieces(), data.shifts or (0.0,) * len(self.starts), strict=True):
            t = data.times[own]
            at = np.linspace(t[0], t[-1], fine)
            found = path(self.written, start, at, (lambda when: data.inputs.at(when).T) if data.inputs else None)
            rows.append((t - moved, data.values[own]))
            curves.append((at - moved, found[:, : data.n_observed]))
        plane = len(self.names) == 2 == data.n_observed and not data.inputs and not self._timed
        rates = (lambda z: self.rates(0.0, z)) if plane else None
        return plot.trajectories(rows, curves, data.names, rates, ax=ax)

    @property
    def _timed(self) -> bool:
        """Whether rates depend on time."""
        return any("t" in map(str, rate.free_symbols) for rate in self.equations.values())

    def population(self) -> Population:
        """Fit a nonlinear mixed-effects model: one law for all trajectories, each with its own constants and start.

            log |c_i| = log |c| + b_i,   b_i ~ N(0, D)

        Starts are normally distributed too. Means and covariances are those of restricted maximum likelihood.

        Raises
        ------
        InputError
            For fewer than three trajectories, and equations without constants.

        References
        ----------
        Lindstrom and Bates, Nonlinear mixed effects models for repeated measures data (1990).

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise import discover_ode
        >>> t = np.linspace(0, 4, 20)
        >>> rows = [np.exp(-k * t) for k in (0.4, 0.5, 0.6)]
        >>> found = discover_ode([t] * 3, rows, ["q"], terms=["q"], only=True)
        >>> found.population().constants["c1"].value
        -0.49...
        """
        return population(
            self.system,
            self.data,
            self.starts,
            np.maximum([*self.noise.values()], SETTINGS.exact * self.data.deviation),
        )

    def __str__(self) -> str:
        digits = 4  # of the constants of rivals
        leaves = ", ".join(f"{name} {value:.2g}" for name, value in self.error.items())
        lines = [self.written.text(), f"error over standard deviation: {leaves}"]
        if self.forecast is not None:
            ahead = ", ".join(f"{name} {value:.2g}" for name, value in self.forecast.items())
            lines.append(f"forecast of the last 30 %: {ahead}")
        lines.append(self.outcome.message)
        if self.rivals:
            seen = ", ".join(f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in self.ranges.items())
            lines.append(f"The nearest of {len(self.rivals)} rivals, for {seen}:")
            for name, rate in self.rivals[0].equations.items():
                lines.append(f"  {name}' = {rate.evalf(digits)}")
        return "\n".join(lines)

    __repr__ = __str__


def _matrix(values: Data, width: int, name: str) -> Array:
    try:
        array = np.asarray(as_array(values), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"'{name}' must be numbers. Got {values!r}.") from None
    array = array.reshape(1, -1) if array.ndim < 2 else array
    if array.ndim != 2 or array.shape[1] != width:
        raise InputError(f"'{name}' must have {width} columns, one for each state. Got the shape {array.shape}.")
    return array
