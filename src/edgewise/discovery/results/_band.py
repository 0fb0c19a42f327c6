"""Bands around the values of formulas: the constants' errors, the residuals' scatter, and the doubt about the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.tables import NoiseModel
from edgewise.formulas.expressions import Uncertainty, evaluate


@dataclass(frozen=True)
class Prediction:
    """What one formula predicts for new measurements: Student's t around `center` (n,), `scale` (n,) wide.

    scale^2 = (standard error of the formula's value)^2 + (s u)^2

    s u is the standard deviation of the noise: u as the noise model has it at the formula's value, s from the weighted
    residuals with the fitted constants' degrees of freedom taken off. Standard errors that were given for the rows are
    not known elsewhere: u is then their median, or in proportion to the value if they are.
    """

    center: Array
    scale: Array
    freedom: int

    @classmethod
    def of(cls, uncertainty: Uncertainty, x: Array, noise: NoiseModel) -> Prediction:
        """Return the prediction at rows x (n, m); nan where the formula is undefined."""
        data = uncertainty.data
        values = evaluate(uncertainty.free.expression, data.names, x)
        with np.errstate(all="ignore"):
            at_rows = evaluate(uncertainty.free.expression, data.names, np.column_stack(data.columns))
            if noise.stated:
                size = 1.0
            elif noise.varies:
                z = noise.weights(at_rows, data.y) * (data.y - at_rows)
                size = np.sqrt(np.nansum(z**2) / max(uncertainty.freedom, 1))
            else:
                size = uncertainty.unit / np.nanmedian(data.weight * noise.sigma(at_rows))
            scatter = size * noise.sigma(values)
            scale = np.hypot(uncertainty.deviation(x), scatter)
        return cls(values, np.where(np.isfinite(values), scale, np.nan), max(uncertainty.freedom, 1))

    def quantile(self, probability: float) -> Array:
        """Return the value (n,) that a new measurement stays below with that probability."""
        from scipy.stats import t

        return self.center + float(t.ppf(probability, self.freedom)) * self.scale


def mixture_mean(predictions: Sequence[Prediction], weights: Array) -> Array:
    """Return the mean (n,) of the centers by weight, of those that are defined."""
    centers = np.array([prediction.center for prediction in predictions])
    shares = np.where(np.isfinite(centers), weights[:, None], 0.0)
    with np.errstate(invalid="ignore"):
        return np.sum(np.nan_to_num(centers) * shares, 0) / shares.sum(0)


def mixture_quantile(predictions: Sequence[Prediction], weights: Array, probability: float) -> Array:
    """Return the quantile (n,) of a mixture of predictions, by bisection; nan where none is defined.

    >>> one, other = (Prediction(np.array([c]), np.array([1.0]), 50) for c in (0.0, 10.0))
    >>> mixture_quantile([one, other], np.array([0.5, 0.5]), 0.95).round(1)
    array([11.3])
    """
    negligible = 1e-4  # weight of a form that is left out of a mixture
    halvings = 60
    from scipy.stats import t

    kept = [(p, w) for p, w in zip(predictions, weights, strict=True) if w > negligible]
    ends = np.array([p.quantile(probability) for p, _ in kept])
    known = np.isfinite(ends)
    low, high = np.where(known, ends, np.inf).min(0), np.where(known, ends, -np.inf).max(0)
    shares = np.where(known, np.array([[w] for _, w in kept]), 0.0)
    total = shares.sum(0)
    with np.errstate(all="ignore"):
        for _ in range(halvings if len(kept) > 1 else 0):
            middle = (low + high) / 2
            below = sum(
                np.nan_to_num(share * t.cdf((middle - p.center) / np.maximum(p.scale, 1e-300), p.freedom))
                for (p, _), share in zip(kept, shares, strict=True)
            )
            low, high = (np.where(below < probability * total, a, b) for a, b in ((middle, low), (high, middle)))
        return np.where(total > 0, (low + high) / 2, np.nan)
