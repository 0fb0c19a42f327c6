"""Which of many columns a search takes: those that the values of a network depend on, and the most correlated."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.models import Ceiling
from edgewise.discovery.tables import Table

MANY = 15
"""Columns from which on they are screened."""

_MOST = 30  # columns that are kept; where more matter, all are
_ROWS = 5000
_EFFECT = 2e-3  # of the variance of the target: a change of the network's values that matters
_ROWS_EACH = 3  # rows for each column that matters; with fewer, those of the largest effects are kept
_FEWEST = 5  # columns that are kept for their effect, whatever its size
_CORRELATED, _CURVED = 4, 2  # columns that are kept for their correlation with the target, and for that of squares


def screen(table: Table, seed: int) -> Array:
    """Return the places of the columns to keep: those that matter, or all where they are more than thirty.

    A column matters if its network's values change, in the mean square, by 0.2 % of the variance of the target when
    the column is shuffled.
    """
    rows = table.sample(_ROWS, seed)
    effects = _effects(rows, seed)
    matter = np.flatnonzero(effects > _EFFECT)
    most = min(_MOST, max(len(rows) // _ROWS_EACH, _FEWEST))
    if len(matter) > most:
        few = len(rows) < _ROWS_EACH * len(matter)
        return np.sort(_most(effects, most)) if few else np.arange(len(table.names))
    ranked = [*_most(_correlations(rows.x, rows), _CORRELATED), *_most(_correlations(rows.x**2, rows), _CURVED)]
    return np.array(sorted({*matter.tolist(), *ranked, *_most(effects, _FEWEST)}))


def _effects(rows: Table, seed: int) -> Array:
    """Return the mean squared changes (m,) of the network's values over the variance of the target."""
    weights = rows.weight**2
    ceiling = Ceiling.of(rows.names, rows.x, rows.y, weights, seed=seed)
    values, order = ceiling.predict(rows.x), np.random.default_rng(seed).permutation(len(rows))
    variance = np.average((rows.y - np.average(rows.y, weights=weights)) ** 2, weights=weights)
    found = np.empty(len(rows.names))
    for k in range(len(found)):
        moved = rows.x.copy()
        moved[:, k] = moved[order, k]
        found[k] = np.average((ceiling.predict(moved) - values) ** 2, weights=weights) / variance
    return found


def _correlations(x: Array, rows: Table) -> Array:
    """Return the sizes of the correlations of columns (n, m) with the target."""
    w = rows.weight / rows.weight.max()
    centered, y = (w[:, None] * (x - x.mean(0))), w * (rows.y - rows.y.mean())
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(y @ centered) / np.linalg.norm(centered, axis=0))


def _most(sizes: Array, count: int) -> list[int]:
    return [int(k) for k in np.argsort(-sizes, kind="stable")[:count]]
