"""Settings of an estimator, chosen by random search with cross-validation on the training rows."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.tabular._scores import classification_scores, regression_scores
from edgewise_bench.benchmarks.tabular.estimators import Estimator

FOLDS = 3


def folds(kind: str, x: pd.DataFrame, y: Array, count: int) -> Iterator[tuple[Array, Array]]:
    """Yield row numbers to train on and to test on, `count` times; shuffled by a fixed seed, classes kept in ratio."""
    from sklearn.model_selection import KFold, StratifiedKFold

    made = KFold if kind == "regression" else StratifiedKFold
    yield from made(count, shuffle=True, random_state=0).split(x, y)


def found_settings(
    estimator: Estimator, kind: str, x: pd.DataFrame, y: Array, tries: int, seconds: float
) -> Mapping[str, Any]:
    """Return the best of the default settings and `tries` random ones from the estimator's space.

    Settings are drawn by a fixed seed, and judged by root mean square error or log loss, the mean over three folds of
    the rows. No settings are begun after `seconds` of CPU time.
    """
    from sklearn.model_selection import ParameterSampler

    space, began = estimator.space(kind), time.process_time()
    best: Mapping[str, Any] = {}
    if not space or not tries:
        return best
    lowest = _loss(estimator, kind, x, y, best)
    for chosen in ParameterSampler(space, tries, random_state=0):
        if time.process_time() - began > seconds:
            break
        loss = _loss(estimator, kind, x, y, chosen)
        if loss < lowest:
            best, lowest = chosen, loss
    return best


def scored(kind: str, model: Any, x: pd.DataFrame, y: Array) -> dict[str, float]:
    """Return the scores of a trained model on rows."""
    if kind == "regression":
        return regression_scores(y, model.predict(x))
    return classification_scores(y, model.predict_proba(x), model.classes_)


def _loss(estimator: Estimator, kind: str, x: pd.DataFrame, y: Array, chosen: Mapping[str, Any]) -> float:
    losses = []
    for train, test in folds(kind, x, y, FOLDS):
        model = estimator.make(kind, x, 0, **chosen)
        model.fit(x.iloc[train], y[train])
        losses.append(scored(kind, model, x.iloc[test], y[test])["rmse" if kind == "regression" else "log_loss"])
    return float(np.mean(losses))
