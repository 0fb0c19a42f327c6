"""TabArena's protocol on one split of a table: one model in a bag of eight folds, and its error on the test rows."""

# pyright: reportMissingImports=false

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench import Row, clock

SPLITS, FOLDS = 3, 8
METRICS: Mapping[str, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}
"""What a table is judged by, as AutoGluon names it."""
MODELS: Mapping[str, str] = {
    "edgewise": "", "catboost": "CAT", "ebm": "EBM", "lightgbm": "GBM", "xgboost": "XGB", "forest": "RF",
    "linear": "LR",
}  # fmt: skip
"""The models that are compared, and AutoGluon's keys of them."""
_TARGET, _LIMIT = "target of the table", 3600.0
_ALONE: Mapping[str, Any] = {
    "num_stack_levels": 0, "dynamic_stacking": False, "fit_weighted_ensemble": False, "calibrate": False,
    "num_cpus": 1, "num_gpus": 0, "raise_on_model_failure": True,
}  # fmt: skip
"""No stack, no ensemble of several models, one core."""


def splits(kind: str, y: Array) -> Iterator[tuple[Array, Array]]:
    """Yield row numbers to train on and to test on, thrice; shuffled by a fixed seed, classes kept in ratio."""
    from sklearn.model_selection import KFold, StratifiedKFold

    made = KFold if kind == "regression" else StratifiedKFold
    yield from made(SPLITS, shuffle=True, random_state=0).split(np.zeros(len(y)), y)


def error(kind: str, y: Array, predicted: Array, classes: Any = ()) -> float:
    """Return 1 - ROC AUC, the log loss, or the root mean square error: the lower the better.

    `predicted` holds means (rows,), or probabilities (rows, classes) in the order of `classes`.

    >>> error("binary", np.array(["n", "y"]), np.array([[0.6, 0.4], [0.1, 0.9]]), ["n", "y"])
    0.0
    """
    from sklearn.metrics import log_loss, roc_auc_score

    if kind == "regression":
        return float(np.sqrt(np.mean((y - predicted) ** 2)))
    if kind == "binary":
        return float(1 - roc_auc_score(y == classes[1], predicted[:, 1]))
    return float(log_loss(y, predicted, labels=list(classes)))


def bagged(model: str, kind: str, x: pd.DataFrame, y: pd.Series, test: Array, settings: Mapping[str, Any]) -> Row:
    """Fit a model in a bag on all rows but `test`, and return errors, out of fold and there, and CPU seconds.

    Folds are fitted one after the other on one core, each with a seed of its own, in an hour at most altogether.
    """
    from autogluon.tabular import TabularPredictor

    frame = x.assign(**{_TARGET: y})
    held, train = frame.iloc[test], frame.drop(index=frame.index[test])
    chosen = dict(settings) | {
        "ag_args_ensemble": {
            "fold_fitting_strategy": "sequential_local",
            "use_child_oof": False,
            "model_random_seed": 0,
            "vary_seed_across_folds": True,
            "ag.max_time_limit": _LIMIT,
        }
    }
    with tempfile.TemporaryDirectory(dir=".") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with clock() as fitting:
            predictor = TabularPredictor(_TARGET, kind, METRICS[kind], path=folder, verbosity=0).fit(
                train,
                hyperparameters={_key(model): chosen},
                num_bag_folds=FOLDS,
                num_bag_sets=1,
                **_ALONE,
            )
        predictor.persist()
        inputs = held.drop(columns=_TARGET)
        with clock() as predicting:
            predicted = (predictor.predict if kind == "regression" else predictor.predict_proba)(inputs)
        board = predictor.leaderboard(score_format="error")
    classes = [] if kind == "regression" else list(predicted.columns)
    return {
        "error": error(kind, held[_TARGET].to_numpy(), predicted.to_numpy(), classes),
        "fold_error": float(board["metric_error_val"].iloc[0]),
        "seconds": fitting.process,
        "predict_seconds": predicting.process,
    }


def warm_up(model: str, kind: str) -> None:
    """Fit a few made rows without a bag, so that imports and compilation are done before the clock starts."""
    from autogluon.tabular import TabularPredictor

    rows = 90
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows)})
    y: Any = x["a"] + x["b"] ** 2
    target = y if kind == "regression" else pd.qcut(y, 2 if kind == "binary" else 3, labels=False)
    with tempfile.TemporaryDirectory(dir=".") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TabularPredictor(_TARGET, kind, METRICS[kind], path=folder, verbosity=0).fit(
            x.assign(**{_TARGET: target}), hyperparameters={_key(model): {}}, **_ALONE
        )


def _key(model: str) -> Any:
    """Return what AutoGluon knows a model by."""
    if key := MODELS[model]:
        return key
    from edgewise_bench.tabarena.model import KANModel

    return KANModel
