"""Solutions as others see them: how solving ended; values at points, on grids, with derivatives, in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._ending import Ending
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._typing import Array, Data
from edgewise.pde.geometry._domain import Box, Domain
from edgewise.pde.geometry._jet import HIGHEST, Jet
from edgewise.pde.splines._space import grid_points
from edgewise.pde.statement._problem import Problem
from edgewise.train import Outcome as Fitted

if TYPE_CHECKING:
    import pandas as pd

_RIM = 1e-9  # of a domain's size: points that are no further outside count as inside
_MOST = 10_000_000  # rows of a table

Derivative = str | Sequence[str]
"""A derivative: "" for the value, "xx", or ("theta", "theta") by coordinates with longer names."""

Grid = Data | int | Mapping[str, Data]
"""Points (n, d), a number of places along each coordinate, or the places of each by name."""


class Outcome(Ending):
    """How solving ended; `message` says what happened and what to try."""

    CONVERGED = "The estimated error is below the tolerance."
    STALLED = (
        "The estimated error is above the tolerance, and finer splines and shorter slabs no longer lower it: rounding, "
        "or a solution that is not smooth."
    )
    GRIDS_DONE = (
        "All grids were trained, and the estimated error is above the tolerance. Allow finer grids, or more nodes."
    )
    NO_SOLUTION = (
        "What the equation leaves does not fall on finer grids, so there is no solution, or none near what is "
        "returned, which comes nearest to one. Check the signs, and whether conditions contradict each other or the "
        "equation."
    )
    UNDETERMINED = (
        "The equation and its conditions have many solutions, of which one is returned. Add the conditions that are "
        "missing."
    )
    UNRESOLVED = (
        "The residual is not small against the terms of the equation, or does not fall on finer grids, so this is no "
        "solution yet. Use finer grids, more nodes or more steps, continue_in for layers, or pde.march for an equation "
        "in time and one or two coordinates of space."
    )
    OVERFIT = (
        "At fresh points the residual is far above that at the trained ones, so the solution is wrong between them. "
        "Use more points, or a coarser grid."
    )
    EFFORT_SPENT = (
        "The effort was spent before the estimated error fell below the tolerance; the finest solution so far is "
        "returned. Allow more effort, or a larger tolerance."
    )
    DIVERGED = (
        "No solution was found beyond the time that is given; what there is until then is returned. The solution may "
        "not exist any longer, or the problem may not be well posed."
    )
    BRANCH_ENDED = (
        "No solution was found beyond the value of the parameter that was reached, in however small a step. There may "
        "be none, as beyond a fold: hold a size of the solution instead, and make the parameter an unknown constant. "
        "Or it takes more points, another network, or a larger tolerance."
    )
    TIME_LIMIT = "The time limit ended solving early; the finest solution so far is returned. Allow more time to go on."
    STOPPED = "A callback ended solving; the finest solution so far is returned."
    INTERRUPTED = "Solving was interrupted; the finest solution so far is returned."

    @classmethod
    def of(cls, ended: Fitted) -> Outcome:
        """Return the outcome of a run that something from outside ended.

        Parameters
        ----------
        ended
            How the run ended, an outcome of `fit` of the same name.
        """
        return cls[ended.name]


class Convergence(NamedTuple):
    """Curves of how a solution was approached, by their names: a number for each of `places`, called `across`."""

    caption: str
    across: str
    label: str
    places: Sequence[float]
    curves: Mapping[str, Sequence[float]]


class Packed(NamedTuple):
    """What a file holds of a solution beside what every one has: its kind, JSON, and tensors."""

    kind: str
    said: dict[str, Any]
    tensors: dict[str, Tensor]


class AnySolution(Protocol):
    """A solution, as others see it.

    time_axis: the number of the coordinate that is time. reached: the time until which there is a solution. finer:
    places of one free coordinate, by its number, where others are held, that a curve should not miss. facts, in_words,
    convergence: what a report says of the solution, of its history in words, and as a picture.
    """

    @property
    def problem(self) -> Problem: ...

    @property
    def outcome(self) -> Outcome: ...

    @property
    def error(self) -> float: ...

    @property
    def advice(self) -> str: ...

    @property
    def time_axis(self) -> int | None: ...

    @property
    def reached(self) -> float: ...

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]: ...

    def checked(self, points: Data) -> Tensor: ...

    def finer(self, free: int, held: Mapping[int, float]) -> Array: ...

    def facts(self) -> list[tuple[str, str]]: ...

    def in_words(self) -> list[str]: ...

    def convergence(self) -> Convergence | None: ...


def derivative_names(found: AnySolution, derivative: Derivative) -> tuple[str, ...]:
    """The coordinates that a derivative is by; InputError for others."""
    names = found.problem.domain.names
    by = (derivative,) if isinstance(derivative, str) and derivative in names else tuple(derivative)
    for name in by:
        if name not in names:
            raise unknown("coordinate to differentiate by", name, names)
    if len(by) > HIGHEST:
        raise InputError(f"Derivatives up to order {HIGHEST} are known. Got {derivative!r}.")
    return by


def values(found: AnySolution, points: Data, by: Sequence[tuple[str, ...]]) -> Array:
    """Derivatives of all unknowns at points (n, d): (n, unknowns, derivatives)."""
    jets = found.at(points, order=max(map(len, by), default=0))
    own = (jets,) if isinstance(jets, Jet) else jets
    return torch.stack([torch.stack([jet.d(*names) for names in by], 1) for jet in own], 1).numpy()


def unknown_names(found: AnySolution, names: Sequence[str] | None) -> list[str]:
    """The unknowns' names: u, or u[0], u[1], unless others are given."""
    somewhere = found.at([[sum(ends) / 2 for ends in ranges(found)]], order=0)
    count = 1 if isinstance(somewhere, Jet) else len(somewhere)
    if names is None:
        return ["u"] if count == 1 else [f"u[{k}]" for k in range(count)]
    given = [names] if isinstance(names, str) else list(names)
    if len(given) != count or len(set(given)) < count or not all(isinstance(name, str) for name in given):
        raise InputError(f"'names' must be {count} different texts, one for each unknown. Got {names!r:.80}.")
    return given


def outside(domain: Domain, points: Tensor) -> Tensor:
    """Which of the points (n, d) are outside a domain, (n,); its boundary is inside."""
    size = max(high - low for low, high in zip(domain.low, domain.high, strict=True))
    return domain.signed_distance(points) < -_RIM * size


def on_product(columns: Sequence[Array]) -> Tensor:
    """The points of a grid, the last coordinate the fastest."""
    return torch.from_numpy(grid_points(columns))


def table(
    found: AnySolution, points: Grid, derivatives: Sequence[Derivative] = (), names: Sequence[str] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Return coordinates, values and derivatives as a table, of a grid without what is outside the domain."""
    pd = needed("pandas")

    x = _points(found, points)
    asked = [derivatives] if isinstance(derivatives, str) else list(derivatives)
    by = [(), *(derivative_names(found, each) for each in asked)]
    own, found_values = unknown_names(found, names), values(found, x, by)
    columns = dict(zip(found.problem.domain.names, x.numpy().T, strict=True))
    for (v, name), (k, of) in product(enumerate(own), enumerate(by)):
        short = all(len(each) == 1 for each in of)
        column = f"{name}.{('' if short else '_').join(of)}" if of else name
        if column in columns:
            raise InputError(f"An unknown and a coordinate are both called {column!r}. Give other names.")
        columns[column] = found_values[:, v, k]
    return pd.DataFrame(columns)


def _points(found: AnySolution, points: Grid) -> Tensor:
    domain = found.problem.domain
    if isinstance(points, Mapping):
        if set(points) != set(domain.names):
            wanted = ", ".join(domain.names)
            raise InputError(f"A grid needs the places of each coordinate ({wanted}). Got {', '.join(points)}.")
        columns = [np.atleast_1d(np.asarray(points[name], dtype=np.float64)).ravel() for name in domain.names]
        rows = float(np.prod([float(len(column)) for column in columns]))
    elif is_int(points, 1):
        rows = float(points) ** len(domain.names)  # type: ignore[operator]
        columns = []
    else:
        return found.checked(points)  # type: ignore[arg-type]
    if rows > _MOST:
        raise InputError(f"This grid has {rows:.2g} points. Take at most {_MOST}.")
    columns = columns or [np.linspace(*ends, int(points)) for ends in ranges(found)]  # type: ignore[call-overload]
    x = on_product(columns)
    return x if isinstance(domain, Box) else x[~outside(domain, x)]


def ranges(found: AnySolution) -> list[tuple[float, float]]:
    """The ends of the coordinates, of time until where there is a solution."""
    domain, time = found.problem.domain, found.time_axis
    found_ends = list(zip(domain.low, domain.high, strict=True))
    if time is not None:
        found_ends[time] = found_ends[time][0], found.reached
    return found_ends


def held(found: AnySolution, at: Mapping[str, float] | None) -> dict[int, float]:
    """The coordinates that are held, by their numbers; InputError for others."""
    names, given = found.problem.domain.names, {}
    for name, value in (at or {}).items():
        if name not in names:
            raise unknown("coordinate", name, names)
        k = names.index(name)
        low, high = found.problem.domain.low[k], found.problem.domain.high[k]
        if not is_number(value, low, high):
            raise InputError(f"{name!r} must be held at a number from {low:g} to {high:g}. Got {value!r}.")
        given[k] = float(value)
    return given
