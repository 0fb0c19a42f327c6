"""Random numbers from a state of one word, for kernels: the same on every machine.

Source: Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators (SplitMix64).
"""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT

_GOLDEN, _FIRST, _SECOND = (np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_30, _27, _31, _11 = (np.uint64(k) for k in (30, 27, 31, 11))
_UNIT = 2.0**-53


@njit(**EXACT)
def uniform(state: Any) -> Any:
    """Return a number from 0 to 1, without 1."""
    z = np.uint64(state[0]) + _GOLDEN
    state[0] = np.int64(z)
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return np.float64((z ^ (z >> _31)) >> _11) * _UNIT


@njit(**EXACT)
def below(state: Any, count: Any) -> Any:
    """Return a whole number from 0 to count - 1."""
    return np.int64(uniform(state) * count)


@njit(**EXACT)
def normal(state: Any) -> Any:
    """Return a number that is nearly normal: the sum of twelve uniform ones."""
    total = -6.0
    for _ in range(12):
        total += uniform(state)
    return total


@njit(**EXACT)
def factor(state: Any, size: Any) -> Any:
    """Return a number that is nearly log-normal, with a given standard deviation of its logarithm."""
    value = 1.0 + normal(state) * size / 1024.0
    for _ in range(10):
        value *= value
    return value


@njit(**EXACT)
def pick(state: Any, cumulative: Any, first: Any, last: Any) -> Any:
    """Return a number from `first` to `last` with the given chances, summed up; -1 if all are zero."""
    low = cumulative[first - 1] if first > 0 else 0.0
    if not cumulative[last] > low:
        return -1
    wanted = low + uniform(state) * (cumulative[last] - low)
    for k in range(first, last):
        if wanted < cumulative[k]:
            return k
    return last
