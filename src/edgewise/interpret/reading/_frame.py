"""Where the values of a column lie: what the starts of fits are scaled by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array


@dataclass(frozen=True)
class Frame:
    """The ends, the mean and the standard deviation of a column, and the mean of its logarithm if it is positive."""

    low: float
    high: float
    mean: float
    deviation: float
    log_mean: float = np.nan

    @classmethod
    def of(cls, x: Array) -> Frame:
        """Return the frame of values x (n,), not all equal."""
        log_mean = float(np.log(x).mean()) if x.min() > 0 else np.nan
        return cls(float(x.min()), float(x.max()), float(x.mean()), float(x.std()), log_mean)

    @property
    def range(self) -> float:
        """The difference of the ends."""
        return self.high - self.low

    def at(self, *fractions: float) -> list[float]:
        """Return the places at fractions of the range.

        >>> Frame(2.0, 4.0, 3.0, 1.0).at(0.0, 0.5)
        [2.0, 3.0]
        """
        return [self.low + fraction * self.range for fraction in fractions]

    @property
    def logarithmic(self) -> Frame:
        """The frame of the logarithm of a positive column."""
        return Frame(float(np.log(self.low)), float(np.log(self.high)), self.log_mean, self.deviation / self.mean)
