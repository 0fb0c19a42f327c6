"""Which terms: supports compared one change at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from edgewise._typing import Array


def improved(
    score: Callable[[tuple[int, ...]], float], count: int, start: Sequence[int] = (), most: int = 9,
    banned: Collection[int] = (),
) -> tuple[tuple[int, ...], float]:  # fmt: skip
    """The support that adding, dropping and exchanging single terms leads to from a start, and its score."""
    support = tuple(sorted(start))
    best = score(support)
    while True:
        rest = [j for j in range(count) if j not in support and j not in banned]
        less = [tuple(k for k in support if k != i) for i in support]
        tried = [tuple(sorted((*support, j))) for j in rest] if len(support) < most else []
        tried += less + [tuple(sorted((*own, j))) for own in less for j in rest]
        found = min(((score(own), own) for own in tried), default=(np.inf, support))
        if found[0] >= best - 1e-6:
            return support, best
        best, support = found


def quadratic(information: Array, right: Array, costs: Array) -> Callable[[tuple[int, ...]], float]:
    """The score of supports by a quadratic model: -b' S^-1 b of the terms, and what they cost."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    matrix, aim = information / np.outer(scale, scale), right / scale

    def score(support: tuple[int, ...]) -> float:
        own = list(support)
        if not own:
            return 0.0
        part = matrix[np.ix_(own, own)] + 1e-11 * np.eye(len(own))
        try:
            return -float(aim[own] @ np.linalg.solve(part, aim[own])) + float(costs[own].sum())
        except np.linalg.LinAlgError:
            return np.inf

    return score


def regressed(columns: Array, aim: Array, costs: Array, most: int = 8) -> tuple[tuple[int, ...], Array]:
    """The support and the constants of aim = columns constants by  n log(mean square) + 2 log(n) a term + its cost."""
    n = len(aim)
    scale = np.linalg.norm(columns, axis=0) + 1e-300
    scaled, whole = columns / scale, float(aim @ aim)
    upper = np.asarray(np.linalg.qr(np.column_stack([scaled, aim]), mode="r"))  # the same squares by fewer rows
    scaled, aim = upper[:, :-1], upper[:, -1]

    def solved(own: list[int]) -> Array:
        return np.asarray(np.linalg.lstsq(scaled[:, own], aim, rcond=1e-10)[0])

    def score(support: tuple[int, ...]) -> float:
        own = list(support)
        rest = aim - scaled[:, own] @ solved(own) if own else aim
        left = float(rest @ rest) / n + 1e-14 * whole / n
        return n * float(np.log(max(left, 1e-300))) + 2 * np.log(n) * len(own) + float(costs[own].sum())

    support, _ = improved(score, len(scale), most=most)
    return support, solved(list(support)) / scale[list(support)]
