"""The tests of residuals."""

from collections.abc import Sequence

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.residuals._findings import Findings
from edgewise.discovery.residuals._lack_of_fit import lack_of_fit
from edgewise.discovery.residuals._serial import Correlation, serial

_SELDOM = 1e-3  # chance below which a test has found something
_ROWS = 12  # with fewer, nothing is tested
_FAR = 4.5  # standard deviations by the median: rows that are named
_MAD = 1.4826  # standard deviations of a normal distribution in a median absolute deviation
_MOST = 0.1  # of the rows may be outliers


def inspect(
    x: Array, residual: Array, *, names: Sequence[str] = (), fitted: Array | None = None, groups: Array | None = None,
    ordered: bool = True,
) -> Findings:  # fmt: skip
    """Return what residuals depend on, by tests that are each wrong on one table in a thousand.

    x: (n, m), the inputs. residual: (n,), weighted so that they should be alike. names: of the columns. fitted: (n,),
    the values of the formula. groups: (n,), labels of rows that belong together. ordered: whether rows stand in an
    order that may mean something, such as that of time.

    The tests: correlation of neighboring rows (`serial`), along the table and along each input; an F test of a
    quadratic polynomial of the inputs (`lack_of_fit`); one-way analysis of variance between groups; rank correlation
    (Spearman) of the residuals' size with each input and with the fitted values; residuals beyond 4.5 standard
    deviations by the median.

    >>> rng = np.random.default_rng(0)
    >>> t = np.sort(rng.uniform(0, 3, 80))[:, None]
    >>> noise = rng.normal(0, 0.1, 80)
    >>> inspect(t, noise, names=["t"]).sentences()
    ['Residuals show no dependence on: order of rows, t, size of residuals.']
    >>> inspect(t, noise + np.sin(3 * t[:, 0]), names=["t"]).depends
    ('t',)
    """
    n, m = x.shape
    if n < _ROWS or not np.isfinite(residual).all() or not np.ptp(residual) > 0:
        return Findings()
    named = list(names) or [f"x{k + 1}" for k in range(m)]
    moving = [k for k in range(m) if np.ptp(x[:, k]) > 0]
    depends = tuple(named[k] for k in moving if _along(x[:, k], residual))
    order = serial(residual) if ordered else Correlation(0.0, 1.0, n)
    return Findings(
        order=order if order.chance < _SELDOM else None,
        depends=depends,
        jointly=not depends and lack_of_fit(x, residual) < _SELDOM,
        groups=None if groups is None else between_groups(residual, groups),
        varies=_varies(residual, {named[k]: x[:, k] for k in moving}, fitted),
        outliers=_outliers(residual),
        tested=(*(["order of rows"] if ordered else []), *(named[k] for k in moving), "size of residuals"),
    )


def _along(column: Array, residual: Array) -> bool:
    """Return whether residuals vary with one input: as a curve of second degree, or as neighbors along it."""
    if lack_of_fit(column[:, None], residual) < _SELDOM:
        return True
    values, place = np.unique(column, return_inverse=True)
    if len(values) < _ROWS:  # means at repeated values
        return len(values) > 1 and between_groups(residual, place) is not None
    means = np.bincount(place, residual) / np.sqrt(np.bincount(place))  # alike in variance if independent
    return serial(means).chance < _SELDOM


def between_groups(residual: Array, groups: Array) -> float | None:
    """Return the fraction of the variance of residuals that lies between groups; None where that may be chance.

        F = between / within mean squares,  fraction = (F - 1) / (F - 1 + n / k)  for k groups of about n / k rows

    Source: Searle, Casella and McCulloch, Variance Components (1992), chapter 3.
    """
    from scipy.stats import f

    _, place = np.unique(groups, return_inverse=True)
    n, counts = len(residual), np.bincount(place)
    k = len(counts)
    if not 1 < k < n - 1:
        return None
    means = np.bincount(place, residual) / counts
    between = float(counts @ (means - residual.mean()) ** 2) / (k - 1)
    within = float(np.sum((residual - means[place]) ** 2)) / (n - k)
    if within <= 0:
        return 1.0 if between > 0 else None
    ratio = between / within
    if f.sf(ratio, k - 1, n - k) >= _SELDOM:
        return None
    return (ratio - 1) / (ratio - 1 + n / k)


def _varies(residual: Array, columns: dict[str, Array], fitted: Array | None) -> tuple[str, ...]:
    """Return what the size of the residuals goes up or down with."""
    from scipy.stats import spearmanr

    size = np.abs(residual - np.median(residual))
    what = {"the value of the formula": fitted} if fitted is not None else {}
    found = []
    for name, column in {**what, **columns}.items():
        if column is not None and np.ptp(column) > 0 and float(np.asarray(spearmanr(column, size))[1]) < _SELDOM:
            found.append(name)
    return tuple(found)


def _outliers(residual: Array) -> tuple[int, ...]:
    """Return the rows that are far from the formula, the furthest first, unless there are too many of them."""
    size = np.abs(residual - np.median(residual))
    unit = _MAD * float(np.median(size))
    if not unit > 0:
        return ()
    far = np.flatnonzero(size > _FAR * unit)
    return tuple(int(k) for k in far[np.argsort(-size[far])]) if len(far) <= _MOST * len(residual) else ()
