"""The scale on which a target is a sum of curves, and the way back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise.tables.additive._algebra import Vector
from edgewise.tables.additive._axis import skewness

TargetName = Literal["identity", "log", "sqrt"]
_SKEWED, _DECADE = 0.75, 10.0
_QUANTILES = 100
_BEYOND = 1.0  # e-fold beyond the largest target seen


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
        return cls(name, center, scale, float(y.max()) * np.exp(_BEYOND))

    @staticmethod
    def candidates(y: Vector) -> list[TargetName]:
        """Return the maps worth trying: others than the identity for positive targets over decades, or skewed."""
        if len(y) and y.min() > 0 and (skewness(y) > _SKEWED or y.max() > _DECADE * y.min()):
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
        return np.quantile(residual, np.linspace(0.005, 0.995, min(_QUANTILES, len(residual))))

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
