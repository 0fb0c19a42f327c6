"""Noise of made tables: independent, in proportion, counts, outliers, correlated along the rows or within subjects."""

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array

_ADDITIVE, _RELATIVE, _MEANS = (0.01, 0.05, 0.2), (0.02, 0.1), (5.0, 20.0, 80.0)
_LEAST = 0.5  # of the expected counts, the mean of which is one of those
_OUTLIERS, _NEAR, _FAR = 0.03, 0.3, 2.0  # fraction of the rows, and how far they are, in standard deviations
_SLIGHT = 0.02  # noise of half of the targets that follow no formula
_LASTING = 0.8  # correlation of neighboring rows
_SUBJECTS, _OWN = 10, 0.8  # how many share the rows, and the fraction of the variance of noise that is the subject's


class Noisy(NamedTuple):
    """Measured values (n,), and how many independent rows they are worth."""

    y: Array
    independent: float


def noisy(kind: str, clean: Array, deviation: float, rng: np.random.Generator) -> Noisy:
    """Return values with noise of a kind. `deviation` is the standard deviation of the target."""
    n, normal = len(clean), rng.standard_normal(len(clean))
    if kind in ("additive", "few", "poles"):
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * normal, n)
    if kind == "relative":
        return Noisy(clean * (1 + rng.choice(_RELATIVE) * normal), n)
    if kind == "counts":
        return Noisy(rng.poisson(clean).astype(np.float64), n)
    if kind == "outliers":
        far = rng.random(n) < _OUTLIERS
        size = rng.uniform(_NEAR, _FAR, n) * rng.choice((-1, 1), n)
        return Noisy(clean + deviation * (_SLIGHT * normal + far * size), n)
    if kind == "serial":
        level = rng.choice(_ADDITIVE) * deviation
        return Noisy(clean + level * lasting(n, _LASTING, rng), n * (1 - _LASTING) / (1 + _LASTING))
    if kind == "periodic":  # along the rows, as of the mains in an instrument
        wave = np.sqrt(2) * np.sin(2 * np.pi * (rng.uniform(0.02, 0.2) * np.arange(n) + rng.uniform()))
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * (0.3 * normal + wave), n / 2)
    if kind == "subjects":
        own = rng.standard_normal(_SUBJECTS)[np.arange(n) * _SUBJECTS // n]
        both = np.sqrt(_OWN) * own + np.sqrt(1 - _OWN) * normal
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * both, min(n, _SUBJECTS / _OWN))
    if kind == "nothing":
        return Noisy(_pure(n, rng), n)
    if kind not in ("exact", "hidden") and rng.random() < 0.5:
        return Noisy(clean + _SLIGHT * deviation * normal, n)
    return Noisy(clean, n)


def _pure(n: int, rng: np.random.Generator) -> Array:
    """Return noise with mean zero: reals, positive numbers less their mean, two decimals or whole numbers."""
    kind = rng.integers(4)
    if kind < 2:
        return rng.standard_normal(n) if kind else rng.lognormal(0, 1, n) - np.exp(0.5)
    return np.round(rng.normal(size=n), 2) if kind == 2 else rng.integers(-10, 11, n).astype(np.float64)


def lasting(n: int, correlation: float, rng: np.random.Generator) -> Array:
    """Return an autoregressive series of order 1 with standard deviation 1."""
    series = rng.standard_normal(n)
    series[1:] *= np.sqrt(1 - correlation**2)
    for k in range(1, n):
        series[k] += correlation * series[k - 1]
    return series


def as_counts(clean: Array, truth: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return expected counts of the same form, for the rows and for fresh ones."""
    shift, mean = truth.min(), rng.choice(_MEANS)
    scale = (mean - _LEAST) / (truth.mean() - shift)
    return _LEAST + scale * np.maximum(clean - shift, 0.0), _LEAST + scale * np.maximum(truth - shift, 0.0)
