"""Families of numbers for which far rows count less, or for which a quantile is asked instead of a mean."""

from dataclasses import dataclass

import numpy as np

from edgewise._robust import HUBER, NORMAL, huber_weights
from edgewise.tables.additive._reml import Matrix, Vector

_SMALLEST = 0.02  # residual, in standard deviations of the target: below, the loss is a parabola


@dataclass(frozen=True)
class Huber:
    """A number with outliers: Huber's weights, min(1, 1.345 s / |r|) with s from the median of |r|.

    Candidates are compared by their absolute error.
    """

    outputs: int = 1
    scale: float | None = None
    is_location: bool = True

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weighted_quantile(y, weights, 0.5)])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        residual = y - eta[:, 0]
        width = HUBER * max(NORMAL * float(np.median(np.abs(residual))), 1e-12)
        return y, huber_weights(residual, width)

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        return np.abs(y - eta[:, 0])

    def mean(self, eta: Matrix) -> Matrix:
        return eta


@dataclass(frozen=True)
class Quantile:
    """The quantile of a number at a level between 0 and 1; at 0.5 the median, by the absolute error.

    Reweighted least squares for the pinball loss, rounded to a parabola near zero.

    Source: Koenker and Bassett, Regression quantiles (1978).
    """

    level: float
    outputs: int = 1
    scale: float | None = None
    is_location: bool = True

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weighted_quantile(y, weights, self.level)])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        residual = y - eta[:, 0]
        side = np.where(residual < 0, 1 - self.level, self.level)
        weights = side / np.maximum(np.abs(residual), _SMALLEST)
        return y, weights / weights.mean()

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        residual = y - eta[:, 0]
        return np.maximum(self.level * residual, (self.level - 1) * residual)

    def mean(self, eta: Matrix) -> Matrix:
        return eta


def weighted_quantile(y: Vector, weights: Vector, level: float) -> float:
    """Return the quantile of weighted values.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5)
    2.0
    """
    order = np.argsort(y)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(y[order][min(int(np.searchsorted(share, level)), len(y) - 1)])
