"""Which of two systems the rows favor, by the rows that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from edgewise._typing import Array

_WHITE = 0.7  # of the rows must count where white noise is left


@dataclass(frozen=True)
class Standing:
    """What a system leaves and costs: squares (d,) and rows that count (d,) of each state, its cost and its size.

    Of n rows whose residuals have the correlation r with those of the next row, n (1 - r) / (1 + r) count, but no fewer
    than 6: errors of integration, and those of a wrong form, are smooth.
    """

    squares: Array
    counts: Array
    cost: float
    size: int
    rows: Array

    @classmethod
    def of(cls, residuals: Array, seen: Array, floors: Array, cost: float, size: int) -> Standing:
        """Return it for residuals (n, d), zero unless `seen` (n, d), of which squares `floors` (d,) count as none."""
        fewest = 6.0  # rows that count, however smooth the residuals are
        r, n = correlation(residuals, seen), seen.sum(axis=0)
        squares = (residuals**2).sum(axis=0) / n
        return cls(squares + floors, np.maximum(n * (1 - r) / (1 + r), fewest), cost, size, n)

    @property
    def white(self) -> bool:
        """Whether what is left looks like white noise in all states."""
        return bool((self.counts > _WHITE * self.rows).all())

    def gain(self, other: Standing) -> float:
        """Return by how much another system is better: sum_j n_j log(squares_j / other's) less what it costs more.

        The rows that count are those of the residuals of this system, which should be the simpler one, and those of the
        other one for a state of which it leaves white noise.
        """
        return self.likelier(other) - (other.cost - self.cost)

    def likelier(self, other: Standing) -> float:
        """Return sum_j n_j log(squares_j / other's): twice the logarithm of a ratio of likelihoods."""
        white = other.counts > _WHITE * other.rows
        counts = np.where(white, np.maximum(self.counts, other.counts), self.counts)
        return float(counts @ (np.log(self.squares) - np.log(other.squares)))


def correlation(residuals: Array, seen: Array) -> Array:
    """Return the correlation (d,) of residuals (n, d) of neighboring rows that were measured, at least zero."""
    smoothest = 0.97  # correlation of residuals of neighboring rows
    pairs = np.maximum((seen[1:] & seen[:-1]).sum(axis=0), 1) / np.maximum(seen.sum(axis=0) - 1, 1)
    products = (residuals[1:] * residuals[:-1]).sum(axis=0) / pairs
    return np.clip(products / np.maximum((residuals**2).sum(axis=0), 1e-300), 0.0, smoothest)


class HasStanding(Protocol):
    @property
    def standing(self) -> Standing: ...


T = TypeVar("T", bound=HasStanding)


def favored(systems: Sequence[T]) -> T:
    """Return the system that rows favor: from the simplest on, each one that gains, unless a simpler one is as good."""
    ranked = sorted(systems, key=lambda s: (s.standing.size, s.standing.cost))
    best = 0
    for k, each in enumerate(ranked):
        if ranked[best].standing.gain(each.standing) > 0:
            best = k
    return next(each for each in ranked if each is ranked[best] or each.standing.gain(ranked[best].standing) <= 0)
