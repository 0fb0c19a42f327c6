"""Which kind of noise residuals show: the likelihood of variance functions, for noise with tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from edgewise._typing import Array
from edgewise.discovery.tables import NoiseModel

_MARGIN = 8.0  # log-likelihood by which noise that depends on the value must be better than additive noise ...
_MARGIN_MIXED = 4.0  # ... and additive and relative noise better than that
_FEWEST = 40  # rows: with fewer, noise is additive
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
    if len(y) < _FEWEST:
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
