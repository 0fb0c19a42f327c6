"""What the sum of curves stands for: a mean, log-odds, a rate, a quantile; and the scale of the target."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from edgewise._robust import HUBER, NORMAL, huber_weights
from edgewise.tables.additive._curve import skewness
from edgewise.tables.additive._reml import Matrix, Vector
from edgewise.tables.additive._tuning import TUNING
from edgewise.tables.steps import GIVEN, LOGISTIC, SOFTMAX, SQUARED

TargetName = Literal["identity", "log", "sqrt"]


@dataclass(frozen=True)
class Target:
    """A map of the target, y -> y, log y or 2 sqrt y, standardized: (map(y) - center) / scale.

    `largest` bounds the way back at e times the largest target.
    """

    name: TargetName
    center: float
    scale: float
    largest: float = np.inf

    @classmethod
    def of(cls, y: Vector, weights: Vector, name: TargetName = "identity") -> "Target":
        mapped = _MAPS[name](y)
        center = float(weights @ mapped / weights.sum())
        largest = float(np.abs(mapped - center).max())
        share = (mapped - center) / (largest or 1.0)
        scale = largest * float(np.sqrt(weights @ share**2 / weights.sum())) or 1.0
        return cls(name, center, scale, float(y.max()) * np.exp(1.0))

    @staticmethod
    def candidates(y: Vector) -> list[TargetName]:
        """Return the maps worth trying: others than the identity for positive targets over decades, or skewed."""
        if len(y) and y.min() > 0 and (skewness(y) > TUNING.skewed_target or y.max() > 10.0 * y.min()):
            return ["identity", "log", "sqrt"]
        return ["identity"]

    def forward(self, y: Vector) -> Vector:
        """Return the standardized, mapped target."""
        return (_MAPS[self.name](y) - self.center) / self.scale

    def log_slope(self, y: Vector) -> Vector:
        """Return log |d forward / dy|."""
        if self.name == "log":
            return -np.log(y) - np.log(self.scale)
        if self.name == "sqrt":
            return -0.5 * np.log(y) - np.log(self.scale)
        return np.full(len(y), -np.log(self.scale))

    def backward(self, eta: Vector) -> Vector:
        """Return the target whose map is eta: a quantile stays a quantile."""
        mapped = self.center + self.scale * eta
        if self.name == "log":
            return np.exp(np.minimum(mapped, np.log(self.largest)))
        if self.name == "sqrt":
            return (np.clip(mapped, 0.0, 2 * np.sqrt(self.largest)) / 2) ** 2
        return mapped

    @staticmethod
    def errors(residual: Vector) -> Vector:
        """Return the quantiles of residuals that `mean` is taken over."""
        return np.quantile(residual, np.linspace(0.005, 0.995, min(100, len(residual))))

    def mean(self, eta: Vector, residual: Vector) -> Vector:
        """Return the mean of the target: of backward(eta + residual) over the residuals.

        Source: Duan, Smearing estimate (1983).
        """
        if self.name == "identity":
            return self.backward(eta)
        errors = self.errors(residual)
        total = np.zeros(len(eta))
        for error in errors:
            total += self.backward(eta + error)
        return total / len(errors)


_MAPS = {"identity": lambda y: y, "log": np.log, "sqrt": lambda y: 2 * np.sqrt(y)}


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

    @property
    def gradients(self) -> int:
        """Return which loss steps are grown by, GIVEN for one that `working` has to be asked for."""
        ...

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


class _Location:
    """A family whose eta is a number on the scale of the target, with noise of unknown size."""

    outputs = 1
    scale: float | None = None
    is_location = True
    gradients = GIVEN

    def mean(self, eta: Matrix) -> Matrix:
        return eta


@dataclass(frozen=True)
class Gaussian(_Location):
    """A number with noise of one size: squared loss, identity link."""

    gradients = SQUARED

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weights @ y / weights.sum()])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        return y, np.ones(len(y))

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        return (y - eta[:, 0]) ** 2


@dataclass(frozen=True)
class Classes:
    """Class numbers 0 to K - 1: log loss, logits of two classes in one output, of more in one output each."""

    classes: int
    scale: float | None = 1.0
    is_location: bool = False

    @property
    def outputs(self) -> int:
        return 1 if self.classes == 2 else self.classes

    @property
    def gradients(self) -> int:
        return LOGISTIC if self.classes == 2 else SOFTMAX

    def start(self, y: Vector, weights: Vector) -> Vector:
        share = np.bincount(y.astype(int), weights, self.classes) / weights.sum()
        share = np.clip(share, 1e-3, 1 - 1e-3)
        return np.log(share[1:] / share[:1]) if self.classes == 2 else np.log(share)

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        which = 1 if self.classes == 2 else output
        p = self.mean(eta)[:, which]
        least = 1e-4
        weights = np.maximum(p * (1 - p), least)
        residual = (y == which) - p
        return eta[:, output] + residual / weights, weights

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        p = self.mean(eta)[np.arange(len(y)), y.astype(int)]
        return -np.log(np.maximum(p, 1e-12))

    def mean(self, eta: Matrix) -> Matrix:
        if self.classes == 2:
            largest = 30.0  # log-odds
            p = 1 / (1 + np.exp(-np.clip(eta[:, :1], -largest, largest)))
            return np.hstack([1 - p, p])
        powers = np.exp(eta - eta.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)


class LogLink:
    """A family of positive means, whose dispersion is estimated: eta is the logarithm of the mean, within bounds."""

    outputs = 1
    scale: float | None = None
    is_location = False
    gradients = GIVEN
    largest: float

    def noise(self, mean: Vector) -> Vector:
        """Return the standard deviation of a target of some means (n,), but for the dispersion."""
        return mean

    def mean(self, eta: Matrix) -> Matrix:
        return np.exp(np.clip(eta, -self.largest, self.largest))


@dataclass(frozen=True)
class Poisson(LogLink):
    """A count: Poisson deviance, logarithmic link, dispersion estimated."""

    largest = 30.0

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([max(float(weights @ y / weights.sum()), 1e-12)]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        return eta[:, 0] + (y - mean) / mean, mean

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        mean = self.mean(eta)[:, 0]
        ratio = np.where(y > 0, y / mean, 1.0)
        return 2 * (np.where(y > 0, y * np.log(ratio), 0.0) - (y - mean))

    def noise(self, mean: Vector) -> Vector:
        return np.sqrt(mean)


@dataclass(frozen=True)
class Gamma(LogLink):
    """A positive amount whose spread grows with its size: gamma deviance, logarithmic link."""

    largest = 87.0  # what float32 holds the power of, as exports may

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([weights @ y / weights.sum()]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        most = 30.0  # of the working residual, which is far beyond what gamma values reach
        return eta[:, 0] + np.minimum(y / mean - 1, most), np.ones(len(y))

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        mean = self.mean(eta)[:, 0]
        return 2 * ((y - mean) / mean - np.log(y / mean))


@dataclass(frozen=True)
class Huber(_Location):
    """A number with outliers: Huber's weights, min(1, 1.345 s / |r|) with s from the median of |r|.

    Candidates are compared by their absolute error.
    """

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weighted_quantile(y, weights, 0.5)])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        residual = y - eta[:, 0]
        width = HUBER * max(NORMAL * float(np.median(np.abs(residual))), 1e-12)
        return y, huber_weights(residual, width)

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        return np.abs(y - eta[:, 0])


@dataclass(frozen=True)
class Quantile(_Location):
    """The quantile of a number at a level between 0 and 1; at 0.5 the median, by the absolute error.

    Reweighted least squares for the pinball loss, rounded to a parabola near zero.

    Source: Koenker and Bassett, Regression quantiles (1978).
    """

    level: float

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.array([weighted_quantile(y, weights, self.level)])

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        residual = y - eta[:, 0]
        side = np.where(residual < 0, 1 - self.level, self.level)
        width = 0.02  # standard deviations of the target, within which the loss is a parabola
        weights = side / np.maximum(np.abs(residual), width)
        return y, weights / weights.mean()

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        residual = y - eta[:, 0]
        return np.maximum(self.level * residual, (self.level - 1) * residual)


def weighted_quantile(y: Vector, weights: Vector, level: float) -> float:
    """Return the quantile of weighted values.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5)
    2.0
    """
    order = np.argsort(y)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(y[order][min(int(np.searchsorted(share, level)), len(y) - 1)])
