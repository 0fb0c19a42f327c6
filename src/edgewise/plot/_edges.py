"""What part of an edge's curve a picture shows."""

from __future__ import annotations

import numpy as np

from edgewise.interpret import EdgeCurve


def shown_range(curve: EdgeCurve) -> tuple[float, float]:
    """The range of y worth showing: what the samples take, which a pole between them does not stretch."""
    values = curve.values[np.isfinite(curve.values)]
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    inside = curve.y[np.isfinite(curve.y)]
    span = high - low
    if inside.size and span > 0:
        low = min(low, max(float(inside.min()), low - 0.3 * span))
        high = max(high, min(float(inside.max()), high + 0.3 * span))
    return low, high
