"""Bands around the values of formulas: the constants' errors, the residuals' scatter, and the doubt about the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.mixed import ByGroup
from edgewise.discovery.tables import NoiseModel
from edgewise.formulas.expressions import Uncertainty, evaluate


class Fitted(NamedTuple):
    """What was fitted: values (n,) at rows with y and weight (n,), the unit of weighted residuals, and its freedom."""

    values: Array
    y: Array
    weight: Array
    unit: float
    freedom: int


@dataclass(frozen=True)
class Prediction:
    """What one formula predicts for new measurements: Student's t around `center` (n,), `scale` (n,) wide.

    scale^2 = (standard error of the formula's value)^2 + (s u)^2

    s u is the standard deviation of the noise: u as the noise model has it at the formula's value, s from the weighted
    residuals with the fitted constants' degrees of freedom taken off. Standard errors that were given for the rows are
    not known elsewhere: u is then their median, or in proportion to the value if they are. With `ratio`, it is the
    logarithm over that of `center` that has Student's distribution.
    """

    center: Array
    scale: Array
    freedom: int
    ratio: bool = False

    @classmethod
    def of(cls, uncertainty: Uncertainty, x: Array, noise: NoiseModel) -> Prediction:
        """Return the prediction at rows x (n, m); nan where the formula is undefined."""
        data, free = uncertainty.data, uncertainty.free
        values = evaluate(free.expression, data.names, x)
        with np.errstate(all="ignore"):
            at_rows = evaluate(free.expression, data.names, np.column_stack(data.columns))
            fitted = Fitted(at_rows, data.y, data.weight, uncertainty.unit, max(uncertainty.freedom, 1))
            return cls._around(values, uncertainty.deviation(x), fitted, noise)

    @classmethod
    def of_groups(cls, by: ByGroup, x: Array, names: Sequence[str], noise: NoiseModel) -> Prediction:
        """Return the prediction at rows x (n, m) of inputs, of groups that were there or not."""
        fit, model = by.fit, by.fit.model
        at_rows = fit.predict(model.x, model.codes)[0]
        fitted = Fitted(at_rows, model.y, model.weight, fit.sigma, max(int(fit.freedoms.min()), 1))
        return cls._around(*by.of_rows(x, names), fitted, noise)

    @classmethod
    def _around(cls, values: Array, deviation: Array, fitted: Fitted, noise: NoiseModel) -> Prediction:
        with np.errstate(all="ignore"):
            if noise.stated:
                size = 1.0
            elif noise.varies:
                z = noise.weights(fitted.values, fitted.y) * (fitted.y - fitted.values)
                size = np.sqrt(np.nansum(z**2) / fitted.freedom)
            else:
                size = fitted.unit / np.nanmedian(fitted.weight * noise.sigma(fitted.values))
            scale = np.hypot(deviation, size * noise.sigma(values))
        return cls(values, np.where(np.isfinite(values), scale, np.nan), fitted.freedom)

    def quantile(self, probability: float) -> Array:
        """Return the value (n,) that a new measurement stays below with that probability."""
        from scipy.special import stdtrit

        step = float(stdtrit(self.freedom, probability)) * self.scale
        if not self.ratio:
            return self.center + step
        with np.errstate(all="ignore"):
            return self.center * np.exp(step / self.center)

    def below(self, value: Array) -> Array:
        """Return the probability (n,) that a new measurement stays below a value (n,)."""
        from scipy.special import stdtr

        away = self.center * np.log(np.maximum(value / self.center, 1e-300)) if self.ratio else value - self.center
        return np.asarray(stdtr(self.freedom, away / np.maximum(self.scale, 1e-300)))


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
    kept = [(p, w) for p, w in zip(predictions, weights, strict=True) if w > negligible]
    ends = np.array([p.quantile(probability) for p, _ in kept])
    known = np.isfinite(ends)
    low, high = np.where(known, ends, np.inf).min(0), np.where(known, ends, -np.inf).max(0)
    shares = np.where(known, np.array([[w] for _, w in kept]), 0.0)
    total = shares.sum(0)
    with np.errstate(all="ignore"):
        for _ in range(halvings if len(kept) > 1 else 0):
            middle = (low + high) / 2
            below = sum(np.nan_to_num(share * p.below(middle)) for (p, _), share in zip(kept, shares, strict=True))
            low, high = (np.where(below < probability * total, a, b) for a, b in ((middle, low), (high, middle)))
        return np.where(total > 0, (low + high) / 2, np.nan)
