"""What may be said of the equations of a field."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from edgewise._typing import Array
from edgewise.dynamics._verdict import Outcome
from edgewise.dynamics.fields._measured import Measured
from edgewise.dynamics.fields._rivals import Rival
from edgewise.dynamics.fields._search import Level, Search
from edgewise.dynamics.fields._settings import SETTINGS


def verdict(search: Search, level: Level, left: Array, rivals: list[Rival]) -> Outcome:
    """Return what may be said of the best equations of a level, whose field leaves `left` (n, d) of the rows."""
    best, measured = level.best, search.measured
    assert best is not None
    relative = np.sqrt((left**2).mean(0)) / measured.deviation
    exact, small = bool((relative < SETTINGS.exact).all()), bool((relative < SETTINGS.small).all())
    white = is_white(measured, left)
    if not level.resolved or not (exact or small or white):
        return Outcome.APPROXIMATE
    most = max(len(own) for own in best.support)
    if not search.agree or not rivals or rivals[0].lead < SETTINGS.lead or most > SETTINGS.compared_terms:
        return Outcome.AMBIGUOUS
    if exact:
        return Outcome.EXACT
    return Outcome.NOISE if white else Outcome.FLOOR


def is_white(measured: Measured, left: Array) -> bool:
    """Whether what is left of neighbors is not correlated: along each axis of a grid, of scattered rows the nearest."""
    if measured.axes is None:
        scaled = measured.points / measured.points.std(axis=0)
        nearest = np.asarray(KDTree(scaled).query(scaled, 2)[1])[:, 1]
        together = (left * left[nearest]).sum(axis=0)
        return bool((together <= SETTINGS.correlated * np.maximum((left**2).sum(axis=0), 1e-300)).all())
    grid = left.reshape(*(len(x) for x in measured.axes), -1)
    total = np.maximum((grid**2).sum(axis=tuple(range(grid.ndim - 1))), 1e-300)
    for k in range(grid.ndim - 1):
        both = np.moveaxis(grid, k, 0)
        products = (both[1:] * both[:-1]).sum(axis=tuple(range(grid.ndim - 1)))
        if bool((products > SETTINGS.correlated * total).any()):
            return False
    return True
