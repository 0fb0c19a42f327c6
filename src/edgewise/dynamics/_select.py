"""Which terms: supports compared by a quadratic model of the sum of squares around a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array

_MOVES = 60


@dataclass(frozen=True)
class Quadratic:
    """Squares (d,) that supports leave, to second order around a fit.

    gram (d, P, P), cross (d, P) and total (d,) are moments of P columns and the target, for each state; `weights` (d,)
    are those of the states, `floors` (d,) what counts as no error, `costs` (P,) of columns in the criterion, `always`
    the columns that are in every support.
    """

    gram: Array
    cross: Array
    total: Array
    weights: Array
    floors: Array
    costs: Array
    rows: int

    def scores(self, supports: Array) -> Array:
        """Return the scores of supports (n, size) of columns: sum_j rows log(squares_j + floor_j) plus costs."""
        g = np.einsum("d,dpq->pq", self.weights, self.gram)
        c = self.weights @ self.cross
        size = supports.shape[1]
        inner = g[supports[:, :, None], supports[:, None, :]] + 1e-10 * np.diag(g)[supports][:, :, None] * np.eye(size)
        beta = np.linalg.solve(inner, c[supports][:, :, None])[:, :, 0]
        out = self.costs[supports].sum(axis=1) + small_sample(size, self.rows * len(self.total))
        for j in range(len(self.total)):
            own = self.gram[j][supports[:, :, None], supports[:, None, :]]
            left = self.total[j] - 2 * np.einsum("sk,sk->s", beta, self.cross[j][supports])
            left = left + np.einsum("sk,skl,sl->s", beta, own, beta)
            out += self.rows * np.log(np.maximum(left, 0) / self.rows + self.floors[j])
        return out

    def moves(self, support: tuple[int, ...], always: tuple[int, ...] = ()) -> list[tuple[float, tuple[int, ...]]]:
        """Return supports that one term added, dropped or exchanged makes of one, with their scores, best first."""
        others = [k for k in range(len(self.costs)) if k not in support and self.costs[k] < np.inf]
        free = [k for k in support if k not in always]
        trials = [tuple(sorted((*support, k))) for k in others]
        trials += [tuple(k for k in support if k != drop) for drop in free]
        trials += [tuple(sorted((*(k for k in support if k != drop), new))) for drop in free for new in others]
        found: list[tuple[float, tuple[int, ...]]] = []
        for size in sorted({len(trial) for trial in trials}):
            same = [trial for trial in trials if len(trial) == size]
            for first in range(0, len(same), 500):
                part = same[first : first + 500]
                found += zip(self.scores(np.array(part, dtype=int)).tolist(), part, strict=True)
        return sorted(found)[:_MOVES]

    def descend(self, support: tuple[int, ...], always: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the support that the best moves lead to."""
        score = float(self.scores(np.array([support], dtype=int))[0])
        for _ in range(40):
            moves = self.moves(support, always)
            if not moves or moves[0][0] >= score - 1e-6:
                break
            score, support = moves[0]
        return support


def small_sample(count: float, numbers: int) -> float:
    """Return the correction of the criterion for few numbers: that of AICc beyond AIC."""
    left = numbers - count - 1
    return 2 * count * (count + 1) / left if left > 0 else np.inf
