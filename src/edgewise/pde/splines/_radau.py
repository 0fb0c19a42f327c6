"""Radau's points, at which polynomials in time solve equations of evolution."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial import legendre

from edgewise._typing import Array


@cache
def radau(count: int) -> tuple[Array, Array]:
    """Radau's points on [0, 1], the last of which is 1, and their weights."""
    series = np.zeros(count + 1)
    series[count], series[count - 1] = 1.0, -1.0
    found = np.sort(legendre.legroots(series).real)
    found[-1] = 1.0
    powers = legendre.legvander(found, count - 1).T
    weights = np.linalg.solve(powers, np.eye(count, 1)[:, 0] * 2) / 2
    return (found + 1) / 2, weights
