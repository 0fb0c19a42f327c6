"""What a curve looks like, in a word."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array

_NOTHING = 1e-9  # of the size of the values: a curve that varies by less is constant
_CLOSE = 1e-4  # of the variance: what a line or a parabola may leave
_SMALL = 0.02  # of the range: a way back that is shorter is no turn


def straightness(samples: Array, values: Array) -> float:
    """The share of the values' variance that the best line through the samples explains, 1 for a constant."""
    return _explained(samples, values, 1)


def shape_of(samples: Array, values: Array) -> str:
    """A word for the curve through the samples, which helps to choose a function for it.

    "constant", "line" and "parabola" where that explains all but 1e-4 of the variance; "rising" and "falling" if it
    never turns, "hill" and "valley" if once, else the number of turns. A way back of less than 2 % is no turn.

    >>> t = np.linspace(-1, 1, 50)
    >>> [shape_of(t, y) for y in (0 * t, 2 * t + 1, t**2, np.exp(t), np.cos(3 * t), np.sin(9 * t))]
    ['constant', 'line', 'parabola', 'rising', 'hill', '6 turns']
    """
    sound = np.isfinite(samples) & np.isfinite(values)
    samples, values = samples[sound], values[sound]
    if not len(values) or np.ptp(values) <= _NOTHING * np.abs(values).max():
        return "constant"
    for degree, name in ((1, "line"), (2, "parabola")):
        if _explained(samples, values, degree) >= 1 - _CLOSE:
            return name
    ways = _ways(values[np.argsort(samples, kind="stable")])
    if len(ways) == 1:
        return "rising" if ways[0] > 0 else "falling"
    if len(ways) == 2:
        return "hill" if ways[0] > 0 else "valley"
    return f"{len(ways) - 1} turns"


def _ways(values: Array) -> list[int]:
    """The directions that the values go in turn, 1 up and -1 down."""
    least, ways = _SMALL * np.ptp(values), list[int]()
    low = high = values[0]  # since the last turn
    for value in values:
        low, high = min(low, value), max(high, value)
        way = 1 if value > low + least else -1 if value < high - least else 0
        if way and (not ways or way != ways[-1]):
            ways.append(way)
        if way:
            low = high = value
    return ways


def _explained(samples: Array, values: Array, degree: int) -> float:
    total = float(np.square(values - values.mean()).sum())
    spread = float(samples.std())
    if total == 0 or spread == 0:
        return 1.0
    t = (samples - samples.mean()) / spread
    powers = np.vander(t, degree + 1)
    left = values - powers @ np.linalg.lstsq(powers, values, rcond=None)[0]
    return 1 - float(np.square(left).sum()) / total
