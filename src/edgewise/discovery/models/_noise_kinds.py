"""Which kind of noise residuals show, and which rows do not belong to a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree
from scipy.special import gammaln

from edgewise._typing import Array
from edgewise.discovery.tables import NoiseModel

_FEWEST, _FEWEST_FITTED = 20, 40  # rows: with fewer, none is set aside for its cells, for its residual
_MOST = 0.1  # share of the rows
_DISTINCT = 10  # values of a column: with fewer, it has no range
_FAR, _FAR_CODE = 30.0, 2.0  # ranges of the other values from them, for any number and for codes of missing values
_CODES = (-99.0, -999.0, -9999.0, -99999.0, -999999.0, 999.0, 9999.0, 99999.0, 999999.0, 1e20, 1e30, -1e30, 1e36)
_FAR_RESIDUAL = 10.0  # standard deviations by the median
_NORMAL = 1.4826  # standard deviation of normal noise over its median absolute value
_NEIGHBORS = 8


def isolated_cells(columns: Array) -> Array:
    """Return which cells (n, m) lie far from all others of their column.

    Further from the values between the 5 % ends than 30 times their range (twice for codes such as -999 and 1e30); of
    positive values, so must their logarithms. At most a tenth of the rows, and none in columns of few values.

    >>> column = np.append(np.linspace(0, 40, 30), -999.0)[:, None]
    >>> int(isolated_cells(column).sum()), int(isolated_cells(10 ** (column[:30] / 2)).sum())
    (1, 0)
    """
    found = np.zeros(columns.shape, dtype=bool)
    if len(columns) < _FEWEST:
        return found
    for k, column in enumerate(columns.T):
        far = _isolated(column, np.isin(column, _CODES))
        if far.mean() <= _MOST:
            found[:, k] = far
    return found


def _isolated(column: Array, code: Array) -> Array:
    """Return which values (n,) lie far from all others."""
    n = len(column)
    plain = np.sort(column[~code] if code.mean() <= _MOST else column)
    trim = max(1, len(plain) // 20)
    core = plain[trim:-trim]
    if len(np.unique(core)) < _DISTINCT or code.mean() > _MOST:
        return np.zeros(n, dtype=bool)
    with np.errstate(over="ignore"):
        low, high, size = core[0], core[-1], core[-1] - core[0]
        away = np.maximum(low - column, column - high) / size
    if low > 0:  # over decades, values far away on a line are near by their logarithms
        with np.errstate(divide="ignore", invalid="ignore"):
            logs, decades = np.log(np.where(column > 0, column, np.nan)), np.log(high / low)
        decades_away = np.maximum(np.log(low) - logs, logs - np.log(high)) / max(decades, 1.0)
        away = np.where(np.isnan(logs), away, np.where(decades_away > 1, away, 0.0))
    return away > np.where(code, _FAR_CODE, _FAR)


def far_rows(x: Array, residual: Array, sigma: Array) -> Array:
    """Return the numbers of the rows whose residuals are no noise of size sigma (n,), nor like those of rows nearby.

    |r| > 10 s sigma and > 10 s' sigma, s from the median of all |r| / sigma, s' from that of the 8 nearest rows: where
    a model errs, neighbors do so too. At most a tenth of the rows: if more, none.
    """
    size = np.abs(residual) / np.maximum(sigma, 1e-300)
    scale = _NORMAL * float(np.median(size))
    far = np.flatnonzero(size > _FAR_RESIDUAL * scale)
    if len(x) < _FEWEST_FITTED or not len(far) or len(far) > _MOST * len(x) or scale == 0:
        return np.zeros(0, dtype=int)
    center, width = np.median(x, axis=0), np.quantile(x, 0.9, axis=0) - np.quantile(x, 0.1, axis=0)
    with np.errstate(all="ignore"):
        scaled = np.clip((x - center) / np.where(width > 0, width, 1.0), -1e6, 1e6)
    _, near = KDTree(scaled).query(scaled[far], k=min(_NEIGHBORS + 1, len(x)))
    around = _NORMAL * np.median(size[np.asarray(near)[:, 1:]], axis=1)
    return far[size[far] > _FAR_RESIDUAL * around]


_MARGIN = 8.0  # log-likelihood by which noise that depends on the value must be better than additive noise ...
_MARGIN_MIXED = 4.0  # ... and additive and relative noise better than that
_FEWEST_KINDS = 40  # rows: with fewer, noise is additive
_RANGE = 1.5  # ratio of the standard deviations at the 90 % and 10 % quantiles: below, weights change nothing
_TAILS = (4.0, 10.0, 100.0)  # degrees of freedom of Student's t
_STEPS = 25
_MIXTURES = 10.0 ** np.linspace(-2, 0.5, 11)  # level over share times the median value
_LEAST = 1e-6  # of the median size: relative noise of smaller values is that of this one
_COUNTED = 2.0  # log-likelihood by which whole numbers may be worse described as counts, or must be better ...
_MOST_DISPERSED = 2.5  # ... and what is called counts at all scatters at most this times as much as these
_DISPERSED = 1.5  # ... than with additive noise, if they scatter up to this times as much as Poisson's counts


@dataclass(frozen=True)
class Described:
    """A kind of noise, the log-likelihood of the residuals under it, and their standard deviation by Student's t."""

    noise: NoiseModel
    likelihood: float


def described(noise: NoiseModel, fitted: Array, residual: Array) -> Described:
    """Return noise in proportion to what is given that makes residuals (n,) around values (n,) most likely.

    log L = sum log t_nu(r / (s g)) - log(s g),  g = sigma(f) of the noise given

    s is the maximum, nu the best of 4, 10 and 100; the standard deviation is that of nearly all rows: s for 4.
    """
    size = np.maximum(np.abs(fitted), _LEAST * float(np.median(np.abs(fitted))) or 1e-300)
    shape = np.maximum(noise.sigma(size), 1e-300)
    ratio = residual / shape
    start = max(1.4826 * float(np.median(np.abs(ratio))), 1e-300)
    best = Described(noise, -np.inf)
    for freedom in _TAILS:
        scale = start
        for _ in range(_STEPS):
            weight = (freedom + 1) / (freedom + (ratio / scale) ** 2)
            scale = max(float(np.sqrt(np.mean(weight * ratio**2))), 1e-300)
        constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi)
        with np.errstate(over="ignore"):
            density = constant - (freedom + 1) / 2 * np.log1p((ratio / scale) ** 2 / freedom)
        likelihood = float(np.sum(density - np.log(scale) - np.log(shape)))
        if likelihood > best.likelihood:
            best = Described(noise.scaled(scale), likelihood)
    return best


def recognized(fitted: Array, y: Array) -> NoiseModel:
    """Return the kind of noise of measurements y (n,) around values (n,) that a model gives rows it was not fitted to.

    Additive unless another kind is more likely by 8 units of the log-likelihood, and its standard deviation changes
    by half over the rows. Counts are whole numbers that are not negative; two
    units are enough if they scatter about as Poisson's distribution has it.

    >>> rng = np.random.default_rng(0)
    >>> f = rng.uniform(1, 10, 300)
    >>> recognized(f, f * (1 + 0.1 * rng.standard_normal(300))).text(), recognized(f, 1.0 * rng.poisson(f)).kind
    ('relative, 8.8 %', 'counts')
    """
    residual = y - fitted
    additive = described(NoiseModel("additive", 1.0), fitted, residual)
    if len(y) < _FEWEST_KINDS:
        return additive.noise
    median = float(np.median(np.abs(fitted))) or 1.0
    found = [described(NoiseModel("relative", share=1.0), fitted, residual)]
    mixed = max(
        (described(NoiseModel("mixed", k * median, 1.0), fitted, residual) for k in _MIXTURES),
        key=lambda each: each.likelihood,
    )
    if mixed.likelihood > found[0].likelihood + _MARGIN_MIXED:
        found = [mixed]
    if bool((y >= 0).all() and (y == np.round(y)).all()):
        counts = described(NoiseModel("counts", 1.0), np.maximum(fitted, 0.0), residual)
        counted = counts.noise.level < _MOST_DISPERSED and counts.likelihood > found[0].likelihood - _COUNTED
        if counted and counts.likelihood > additive.likelihood + _COUNTED and counts.noise.level < _DISPERSED:
            return counts.noise
        found = [counts] if counted else found
    best = found[0]
    low, high = np.quantile(best.noise.sigma(fitted), [0.1, 0.9])
    worth = best.likelihood > additive.likelihood + _MARGIN and high > _RANGE * low
    return best.noise if worth else additive.noise
