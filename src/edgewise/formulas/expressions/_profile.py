"""The two ends of a profile interval, by doubling a step and halving what is left."""

from __future__ import annotations

import math
from collections.abc import Callable


def profile_ends(value: float, half: float, beyond: Callable[[float], bool]) -> tuple[float, float]:
    """Return where a constant is first `beyond` its interval, below and above; infinite where it never is.

    Parameters
    ----------
    value
        The constant at the minimum.
    half
        A first guess of how far the ends are.
    beyond
        Whether a value of the constant lies outside of the interval.

    Examples
    --------
    >>> low, high = profile_ends(0.0, 1.0, lambda at: at * at > 9)
    >>> round(low, 6), round(high, 6)
    (-3.0, 3.0)
    """
    return _end(value, -half, beyond), _end(value, half, beyond)


def _end(value: float, step: float, beyond: Callable[[float], bool]) -> float:
    widest, halvings = 40, 30  # doublings of the first step, and halvings of what is left
    inside, outside = value, value + step
    for _ in range(widest):
        if beyond(outside):
            break
        inside, outside = outside, value + 2 * (outside - value)
    else:
        return math.copysign(math.inf, step)
    for _ in range(halvings):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if beyond(middle) else (middle, outside)
    return (inside + outside) / 2
