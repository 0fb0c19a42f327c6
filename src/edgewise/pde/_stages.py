"""The stages of Radau's method in one slab: derivatives of the polynomial through them, and the systems they fall into."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.pde._slab import polynomials, radau


class Stages(NamedTuple):
    """M stages, with the polynomial through what begins at tau = 0 and the values at Radau's points.

    tau: the points, (M,). slopes: D, whose product with values less what begins is the derivative by tau, (M, M).
    rates, outward, inward: D = outward diag(rates) inward. chosen: the rates of which one of each pair of conjugates is
    kept.
    """

    tau: Array
    slopes: Array
    rates: Array
    outward: Array
    inward: Array
    chosen: Array


@cache
def stages(count: int) -> Stages:
    tau, _ = radau(count)
    slopes = polynomials(True, count, tau, 1) @ np.linalg.inv(polynomials(True, count, tau))
    rates, outward = np.linalg.eig(slopes)
    return Stages(tau, slopes, rates, outward, np.linalg.inv(outward), np.flatnonzero(rates.imag >= 0))
