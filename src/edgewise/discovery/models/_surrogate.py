"""Smooth models of a problem, whose gradients structure is read from: polynomials, and processes for noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.models._expansion import expand
from edgewise.discovery.tables import Problem
from edgewise.interpret.symmetries import Coordinates, Scales, TableProcess

_HELD = 4  # one row in four is held out of noisy data
_FEW = 250  # rows that tell what a process should see
_EXPLAINED = 2.0  # times the noise that a process found: its error where it has explained the rest


@dataclass(frozen=True)
class Surrogate:
    """A smooth model of a problem: its held-out error, and values and gradients of the target at every row.

    `structure` names its shape; `settled` says that more freedom no longer helped.
    """

    structure: str
    coordinates: Coordinates
    error: float
    settled: bool
    left: Callable[[], Tensor]
    """Residuals (n,), weighted."""
    read: Callable[[], tuple[Tensor, Tensor]]
    """Values (n,) and gradient (n, m) by the columns."""
    scales: Scales | None = None
    """Of a process: what a like one starts from, and the columns that they are of."""
    expressions: tuple[Formula, ...] = ()

    @property
    def residual(self) -> Tensor:
        """Residuals (n,), weighted."""
        return self.left()


@dataclass(frozen=True)
class Recalled:
    """What is remembered of a surrogate: all but its values, which take room."""

    structure: str
    coordinates: Coordinates
    error: float
    settled: bool
    scales: Scales | None
    expressions: tuple[Formula, ...]

    @classmethod
    def of(cls, model: Surrogate) -> Recalled:
        """Return what is remembered of a model."""
        return cls(model.structure, model.coordinates, model.error, model.settled, model.scales, model.expressions)

    def model(self, again: Callable[[], Surrogate | None]) -> Surrogate:
        """Return the model, which is fitted again where its values are asked for."""

        @cache
        def fitted() -> Surrogate:
            found = again()
            assert found is not None
            return found

        return Surrogate(
            self.structure, self.coordinates, self.error, self.settled, lambda: fitted().residual,
            lambda: fitted().read(), self.scales, self.expressions,
        )  # fmt: skip


def expanded(problem: Problem, noise: float, like: Surrogate | None = None, enough: float = 0.0) -> Surrogate | None:
    """The best sparse polynomial of the columns or their logarithms, for the target or its logarithm.

    What is seen of an exact target is fitted with equal weights, under which terms are nearly orthogonal and are chosen
    well; where noise is known, with those of its own spread, and without a quarter of the rows, whose error counts: of
    many terms, noise chooses some. Coordinates of `like` come first; the first error below `enough` ends the trials.
    """
    best = None
    for coordinates in _choices(problem, like, ("itself", "log", "square")):
        found = _expanded(problem, coordinates, noise)
        if found is not None and (best is None or found.error < best.error):
            best = found
        if best is not None and best.error < enough:
            break
    return best


def _choices(problem: Problem, like: Surrogate | None, seen: tuple[str, ...]) -> list[Coordinates]:
    """The columns or their logarithms, the target as itself or, where it has one sign, as what is named."""
    positive = tuple(map(problem.positive, range(problem.n_columns)))
    choices = [
        Coordinates(logs, target_as, float(torch.sign(problem.target[0])))
        for target_as in (seen if problem.sign else ("itself",))
        for logs in dict.fromkeys(((False,) * len(positive), positive))
    ]
    if like is not None:
        old = like.coordinates
        choices.sort(key=lambda c: (c.target_as != old.target_as, any(c.logs) != any(old.logs)))
    return choices


def smoothed(problem: Problem, like: Surrogate | None = None) -> Surrogate | None:
    """A Gaussian process, made for noise, of the columns or their logarithms, for the target or its logarithm.

    The error is of rows left out. What the process sees, and the scales that it starts from, are those of `like`; else
    what does best on a few rows.
    """
    if like is not None and like.scales is not None:
        return _smoothed(problem, _choices(problem, like, ("itself", "log"))[0], _inherited(problem, like))
    few = problem.rows(torch.randperm(len(problem.target), generator=torch.Generator().manual_seed(0))[:_FEW])
    trials = [_smoothed(few, coordinates, None) for coordinates in _choices(problem, None, ("itself", "log"))]
    best = min((t for t in trials if t is not None), key=lambda trial: trial.error, default=None)
    return None if best is None else _smoothed(problem, best.coordinates, best.scales)


def _inherited(problem: Problem, like: Surrogate) -> Scales:
    """The scales of a process with other columns: what columns were there already keep their lengths."""
    assert like.scales is not None
    lengths = dict(zip(like.expressions, like.scales.lengths.tolist(), strict=True))
    new = min(lengths.values())
    kept = torch.tensor([lengths.get(e, new) for e in problem.expressions], dtype=torch.float64)
    return replace(like.scales, lengths=kept)


def _smoothed(problem: Problem, coordinates: Coordinates, start: Scales | None) -> Surrogate | None:
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    finite = bool(torch.isfinite(u).all() and torch.isfinite(t).all())
    if not finite or not bool((u.std(0) > 0).all()) or float(t.std()) == 0:
        return None
    try:
        found = TableProcess.of(coordinates, problem.columns, problem.target, problem.weight, start=start)
    except RuntimeError:  # a covariance that cannot be factored: columns that are all but equal
        return None
    kept = found.process.kept
    left_out = problem.weight[kept] * found.residual
    error = float(left_out.square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        return found.values(problem.columns)[:, 0], found.slopes(problem.columns)[:, :, 0]

    residual = torch.zeros_like(problem.target)
    residual[kept] = left_out
    settled = error < _EXPLAINED * found.noise
    return Surrogate(
        "process", coordinates, error, settled, lambda: residual, read, found.process.scales, problem.expressions
    )


def _expanded(problem: Problem, coordinates: Coordinates, noise: float) -> Surrogate | None:
    u, t, weight = coordinates.inputs(problem.columns), coordinates.target(problem.target), problem.weight
    if not bool(torch.isfinite(t).all()):
        return None
    if coordinates.target_as == "log":
        size = (problem.weight * problem.target).abs()
        weight = size / (noise**2 + (1e-3 * size) ** 2).sqrt() if noise > 0 else torch.ones_like(size)
    elif coordinates.target_as == "square":
        size = problem.target.abs()
        weight = problem.weight / (size + 0.5 * size.median()) if noise > 0 else torch.ones_like(size)
    held = torch.zeros(len(t), dtype=torch.bool)
    if noise > 0:
        held[torch.randperm(len(t), generator=torch.Generator().manual_seed(0))[: len(t) // _HELD]] = True
    found = expand(u, t, weight * ~held)
    if found is None:
        return None
    predicted = found.read()[0] if noise > 0 else t - found.residual / weight
    left_out = problem.weight * (problem.target - coordinates.back(predicted))
    error = float(left_out[held if noise > 0 else ~held].square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        values, gradient = found.read()
        values = coordinates.back(values)
        return values, coordinates.gradient(problem.columns, values, gradient)

    return Surrogate("polynomial", coordinates, error, found.settled, lambda: left_out, read)


def neighbor_correlation(columns: Tensor, residual: Tensor) -> float:
    """Correlation of residuals between nearest neighbors: near zero for noise, positive where structure is left."""
    z = (columns - columns.mean(0)) / columns.std(0).clamp_min(1e-300)
    rows = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:2000]
    distance = torch.cdist(z[rows], z[rows])
    distance.fill_diagonal_(float("inf"))
    r = residual[rows] - residual[rows].mean()
    spread = float(r.square().mean())
    return float((r * r[distance.argmin(1)]).mean()) / spread if spread > 0 else 0.0
