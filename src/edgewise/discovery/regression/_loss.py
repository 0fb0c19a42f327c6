"""Losses that limit the influence of rows far from a formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise._errors import unknown
from edgewise._robust import HUBER, huber_weights
from edgewise._typing import Array

LossName = Literal["squared", "huber", "tukey"]
"""The losses that a stated formula can be fitted with."""

_TUNING = {"huber": HUBER, "tukey": 4.685}  # 95 % as efficient as least squares for normal noise


@dataclass(frozen=True)
class RobustLoss:
    """An M-estimator of residuals r, on the scale s = median |r| / 0.674.

    huber: psi(u) = u up to |u| = k, then k sign(u), k = 1.345
    tukey: psi(u) = u (1 - (u/c)^2)^2 up to |u| = c, then 0, c = 4.685

    Source: Huber and Ronchetti, Robust Statistics (2009), chapters 6 and 7; Beaton and Tukey (1974).
    """

    name: LossName

    @classmethod
    def of(cls, name: object) -> RobustLoss | None:
        """Return a loss by name; None for least squares."""
        if name == "squared":
            return None
        if name not in _TUNING:
            raise unknown("loss", name, ("squared", *_TUNING))
        return cls(name)  # type: ignore[arg-type]

    def scale(self, residual: Array) -> float:
        """Return the scale of weighted residuals (n,)."""
        mad = 0.6744897501960817  # median absolute value of normal noise of variance 1
        return float(np.median(np.abs(residual))) / mad

    def weights(self, residual: Array, scale: float) -> Array:
        """Return psi(u) / u (n,) for u = residual / scale: 1 where a row counts in full.

        >>> RobustLoss("huber").weights(np.array([0.0, 2.69, -1.0]), 1.0)
        array([1. , 0.5, 1. ])
        """
        u = np.abs(residual) / max(scale, 1e-300)
        k = _TUNING[self.name]
        if self.name == "huber":
            return huber_weights(u, k)
        return np.where(u < k, (1 - (u / k) ** 2) ** 2, 0.0)

    def factors(self, residual: Array, scale: float, constants: int) -> tuple[float, float]:
        """Return the unit of residuals weighted by sqrt(psi / u), and what inflates them in robust covariances.

        unit^2 = K^2 mean(psi/u) / mean(psi')^2 sum(psi^2) s^2 / (n - k),  inflation = K mean(psi/u) / mean(psi')
        K = 1 + k / n var(psi') / mean(psi')^2
        """
        u, k = residual / max(scale, 1e-300), _TUNING[self.name]
        weight = self.weights(residual, scale)
        if self.name == "huber":
            slope = (np.abs(u) < k).astype(float)
        else:
            slope = np.where(np.abs(u) < k, (1 - (u / k) ** 2) * (1 - 5 * (u / k) ** 2), 0.0)
        mean = max(float(slope.mean()), 0.05)
        correction = 1 + constants / len(u) * float(slope.var()) / mean**2
        size = float(np.sum((weight * residual) ** 2)) / max(len(u) - constants, 1)
        return correction * float(np.sqrt(weight.mean() * size)) / mean, correction * float(weight.mean()) / mean
