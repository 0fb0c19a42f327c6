"""The monotone map of a column to the axis on which its curve is smooth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise.tables.additive._algebra import Vector

MapName = Literal["raw", "log", "asinh"]


_SKEWED = 1.0  # skewness from which a column is worth mapping
_GAIN = 0.3  # by which the map has to lower it
_TINY = 1e-300


@dataclass(frozen=True)
class Axis:
    """A map of a column: x -> t(x / scale), with t(v) = v, log(v + shift) or asinh((v - center) / width).

    >>> Axis.of(np.array([1.0, 10.0, 100.0]), "log").map(np.array([50.0])).round(3)
    array([-0.693])
    """

    name: MapName = "raw"
    scale: float = 1.0
    shift: float = 0.0
    center: float = 0.0
    width: float = 1.0

    @classmethod
    def of(cls, x: Vector, name: MapName) -> "Axis":
        """Return the map of that name for the finite values x of a column."""
        scale = float(np.abs(x).max()) or 1.0
        v = x / scale
        if name == "log":
            positive = v[v > 0]
            return cls("log", scale, shift=0.0 if v.min() > 0 else 0.5 * float(positive.min()))
        if name == "asinh":
            low, center, high = np.percentile(v, [25, 50, 75])
            return cls("asinh", scale, center=float(center), width=float(high - low) or float(np.std(v)) or 1.0)
        return cls("raw", scale)

    @classmethod
    def chosen(cls, x: Vector) -> "Axis":
        """Return the least skewed of the maps: the column as it is unless another one helps clearly."""
        best = cls.of(x, "raw")
        least = abs(skewness(x / best.scale))
        if least <= _SKEWED or len(np.unique(x)) < 3:
            return best
        for name in ("log", "asinh"):
            if name == "log" and (x.min() < 0 or not (x > 0).any()):
                continue
            axis = cls.of(x, name)
            skew = abs(skewness(axis.map(x)))
            if skew < least - _GAIN:
                best, least = axis, skew
        return best

    def map(self, x: Vector) -> Vector:
        """Return t(x / scale)."""
        v = x / self.scale
        if self.name == "log":
            return np.log(np.maximum(v + self.shift, _TINY))
        if self.name == "asinh":
            return np.arcsinh((v - self.center) / self.width)
        return v

    def described(self, name: str) -> str:
        """Return how the mapped column is called.

        >>> Axis("log").described("area")
        'log(area)'
        """
        return name if self.name == "raw" else f"{self.name}({name})"


def skewness(x: Vector) -> float:
    """Return the third standardized moment, zero for a constant."""
    z = x - x.mean()
    deviation = z.std()
    return 0.0 if deviation == 0 else float((z**3).mean() / deviation**3)
