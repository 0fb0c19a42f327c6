"""Predictions on rows not trained on: folds, scores, and settings chosen by them."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.tabular._estimators import Estimator

BINS = 10
LEVEL = 0.9


def regression_scores(y: Array, predicted: Array) -> dict[str, float]:
    """Return R2 and the root mean square error.

    >>> regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    {'r2': 0.5, 'rmse': 0.577...}
    """
    residual = y - np.asarray(predicted, dtype=np.float64).reshape(len(y))
    total = np.sum((y - y.mean()) ** 2)
    return {"r2": float(1 - np.sum(residual**2) / total), "rmse": float(np.sqrt(np.mean(residual**2)))}


def classification_scores(y: Array, probabilities: Array, classes: Any) -> dict[str, float]:
    """Return log loss, accuracy and calibration error; `probabilities` is (rows, classes), in the order of `classes`.

    Probabilities below 1e-15 count as that in the log loss.

    >>> classification_scores(np.array(["a", "b"]), np.array([[0.5, 0.5], [0.25, 0.75]]), ["a", "b"])
    {'log_loss': 0.490..., 'accuracy': 1.0, 'calibration': 0.375}
    """
    least = 1e-15
    names = np.asarray(classes).astype(str)
    place = np.argmax(y.astype(str)[:, None] == names, axis=1)
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum(1, keepdims=True)
    right = p.argmax(1) == place
    loss = -np.log(np.maximum(p[np.arange(len(y)), place], least))
    error = calibration_error(p.max(1), right)
    return {"log_loss": float(loss.mean()), "accuracy": float(right.mean()), "calibration": error}


def calibration_error(confidence: Array, right: Array, bins: int = BINS) -> float:
    """Return the expected calibration error of the predicted class, over bins of equally many rows.

    Rows are sorted by confidence and cut into `bins` parts; the error is `sum_b n_b/n |accuracy_b - confidence_b|`.

    Source: Naeini, Cooper and Hauskrecht 2015, with bins of equal mass.
    """
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(right[part].mean() - confidence[part].mean()) for part in parts]
    return float(np.sum(gaps) / len(order))


def interval_scores(y: Array, low: Array, high: Array) -> dict[str, float]:
    """Return the fraction of targets inside their intervals, and the mean width over the target's standard deviation.

    >>> interval_scores(np.array([-1.0, 1.0]), np.array([-2.0, 2.0]), np.array([0.0, 4.0]))
    {'coverage': 0.5, 'width': 2.0}
    """
    inside = (low <= y) & (y <= high)
    return {"coverage": float(inside.mean()), "width": float(np.mean(high - low) / y.std())}


SPLITS = 5
"""Of every table: rows to train on, and rows to test on."""
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
