"""KANRegressor on made tables of 12 to 40 rows, beside a ridge regression and the mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench import OURS, Row, Settings, clock
from edgewise_bench.benchmarks.estimators import ESTIMATORS
from edgewise_bench.benchmarks.real_tables import regression_scores
from edgewise_bench.benchmarks.studies.study import Figure, Study

_FRESH = 400
_INPUTS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "normal": lambda rng, rows, count: rng.normal(size=(rows, count)),
    "uniform": lambda rng, rows, count: rng.uniform(-1, 1, (rows, count)),
    "lognormal": lambda rng, rows, count: rng.lognormal(size=(rows, count)),
    "correlated": lambda rng, rows, count: rng.normal(size=(rows, 1)) + rng.normal(size=(rows, count)) / 2,
    "grid": lambda rng, rows, count: rng.integers(0, 5, (rows, count)).astype(float),
}
_TRUTHS: dict[str, Callable[[Array, Array], Array]] = {
    "plane": lambda z, b: z @ b,
    "line": lambda z, b: z[:, 0],
    "curve": lambda z, b: np.tanh(2 * z[:, 0]) + z @ b / np.sqrt(4 * len(b)),
    "bend": lambda z, b: z[:, 0] ** 2,
    "nothing": lambda z, b: np.zeros(len(z)),
    "step": lambda z, b: (z[:, 0] > 0).astype(float),
    "product": lambda z, b: z[:, 0] * z[:, -1] + z[:, 0],
    "exponential": lambda z, b: np.exp(0.7 * z[:, 0]),
    "wave": lambda z, b: np.sin(3 * z[:, 0]),
}


class FewRows(Study):
    """500 tables of 12 to 40 rows and 1 to 8 columns: R2 on 400 fresh rows.

    Columns and noise are of several kinds, a quarter of the targets is exponentiated. The method was developed on seeds
    below 10,000.
    """

    name = "few-rows"
    title = "Made tables of 12 to 40 rows: R2 on 400 fresh rows"
    columns = ("rows", "columns", "constant", "linear", "better", "r2", "absurd", "seconds", "status")
    by = ("truth",)
    figures = (
        Figure("constant", "constant", fmean), Figure("linear", "linear", fmean),
        Figure("the better of both, by table", "better", fmean), Figure(OURS, "r2", fmean),
        Figure("lowest", "r2", min), Figure("below -0.1 where the constant is not", "absurd", fmean),
    )  # fmt: skip
    total = True
    first, seeds = 50_000, 56
    grid: ClassVar = {"truth": tuple(_TRUTHS)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        x, y, fresh, truth = _table(given["truth"], given["seed"])
        found: dict[str, float] = {}
        spent = 0.0
        for name in ("constant", "linear", OURS):
            model = ESTIMATORS[name].make("regression", x, 0)
            with clock() as taken:
                model.fit(x, y)
            spent = taken.process  # of the last, which is edgewise
            found[name] = regression_scores(truth, model.predict(fresh))["r2"]
        r2 = found.pop(OURS)
        better, absurd = max(found.values()), float(r2 < -0.1 < found["constant"])
        shape = {"rows": len(y), "columns": x.shape[1]}
        return {**shape, **found, "better": better, "r2": r2, "absurd": absurd, "seconds": spent}


def _table(truth: str, seed: int) -> tuple[pd.DataFrame, Array, pd.DataFrame, Array]:
    """Return columns and target of a table, and of fresh rows."""
    heavy, skewed = 0.2, 0.25  # shares of the tables
    rng = np.random.default_rng([seed, list(_TRUTHS).index(truth)])
    rows, count = int(rng.integers(12, 41)), int(rng.integers(1, 9))
    every = rows + _FRESH
    x = _INPUTS[str(rng.choice(list(_INPUTS)))](rng, every, count)
    mean = _TRUTHS[truth]((x - x.mean(0)) / x.std(0), rng.normal(size=count))
    noise = rng.standard_t(3, every) / np.sqrt(3) if rng.random() < heavy else rng.normal(size=every)
    y = mean / (mean.std() or 1.0) + rng.choice([0.1, 0.3, 1.0, 2.0]) * noise
    y = np.exp(y) if rng.random() < skewed else y
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(1, count + 1)])
    return frame.iloc[:rows], y[:rows], frame.iloc[rows:], y[rows:]
