"""Least squares on few of many columns: forward by orthogonal columns, backward by what each column saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._typing import Array

Support = tuple[int, ...]
"""The numbers of the chosen columns."""

DEPENDENT = 1e-9
"""What is left of the square of a column of norm one, below which the chosen ones explain it."""


@dataclass(frozen=True)
class Orthogonal:
    """Columns (K, n) without what the chosen ones explain, their squares (K,), and what these leave of a target (n,).

    >>> start = Orthogonal.of(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([3.0, 1.0]))
    >>> start.gains(), start.joined(0).gains()
    (array([9., 8.]), array([0., 1.]))
    """

    columns: Array
    residual: Array
    squares: Array

    @classmethod
    def of(cls, columns: Array, target: Array) -> Orthogonal:
        """Return columns (K, n) of which none is chosen."""
        return cls(columns, target, np.square(columns).sum(axis=1))

    @classmethod
    def reduced(cls, design: Array, target: Array) -> tuple[Array, Orthogonal]:
        """Return the numbers of the columns (n, K) that can be used, and these with norm one, in fewer rows."""
        scale = np.sqrt(np.einsum("nk,nk->k", design, design))
        usable = np.flatnonzero(np.isfinite(scale) & (scale > 1e-12 * np.nanmax(scale, initial=1e-300)))
        r: Any = np.linalg.qr(np.column_stack([design[:, usable] / scale[usable], target]), mode="r")
        a = r[:, :-1]
        return usable, cls(a.T, r[:, -1], np.einsum("nk,nk->k", a, a))

    def joined(self, k: int) -> Orthogonal:
        """Return the columns once one more is chosen."""
        direction = self.columns[k] / np.sqrt(self.squares[k])
        residual = self.residual - direction * (direction @ self.residual)
        return Orthogonal.of(self.columns - np.outer(self.columns @ direction, direction), residual)

    def without(self, support: Support) -> Orthogonal:
        """Return the columns once some more are chosen, by one factorization: exact for columns that are much alike."""
        if not support:
            return self
        a = self.columns.T
        q = np.linalg.qr(a[:, list(support)])[0]
        for _ in range(2):
            a = a - q @ (q.T @ a)
        return Orthogonal(a.T, self.residual - q @ (q.T @ self.residual), np.einsum("nk,nk->k", a, a))

    def gains(self) -> Array:
        """Return by how much the sum of squares falls with each column (K,)."""
        return np.square(self.columns @ self.residual) / np.maximum(self.squares, 1e-300)

    def left(self, exact: bool = True) -> Array:
        """Return the sum of squares with each column (K,); `exact`: of the residuals, so that it is right near zero."""
        with np.errstate(all="ignore"):
            step = (self.columns @ self.residual) / self.squares
            if exact:
                return np.square(self.residual[:, None] - self.columns.T * step).sum(axis=0)
            return self.residual @ self.residual - step**2 * self.squares


def grow(
    scores: Callable[[Support], Array], most: int, width: Callable[[int], int | None], branches: int | None = None
) -> Iterator[list[tuple[float, Support]]]:
    """Yield supports of 1, 2, ... up to `most` columns with their scores, the lowest first.

    `scores` returns those (K,) of a support with each column, which is not tried where it is infinite or nan. The best
    `branches` columns are tried of each support, of the empty one all; `width` says how many supports of a size grow.
    """
    level: list[tuple[float, Support]] = [(0.0, ())]
    for size in range(1, most + 1):
        grown: dict[Support, float] = {}
        for _, support in level:
            score = scores(support)
            best = np.argsort(score)[: branches if support else None]
            for k in best[np.isfinite(score[best])]:
                grown[tuple(sorted((*support, int(k))))] = float(score[k])
        level = sorted((score, support) for support, score in grown.items())
        if not level:
            return
        yield level
        level = level[: width(size)]


def rises(gram: Array, moment: Array, support: Array) -> Array:
    """Return by how much the sum of squares rises without each column of a support.

    gram (K, K) and moment (K,) are the products of the columns with each other and with the target.

    >>> rises(np.diag([1.0, 2.0]), np.array([3.0, 2.0]), np.array([0, 1]))
    array([9., 2.])
    """
    inverse = np.linalg.pinv(gram[np.ix_(support, support)], hermitian=True, rcond=1e-14)
    return (inverse @ moment[support]) ** 2 / np.diag(inverse)


def solved(design: Array, target: Array, support: Support) -> Array:
    """Return the coefficients (K,) of a support of columns (n, K), zero elsewhere."""
    out = np.zeros(design.shape[1])
    if support:
        a = design[:, list(support)]
        scale = np.sqrt(np.einsum("nk,nk->k", a, a)) + 1e-300
        out[list(support)] = np.linalg.lstsq(a / scale, target, rcond=1e-12)[0] / scale
    return out
