"""What the sum of curves stands for: a mean, log-odds, the logarithm of a rate."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgewise.tables.additive._algebra import Matrix, Vector

_SMALLEST_WEIGHT = 1e-4
_MOST = 30.0  # of the working residual of an amount, which is far beyond what gamma values reach
_LARGEST = 30.0  # of log-odds and logarithms of counts
_AMOUNTS = 87.0  # logarithms of amounts: what float32 holds, as exports may


class Family(Protocol):
    """A distribution of the target and its link: y ~ family(mean = inverse link(eta)), eta (n, K).

    `scale` is the dispersion where it is known, None where it is estimated. `is_location` says whether eta is a number
    on the scale of the target, which is then standardized.
    """

    @property
    def outputs(self) -> int: ...

    @property
    def scale(self) -> float | None: ...

    @property
    def is_location(self) -> bool: ...

    def start(self, y: Vector, weights: Vector) -> Vector:
        """Return the eta (K,) of the best constant."""
        ...

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        """Return the working response and weights (n,) of one output."""
        ...

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        """Return the loss of each row."""
        ...

    def mean(self, eta: Matrix) -> Matrix:
        """Return the mean of the target: (n, 1), or the probability of each class."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """A number with noise of one size: squared loss, identity link."""

    outputs: int = 1
    scale: float | None = None
    is_location: bool = True

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weights @ y / weights.sum()])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        return y, np.ones(len(y))

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        return (y - eta[:, 0]) ** 2

    def mean(self, eta: Matrix) -> Matrix:
        return eta


@dataclass(frozen=True)
class Classes:
    """Class numbers 0 to K - 1: log loss, logits of two classes in one output, of more in one output each."""

    classes: int
    scale: float | None = 1.0
    is_location: bool = False

    @property
    def outputs(self) -> int:
        return 1 if self.classes == 2 else self.classes

    def start(self, y: Vector, weights: Vector) -> Vector:
        share = np.bincount(y.astype(int), weights, self.classes) / weights.sum()
        share = np.clip(share, 1e-3, 1 - 1e-3)
        return np.log(share[1:] / share[:1]) if self.classes == 2 else np.log(share)

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        which = 1 if self.classes == 2 else output
        p = self.mean(eta)[:, which]
        weights = np.maximum(p * (1 - p), _SMALLEST_WEIGHT)
        residual = (y == which) - p
        return eta[:, output] + residual / weights, weights

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        p = self.mean(eta)[np.arange(len(y)), y.astype(int)]
        return -np.log(np.maximum(p, 1e-12))

    def mean(self, eta: Matrix) -> Matrix:
        if self.classes == 2:
            p = 1 / (1 + np.exp(-np.clip(eta[:, :1], -_LARGEST, _LARGEST)))
            return np.hstack([1 - p, p])
        powers = np.exp(eta - eta.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)


@dataclass(frozen=True)
class Poisson:
    """A count: Poisson deviance, logarithmic link, dispersion estimated."""

    outputs: int = 1
    scale: float | None = None
    is_location: bool = False

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([max(float(weights @ y / weights.sum()), 1e-12)]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        return eta[:, 0] + (y - mean) / mean, mean

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        mean = self.mean(eta)[:, 0]
        ratio = np.where(y > 0, y / mean, 1.0)
        return 2 * (np.where(y > 0, y * np.log(ratio), 0.0) - (y - mean))

    def mean(self, eta: Matrix) -> Matrix:
        return np.exp(np.clip(eta, -_LARGEST, _LARGEST))


@dataclass(frozen=True)
class Gamma:
    """A positive amount whose spread grows with its size: gamma deviance, logarithmic link."""

    outputs: int = 1
    scale: float | None = None
    is_location: bool = False

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([weights @ y / weights.sum()]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        return eta[:, 0] + np.minimum(y / mean - 1, _MOST), np.ones(len(y))

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        mean = self.mean(eta)[:, 0]
        return 2 * ((y - mean) / mean - np.log(y / mean))

    def mean(self, eta: Matrix) -> Matrix:
        return np.exp(np.clip(eta, -_AMOUNTS, _AMOUNTS))
