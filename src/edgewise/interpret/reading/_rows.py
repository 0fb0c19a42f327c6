"""Points near the rows of a table, at which a formula is compared with the model that it is read from."""

import numpy as np

from edgewise._typing import Array

_BEYOND = 0.6  # of the distance of two rows
_LEAST = 0.5  # of the smallest value of a positive column


def between_rows(x: Array, rng: np.random.Generator, count: int) -> Array:
    """Return points (count, k) on the segments between two rows of x (n, k) each, drawn evenly.

    >>> between_rows(np.array([[0.0, 1.0], [2.0, 5.0]]), np.random.default_rng(0), 3).shape
    (3, 2)
    """
    return _on_lines(x, rng, rng.uniform(0.0, 1.0, (count, 1)))


def beyond_rows(x: Array, rng: np.random.Generator, count: int) -> Array:
    """Return points (count, k) on the lines through two rows of x (n, k), up to 0.6 of their distance outside.

    A formula that is wild outside the rows shows there. Columns that are never negative stay at least half of their
    smallest value.

    >>> bool(beyond_rows(np.array([[1.0], [2.0]]), np.random.default_rng(0), 100).min() >= 0.5)
    True
    """
    return never_below(x, _on_lines(x, rng, rng.uniform(-_BEYOND, 1.0 + _BEYOND, (count, 1))), _LEAST)


def never_below(x: Array, points: Array, fraction: float) -> Array:
    """Return points (m, k) moved up to a fraction of the smallest value of each column of x that is never negative."""
    least = x.min(0)
    return np.maximum(points, np.where(least >= 0, fraction * least, -np.inf))


def _on_lines(x: Array, rng: np.random.Generator, place: Array) -> Array:
    first, second = (x[rng.integers(len(x), size=len(place))] for _ in range(2))
    return first * place + second * (1 - place)
