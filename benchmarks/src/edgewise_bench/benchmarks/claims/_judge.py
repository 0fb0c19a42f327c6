"""Whether a claim on a made table is wrong."""

import numpy as np

from edgewise._typing import Array

_SAME, _SELDOM = 1e-6, 0.01  # of the range of the truth; and the share of fresh rows that may be further off
_EXPLAINED, _CHOICE = 4.0, 3  # times the expected mean square, and constants that the choice of the form counts for
_SLIGHT = 1e-3  # of the range: what may be neglected
_TRIMMED = 0.01  # of the fresh rows, the furthest, are left out: rows beyond those searched on


def is_wrong(claim: str, values: Array, truth: Array, noise: float, rows: float, constants: int) -> bool:
    """Return whether a claim of a formula, "exact" or "noise", is wrong.

    values, truth (m,): of the formula and of the target without noise, on fresh rows of the same kind. noise: root mean
    square of what was added to the rows searched on. rows: independent ones. constants: of the formula.

    - exact: it is wrong where more than 1 % of the fresh rows differ from the truth by more than 1e-6 of its range.
    - noise: with d the root mean square difference, the furthest 1 % of the rows left out, it is wrong where

          d > 1e-3 range + noise sqrt(4 (constants + 3) / rows)

      The noise moves the constants of the right form, so that d^2 is noise^2 constants / rows on average. Four times
      as much, and three constants more for the choice of the form, is what a claim is granted.

    >>> truth = np.linspace(0, 1, 100)
    >>> is_wrong("noise", truth + 0.03, truth, 0.1, 100, 2), is_wrong("noise", truth + 0.03, truth, 0.1, 1000, 2)
    (False, True)
    """
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(values - truth), nan=np.inf)
    size = float(np.ptp(truth))
    if claim == "exact":
        return bool(np.mean(off > _SAME * size) > _SELDOM)
    kept = np.sort(off)[: round((1 - _TRIMMED) * len(off))]
    distance = float(np.sqrt(np.mean(kept**2)))
    return bool(distance > _SLIGHT * size + noise * np.sqrt(_EXPLAINED * (constants + _CHOICE) / rows))
