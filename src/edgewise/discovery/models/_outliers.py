"""Which rows do not belong to a table."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from edgewise._robust import NORMAL
from edgewise._typing import Array

_FEWEST, _FEWEST_FITTED = 20, 40  # rows: with fewer, none is set aside for its cells, for its residual
_MOST = 0.1  # share of the rows


def isolated_cells(columns: Array) -> Array:
    """Return which cells (n, m) lie far from all others of their column.

    Further from the values between the 5 % ends than 30 times their range (twice for codes such as -999 and 1e30); of
    positive values, so must their logarithms. At most a tenth of the rows, and none in columns of few values.

    >>> column = np.append(np.linspace(0, 40, 30), -999.0)[:, None]
    >>> int(isolated_cells(column).sum()), int(isolated_cells(10 ** (column[:30] / 2)).sum())
    (1, 0)
    """
    codes = (-99.0, -999.0, -9999.0, -99999.0, -999999.0, 999.0, 9999.0, 99999.0, 999999.0, 1e20, 1e30, -1e30, 1e36)
    found = np.zeros(columns.shape, dtype=bool)
    if len(columns) < _FEWEST:
        return found
    for k, column in enumerate(columns.T):
        far = _isolated(column, np.isin(column, codes))
        if far.mean() <= _MOST:
            found[:, k] = far
    return found


def _isolated(column: Array, code: Array) -> Array:
    """Return which values (n,) lie far from all others."""
    distinct = 10  # values of a column: with fewer, it has no range
    far, far_code = 30.0, 2.0  # ranges of the other values from them, for any number and for codes of missing values
    n = len(column)
    plain = np.sort(column[~code] if code.mean() <= _MOST else column)
    trim = max(1, len(plain) // 20)
    core = plain[trim:-trim]
    if len(np.unique(core)) < distinct or code.mean() > _MOST:
        return np.zeros(n, dtype=bool)
    with np.errstate(over="ignore"):
        low, high, size = core[0], core[-1], core[-1] - core[0]
        away = np.maximum(low - column, column - high) / size
    if low > 0:  # over decades, values far away on a line are near by their logarithms
        with np.errstate(divide="ignore", invalid="ignore"):
            logs, decades = np.log(np.where(column > 0, column, np.nan)), np.log(high / low)
        decades_away = np.maximum(np.log(low) - logs, logs - np.log(high)) / max(decades, 1.0)
        away = np.where(np.isnan(logs), away, np.where(decades_away > 1, away, 0.0))
    return away > np.where(code, far_code, far)


def far_rows(x: Array, residual: Array, sigma: Array) -> Array:
    """Return the numbers of the rows whose residuals are no noise of size sigma (n,), nor like those of rows nearby.

    |r| > 10 s sigma and > 10 s' sigma, s from the median of all |r| / sigma, s' from that of the 8 nearest rows: where
    a model errs, neighbors do so too. At most a tenth of the rows: if more, none.
    """
    far_residual = 10.0  # standard deviations by the median
    neighbors = 8
    size = np.abs(residual) / np.maximum(sigma, 1e-300)
    scale = NORMAL * float(np.median(size))
    far = np.flatnonzero(size > far_residual * scale)
    if len(x) < _FEWEST_FITTED or not len(far) or len(far) > _MOST * len(x) or scale == 0:
        return np.zeros(0, dtype=int)
    center, width = np.median(x, axis=0), np.quantile(x, 0.9, axis=0) - np.quantile(x, 0.1, axis=0)
    with np.errstate(all="ignore"):
        scaled = np.clip((x - center) / np.where(width > 0, width, 1.0), -1e6, 1e6)
    _, near = KDTree(scaled).query(scaled[far], k=min(neighbors + 1, len(x)))
    around = NORMAL * np.median(size[np.asarray(near)[:, 1:]], axis=1)
    return far[size[far] > far_residual * around]


def residual_of_most(x: Array, y: Array, seed: int = 0) -> Array:
    """Return the residuals (n,) of the plane through x (n, m) that leaves least of three quarters of the rows.

    Far rows at the ends of a column do not move it, as they do a flexible model, or a plane of all rows.

    Source: Rousseeuw and Van Driessen, Computing LTS regression for large data sets (2006).

    >>> x = np.arange(40.0)[:, None]
    >>> y = 2 * x[:, 0] + np.where(x[:, 0] > 36, -50.0, 0.0)
    >>> np.flatnonzero(np.abs(residual_of_most(x, y)) > 1)
    array([37, 38, 39])
    """
    starts, steps, fitted = 100, 6, 0.75  # of random rows; steps of each; rows that are fitted, of all
    most = 2000  # rows that the plane is found on
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(y))[:most])
    columns, target = np.column_stack([np.ones(len(some)), x[some]]), y[some]
    count = max(columns.shape[1] + 1, int(fitted * len(some)))
    least, plane = np.inf, np.zeros(columns.shape[1])
    for _ in range(starts):
        rows = rng.permutation(len(some))[: columns.shape[1]]
        for _ in range(steps):
            found = np.linalg.lstsq(columns[rows], target[rows], rcond=None)[0]
            left = np.abs(target - columns @ found)
            rows = np.argsort(left, kind="stable")[:count]
        size = float(np.sum(left[rows] ** 2))
        if size < least:
            least, plane = size, found
    return y - np.column_stack([np.ones(len(y)), x]) @ plane
