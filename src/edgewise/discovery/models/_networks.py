"""Networks as models of a problem, and the best flexible model: what no formula has to beat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._deadline import Deadline
from edgewise._typing import Array, Data
from edgewise.discovery.judging import columns_of
from edgewise.discovery.models._surrogate import Surrogate
from edgewise.discovery.tables import Columns, Problem
from edgewise.interpret.symmetries import Coordinates, heavy_tailed
from edgewise.nn import KAN, Pass, adapt_grid, layer_of
from edgewise.nn.bases import fit_curves
from edgewise.tables.additive import AdditiveFit, Gaussian, Request, Target, additive, network
from edgewise.train import FitResult, Options, Outcome, fit
from edgewise.train.optim import LM

_SOLVER = LM(steps=40, tolerance=1e-4)


def best_surrogate(problem: Problem, noise: float, relative: bool, deadline: Deadline, seed: int) -> Surrogate | None:
    """The surrogate of the least held-out error, of structures of growing freedom until one is near the noise."""
    # Logarithms of heavy-tailed columns, and of a target of many decades.
    good = 1e-4  # held-out error at which no other structure is tried
    sizes, logs = problem.target.abs(), tuple(map(heavy_tailed, problem.columns.T))
    wide = relative and problem.sign and float(sizes.max()) > 100 * float(sizes.min())
    coordinates = Coordinates(logs, "log" if wide else "itself", float(torch.sign(problem.target[0])))
    best: Surrogate | None = None
    for name, build in structures(problem.n_columns):
        if deadline.passed():
            break
        found = _fitted(problem, coordinates, name, build(), deadline, seed)
        if found is not None and (best is None or found.error < best.error):
            best = found
        if found is not None and found.error < max(good, 1.1 * noise):
            break
    return best


def trained(model: KAN, x: Any, y: Any, options: Options, **arguments: Any) -> FitResult:
    """`fit`, but it shows nothing, and Ctrl-C ends the whole search instead of this part of it."""
    result = fit(model, x, y, options=replace(options, progress=False, test=0), **arguments)
    if result.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return result


def structures(m: int) -> list[tuple[str, Callable[[], KAN]]]:
    """Network shapes for m columns, simplest first; of several columns, any function comes last."""
    if m == 1:
        return [("curve", lambda: KAN([1, 1], grid=5))]
    return [
        ("sum of functions", lambda: KAN([m, 1], grid=5)),
        ("product of functions", lambda: _diagonal(KAN([m, (0, [m])], grid=5))),
        ("function of a sum of functions", lambda: KAN([m, 1, 1], grid=5)),
        ("function of a product of functions", lambda: _diagonal(KAN([m, (0, [m]), 1], grid=5))),
        ("flexible", lambda: KAN([m, (m + 1, 3), 1], grid=5)),
    ]


def _diagonal(model: KAN) -> KAN:
    """The network with only input i feeding factor i of its first layer."""
    layer = layer_of(model, 0)
    layer.mask = torch.eye(layer.n_out, layer.n_in, dtype=torch.bool)
    return model


def _fitted(
    problem: Problem, coordinates: Coordinates, name: str, model: KAN, deadline: Deadline, seed: int
) -> Surrogate | None:
    grids = (5, 10, 20)
    least_time = 0.05  # seconds of a fit that was begun
    order = torch.randperm(len(problem.target), generator=torch.Generator().manual_seed(seed))
    held, rows = order.tensor_split([len(order) // 5])
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    weight = problem.weight * coordinates.slope(problem.target).abs()
    if "product" in name:
        model = _raw_factors(model, u)
    least, kept, settled = math.inf, model, False
    for number, grid in enumerate(grids if len(rows) > 100 else (3, 5)):
        left = deadline.left()
        if number and left <= 0:
            break
        restarts = 4 if number == 0 and name != "sum of functions" else 1
        limit = None if math.isinf(left) else max(left, least_time)
        options = Options(validation=0.0, restarts=restarts, smoothing=0.0, seed=seed, time_limit=limit)
        weights = weight[rows].square()
        model = trained(model, u[rows], t[rows], options, weights=weights, grids=[grid], solver=_SOLVER).model
        with torch.no_grad():
            error = problem.rows(held).error(coordinates.back(model(u[held])[:, 0]))
        settled = error > 0.7 * least
        if error < least:
            least, kept = error, model
        if settled or error > 0.3:
            break
    if not math.isfinite(least):
        return None
    with torch.no_grad():
        forward = Pass(kept, u)
        values = coordinates.back(forward.outputs[:, 0])
        gradient = coordinates.gradient(problem.columns, values, forward.input_gradient()[:, 0])
    residual = problem.weight * (values - problem.target)
    return Surrogate(name, coordinates, least, settled, lambda: residual, lambda: (values, gradient))


def _raw_factors(model: KAN, u: Tensor) -> KAN:
    """Each factor of a product starts as its column itself, so that zeros keep their place."""
    model = adapt_grid(model, u)
    layer = layer_of(model, 0)
    with torch.no_grad():
        for i in range(layer.n_in):
            size = float(u[:, i].abs().max()) or 1.0
            count = layer.coefficients.shape[-1]
            curve = fit_curves(lambda s, size=size: (s / size).unsqueeze(1), layer.basis, layer.knots[i], count)
            layer.coefficients[i, i] = curve[0]
    return model


@dataclass(frozen=True)
class Ceiling:
    """An additive network with products of two inputs, smoothed by restricted maximum likelihood.

    `held_out` is its root mean square error on rows that it was not fitted to, over the standard deviation of the
    target; `r2` the same as a coefficient of determination. It takes the columns `logs` by their logarithms.
    """

    fit: AdditiveFit = field(repr=False)
    names: tuple[str, ...]
    held_out: float
    columns: Columns | None = field(repr=False, default=None)
    logs: tuple[str, ...] = field(repr=False, default=())

    @classmethod
    def of(
        cls, names: tuple[str, ...], x: Array, y: Array, weights: Array | None = None, *, seed: int = 0,
        check: Callable[[str], None] = lambda stage: None, logs: tuple[str, ...] = (),
    ) -> Ceiling:  # fmt: skip
        """Return the model of rows x (n, m), y (n,). `check` is called before each of its fits."""
        request, own = Request(values=False, seed=seed), logarithms(names, x, logs)
        fit = additive(own, y, [False] * x.shape[1], Gaussian(), request, weights=weights, check=check)
        return cls._measured(fit, names, y, weights, logs)

    @classmethod
    def of_logarithms(
        cls, names: tuple[str, ...], x: Array, y: Array, weights: Array | None = None, *, seed: int = 0,
        logs: tuple[str, ...] = (),
    ) -> Ceiling:  # fmt: skip
        """Return the model of positive values y (n,) whose noise is relative: of their logarithms, all alike.

        `weights` are those of errors of y. Predictions are means of y, not of the logarithm.
        """
        of_target = np.log(y)
        most = float(of_target.max()) + 1  # below zero, logarithms are taken as they are
        request, own = Request(values=False, seed=seed), logarithms(names, x, logs)
        fit = additive(own, of_target - most, [False] * x.shape[1], Gaussian(), request)
        target = Target("log", fit.target.center + most, fit.target.scale, float(y.max()) * np.e)
        return cls._measured(replace(fit, target=target), names, y, weights, logs)

    @classmethod
    def _measured(
        cls, fit: AdditiveFit, names: tuple[str, ...], y: Array, weights: Array | None, logs: tuple[str, ...]
    ) -> Ceiling:
        rows = fit.rows
        w = np.ones(len(y)) if weights is None else weights
        deviation = np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
        residual = y[rows] - fit.of(fit.held_out)[:, 0]
        error = float(np.sqrt(np.average(residual**2, weights=w[rows])))
        return cls(fit, names, error / float(deviation), logs=logs)

    @property
    def r2(self) -> float:
        """The share of the target's variance that it explains on rows that it was not fitted to."""
        return 1 - self.held_out**2

    def left_out(self) -> tuple[Array, Array]:
        """Return the rows that it was measured on, and its values there, each from a fit that did not see the row."""
        return np.asarray(self.fit.rows), self.fit.of(self.fit.held_out)[:, 0]

    def predict(self, x: Data) -> Array:
        """Return values (n,) at rows x (n, m); outside of the table its curves level off."""
        rows = columns_of(x, self.names, self.columns)
        return self.fit.predict(logarithms(self.names, rows, self.logs))[:, 0]

    def network(self) -> KAN:
        """Return the model as a network: of `fit.design.values(x)`, for the target that `fit.target` maps.

        x holds the logarithms of the columns `logs`.
        """
        return network(self.fit.model)


def logarithms(names: tuple[str, ...], x: Array, logs: tuple[str, ...]) -> Array:
    """Return columns x (n, m), those of the names `logs` by their logarithms; what has none counts as next to 0."""
    least = 1e-300
    if not logs:
        return x
    chosen = [name in logs for name in names]
    return np.where(chosen, np.log(np.maximum(x, least)), x)
