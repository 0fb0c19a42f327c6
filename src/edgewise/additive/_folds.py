"""Which rows are held out, fold by fold."""

import numpy as np

from edgewise.additive._algebra import Vector

_FEW, _MANY = 300, 5000  # rows: ten folds below, one held-out fifth above


def fold_numbers(rows: int, seed: int, classes: Vector | None = None) -> np.ndarray:
    """Return the fold of each row, -1 for rows that are never held out; classes are spread evenly.

    Ten folds below 300 rows, five up to 5,000, then one held-out fifth.

    >>> np.bincount(fold_numbers(300, 0)).tolist()
    [60, 60, 60, 60, 60]
    """
    order = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    turn = np.empty(rows, dtype=int)
    if rows > _MANY:
        turn[order] = np.where(np.arange(rows) % 5 == 0, 0, -1)
        return turn
    turn[order] = np.arange(rows) % min(10 if rows < _FEW else 5, rows)
    return turn
