"""Derivatives of a function at the end of an interval, from its values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

from edgewise._typing import Array

_POINTS = 25
_WIDEST, _HALVINGS = 0.5, 12  # of the interval, and how often that is halved
_ROUNDING = 1e-13  # of the largest coefficient: those below it are left out


def one_sided(function: Callable[[Array], Array], end: float, other: float, highest: int) -> Array:
    """Return the derivatives (highest + 1, m) at an end of values (n, m), by Chebyshev's polynomials near it.

    On the widest part of the interval on which their coefficients fall to rounding; or, where they never do, as at a
    kink, where they fall furthest.

    >>> found = one_sided(lambda x: np.exp(-(x[:, None] ** 2)), 0.0, 100.0, 2)
    >>> np.allclose(found[:, 0], [1, 0, -2], atol=1e-9)
    True
    """
    nodes = chebyshev.chebpts2(_POINTS)
    best, found = np.inf, np.zeros((highest + 1, 0))
    for halving in range(_HALVINGS):
        length = (other - end) * _WIDEST * 0.5**halving
        values = function(end + length * (1 + nodes) / 2)
        coefficients = chebyshev.chebfit(nodes, values, _POINTS - 1)
        largest = np.abs(coefficients).max(0)
        tail = float((np.abs(coefficients[-4:]).max(0) / np.maximum(largest, 1e-300)).max())
        if tail >= best:
            continue
        best = tail
        kept = np.where(np.abs(coefficients) > _ROUNDING * largest, coefficients, 0.0)
        found = np.stack([_at_begin(kept, order) * (2 / length) ** order for order in range(highest + 1)])
        if tail < _ROUNDING:
            break
    return found


def _at_begin(coefficients: Array, order: int) -> Array:
    """The derivative of a polynomial at -1, for each column of coefficients."""
    return np.asarray(chebyshev.chebval(-1.0, chebyshev.chebder(coefficients, order) if order else coefficients))
