"""Orthogonal matching pursuit: a sum of shapes, one more at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs._operations import Node, combine, scaled

_DEPENDENT = 1e-6  # of the variance of a feature left over by those chosen


def pursuit(
    features: Array, y: Array, weights: Array, most: int, factors: Array | None = None
) -> Iterator[tuple[list[int], Array]]:
    """Yield the chosen features and the coefficients of least squares, the constant last, after each choice.

    The next feature is the one that lowers the weighted sum of squares most, times its factor. Shapes: features
    (n_features, n), y and weights (n,), factors (n_features,).

    Source: Pati, Rezaiifar and Krishnaprasad (1993), Orthogonal matching pursuit.
    """
    root = np.sqrt(weights / weights.sum())
    centered = (features - (features @ np.square(root))[:, None]) * root
    residual = (y - y @ np.square(root)) * root
    size = np.square(centered).sum(axis=1)
    rest, chosen = size.copy(), []
    for _ in range(min(most, len(features), len(y) - 2)):
        score = np.square(centered @ residual) / np.maximum(rest, 1e-300)
        score *= 1.0 if factors is None else factors
        score[rest <= _DEPENDENT * size] = -1
        score[chosen] = -1
        best = int(np.argmax(score))
        if not score[best] > 0:
            return
        direction = centered[best] / np.sqrt(rest[best])
        residual = residual - direction * (direction @ residual)
        centered = centered - np.outer(centered @ direction, direction)
        rest = np.square(centered).sum(axis=1)
        chosen.append(best)
        matrix = np.column_stack([*features[chosen], np.ones(len(y))]) * root[:, None]
        yield list(chosen), np.linalg.lstsq(matrix, y * root, rcond=None)[0]


def total(shapes: Sequence[list[Node]], chosen: Sequence[int], coefficients: Array) -> list[Node]:
    """Return the nodes of the sum of shapes times coefficients."""
    terms = [scaled(shapes[j], float(coefficients[k])) for k, j in enumerate(chosen)]
    return reduce(lambda a, b: combine("add", a, b), terms)
