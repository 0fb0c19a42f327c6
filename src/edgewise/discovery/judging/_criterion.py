"""What formulas are compared by: the Bayesian information criterion, with half of it for each unit of complexity."""

import math

from edgewise.discovery.tables import EXACT


def criterion(error: float, size: int, rows: int, noise: float) -> float:
    """Return n log(error^2) + log(n) / 2 size, for n rows.

    `error` is the root mean square residual over the target's standard deviation; one below the floor (rounding level
    for exact data, 0.97 of the noise for noisy data) counts as the floor. `size` is the complexity plus the number of
    fitted constants.

    >>> round(criterion(0.1, 4, 100, 0.0) - criterion(0.1, 6, 100, 0.0), 2)
    -4.61
    """
    floor = max(EXACT / 10, 0.97 * noise)
    return rows * math.log(max(error, floor) ** 2) + 0.5 * math.log(rows) * size
