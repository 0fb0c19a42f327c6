"""Other supports of one equation, compared by the linear model of a fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._standing import Standing

_GROWN = (1500, 100, 40)  # supports of two, three and more terms that grow by another
_BRANCHES = 40  # terms that a support grows by
_KEPT, _HILLS = 120, 12  # supports of each size, and with each Hill function, whose residuals are computed
PLAIN, OTHER = -2, -1  # sorts of terms
_SAME = 1e-9  # squared norm of what a column adds to others, below which it adds nothing


@dataclass(frozen=True)
class Columns:
    """The columns (n, K) of one equation and their target (n,), both over the noise; others' columns are projected out.

    `costs` (K,) are those of the terms. `sorts` (K,) say what terms go together: a Hill function (the number of its
    term) with terms that are PLAIN, but with no other one and none that is OTHER.
    `rows` are those of the table: n / rows states were measured. `floors` (d,) are squares that count as none.
    """

    design: Array
    target: Array
    costs: Array
    sorts: Array
    rows: int
    floors: Array

    def standing(self, support: tuple[int, ...], others: tuple[float, int]) -> tuple[Standing, Array]:
        """Return what a support leaves and costs, with the cost and size of the other equations; its coefficients."""
        index = np.array(support, dtype=int)
        beta = np.linalg.lstsq(self.design[:, index], self.target, rcond=1e-12)[0]
        left = (self.target - self.design[:, index] @ beta).reshape(self.rows, -1)
        cost, size = others
        return Standing.of(left, self.floors, cost + float(self.costs[index].sum()), size + len(index)), beta


def candidates(columns: Columns, most: int) -> Iterable[tuple[int, ...]]:
    """Return the supports of up to `most` terms that leave the least, by size: pairs, and those grown from the best.

    Columns are made orthogonal to those of the support that grows, so that small residuals are exact to rounding.
    """
    scale = np.sqrt(np.einsum("nk,nk->k", columns.design, columns.design))
    usable = np.flatnonzero(np.isfinite(scale) & (scale > 1e-12 * np.nanmax(scale, initial=1e-300)))
    joined = np.column_stack([columns.design[:, usable] / scale[usable], columns.target])
    a: Any = np.linalg.qr(joined, mode="r")
    a, y = a[:, :-1], a[:, -1]
    costs, sorts = columns.costs[usable], columns.sorts[usable]
    d = columns.target.size // columns.rows
    level: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    yield ()
    for size in range(1, most + 1):
        found: dict[tuple[int, ...], float] = {}
        for _, support in level:
            left = _left(a, y, support) / columns.rows - (d - 1)
            score = columns.rows * np.log(np.maximum(left, 0) + 1e-6 * columns.floors.mean() + 1e-30)
            score += costs + costs[list(support)].sum()
            sort = sorts[list(support)].max(initial=PLAIN)
            barred = sorts > (PLAIN if sort >= 0 else OTHER if sort == OTHER else np.inf)
            score[~np.isfinite(left) | barred] = np.inf
            best = np.argsort(score)[: _BRANCHES if support else None]
            for k in best[np.isfinite(score[best])]:
                found[tuple(sorted((*support, int(k))))] = float(score[k])
        level = sorted((score, support) for support, score in found.items())
        counts: Counter[int] = Counter()
        for _, support in level:
            sort = max(sorts[list(support)].max(initial=PLAIN), OTHER)
            counts[sort] += 1
            if counts[sort] <= (_KEPT if sort == OTHER else _HILLS):
                yield tuple(int(usable[k]) for k in support)
        level = level[: _GROWN[min(size - 1, len(_GROWN)) - 1] if size > 1 else None]


def _left(a: Array, y: Array, support: tuple[int, ...]) -> Array:
    """Return the squares (K,) that a support with each column left of the target; nan where one adds nothing."""
    if support:
        q = np.linalg.qr(a[:, list(support)])[0]
        y = y - q @ (q.T @ y)
        a = a - q @ (q.T @ a)
        a = a - q @ (q.T @ a)
    norms = np.einsum("nk,nk->k", a, a)
    with np.errstate(all="ignore"):
        step = (a.T @ y) / norms
        left = ((y[:, None] - a * step) ** 2).sum(axis=0) if len(support) > 1 else y @ y - step**2 * norms
    left[norms < _SAME] = np.nan
    return left
