"""How much each part of a fit matters, with standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions, chunks

if TYPE_CHECKING:
    import pandas as pd


def importance_table(parts: Contributions, x: Array, y: Array | None = None) -> pd.DataFrame:
    """Return the mean size of each part and its share of the variance over the rows x, and their standard errors.

    The variance of an error is that over rows, and that of the coefficients of the curves by the delta method:

        d var(f) = 2 cov(z, f) . d beta,   d mean |f| = mean(sign(f) (z - mean z)) . d beta

    With y also by how much the mean loss of the rows rises if the part is replaced by its mean.
    """
    pd = needed("pandas")

    values = parts.of(x)
    sizes = np.abs(values).mean(2)
    about = (values - values.mean(0)) ** 2
    spread = about.sum(2)
    variances = spread.mean(0)
    total = float(variances.sum()) or 1.0
    share = variances / total
    influence = (spread - variances - share * (spread - variances).sum(1, keepdims=True)) / total
    of_size, of_variance = _of_coefficients(parts, x, values)
    of_share = ((1 - 2 * share) * of_variance + share**2 * of_variance.sum()) / total / total
    found = {
        "share": share,
        "share_error": np.sqrt(influence.var(0) / len(x) + of_share),
        "mean": sizes.mean(0),
        "mean_error": np.sqrt(sizes.var(0) / len(x) + of_size),
    }
    if y is not None:
        eta = parts.baseline + values.sum(1)
        rises = np.column_stack([parts.losses(eta - values[:, k], y) for k in range(values.shape[1])])
        rises -= parts.losses(eta, y)[:, None]
        found |= {"loss": rises.mean(0), "loss_error": rises.std(0) / np.sqrt(len(x))}
    table = pd.DataFrame(found, index=pd.Index(parts.names(), name="part"))
    return table.sort_values("share", ascending=False, kind="stable")


def _of_coefficients(parts: Contributions, x: Array, values: Array) -> tuple[Array, Array]:
    """Return the variances (parts,) of mean sizes and variances that come from the coefficients of curves."""
    model, (rows, count, outputs) = parts.model, values.shape
    of_size, of_variance = np.zeros(count), np.zeros(count)
    if model.covariance is None:
        return of_size, of_variance
    centered = values - values.mean(0)
    inputs = model.design.inputs
    signs = [np.zeros((part.n_features, outputs)) for part in inputs]
    slopes = [np.zeros((part.n_features, outputs)) for part in inputs]
    for chunk in chunks(rows):
        for k, features in enumerate(model.design.features(x[chunk])):
            z, column = features - parts.means.features[k], inputs[k].column
            signs[k] += z.T @ np.sign(values[chunk, column]) / rows / outputs
            slopes[k] += 2 * z.T @ centered[chunk, column] / rows
    for k, part in enumerate(inputs):
        of_size[part.column] += _form(model.covariance[k], signs[k])
        of_variance[part.column] += _form(model.covariance[k], slopes[k])
    return of_size, of_variance


def _form(covariance: Array, direction: Array) -> float:
    """Return the variance of direction (m, K) . beta; levels have only variances (K, m)."""
    if covariance.ndim == 2:
        return float((covariance.T * direction**2).sum())
    return float(np.einsum("ik,kij,jk->", direction, covariance, direction))
