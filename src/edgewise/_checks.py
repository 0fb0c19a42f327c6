"""What counts as a whole number and as a number in what users give: truth values do not."""

import math
import sys
from typing import TypeGuard


def is_int(value: object, least: float = -math.inf, most: float = math.inf) -> TypeGuard[int]:
    """Return whether a value is an int from `least` to `most`.

    >>> is_int(3, 1), is_int(0, 1), is_int(True), is_int(3.0)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: object, least: float = -math.inf, most: float = math.inf) -> TypeGuard[float]:
    """Return whether a value is a finite int or float from `least` to `most`.

    >>> is_number(0.5, 0, 1), is_number(float("inf")), is_number(True), is_number("1")
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most and abs(value) <= sys.float_info.max
