"""Huber's weights: rows whose residuals are far from most count less."""

import numpy as np

from edgewise._typing import Array

HUBER = 1.345
"""Width of Huber's parabola, in standard deviations: 95 % as efficient as least squares for normal noise."""
NORMAL = 1.4826
"""Standard deviation of normal noise over its median absolute value."""


def huber_weights(residual: Array, limit: float) -> Array:
    """Return min(1, limit / |r|) of residuals r: 1 where a row counts in full, as does one that is not a number.

    >>> huber_weights(np.array([0.0, 2.0, -0.5]), 1.0)
    array([1. , 0.5, 1. ])

    Source: Huber, Ann. Math. Statist. 35 (1964).
    """
    with np.errstate(all="ignore"):
        return np.fmin(1.0, limit / np.maximum(np.abs(residual), 1e-300))
