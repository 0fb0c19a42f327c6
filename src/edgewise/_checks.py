"""What counts as a whole number and as a number in what users give: those of numpy do, truth values do not.

What is kept or written to a file is made a number of Python's own first: int(value).
"""

import math
import sys
from typing import TypeGuard

import numpy as np


def is_int(value: object, least: float = -math.inf, most: float = math.inf) -> TypeGuard[int]:
    """Return whether a value is an int, of Python or of numpy, from `least` to `most`.

    >>> is_int(3, 1), is_int(np.int64(3)), is_int(0, 1), is_int(True), is_int(3.0)
    (True, True, False, False, False)
    """
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | np.integer):
        return False
    return bool(least <= value <= most)


def is_number(value: object, least: float = -math.inf, most: float = math.inf) -> TypeGuard[float]:
    """Return whether a value is a finite int or float, or an int of numpy, from `least` to `most`.

    >>> is_number(0.5, 0, 1), is_number(np.int64(1)), is_number(float("inf")), is_number(True), is_number("1")
    (True, True, False, False, False)
    """
    if not is_int(value) and not isinstance(value, float):
        return False
    return bool(least <= value <= most and abs(value) <= sys.float_info.max)
