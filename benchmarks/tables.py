"""What docs/design/tables.md says of ordinary tables, beyond `edgewise bench tabular`.

    python benchmarks/tables.py rows         # seconds and memory of `additive` for 10,000 and 1,000,000 rows
    python benchmarks/tables.py limit        # the error of `fit` on 20,000 rows by 50 columns after 40 s
    python benchmarks/tables.py intervals    # 90 % intervals beside conformal quantile boosting, on the real tables

`rows` and `limit` are made up: sums of curves and two products, noise half of the signal; a sum of curves without
noise. `intervals` takes the regressions of `bench tabular` and its folds, and needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, append, clock, pin

import edgewise as ew
from edgewise.tables.additive import Gaussian, additive

_COVERAGE, _CALIBRATION = 0.9, 0.25  # of intervals; share of the rows that makes quantile boosting conformal


def rows() -> Iterator[dict[str, Any]]:
    for count in (10_000, 1_000_000):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(count, 20))
        x[:, 5:8] = np.exp(x[:, 5:8])
        signal = np.sin(2 * x[:, 0]) + x[:, 1] ** 2 / 2 + np.abs(x[:, 2]) + np.tanh(2 * x[:, 3]) + np.log(x[:, 5])
        signal += x[:, 8] * x[:, 9] + np.sin(x[:, 10]) * x[:, 11]
        y = signal + rng.normal(size=count) * signal.std() / 2
        with clock() as spent:
            fit = additive(x, y, [False] * 20, Gaussian())
        left = fit.predict(x[:20_000])[:, 0] - signal[:20_000]
        yield {
            "case": f"{count} rows", "seconds": spent.process,
            "r2": 1 - float(np.mean(left**2)) / float(signal[:20_000].var()),
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        }  # fmt: skip


def limit() -> Iterator[dict[str, Any]]:
    x = np.random.default_rng(0).normal(size=(20_000, 50))
    signal = np.sin(2 * x[:, 0]) + x[:, 1] / 2 + np.tanh(x[:, 2]) + 0.3 * x[:, 3] ** 2
    y = (signal - signal.mean()) / signal.std()
    with clock() as spent:
        found = ew.fit(ew.KAN([50, 5, 1]), x, y, options=ew.Options(time_limit=40))
    yield {"case": "20000 x 50, [50, 5, 1]", "seconds": spent.wall, "error": found.test_error}


def intervals() -> Iterator[dict[str, Any]]:
    from edgewise.estimators import KANRegressor
    from edgewise_bench.benchmarks.tabular import SPLITS, TABLES, columns, folds, interval_scores, read_frame

    for table in TABLES:
        if table.kind != "regression":
            continue
        x, y = columns(read_frame(table), table)
        for split, (train, test) in enumerate(folds(table.kind, x, y, SPLITS)):
            model = KANRegressor(random_state=split).fit(x.iloc[train], y[train])
            own = interval_scores(y[test], *model.predict_interval(x.iloc[test], _COVERAGE).T)
            boosted = interval_scores(y[test], *_boosting(x, y, train, test, split))
            yield {
                "case": f"{table.name}, split {split}", "coverage": own["coverage"], "width": own["width"],
                "boosting_coverage": boosted["coverage"], "boosting_width": boosted["width"],
            }  # fmt: skip


def _boosting(x: Any, y: np.ndarray, train: Any, test: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rows", "limit", "intervals"])
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV files")
    given = parser.parse_args()
    pin()
    for row in {"rows": rows, "limit": limit, "intervals": intervals}[given.what]():
        append(given.out / f"tables_{given.what}.csv", [row])
        print({name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}, flush=True)


if __name__ == "__main__":
    main()
