"""Whether what a formula leaves still depends on the inputs."""

import numpy as np

from edgewise._typing import Array

_ROWS_EACH = 4  # rows for each term of the quadratic polynomial, at least
_MOST = 200  # terms
_RANK = 1e-9


def lack_of_fit(x: Array, residual: Array) -> float:
    """Return the chance that noise lets a quadratic polynomial explain as much of residuals: an F test.

        F = (explained / k) / (left / (n - k - 1))

    Columns are ranked first, so that far rows do not rule it. Without rows enough for all products of two columns,
    or with over 200 terms, these are left out; without enough for squares, the chance is 1. x: (n, m). residual: (n,),
    weighted.

    >>> x = np.linspace(0, 1, 50)[:, None]
    >>> noise = np.random.default_rng(1).normal(0, 0.1, 50)
    >>> lack_of_fit(x, noise) > 0.05, lack_of_fit(x, noise + x[:, 0] ** 2) < 1e-6
    (True, True)

    Source: Draper and Smith, Applied Regression Analysis (1998), chapter 2.
    """
    from scipy.stats import f

    n, m = x.shape
    ranks = np.argsort(np.argsort(x, axis=0, kind="stable"), axis=0, kind="stable") / (n - 1) - 0.5
    ranks = np.where(np.ptp(x, axis=0) > 0, ranks, 0.0)
    terms = [ranks, ranks**2]
    pairs = [(i, j) for i in range(m) for j in range(i)]
    if 2 * m + len(pairs) <= min(n / _ROWS_EACH, _MOST):
        terms += [ranks[:, [i]] * ranks[:, [j]] for i, j in pairs]
    elif _ROWS_EACH * 2 * m > n:
        return 1.0
    matrix = np.hstack(terms)
    centered = residual - residual.mean()
    left, s, _ = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
    left = left[:, s > _RANK * s[0]]
    k = left.shape[1]
    explained, total = float(np.sum((left.T @ centered) ** 2)), float(centered @ centered)
    if total <= 0 or not 0 < k < n - 1:
        return 1.0
    ratio = (explained / k) / max((total - explained) / (n - k - 1), 1e-300)
    return float(f.sf(ratio, k, n - k - 1))
