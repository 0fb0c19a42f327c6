"""`fit` with its default arguments, the schemes of `init=`, prediction intervals, and tables of many rows."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, geometric_mean, median
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.bases import spline_range
from edgewise.nn import KAN, adapt_grid, clone
from edgewise.optim import LM
from edgewise.tables.additive import Gaussian, additive
from edgewise.train import Objective, Options, Table, fit, rescale_knots
from edgewise_bench import Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks import real_tables
from edgewise_bench.benchmarks.studies.study import Figure, Study, labeled
from edgewise_bench.benchmarks.training import BESSEL, PRODUCT, TARGETS, Target
from edgewise_bench.tables import grouped, known

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
    columns = (
        "network",
        "rows",
        "test_rmse",
        "train_rmse",
        "grid",
        "outcome",
        "seconds",
        "process_seconds",
        "status",
    )
    by = ("target", "network")
    seeds = 5
    figures = (
        Figure("median RMSE", "test_rmse", most=lambda row: _LIMITS[row["target"]].middle),
        Figure("worst", "test_rmse", max, most=lambda row: _LIMITS[row["target"]].worst),
        Figure("median s", "seconds"),
        Figure("slowest", "seconds", max, most=lambda row: _LIMITS[row["target"]].seconds),
    )
    grid: ClassVar = {"target": _LIMITS}

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
    columns = ("quantity", "value", "seconds", "status")
    note = "depth: medians; second order: the share of good starts; first order: geometric mean of the errors"

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


_COVERAGE, _CALIBRATION = 0.9, 0.25  # of intervals; share of the rows that makes quantile boosting conformal
_NOISES = ("constant", "growing")
_TABLES = {40: 60, 100: 40, 1000: 20}  # rows of a table: number of tables


class PredictionIntervals(Study):
    """90 % prediction intervals of KANRegressor on made tables of few and many rows and columns.

    Each table has 2000 new rows, and at most three of its columns matter. Noise has constant size, or grows with the
    first column; `quiet` and `loud` are the coverages where it is in its lowest and its highest third. The method was
    developed on seeds from 0.
    """

    name = "intervals"
    title = "How often 90 % prediction intervals hold a new row"
    columns = ("tables", "coverage", "quiet", "loud", "width", "lowest", "seconds", "status")
    by = ("noise", "inputs", "rows")
    figures = (
        Figure("coverage", "coverage", fmean, least=0.87, most=0.93), Figure("quiet", "quiet", fmean),
        Figure("loud", "loud", fmean), Figure("width", "width", fmean), Figure("lowest", "lowest", min),
    )  # fmt: skip
    first = 1000
    grid: ClassVar = {"noise": _NOISES, "inputs": (1, 5, 20), "rows": _TABLES}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        kind, inputs, rows = given["noise"], given["inputs"], given["rows"]
        count = 1 if settings.quick else _TABLES[rows]
        with clock() as spent:
            each = np.array([_covered(given["seed"] + k, rows, inputs, kind) for k in range(count)])
        means = dict(zip(("coverage", "quiet", "loud", "width"), each.mean(0).tolist(), strict=True))
        return {"tables": count, **means, "lowest": float(each[:, 0].min()), "seconds": spent.process}


def _covered(seed: int, rows: int, inputs: int, kind: str) -> tuple[float, float, float, float]:
    """Return the coverage on new rows, that where the noise is small and where it is large, and the mean width."""
    new = 2000
    from edgewise.estimators import KANRegressor

    rng = np.random.default_rng((seed, rows, inputs, _NOISES.index(kind)))
    x, y, _ = _made(rng, rows, inputs, kind)
    fresh, truth, size = _made(rng, new, inputs, kind)
    low, high = KANRegressor().fit(x, y).predict_interval(fresh, _COVERAGE).T
    hit = (low <= truth) & (truth <= high)
    ends = np.quantile(size, [1 / 3, 2 / 3])
    return hit.mean(), hit[size <= ends[0]].mean(), hit[size >= ends[1]].mean(), float((high - low).mean())


def _made(rng: np.random.Generator, rows: int, columns: int, kind: str) -> tuple[Array, Array, Array]:
    """Return x (rows, columns), y (rows,) and the standard deviation of its noise (rows,)."""
    x = rng.uniform(-2, 2, (rows, columns))
    mean = np.sin(1.5 * x[:, 0])
    if columns > 2:
        mean = mean + 0.5 * x[:, 1] + 0.25 * x[:, 2] ** 2
    size = np.full(rows, 0.5) if kind == "constant" else 0.1 + 0.25 * (x[:, 0] + 2)
    return x, mean + size * rng.standard_normal(rows), size


class RealIntervals(Study):
    """90 % intervals of KANRegressor beside conformal quantile boosting, on the regressions of `bench tabular`."""

    name = "real-intervals"
    title = "90 % prediction intervals on real tables: coverage, and width over the target's standard deviation"
    file = "tables_intervals.csv"
    columns = ("coverage", "width", "boosting_coverage", "boosting_width", "status")
    by = ("table",)
    total = True
    figures = (
        Figure("coverage", "coverage", fmean), Figure("width", "width", fmean),
        Figure("of boosting", "boosting_coverage", fmean), Figure("its width", "boosting_width", fmean),
    )  # fmt: skip
    seeds = 0
    grid: ClassVar = {
        "table": [table.name for table in real_tables.TABLES if table.kind == "regression"],
        "split": range(real_tables.FOLDS),
    }

    def missing(self) -> str:
        return real_tables.missing_packages()

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        from edgewise.estimators import KANRegressor

        table, split = next(table for table in real_tables.TABLES if table.name == given["table"]), given["split"]
        x, y = real_tables.columns(real_tables.read_frame(table), table)
        train, test = list(real_tables.folds(table.kind, x, y, real_tables.FOLDS))[split]
        model = KANRegressor(random_state=split).fit(x.iloc[train], y[train])
        own = real_tables.interval_scores(y[test], *model.predict_interval(x.iloc[test], _COVERAGE).T)
        other = real_tables.interval_scores(y[test], *_quantile_boosting(x, y, train, test, split))
        return {**own, **{f"boosting_{name}": value for name, value in other.items()}}


def _quantile_boosting(x: Any, y: np.ndarray, train: Any, test: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return conformal intervals of quantile boosting. Source: Romano et al., Conformalized quantile regression."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import train_test_split

    x = x.astype(dict.fromkeys(x.select_dtypes(exclude="number"), "category"))
    fitted, held = train_test_split(train, test_size=_CALIBRATION, random_state=seed)
    low, high = (
        HistGradientBoostingRegressor(
            loss="quantile", quantile=level, categorical_features="from_dtype", random_state=seed
        ).fit(x.iloc[fitted], y[fitted])
        for level in ((1 - _COVERAGE) / 2, (1 + _COVERAGE) / 2)
    )
    beyond = np.sort(np.maximum(low.predict(x.iloc[held]) - y[held], y[held] - high.predict(x.iloc[held])))
    margin = beyond[min(int(np.ceil((len(held) + 1) * _COVERAGE)) - 1, len(held) - 1)]
    return low.predict(x.iloc[test]) - margin, high.predict(x.iloc[test]) + margin


class ManyRows(Study):
    """Sums of curves on 10,000 and a million rows, by `additive`; `fit` on 20,000 rows by 50 columns in 40 s.

    The rows are made up: sums of curves and two products, noise half of the signal; and a sum of curves without noise.
    """

    name = "many-rows"
    title = "Made tables of many rows: seconds, memory and error"
    columns = ("seconds", "r2", "megabytes", "error", "status")
    fresh_process = True
    by = ("table",)
    figures = (
        Figure("seconds", "seconds"), Figure("R2", "r2"), Figure("MB", "megabytes"), Figure("error", "error"),
    )  # fmt: skip
    seeds = 0
    grid: ClassVar = {"table": ("additive, 10000 rows", "additive, 1000000 rows", "fit, 20000 x 50, [50, 5, 1]")}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        kind, count, *_ = given["table"].split()
        return _additive(int(count)) if kind == "additive," else _limited()


def _additive(count: int) -> Row:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 20))
    x[:, 5:8] = np.exp(x[:, 5:8])
    signal = np.sin(2 * x[:, 0]) + x[:, 1] ** 2 / 2 + np.abs(x[:, 2]) + np.tanh(2 * x[:, 3]) + np.log(x[:, 5])
    signal += x[:, 8] * x[:, 9] + np.sin(x[:, 10]) * x[:, 11]
    y = signal + rng.normal(size=count) * signal.std() / 2
    with clock() as spent:
        found = additive(x, y, [False] * 20, Gaussian())
    left = found.predict(x[:20_000])[:, 0] - signal[:20_000]
    r2 = 1 - float(np.mean(left**2)) / float(signal[:20_000].var())
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"seconds": spent.process, "r2": r2, "megabytes": megabytes}


def _limited() -> Row:
    x = np.random.default_rng(0).normal(size=(20_000, 50))
    signal = np.sin(2 * x[:, 0]) + x[:, 1] / 2 + np.tanh(x[:, 2]) + 0.3 * x[:, 3] ** 2
    y = (signal - signal.mean()) / signal.std()
    with clock() as spent:
        found = fit(KAN([50, 5, 1]), x, y, options=Options(time_limit=40))
    return {"seconds": spent.wall, "error": found.test_error}
