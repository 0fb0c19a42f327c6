"""How well a fitted model serves each group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array

if TYPE_CHECKING:
    import pandas as pd

_MOST = 30  # groups
Interval = tuple[float, float, float]
"""A number, and the ends of its interval."""


def group_labels(X: Any, group: Any, rows: int) -> tuple[str, Array]:
    """Return what groups are called, and the group (n,) of each row. Errors: InputError."""
    if isinstance(group, str):
        if not hasattr(X, "columns") or group not in list(X.columns):
            raise InputError(f"'group' must be a column of X, or hold a label for each row. Got {group!r}.")
        name, values = group, X[group]
    else:
        name, values = str(getattr(group, "name", None) or "group"), group
    values = np.asarray(values, dtype=object)
    if values.shape != (rows,):
        raise InputError(f"'group' must hold a label for each of {rows} rows. Got shape {values.shape}.")
    labels = np.array(["gap" if _is_gap(value) else str(value) for value in values])
    count = len(np.unique(labels))
    if count > _MOST:
        raise InputError(f"'group' must have at most {_MOST} levels. Got {count}: bin it, as with pandas.qcut.")
    return name, labels


def _is_gap(value: Any) -> bool:
    return value is None or value != value or str(value) in ("NaT", "<NA>")


def fairness_table(
    labels: Array, name: str, known: Array, predicted: Array, coverage: float
) -> pd.DataFrame:  # fmt: skip
    """Return the figures of each group, the last row for all: of numbers `known` (n,) and `predicted` (n,), or of the
    numbers of classes and their probabilities (n, K)."""
    pd = needed("pandas")

    z = float(ndtri(0.5 + coverage / 2))
    groups = [*sorted(set(labels.tolist())), None]
    rows = []
    for group in groups:
        own = np.ones(len(labels), dtype=bool) if group is None else labels == group
        figures = _of_numbers if predicted.ndim == 1 else _of_classes
        found = {"rows": int(own.sum())}
        for key, (value, low, high) in figures(known[own], predicted[own], z).items():
            found |= {key: value, f"{key}_low": low, f"{key}_high": high}
        rows.append(found)
    index = pd.Index(["all rows" if group is None else group for group in groups], name=name)
    return pd.DataFrame(rows, index=index)


def _of_numbers(y: Array, predicted: Array, z: float) -> dict[str, Interval]:
    error, square = predicted - y, (predicted - y) ** 2
    return {
        "target": _mean(y, z),
        "prediction": _mean(predicted, z),
        "mean_error": _mean(error, z),
        "rmse": _root(_mean(square, z)),
        "calibration_slope": _slope(predicted, y, z),
    }


def _of_classes(y: Array, chances: Array, z: float) -> dict[str, Interval]:
    chosen, codes = chances.argmax(1), y.astype(int)
    own = np.maximum(chances[np.arange(len(codes)), codes], 1e-12)
    found = {"accuracy": _rate(chosen == codes, z), "log_loss": _mean(-np.log(own), z)}
    if chances.shape[1] > 2:
        gaps = [_mean(chances[:, k] - (codes == k), z) for k in range(chances.shape[1])]
        return found | {"largest_mean_error": max(gaps, key=lambda gap: abs(gap[0]))}
    positive = codes == 1
    logit = np.log(np.clip(chances[:, 1], 1e-12, 1 - 1e-12) / np.clip(chances[:, 0], 1e-12, 1 - 1e-12))
    return found | {
        "target_rate": _rate(positive, z),
        "predicted_rate": _rate(chosen == 1, z),
        "true_positive_rate": _rate(chosen[positive] == 1, z),
        "false_positive_rate": _rate(chosen[~positive] == 1, z),
        "mean_error": _mean(chances[:, 1] - positive, z),
        "calibration_slope": _logistic_slope(logit, positive.astype(float), z),
    }


def _mean(values: Array, z: float) -> Interval:
    if len(values) < 2:
        return (float(values.mean()) if len(values) else np.nan), np.nan, np.nan
    middle, half = float(values.mean()), z * float(values.std(ddof=1)) / np.sqrt(len(values))
    return middle, middle - half, middle + half


def _root(square: Interval) -> Interval:
    middle, low, high = (float(np.sqrt(max(each, 0.0))) if np.isfinite(each) else np.nan for each in square)
    return middle, low, high


def _rate(yes: Array, z: float) -> Interval:
    """Return a fraction with Wilson's interval."""
    count = len(yes)
    if not count:
        return np.nan, np.nan, np.nan
    rate = float(yes.mean())
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return rate, max(middle - half, 0.0), min(middle + half, 1.0)


def _slope(x: Array, y: Array, z: float) -> Interval:
    """Return the slope of the line of y on x; its interval holds for residuals of unequal size."""
    about = x - x.mean()
    square = float(about @ about)
    if len(x) < 3 or square <= 1e-12 * float(x @ x):
        return np.nan, np.nan, np.nan
    slope = float(about @ y) / square
    left = y - y.mean() - slope * about
    half = z * float(np.sqrt((about**2) @ (left**2))) / square
    return slope, slope - half, slope + half


def _logistic_slope(logit: Array, y: Array, z: float) -> Interval:
    """Return the slope of a logistic regression of y on log-odds, by Newton's method."""
    steps = 30
    if not 0 < y.mean() < 1 or np.ptp(logit) == 0:
        return np.nan, np.nan, np.nan
    design, beta = np.column_stack([np.ones(len(y)), logit]), np.array([0.0, 1.0])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        move = np.linalg.solve(hessian, design.T @ (y - p))
        beta = beta + move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-8:
            half = z * float(np.sqrt(np.linalg.inv(hessian)[1, 1]))
            return float(beta[1]), float(beta[1]) - half, float(beta[1]) + half
    return np.nan, np.nan, np.nan  # groups that a threshold separates have no slope
