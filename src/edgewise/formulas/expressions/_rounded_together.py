"""A value and its standard error as text."""

import math

_DIGITS = 2  # of a standard error


def rounded_together(value: float, error: float) -> tuple[str, str]:
    """Return a value and its standard error as text, both to the second digit of the error.

    >>> rounded_together(281428.3, 61.2), rounded_together(0.0123456, 0.00031), rounded_together(29408.3, 14123.0)
    (('281428', '61'), ('0.01235', '0.00031'), ('29000', '14000'))
    >>> rounded_together(3.83, 8.3e6), rounded_together(2.0, float("inf"))
    (('3.8', '8300000'), ('2', 'undetermined'))
    """
    if not math.isfinite(error) or not math.isfinite(value):
        return f"{value:.6g}", "undetermined"
    if error == 0:
        return f"{value:.15g}", "0"
    exponent = math.floor(math.log10(error))
    places = max(_DIGITS - 1 - exponent, 0)
    if places > 9 or abs(value) >= 1e9:
        digits = max(_DIGITS + math.floor(math.log10(max(abs(value) / error, 1.0))), _DIGITS)
        return f"{value:.{digits}g}", f"{error:.{_DIGITS}g}"
    place = _DIGITS - 1 - exponent
    least = _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else place  # of a value far below its error
    finer = max(place, least)
    shown = f"{round(value, finer):.{max(finer, 0)}f}" if finer <= 9 else f"{value:.{_DIGITS}g}"
    return shown, f"{round(error, place):.{places}f}"
