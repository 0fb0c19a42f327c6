"""Settings of solvers checked, each in one line that says what it must be."""

from __future__ import annotations

import math
import sys
from typing import Any

from edgewise._errors import InputError

_MOST = 10**9


def whole(name: str, value: Any, *, optional: bool = False) -> None:
    """Require an int of at least one, or None where `optional`."""
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise InputError(f"'{name}' must be an int >= 1 and <= 10^9{', or None' * optional}. Got {value!r}.")


def real(name: str, value: Any, least: float = 0.0, most: float = math.inf, *, above: bool = False) -> None:
    """Require a finite number from `least` (`above` it) to `most`."""
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not least <= value <= min(most, sys.float_info.max) or (above and value == least):
        limit = f" and <= {most:g}" if most < math.inf else ""
        raise InputError(f"'{name}' must be a number {'>' if above else '>='} {least:g}{limit}. Got {value!r}.")
