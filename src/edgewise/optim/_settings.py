"""Checks of solver settings; each error says in one line what the setting must be."""

from __future__ import annotations

import math
import sys
from typing import Any

from edgewise._errors import InputError

_MAX = 10**9


def check_count(name: str, value: Any, *, optional: bool = False) -> None:
    """Require an int of at least one, or None where `optional`."""
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX:
        raise InputError(f"'{name}' must be an int >= 1 and <= 10^9{', or None' * optional}. Got {value!r}.")


def check_number(name: str, value: Any, low: float = 0.0, high: float = math.inf, *, above: bool = False) -> None:
    """Require a finite number from `low` (`above` it) to `high`."""
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not low <= value <= min(high, sys.float_info.max) or (above and value == low):
        limit = f" and <= {high:g}" if high < math.inf else ""
        raise InputError(f"'{name}' must be a number {'>' if above else '>='} {low:g}{limit}. Got {value!r}.")
