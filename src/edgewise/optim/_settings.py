"""Settings of solvers checked, each in one line that says what it must be."""

from __future__ import annotations

import math
from typing import Any

from edgewise._errors import InputError


def whole(name: str, value: Any, *, optional: bool = False) -> None:
    """Require an int of at least one, or None where `optional`."""
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"'{name}' must be an int >= 1{' or None' * optional}. Got {value!r}.")


def real(name: str, value: Any, least: float = 0.0, most: float = math.inf, *, above: bool = False) -> None:
    """Require a finite number from `least` (`above` it) to `most`."""
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not least <= value <= most or (above and value == least):
        limit = f" and <= {most:g}" if most < math.inf else ""
        raise InputError(f"'{name}' must be a number {'>' if above else '>='} {least:g}{limit}. Got {value!r}.")
