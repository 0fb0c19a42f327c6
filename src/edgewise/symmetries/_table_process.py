"""A Gaussian process of a table, or of logarithms of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edgewise.symmetries._coordinates import Coordinates
from edgewise.symmetries._gaussian import GaussianProcess, Scales, gaussian_process


@dataclass(frozen=True)
class TableProcess:
    """A process of a table, fitted in standardised coordinates.

    `left_out` are the values of the rows that were fitted, numbers `process.kept`, each as predicted without that row.
    """

    coordinates: Coordinates
    process: GaussianProcess
    center: Tensor
    width: Tensor
    middle: Tensor
    spread: Tensor
    left_out: Tensor

    @classmethod
    def of(
        cls, coordinates: Coordinates, u: Tensor, t: Tensor, uneven: Tensor, samples: int, start: Scales | None = None,
        seed: int = 0,
    ) -> TableProcess:  # fmt: skip
        """Fit columns u (n, m) and a target t (n,) that are seen in these coordinates."""
        center, width, middle, spread = u.mean(0), u.std(0), t.mean(), t.std()
        process = gaussian_process((u - center) / width, (t - middle) / spread, uneven, samples, seed, start)
        left_out = coordinates.back(t[process.kept] - spread * process.residual)
        return cls(coordinates, process, center, width, middle, spread, left_out)

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
