"""`fit` with its default arguments, and the schemes of `init=`: starts, first-order training, depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import geometric_mean, median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise.bases import spline_range
from edgewise.nn import KAN, adapt_grid, clone
from edgewise.optim import LM
from edgewise.train import Objective, Table, fit, rescale_knots
from edgewise_bench import Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks._accuracy import BESSEL, PRODUCT, TARGETS, Target
from edgewise_bench.benchmarks.studies._study import Figure, Study, known, labeled
from edgewise_bench.tables import grouped

_FIRST, _DEEP = TARGETS[0], TARGETS[2]


def _drawn(target: Target, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return rows to train on and new rows to measure on, both of one seed."""
    new = 1000  # rows to measure on
    rng = np.random.default_rng(seed)
    return *target.sample(rows, rng), *target.sample(new, rng)


def _rmse(model: KAN, x: np.ndarray, y: np.ndarray) -> float:
    with torch.no_grad():
        return float(np.sqrt(np.mean((model(torch.from_numpy(x))[:, 0].numpy() - y) ** 2)))


class _Limit(NamedTuple):
    """A target, and the error and the seconds that its fits may have in the worst of the seeds or in their median."""

    target: Target
    worst: float = np.inf
    middle: float = np.inf
    seconds: float = np.inf


_LIMITS = {
    limit.target.name: limit
    for limit in (
        _Limit(_FIRST, 1e-7, seconds=5), _Limit(PRODUCT, 1e-10), _Limit(BESSEL, 1e-6),
        _Limit(_DEEP, middle=1e-6, seconds=60),
    )
}  # fmt: skip


class Fits(Study):
    """Test error and time of `fit` with its default arguments, on four targets."""

    name = "fits"
    title = "Fits with default arguments: test error and seconds"
    file = "fits.csv"
    columns = ("network", "rows", "test_rmse", "train_rmse", "grid", "outcome", "seconds", "process_seconds", "status")
    by = ("target", "network")
    seeds = 5
    figures = (
        Figure("median RMSE", "test_rmse", most=lambda row: _LIMITS[row["target"]].middle),
        Figure("worst", "test_rmse", max, most=lambda row: _LIMITS[row["target"]].worst),
        Figure("median s", "seconds"),
        Figure("slowest", "seconds", max, most=lambda row: _LIMITS[row["target"]].seconds),
    )

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {"target": _LIMITS}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        target = _LIMITS[given["target"]].target
        x, y, *new = _drawn(target, target.rows, given["seed"])
        with clock() as spent:
            result = fit(KAN(target.widths, seed=given["seed"]), x, y)
        return {
            "network": str(target.widths), "rows": target.rows, "test_rmse": _rmse(result.model, *new),
            "train_rmse": result.train_error, "grid": int(result.model.layers[0].grid),
            "outcome": result.outcome.name, "seconds": spent.wall, "process_seconds": spent.process,
        }  # fmt: skip


_SCHEMES = ("smooth", "variance", "power", "noise")
_BASES = ("none", "silu")
_STEPS, _RATE, _BATCH, _ROWS = 400, 1e-2, 256, 1000  # of Adam
_COARSE = ([4, 2, 1, 1], 3)  # the network and the cells of a second-order start


class Initialization(Study):
    """The schemes of `init=`: how values spread through six layers, second-order starts, errors after Adam.

    Inputs lie in [-1, 1], where the first knots are; targets have standard deviation 1, so that an error of 1 means
    that nothing is learned. A start is what `fit` makes of it in its coarse run; it is good below 0.05.
    """

    name = "initialization"
    title = "Schemes of init="
    file = "initialization.csv"
    columns = ("quantity", "value", "seconds", "status")
    note = "depth: medians; second order: the share of good starts; first order: geometric mean of the errors"

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {}

    def cases(self, settings: Settings) -> list[Case]:
        depth = [16] * 7  # six layers
        hidden = ([5], [8, 8], [32, 32], [8] * 5)
        seeds = {"depth": 16, "second order": 48, "first order": 3}
        networks = [("depth", depth, ""), ("second order", _COARSE[0], _DEEP.name)]
        networks += [("first order", [t.widths[0], *h, 1], t.name) for h in hidden for t in (_FIRST, _DEEP)]
        return [
            labeled({"task": task, "scheme": scheme, "base": base, "network": str(network), "seed": seed, "target": to})
            for task, network, to in networks
            for base in _BASES
            for scheme in _SCHEMES
            for seed in range(1 if settings.quick else seeds[task])
        ]

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Iterator[Row]:
        widths, seed = [int(part) for part in given["network"].strip("[]").split(",")], given["seed"]
        base = None if given["base"] == "none" else given["base"]
        made: dict[str, Any] = {"base": base, "init": given["scheme"]}
        if given["task"] == "depth":
            yield from _spread(KAN(widths, seed=seed, **made), seed)
            return
        with clock() as spent:
            if given["task"] == "second order":
                error = _second_order(KAN(widths, grid=_COARSE[1], **made), seed)
            else:
                target = next(target for target in (_FIRST, _DEEP) if target.name == given["target"])
                error = _adam(KAN(widths, seed=seed, dtype=torch.float32, **made), target, seed)
        yield {"quantity": "error", "value": error, "seconds": spent.wall}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        good = 0.05  # error of a good start
        reduce = {
            "depth": median, "first order": geometric_mean,
            "second order": lambda errors: sum(error < good for error in errors) / len(errors),
        }  # fmt: skip
        lines = []
        for key, group in grouped(rows, "task", "network", "base", "target", "quantity").items():
            by = grouped(group, "scheme")
            values = [known(by.get((scheme,), []), "value") for scheme in _SCHEMES]
            lines.append([*map(Cell, key), *(Cell(f"{reduce[key[0]](own):.3g}" if own else "") for own in values)])
        return ["task", "network", "base", "target", "of", *_SCHEMES], lines


def _spread(model: KAN, seed: int) -> Iterator[Row]:
    """Yield how values spread through layers as they are made, on uniform inputs, and the share inside the knots."""
    h = 2 * torch.rand(1000, model.n_in, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    for number, layer in enumerate(model.layers, start=1):
        assert layer.degree is not None
        low, high = spline_range(layer.knots, layer.degree)
        with torch.no_grad():
            h = layer(h)
        if number in (1, 3, 6):
            yield {"quantity": f"spread {number}", "value": float(h.std(0).mean())}
            yield {"quantity": f"inside {number}", "value": float(((h >= low[0]) & (h <= high[0])).double().mean())}


def _second_order(model: KAN, seed: int) -> float:
    """Return the error that `fit` reaches from a start in its coarse run, over the target's standard deviation."""
    x, y, *new = _drawn(_DEEP, _ROWS, 0)
    rows = Table(torch.from_numpy(x), torch.from_numpy(y)[:, None], torch.ones(len(x), dtype=torch.float64))
    model = rescale_knots(model, rows.x, seed)
    for _ in range(2):
        model = adapt_grid(model, rows.x)
        problem = Objective(model, rows)
        vector, _ = LM(steps=40, tolerance=1e-3, damping=1.0).minimize(problem, problem.start)
        model = clone(problem.network(vector))
    return _rmse(model, *new) / float(rows.y.std())


def _adam(model: KAN, target: Target, seed: int) -> float:
    """Train on minibatches, the rate falling to zero along a half cosine; return the error on new rows."""
    x, y = _in_units(target, 2 * _ROWS, seed)
    generator = torch.Generator().manual_seed(seed)
    solver = torch.optim.Adam(model.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(solver, _STEPS)
    for _ in range(_STEPS):
        batch = torch.randint(_ROWS, (_BATCH,), generator=generator)
        solver.zero_grad()
        (model(x[batch]) - y[batch]).square().mean().backward()
        solver.step()
        schedule.step()
    with torch.no_grad():
        return float((model(x[_ROWS:]) - y[_ROWS:]).square().mean().sqrt())


def _in_units(target: Target, rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return rows with inputs scaled to [-1, 1] and values to mean 0, standard deviation 1, in float32."""
    x, values = target.sample(rows, np.random.default_rng(seed))
    unit, y = torch.from_numpy(2 * (x - target.low) / (1 - target.low) - 1), torch.from_numpy(values)[:, None]
    return unit.float(), ((y - y.mean()) / y.std()).float()
