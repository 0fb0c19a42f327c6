"""What predictions on rows not trained on are worth: errors, probabilities, their calibration, intervals."""

from typing import Any

import numpy as np

from edgewise._typing import Array

BINS = 10
LEVEL = 0.9
_LEAST = 1e-15


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
    names = np.asarray(classes).astype(str)
    place = np.argmax(y.astype(str)[:, None] == names, axis=1)
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum(1, keepdims=True)
    right = p.argmax(1) == place
    loss = -np.log(np.maximum(p[np.arange(len(y)), place], _LEAST))
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
