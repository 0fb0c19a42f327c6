"""A Gaussian process of a table, or of logarithms of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edgewise.interpret.symmetries._coordinates import Coordinates
from edgewise.interpret.symmetries._gaussian import GaussianProcess, Scales, gaussian_process


@dataclass(frozen=True)
class TableProcess:
    """A process of a table, fitted in standardised coordinates.

    `residual` is what the target of each row that was fitted, number `process.kept`, differs by from its prediction
    without that row; `noise` is the standard deviation of the noise that was found, times the weight of a row.
    """

    coordinates: Coordinates
    process: GaussianProcess
    center: Tensor
    width: Tensor
    middle: Tensor
    spread: Tensor
    residual: Tensor
    noise: float

    @classmethod
    def of(
        cls, coordinates: Coordinates, x: Tensor, y: Tensor, weight: Tensor, samples: int = 0,
        start: Scales | None = None, seed: int = 0,
    ) -> TableProcess:  # fmt: skip
        """Fit a target y (n,) of columns x (n, m), whose noise is taken to be in proportion to 1 / weight (n,)."""
        u, t = coordinates.inputs(x), coordinates.target(y)
        noise = 1 / (weight * coordinates.slope(y).abs()).clamp_min(1e-300)
        size = noise.median()
        uneven = (noise / size).clamp(0.01, 100)
        center, width, middle, spread = u.mean(0), u.std(0), t.mean(), t.std()
        process = gaussian_process((u - center) / width, (t - middle) / spread, uneven, samples, seed, start)
        residual = y[process.kept] - coordinates.back(t[process.kept] - spread * process.residual)
        found = process.scales.noise * float(spread / size)
        return cls(coordinates, process, center, width, middle, spread, residual, found)

    def values(self, x: Tensor) -> Tensor:
        """Values (n, 1 + samples) of the target."""
        u = (self.coordinates.inputs(x) - self.center) / self.width
        return self.coordinates.back(self.middle + self.spread * self.process.values(u))

    def slopes(self, x: Tensor) -> Tensor:
        """Derivatives (n, m, 1 + samples) of the target by the columns of x."""
        u = (self.coordinates.inputs(x) - self.center) / self.width
        seen = self.spread * self.process.slopes(u) / self.width.unsqueeze(1)
        # Where the target is seen as itself, only the shape of its values counts.
        values = seen[:, 0] if self.coordinates.target_as == "itself" else self.values(x)
        return self.coordinates.gradient(x, values, seen)
