"""How well a column is determined by others, without a model: local lines through neighbouring rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

from edgewise._typing import Array

_RIDGE = 1e-8
_WORSE = 1.05  # by how much the remainder may grow when a column is dropped
_EXACT = 0.01  # remainder below which all are alike


def remainder(x: Array, target: int, others: Sequence[int]) -> float:
    """What is left of a column, over its spread, after the local plane of the others through a row's neighbours.

    The row itself is left out. About 0 for a function of the others, about 1 for no function of them (also where there
    are several branches, like the two signs of a square root).
    """
    y = x[:, target]
    if not others:
        return 1.0
    points = x[:, list(others)]
    count = min(len(x), 3 * (len(others) + 1) + 3)
    near = KDTree(points).query(points, count)[1]
    weight = (near != np.arange(len(x))[:, None]).astype(np.float64)
    design = np.concatenate([np.ones((*near.shape, 1)), points[near] - points[:, None]], axis=2)
    weighted = design * weight[:, :, None]
    normal = np.swapaxes(weighted, 1, 2) @ design
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += _RIDGE * size * np.eye(normal.shape[1])
    right = np.einsum("nki,nk->ni", weighted, y[near])
    fitted = np.linalg.solve(normal, right[:, :, None])[:, 0, 0]
    return float(np.sqrt(np.mean((y - fitted) ** 2)) / y.std())


def determiners(x: Array, target: int, others: Sequence[int]) -> tuple[list[int], float]:
    """The fewest of the columns that determine the target as well as all of them do, and the remainder."""
    kept, left = list(others), remainder(x, target, others)
    while len(kept) > 1:
        trials = [(remainder(x, target, [c for c in kept if c != out]), out) for out in kept]
        least, out = min(trials)
        if least > max(_WORSE * left, _EXACT):
            break
        kept.remove(out)
        left = least
    return kept, left
