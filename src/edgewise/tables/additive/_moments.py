"""Weighted moments of features and a target, which add and subtract."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgewise.tables.additive._algebra import Matrix, Vector, inner


class Centered(NamedTuple):
    """Moments about the means: Gram matrix, products with the target, its square; and the means of both."""

    gram: Matrix
    cross: Vector
    square: float
    means: Vector
    mean: float


@dataclass(frozen=True)
class Moments:
    """Sums over rows: Z'WZ, Z'Wy, Z'w, y'Wy, w'y, sum w, and the number of rows."""

    gram: Matrix
    cross: Vector
    sums: Vector
    square: float
    total: float
    weight: float
    rows: int

    @classmethod
    def of(cls, features: Matrix, y: Vector, weights: Vector | None = None) -> "Moments":
        """Return the moments of features (n, P) and a target (n,)."""
        if weights is None or np.all(weights == 1):
            return cls(
                inner(features, features), features.T @ y, features.sum(0), float(y @ y), float(y.sum()),
                float(len(y)), len(y),
            )  # fmt: skip
        weighted = features * weights[:, None]
        return cls(
            inner(features, weighted), weighted.T @ y, weighted.sum(0), float(weights @ y**2), float(weights @ y),
            float(weights.sum()), len(y),
        )  # fmt: skip

    def beside(self, features: Matrix, more: Matrix, y: Vector, weights: Vector) -> "Moments":
        """Return the moments of [features, more] and a target, where these are those of the features."""
        weighted, response = more * weights[:, None], weights * y
        border = inner(features, weighted)
        return Moments(
            np.block([[self.gram, border], [border.T, inner(more, weighted)]]),
            np.concatenate([features.T @ response, more.T @ response]),
            np.concatenate([self.sums, weighted.sum(0)]),
            float(response @ y), float(response.sum()), self.weight, self.rows,
        )  # fmt: skip

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) - getattr(other, name) for name in vars(self)))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def chosen(self, index: np.ndarray) -> "Moments":
        """Return the moments of some of the features."""
        return Moments(
            self.gram[np.ix_(index, index)], self.cross[index], self.sums[index],
            self.square, self.total, self.weight, self.rows,
        )  # fmt: skip

    def centered(self) -> Centered:
        """Return the moments about the means."""
        means, mean = self.sums / self.weight, self.total / self.weight
        gram = self.gram - np.outer(means, self.sums)
        square = max(self.square - mean * self.total, 1e-12)
        return Centered(gram, self.cross - means * self.total, square, means, mean)
