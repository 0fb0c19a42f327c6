"""Overdispersed counts, and amounts that are often zero: means on a logarithmic scale."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, polygamma, psi

from edgewise.tables.additive._family import LogLink
from edgewise.tables.additive._reml import Matrix, Vector


@dataclass(frozen=True)
class Tweedie(LogLink):
    """An amount that may be zero: Var y = phi mean^power with a power between 1 and 2, logarithmic link.

    Source: Jorgensen, The Theory of Dispersion Models (1997), chapter 4.
    """

    power: float = 1.5
    largest = 30.0

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([max(float(weights @ y / weights.sum()), 1e-12)]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        return eta[:, 0] + (y - mean) / mean, mean ** (2 - self.power)

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        """Return the deviance."""
        mean, p = self.mean(eta)[:, 0], self.power
        return 2 * (y ** (2 - p) / ((1 - p) * (2 - p)) - y * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p))

    def noise(self, mean: Vector) -> Vector:
        return mean ** (self.power / 2)


@dataclass(frozen=True)
class NegativeBinomial(LogLink):
    """A count with Var y = mean + dispersion mean^2, logarithmic link.

    Without a dispersion it is that of the largest likelihood at any eta.

    Source: Lawless, Negative binomial and mixed Poisson regression (1987).
    """

    dispersion: float | None = None
    largest = 30.0
    scale: float | None = 1.0

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.log(np.array([max(float(weights @ y / weights.sum()), 1e-12)]))

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        mean = self.mean(eta)[:, 0]
        return eta[:, 0] + (y - mean) / mean, mean / (1 + self._dispersion(mean, y) * mean)

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        """Return the negative log-likelihood."""
        mean = self.mean(eta)[:, 0]
        size = 1 / self._dispersion(mean, y)
        own, place = np.unique(y, return_inverse=True)
        constant = gammaln(size) + gammaln(own + 1) - gammaln(own + size)
        return constant[place] + (y + size) * np.log1p(mean / size) - y * np.log(mean / size)

    def noise(self, mean: Vector) -> Vector:
        return np.sqrt(mean + (self.dispersion or 0.0) * mean**2)

    def settled(self, eta: Matrix, y: Vector) -> "NegativeBinomial":
        """Return the family with the dispersion of the largest likelihood at eta (n, 1)."""
        return replace(self, dispersion=self._dispersion(self.mean(eta)[:, 0], y))

    def freed(self) -> "NegativeBinomial":
        """Return the family whose dispersion is that of the largest likelihood at any eta."""
        return replace(self, dispersion=None)

    def _dispersion(self, mean: Vector, y: Vector) -> float:
        """Return the dispersion, by Newton steps of its logarithm from that of the moments."""
        if self.dispersion is not None:
            return self.dispersion
        low, high = 1e-6, 1e4
        own, counts = np.unique(y, return_counts=True)
        moments = float(((y - mean) ** 2 - mean).sum() / max(float((mean**2).sum()), 1e-300))
        log = -np.log(np.clip(moments, 1e-2, 1e2))  # of the size, one over the dispersion
        for _ in range(30):
            size = np.exp(log)
            part = 1 / (mean + size)
            slope = float(counts @ psi(own + size)) + len(y) * (1 - psi(size)) + float(np.log(size * part).sum())
            slope -= float(((y + size) * part).sum())
            second = float(counts @ polygamma(1, own + size)) + len(y) * (1 / size - float(polygamma(1, size)))
            second += float(((y + size) * part**2 - 2 * part).sum())
            curvature = size * slope + size**2 * second
            step = -size * slope / curvature if curvature < 0 else np.sign(slope)
            new = float(np.clip(log + np.clip(step, -1.0, 1.0), -np.log(high), -np.log(low)))
            done, log = abs(new - log) < 1e-8, new
            if done:
                break
        return float(np.exp(-log))
