"""A solved problem: the network, its constants, how it went, and how far it is from a known solution."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._extras import extras, needed
from edgewise._typing import Array, Data
from edgewise.nn import KAN
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to, values_of
from edgewise.pde.result._sampling import Convergence, Outcome, Packed
from edgewise.pde.splines._pass import JetPass
from edgewise.pde.statement._coefficient import FoundCoefficient
from edgewise.pde.statement._problem import Problem
from edgewise.train import Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Errors(NamedTuple):
    """How far a solution is from the exact one over the domain, which is taken to have size 1.

    Parameters
    ----------
    l2
        Root of the mean square of u - v.
    h1
        The same with the squares of the first derivatives added.
    relative
        l2 over that of v.
    largest
        The largest of |u - v|.
    """

    l2: float
    h1: float
    relative: float
    largest: float


class FoundSolution(ABC):
    """Unknown functions of a problem that were found, whatever they are made of."""

    problem: Problem
    outcome: Outcome
    history: list[Any]
    error: float
    advice: str = ""

    @abstractmethod
    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]:
        """Return the unknown at points with its derivatives: a Jet, or a tuple of them.

        Parameters
        ----------
        points : (n, d)
            Points of the domain.
        order
            The highest order of derivatives, at most 4.
        """

    def __call__(self, points: Data) -> Tensor:
        """Values at points (n, d): (n,), or (n, unknowns) where there are several."""
        found = self.at(points, order=0)
        return found.value if isinstance(found, Jet) else values_of(found)

    def errors(self, exact: Callable[[SimpleNamespace], Any], count: int = 10_000, output: int = 0) -> Errors:
        """Return the distances from an exact solution, at points of a Sobol sequence that training has not seen.

        Points lie up to the time that was reached. Functions that jets do not take, as torch.clamp, are differentiated
        by autograd.

        Parameters
        ----------
        exact
            The exact solution as a function of p, as the ansatz is: lambda p: torch.sin(p.x).
        count
            The number of points.
        output
            The number of the unknown, where there are several.

        Raises
        ------
        InputError
            For an exact solution that is not made of the coordinates of p.
        """
        x = self.problem.domain.points(count, seed=987_654)  # those of no other seed
        if self.time_axis is not None:
            x = x[x[:, self.time_axis] <= self.reached]
        found = self.at(x, order=1)
        own = found if isinstance(found, Jet) else found[output]
        value, gradient = self._exact(exact, x)
        off, slope = own.value - value, own.gradient - gradient
        square, bend = float(off.abs().square().mean()), float(slope.abs().square().sum(1).mean())
        size = float(value.abs().square().mean())
        return Errors(square**0.5, (square + bend) ** 0.5, (square / max(size, 1e-300)) ** 0.5, float(off.abs().max()))

    def _exact(self, exact: Callable[[SimpleNamespace], Any], points: Tensor) -> tuple[Tensor, Tensor]:
        """An exact solution's values (n,) and gradients (n, d) at points."""
        names = self.problem.domain.names
        try:
            true = exact(SimpleNamespace(**Jet.coordinates(points, names)))
        except (InputError, TypeError):  # TypeError: of comparisons
            at = points.clone().requires_grad_()
            values = exact(SimpleNamespace(**{name: at[:, k] for k, name in enumerate(names)}))
            slopes = torch.autograd.grad(values.sum(), at, materialize_grads=True)[0]
            return values.detach(), slopes
        if not isinstance(true, Jet):
            raise InputError(f"The exact solution must be made of the coordinates of p. Got {type(true).__name__}.")
        return true.value, true.gradient

    def frame(self) -> pd.DataFrame:
        """Return the history as a table."""
        pd = needed("pandas")

        return pd.DataFrame(self.history)

    @property
    def time_axis(self) -> int | None:
        """The number of the coordinate that is time, the one called t; None without one."""
        names = self.problem.domain.names
        return names.index("t") if "t" in names else None

    @property
    def reached(self) -> float:
        """The time until which there is a solution; NaN without a coordinate of time."""
        return math.nan if self.time_axis is None else self.problem.domain.high[self.time_axis]

    def plot(
        self, derivative: str | Sequence[str] = "", *, at: Mapping[str, float] | None = None,
        times: Sequence[float] | None = None, names: Sequence[str] | None = None, ax: Axes | None = None,
    ) -> Figure:  # fmt: skip
        """Draw the unknowns over one or two coordinates, and return the figure.

        One coordinate makes curves, two make maps in colors; next to a map over time stand profiles at some times. Time
        and two others make maps at some times.

        Parameters
        ----------
        derivative
            What is drawn of the unknowns: "" for their values, "x", "xx", or names as ("theta", "theta").
        at
            Coordinates that are held, as {"t": 0.5}. Where more than two are left over besides time, the others are
            held in the middle of their range.
        times
            Times of the profiles or maps, five or four by default.
        names
            Names of the unknowns, by default u, or u[0], u[1].
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.

        Raises
        ------
        InputError
            For coordinates and derivatives that there are not.
        """
        with extras():
            from edgewise.pde.result._pictures import picture

        return picture(self, derivative, at, times, names, ax)

    def animate(
        self, path: str | os.PathLike[str], derivative: str | Sequence[str] = "", *,
        at: Mapping[str, float] | None = None, frames: int = 80, fps: int = 20, names: Sequence[str] | None = None,
    ) -> Path:  # fmt: skip
        """Write a film of the unknowns over time, and return its path: .gif, .apng and .webp, or .mp4 with ffmpeg.

        Each frame shows what `plot` draws at one time, on a scale that all frames share.

        Parameters
        ----------
        path
            The file, whose ending says what kind of film it is.
        derivative
            What is drawn of the unknowns: "" for their values, "x", "xx", or names as ("theta", "theta").
        at
            Coordinates that are held, as {"z": 0.5}. Where more than two are left over besides time, the others are
            held in the middle of their range.
        frames
            How many times are shown, at equal distances.
        fps
            Frames a second.
        names
            Names of the unknowns, by default u, or u[0], u[1].

        Raises
        ------
        InputError
            Without a coordinate of time, and for a place that cannot be written.
        """
        with extras():
            from edgewise.pde.result._pictures import animate

        return animate(self, path, derivative, at, (frames, fps), names)

    def table(
        self, points: Data | int | Mapping[str, Data], derivatives: Sequence[str | Sequence[str]] = (), *,
        names: Sequence[str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Return the unknowns and derivatives of them at points as a table, after the coordinates.

        Columns are called as in an equation: u, u.x, or u[0], u[0].x. Rows of a grid that lie outside the domain are
        left out.

        Parameters
        ----------
        points
            Points (n, d); or a number of places along each coordinate; or the places of each, by its name.
        derivatives
            The derivatives, each as "x", "xt", or names as ("theta", "theta").
        names
            Names of the unknowns, by default u, or u[0], u[1].

        Raises
        ------
        InputError
            For coordinates and derivatives that there are not.
        """
        from edgewise.pde.result._sampling import table

        return table(self, points, derivatives, names)

    def report(
        self, path: str | os.PathLike[str], title: str = "A solution of a differential equation", *,
        names: Sequence[str] | None = None,
    ) -> Path:  # fmt: skip
        """Write one self-contained HTML file about the problem, the solution and how it was found; return its path.

        Parameters
        ----------
        path
            The file.
        title
            The title of the page.
        names
            Names of the unknowns, by default u, or u[0], u[1].

        Raises
        ------
        InputError
            Where the file cannot be written.
        """
        with extras():
            from edgewise.pde.result._pictures import content
            from edgewise.plot.report import write_report

        return write_report(path, content(self, title, names))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the solution to a safetensors file, which `pde.load` reads; the problem's functions are not in it.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        InputError
            For a place that cannot be written.
        """
        from edgewise.pde.result._file import stated, write

        own = self.packed()
        said = {"problem": stated(self.problem), "outcome": self.outcome.name, "error": self.error}
        write(path, own.kind, {**said, "history": [list(row) for row in self.history], **own.said}, own.tensors)

    @abstractmethod
    def packed(self) -> Packed:
        """Return what a file holds of the solution itself."""

    @abstractmethod
    def facts(self) -> list[tuple[str, str]]:
        """Return what a report says of the solution: rows (label, value)."""

    @abstractmethod
    def in_words(self) -> list[str]:
        """Return the history, a sentence each."""

    @abstractmethod
    def convergence(self) -> Convergence | None:
        """Return the history as curves; None where there are less than two rows."""

    def finer(self, free: int, held: Mapping[int, float]) -> Array:
        """Return places of a free coordinate that a curve should not miss while others are held.

        Parameters
        ----------
        free
            The number of the coordinate along which places are wanted.
        held
            The values of the other coordinates, by their numbers.
        """
        return np.empty(0)

    def checked(self, points: Data) -> Tensor:
        """Return points in the domain's ranges as a tensor (n, d).

        Parameters
        ----------
        points : (n, d)
            Points, one a row.

        Raises
        ------
        InputError
            For points of another shape, or outside the range in which the solution is known.
        """
        x, domain = torch.as_tensor(points, dtype=torch.float64), self.problem.domain
        if x.ndim != 2 or x.shape[1] != len(domain.names):
            names = ", ".join(domain.names)
            raise InputError(f"Points must be rows of the coordinates {names}. Got shape {tuple(x.shape)}.")
        for k, name in enumerate(domain.names):
            low, high = domain.low[k], self.reached if k == self.time_axis else domain.high[k]
            slack = 1e-9 * (high - low)  # rounding may take points out of a range
            outside = ~((x[:, k] >= low - slack) & (x[:, k] <= high + slack))
            if bool(outside.any()):
                got = float(x[outside, k][0])
                raise InputError(f"The solution is known for {name} from {low:g} to {high:g}. Got {name}={got:g}.")
        return x


def checked_order(order: int) -> int:
    """An order of derivatives that is known; InputError for others."""
    if not is_int(order, 0) or order > HIGHEST:
        raise InputError(f"'order' must be an int from 0 to {HIGHEST}. Got {order!r}.")
    return int(order)


@dataclass(frozen=True)
class Solution(FoundSolution):
    """What `solve` returns.

    Parameters
    ----------
    problem
        The problem that was solved.
    model
        The network (before the ansatz).
    constants
        The unknown constants as found, and the factors of singular functions.
    history
        Rows of one grid each; `train` is the root mean square of what the equation leaves, `validation` the same at
        fresh points.
    outcome
        How solving ended.
    error
        The estimated error in L2, relative to the solution: the largest of the unknowns', or of all unknowns together
        where networks were raced.
    residual
        What the equation leaves at fresh points, relative to its terms.
    functions
        The unknown functions as found, by name.
    standard_errors
        Standard errors of the constants, by the noise of the measurements.
    noise
        The standard deviation of the noise in each measured condition, estimated from the misfit.
    weights
        The weights of the measured conditions at the end, where there are unknown functions.
    advice
        Which condition is missing, or too many, where that is known.
    """

    problem: Problem
    model: KAN
    constants: dict[str, float]
    history: list[Row]
    outcome: Outcome
    error: float = math.nan
    residual: float = math.nan
    functions: dict[str, FoundCoefficient] = field(default_factory=dict)
    standard_errors: dict[str, float] = field(default_factory=dict)
    noise: list[float] = field(default_factory=list)
    weights: tuple[float, ...] = ()
    advice: str = ""

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]:
        """Return the unknown at points with its derivatives: a Jet, or a tuple of them.

        Parameters
        ----------
        points : (n, d)
            Points of the domain.
        order
            The highest order of derivatives, at most 4.

        Raises
        ------
        InputError
            For points of another shape or outside the domain's ranges, and an order that is not known.
        """
        orders = orders_up_to(checked_order(order), len(self.problem.domain.names))
        x, parts = self.checked(points), []
        with torch.no_grad():
            for some in x.split(2000):
                parts.append(self.problem.unknown(JetPass(self.model, some, orders).outputs, some, (), self.constants))
        if isinstance(parts[0], Jet):
            return self.problem.presented(_joined(parts))
        return self.problem.presented(tuple(_joined(list(same)) for same in zip(*parts, strict=True)))

    def packed(self) -> Packed:
        """Return what a file holds of the solution: its network; InputError where there are unknown functions."""
        from edgewise.tables.io import model_bytes

        if self.functions:
            raise InputError(
                "A solution with unknown functions cannot be saved as a whole. Save its networks by edgewise.save: "
                f"found.model and found.functions[{next(iter(self.functions))!r}].model."
            )
        network = torch.frombuffer(bytearray(model_bytes(self.model)), dtype=torch.uint8)
        return Packed(
            "solution",
            {"constants": self.constants, "residual": self.residual, "advice": self.advice},
            {"network": network},
        )

    def facts(self) -> list[tuple[str, str]]:
        """Return what a report says of the solution: rows (label, value)."""
        return [
            ("Residual over the equation's terms", f"{self.residual:.2g}"),
            ("Parameters", str(self.history[-1].parameters)),
            *(
                (f"Constant {name}", f"{self.constants[name]:.6g}{self._error(name)}")
                for name in self.problem.constants
            ),
        ]

    def in_words(self) -> list[str]:
        """Return the rows of the history, a sentence each."""
        return [
            f"Grid {row.grid}, {row.parameters} parameters: residual {row.train:.2g}, at new points "
            f"{row.validation:.2g}, {row.steps} steps and {row.seconds:.1f} s so far."
            for row in self.history
        ]

    def convergence(self) -> Convergence | None:
        """Return the residual after each run as curves; None where there are less than two rows."""
        rows = self.history
        curves = {"at trained points": [r.train for r in rows], "at new points": [r.validation for r in rows]}
        places = [1.0 + row.round for row in rows]
        return Convergence("The residual after each run", "run", "residual", places, curves) if len(rows) > 1 else None

    def __repr__(self) -> str:
        last = self.history[-1]
        constants = "".join(f", {name}={value:.6g}{self._error(name)}" for name, value in self.constants.items())
        return (
            f"Solution(grid={last.grid}, parameters={last.parameters}, residual={last.train:.3g}{constants}, "
            f"error={self.error:.1e}, "
            f"outcome={self.outcome.name}: {' '.join(filter(None, (self.outcome.message, self.advice)))})"
        )

    def _error(self, name: str) -> str:
        return f" ± {self.standard_errors[name]:.2g}" if name in self.standard_errors else ""


def _joined(jets: list[Jet]) -> Jet:
    return Jet({order: torch.cat([jet.parts[order] for jet in jets]) for order in jets[0].parts}, jets[0].names)
