"""Networks as models of a problem, from simple shapes to a flexible one."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from edgewise._deadline import Deadline
from edgewise.discovery.models._surrogate import Surrogate
from edgewise.discovery.tables import Problem
from edgewise.interpret.symmetries import Coordinates, heavy_tailed
from edgewise.nn import KAN, Pass, adapt_grid, layer_of
from edgewise.nn.bases import fit_curves
from edgewise.train import FitResult, Options, Outcome, fit
from edgewise.train.optim import LM

_GOOD = 1e-4  # held-out error at which no other structure is tried
_GRIDS = (5, 10, 20)
_SOLVER = LM(steps=40, tolerance=1e-4)
_LEAST = 0.05  # seconds of a fit that was begun


def best_surrogate(problem: Problem, noise: float, relative: bool, deadline: Deadline, seed: int) -> Surrogate | None:
    """The surrogate of the least held-out error, of structures of growing freedom until one is near the noise."""
    # Logarithms of heavy-tailed columns, and of a target of many decades.
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
        if found is not None and found.error < max(_GOOD, 1.1 * noise):
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
    order = torch.randperm(len(problem.target), generator=torch.Generator().manual_seed(seed))
    held, rows = order.tensor_split([len(order) // 5])
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    weight = problem.weight * coordinates.slope(problem.target).abs()
    if "product" in name:
        model = _raw_factors(model, u)
    least, kept, settled = math.inf, model, False
    for number, grid in enumerate(_GRIDS if len(rows) > 100 else (3, 5)):
        left = deadline.left()
        if number and left <= 0:
            break
        restarts = 4 if number == 0 and name != "sum of functions" else 1
        limit = max(left, _LEAST)
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
