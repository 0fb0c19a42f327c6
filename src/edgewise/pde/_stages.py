"""Radau's points of a slab, and the change of variables in which its times do not depend on each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from edgewise._typing import Array
from edgewise.pde._slab import polynomials, radau

_REAL = 1e-9  # of a rate's size: an imaginary part that is rounding


@dataclass(frozen=True)
class Stages:
    """The values of polynomials of time at Radau's points, as sums of modes whose derivatives are multiples of them.

    The derivatives at the M points are D = T U, where U (M,) are the values of a polynomial that begins with zero. With
    T = V diag(rates) V^-1, U = V W, each W_i has the derivative rates_i W_i. Of two complex conjugates one is kept.

    rates: (modes,), complex, in units of one over the slab's length. into: rows of V^-1, (modes, M). back: the matrix
    (M, modes) whose product with W has U as its real part. coefficients: from values to coefficients of the slab's
    polynomials, (M, M), of components that begin with something (True), and of those that do not (False).
    """

    rates: Array
    into: Array
    back: Array
    coefficients: dict[bool, Array]


@cache
def stages(count: int) -> Stages:
    """Return the modes of Radau's method with some number of points.

    >>> len(stages(9).rates)
    5
    """
    tau, _ = radau(count)
    inverses = {changing: np.linalg.inv(polynomials(changing, count, tau)) for changing in (False, True)}
    slopes = polynomials(True, count, tau, 1) @ inverses[True]
    rates, vectors = np.linalg.eig(slopes)
    into = np.linalg.inv(vectors)
    turns = np.imag(rates) / np.abs(rates)
    kept, twice = turns > -_REAL, np.where(turns > _REAL, 2.0, 1.0)
    return Stages(rates[kept], into[kept], (vectors * twice)[:, kept], inverses)
