"""Tables of rows: prediction intervals of estimators, and what sums of curves and fits cost on many rows."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.nn import KAN
from edgewise.tables.additive import Gaussian, additive
from edgewise.train import Options, fit
from edgewise_bench import Row, Settings, clock
from edgewise_bench.benchmarks.studies._study import Figure, Study
from edgewise_bench.benchmarks.tabular import (
    SPLITS,
    TABLES,
    columns,
    folds,
    interval_scores,
    missing_packages,
    read_frame,
)

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
    file = "intervals.csv"
    columns = ("tables", "coverage", "quiet", "loud", "width", "lowest", "seconds", "status")
    by = ("noise", "inputs", "rows")
    figures = (
        Figure("coverage", "coverage", fmean, least=0.87, most=0.93), Figure("quiet", "quiet", fmean),
        Figure("loud", "loud", fmean), Figure("width", "width", fmean), Figure("lowest", "lowest", min),
    )  # fmt: skip
    first = 1000

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {"noise": _NOISES, "inputs": (1, 5, 20), "rows": _TABLES}

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

    def missing(self) -> str:
        return missing_packages()

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {"table": [table.name for table in TABLES if table.kind == "regression"], "split": range(SPLITS)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        from edgewise.estimators import KANRegressor

        table, split = next(table for table in TABLES if table.name == given["table"]), given["split"]
        x, y = columns(read_frame(table), table)
        train, test = list(folds(table.kind, x, y, SPLITS))[split]
        model = KANRegressor(random_state=split).fit(x.iloc[train], y[train])
        own = interval_scores(y[test], *model.predict_interval(x.iloc[test], _COVERAGE).T)
        other = interval_scores(y[test], *_quantile_boosting(x, y, train, test, split))
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
    file = "many_rows.csv"
    columns = ("seconds", "r2", "megabytes", "error", "status")
    fresh_process = True
    by = ("table",)
    figures = (
        Figure("seconds", "seconds"), Figure("R2", "r2"), Figure("MB", "megabytes"), Figure("error", "error"),
    )  # fmt: skip
    seeds = 0

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {"table": ("additive, 10000 rows", "additive, 1000000 rows", "fit, 20000 x 50, [50, 5, 1]")}

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
