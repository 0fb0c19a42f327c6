"""An accurate network for a problem, and the gradients that its structure is read from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.bases import fit_curves
from edgewise.discovery._expansion import expand
from edgewise.discovery._part import trained
from edgewise.discovery._problem import Problem
from edgewise.nn import KAN, Pass, adapt_grid, layer_of
from edgewise.optim import LM
from edgewise.structure import gaussian_process
from edgewise.train import Options

GOOD = 1e-4  # held-out error at which no other structure is tried
_HELD = 4  # one row of so many is held out of noisy data
_EXPLAINED = 2.0  # times the noise that a process found: its error where it has explained the rest
_GRIDS = (5, 10, 20)
_SOLVER = LM(steps=40, tolerance=1e-4)


@dataclass(frozen=True)
class Coordinates:
    """What a model sees of a problem: logarithms of some columns, and the target, its logarithm or its square.

    `sign` is that of the target, where it has one.
    """

    logs: tuple[bool, ...]
    target_as: str = "itself"
    sign: float = 1.0

    @classmethod
    def of(cls, problem: Problem, relative: bool) -> Coordinates:
        """Logarithms of heavy-tailed columns, and of a target of many decades."""
        t = problem.target
        signed = bool((t > 0).all()) or bool((t < 0).all())
        wide = signed and float(t.abs().max()) > 100 * float(t.abs().min())
        logs = tuple(_heavy(problem.columns[:, i]) for i in range(problem.n_columns))
        return cls(logs, "log" if relative and wide else "itself", float(torch.sign(t[0])))

    def inputs(self, columns: Tensor) -> Tensor:
        parts = [columns[:, i].log() if log else columns[:, i] for i, log in enumerate(self.logs)]
        return torch.stack(parts, dim=1)

    def target(self, t: Tensor) -> Tensor:
        if self.target_as == "log":
            return (self.sign * t).log()
        return t.square() if self.target_as == "square" else t

    def back(self, values: Tensor) -> Tensor:
        if self.target_as == "log":
            return self.sign * values.exp()
        return self.sign * values.clamp_min(0).sqrt() if self.target_as == "square" else values

    def slope(self, t: Tensor) -> Tensor:
        """How fast the target changes with what is seen of it, where the target is t."""
        if self.target_as == "log":
            return t
        return 0.5 / t if self.target_as == "square" else torch.ones_like(t)

    def returned(self, columns: Tensor, values: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Values (n,) and gradient (n, m) of the target by the columns, from those seen in these coordinates."""
        values = self.back(values)
        slope = self.slope(values)
        slope = torch.where(torch.isfinite(slope), slope, 0.0)
        divisors = [columns[:, i] if log else torch.ones_like(values) for i, log in enumerate(self.logs)]
        return values, gradient * slope.unsqueeze(1) / torch.stack(divisors, dim=1)


def _heavy(x: Tensor) -> bool:
    """Positive, with the median in the lowest fifth of the range but above a quarter of it in logarithms."""
    lo, hi, median = float(x.min()), float(x.max()), float(x.median())
    if lo <= 0 or hi <= lo:
        return False
    inner = (math.log(median) - math.log(lo)) / (math.log(hi) - math.log(lo))
    return (median - lo) / (hi - lo) < 0.2 and inner > 0.25


@dataclass(frozen=True)
class Surrogate:
    """A smooth model of a problem: its held-out error, and values and gradients of the target at every row.

    `structure` names its shape; `settled` says that more freedom no longer helped; `residual` (n,) is weighted.
    """

    structure: str
    coordinates: Coordinates
    error: float
    settled: bool
    residual: Tensor
    read: Callable[[], tuple[Tensor, Tensor]]
    """Values (n,) and gradient (n, m) by the columns."""
    noise: float = 0.0
    """The noise that the model found, over the original target's spread; 0: it did not look for any."""

    @property
    def any_logs(self) -> bool:
        return any(self.coordinates.logs)


def expanded(problem: Problem, noise: float, like: Surrogate | None = None, enough: float = 0.0) -> Surrogate | None:
    """The best sparse polynomial of the columns or their logarithms, for the target or its logarithm.

    What is seen of an exact target is fitted with equal weights, under which terms are nearly orthogonal and are chosen
    well; where noise is known, with those of its own spread, and without a quarter of the rows, whose error counts: of
    many terms, noise chooses some. The coordinates of `like`
    come first; the first error below `enough` ends the trials.
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
    t = problem.target
    positive = tuple(bool((problem.columns[:, i] > 0).all()) for i in range(problem.n_columns))
    signed = bool((t > 0).all()) or bool((t < 0).all())
    choices = [
        Coordinates(logs, target_as, float(torch.sign(t[0])))
        for target_as in (seen if signed else ("itself",))
        for logs in dict.fromkeys(((False,) * len(positive), positive))
    ]
    if like is not None:
        choices.sort(key=lambda c: (c.target_as != like.coordinates.target_as, any(c.logs) != like.any_logs))
    return choices


def smoothed(problem: Problem, like: Surrogate | None = None, enough: float = 0.0) -> Surrogate | None:
    """The best Gaussian process of the columns or their logarithms, for the target or its logarithm: made for noise.

    The error is of rows left out; the coordinates of `like` come first, the first error below `enough` ends the trials.
    """
    best = None
    for coordinates in _choices(problem, like, ("itself", "log")):
        found = _smoothed(problem, coordinates)
        if found is not None and (best is None or found.error < best.error):
            best = found
        if best is not None and best.error < enough:
            break
    return best


def _smoothed(problem: Problem, coordinates: Coordinates) -> Surrogate | None:
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    noisy = 1 / (problem.weight * coordinates.slope(problem.target).abs()).clamp_min(1e-300)
    centre, width, middle, spread = u.mean(0), u.std(0), t.mean(), t.std()
    if not bool(torch.isfinite(u).all() and torch.isfinite(t).all() and (width > 0).all()) or float(spread) == 0:
        return None
    size = noisy.median()
    try:
        process = gaussian_process((u - centre) / width, (t - middle) / spread, (noisy / size).clamp(0.01, 100), 0, 0)
    except RuntimeError:  # a covariance that cannot be factored: columns that are all but equal
        return None
    kept = process.kept
    target, weight = problem.target[kept], problem.weight[kept]
    left_out = weight * (target - coordinates.back(t[kept] - spread * process.residual))
    error = float(left_out.square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        at = (u - centre) / width
        values = middle + spread * process.values(at)[:, 0]
        return coordinates.returned(problem.columns, values, spread * process.slopes(at)[:, :, 0] / width)

    residual = torch.zeros_like(problem.target)
    residual[kept] = left_out
    noise = process.scales.noise * float(spread / size)
    return Surrogate("process", coordinates, error, error < _EXPLAINED * noise, residual, read, noise)


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
    held[torch.randperm(len(t), generator=torch.Generator().manual_seed(0))[: len(t) // _HELD if noise > 0 else 0]] = (
        True
    )
    found = expand(u, t, weight * ~held)
    if found is None:
        return None
    if noise > 0:
        left_out = problem.weight * (problem.target - coordinates.back(found.read()[0]))
    else:
        left_out = problem.weight * (problem.target - coordinates.back(t - found.residual / weight))
    error = float(left_out[held if noise > 0 else ~held].square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        return coordinates.returned(problem.columns, *found.read())

    return Surrogate("polynomial", coordinates, error, found.settled, left_out, read)


def surrogates(
    problem: Problem, noise: float, relative: bool, deadline: float, seed: int, enough: float = GOOD
) -> Iterator[Surrogate]:  # fmt: skip
    """Fit structures of growing freedom; ends after the first whose held-out error is `enough` or near the noise."""
    coordinates = Coordinates.of(problem, relative)
    n = len(problem.target)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    held, rows = order[: n // 5], order[n // 5 :]
    for name, build in structures(problem.n_columns):
        if time.perf_counter() > deadline:
            return
        found = _fitted(problem, coordinates, name, build, rows, held, seed)
        if found is None:
            continue
        yield found
        if found.error < max(enough, 1.1 * noise):
            return


def best_surrogate(
    problem: Problem, noise: float, relative: bool, deadline: float, seed: int, enough: float = GOOD
) -> Surrogate | None:  # fmt: skip
    """The surrogate of the least held-out error."""
    found = list(surrogates(problem, noise, relative, deadline, seed, enough))
    return min(found, key=lambda s: s.error, default=None)


def structures(m: int) -> list[tuple[str, Callable[[], KAN]]]:
    """Network shapes for m columns, simplest first."""
    flexible = ("flexible", lambda: KAN([m, (m + 1, 3), 1], grid=5))
    if m == 1:
        return [("curve", lambda: KAN([1, 1], grid=5))]
    return [
        ("sum", lambda: KAN([m, 1], grid=5)),
        ("product", lambda: diagonal(KAN([m, (0, [m])], grid=5))),
        ("function of a sum", lambda: KAN([m, 1, 1], grid=5)),
        ("function of a product", lambda: diagonal(KAN([m, (0, [m]), 1], grid=5))),
        flexible,
    ]


def diagonal(model: KAN) -> KAN:
    """The network with only input i feeding factor i of its first layer."""
    layer = layer_of(model, 0)
    layer.mask = torch.eye(layer.n_out, layer.n_in, dtype=torch.bool)
    return model


def _fitted(
    problem: Problem,
    coordinates: Coordinates,
    name: str,
    build: Callable[[], KAN],
    rows: Tensor,
    held: Tensor,
    seed: int,
) -> Surrogate | None:
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    weight = problem.weight * coordinates.slope(problem.target).abs()
    model = build()
    if "product" in name:
        model = _raw_factors(model, u)
    best: tuple[float, KAN] | None = None
    settled = False
    for number, grid in enumerate(_GRIDS if len(rows) > 100 else (3, 5)):
        options = Options(validation=0.0, restarts=4 if number == 0 and name != "sum" else 1, smoothing=0.0, seed=seed)
        part = trained(
            model, u[rows], t[rows], options, weights=weight[rows].square(), grids=[grid], solver=_SOLVER
        )  # fmt: skip
        model = part.model
        with torch.no_grad():
            error = problem.rows(held).error(coordinates.back(model(u[held])[:, 0]))
        if best is not None and error > 0.7 * best[0]:
            settled = True
        if best is None or error < best[0]:
            best = (error, model)
        if settled or error > 0.3:
            break
    assert best is not None
    if not math.isfinite(best[0]):
        return None
    return _described(problem, coordinates, name, best[1], best[0], settled, u)


def _raw_factors(model: KAN, u: Tensor) -> KAN:
    """Each factor of a product starts as its column itself, so that zeros keep their place."""
    model = adapt_grid(model, u)
    layer = layer_of(model, 0)
    with torch.no_grad():
        for i in range(layer.n_in):
            size = float(u[:, i].abs().max()) or 1.0
            count = layer.coefficients.shape[-1]
            curve = fit_curves(lambda s, size=size: (s / size).unsqueeze(1), layer.kind, layer.knots[i], count)
            layer.coefficients[i, i] = curve[0]
    return model


def _described(
    problem: Problem, coordinates: Coordinates, name: str, model: KAN, error: float, settled: bool, u: Tensor
) -> Surrogate:  # fmt: skip
    with torch.no_grad():
        forward = Pass(model, u)
        values = forward.outputs[:, 0]
        read = coordinates.returned(problem.columns, values, forward.input_gradient()[:, 0])
    residual = problem.weight * (read[0] - problem.target)
    return Surrogate(name, coordinates, error, settled, residual, lambda: read)


def neighbour_correlation(columns: Tensor, residual: Tensor) -> float:
    """Correlation of residuals between nearest neighbours: near zero for noise, positive where structure is left."""
    z = (columns - columns.mean(0)) / columns.std(0).clamp_min(1e-300)
    rows = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:2000]
    distance = torch.cdist(z[rows], z[rows])
    distance.fill_diagonal_(float("inf"))
    r = residual[rows] - residual[rows].mean()
    spread = float(r.square().mean())
    return float((r * r[distance.argmin(1)]).mean()) / spread if spread > 0 else 0.0
