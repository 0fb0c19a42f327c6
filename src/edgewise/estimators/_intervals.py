"""Prediction intervals from out-of-fold residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._tuning import TUNING
from edgewise.tables.additive import AdditiveFit, Gaussian, LogLink, Request, additive, is_wide
from edgewise.tables.encoding import Encoder


@dataclass(frozen=True)
class Intervals:
    """Out-of-fold residuals, divided by the noise that the family and x imply, sorted.

    `size`: a sum of curves for the logarithm of their size, if it varies with x.
    """

    fit: AdditiveFit
    scores: Array
    size: AdditiveFit | None

    @classmethod
    def of(cls, fit: AdditiveFit, x: Array, y: Array, encoder: Encoder) -> Intervals:
        """Return the intervals of a fit to columns x (n, p) and a target y (n,)."""
        residual = _residual(fit, y)
        return cls._scored(fit, residual, _size(x[fit.rows], residual, encoder))

    def after(self, fit: AdditiveFit, y: Array) -> Intervals:
        """Return the intervals of a fit that was changed by hand; the size of residuals is what it was."""
        return self._scored(fit, _residual(fit, y), self.size)

    @classmethod
    def _scored(cls, fit: AdditiveFit, residual: Array, size: AdditiveFit | None) -> Intervals:
        if size is None:
            return cls(fit, np.sort(residual), None)
        # out of fold as well: a size that has seen a residual would make it look small
        own = _bounded(size.target.backward(size.held_out[:, 0]))
        return cls(fit, np.sort(residual[size.rows] / own), size)

    def interval(self, x: Array, coverage: float) -> Array:
        """Return the interval (n, 2) at columns x."""
        miss, count = (1 - coverage) / 2, len(self.scores)
        low = self.scores[max(int(np.floor((count + 1) * miss)) - 1, 0)]
        high = self.scores[min(int(np.ceil((count + 1) * (1 - miss))) - 1, count - 1)]
        eta, sizes = self.fit.model.eta(x)[:, 0], self._sizes(x)
        if self.fit.family.is_location:
            return np.column_stack([self.fit.target.backward(eta + edge * sizes) for edge in (low, high)])
        mean, noise = _mean_and_noise(self.fit, eta[:, None])
        edges = np.column_stack([mean + edge * sizes * noise for edge in (low, high)])
        return np.maximum(edges, 0.0)

    def deviation(self, x: Array) -> Array:
        """Return the standard deviation (n,) of a new row at columns x."""
        spread = float(np.sqrt(np.mean(self.scores**2)))
        eta, sizes = self.fit.model.eta(x)[:, 0], self._sizes(x)
        if self.fit.family.is_location:
            target = self.fit.target
            return (target.backward(eta + spread * sizes) - target.backward(eta - spread * sizes)) / 2
        return spread * sizes * _mean_and_noise(self.fit, eta[:, None])[1]

    def _sizes(self, x: Array) -> Array:
        if self.size is None:
            return np.ones(len(x))
        return _bounded(self.size.predict(x)[:, 0])


def _bounded(logarithm: Array) -> Array:
    return np.exp(np.clip(logarithm, -TUNING.largest_size, TUNING.largest_size))


def _mean_and_noise(fit: AdditiveFit, eta: Array) -> tuple[Array, Array]:
    """Return the mean of counts or amounts, and their standard deviation but for the dispersion."""
    assert isinstance(fit.family, LogLink)
    mean = fit.family.mean(eta)[:, 0]
    return mean, fit.family.noise(mean)


def _residual(fit: AdditiveFit, y: Array) -> Array:
    """Return the out-of-fold residuals of a fit to a target y (n,)."""
    return fit.residual if fit.family.is_location else _standardized(fit, fit.held_out, y[fit.rows])


def _standardized(fit: AdditiveFit, eta: Array, y: Array) -> Array:
    mean, noise = _mean_and_noise(fit, eta)
    return (y - mean) / noise


def _size(x: Array, residual: Array, encoder: Encoder) -> AdditiveFit | None:
    """Return how the logarithm of the size of residuals depends on x, None if it does not or columns are too many."""
    if len(residual) < TUNING.sized_rows or not np.any(residual) or is_wide(x):
        return None
    least = 1e-3 * float(np.sqrt(np.mean(residual**2)))
    logs = np.log(np.maximum(np.abs(residual), least))
    logs = np.maximum(logs - logs.mean(), -TUNING.largest_size)
    levels = [labels is not None for labels in encoder.levels]
    request = Request(products=0, maps=False, hidden=False, values=False, select="best")
    found = additive(x, logs, levels, Gaussian(), request)
    explained = 1 - found.scores["selected"] / found.scores["constant"]
    return found if explained > TUNING.size_gain else None
