"""What may be said of the equations of a field."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._verdict import Outcome
from edgewise.dynamics.fields._rivals import Rival
from edgewise.dynamics.fields._search import Level, Search
from edgewise.dynamics.fields._settings import SETTINGS


def verdict(search: Search, level: Level, left: Array, rivals: list[Rival]) -> Outcome:
    """Return what may be said of the best equations of a level, whose field leaves `left` (n, d) of the rows."""
    best, measured = level.best, search.measured
    assert best is not None
    relative = np.sqrt((left**2).mean(0)) / measured.deviation
    exact, small = bool((relative < SETTINGS.exact).all()), bool((relative < SETTINGS.small).all())
    white = measured.is_white(left)
    if not level.resolved or not (exact or small or white):
        return Outcome.APPROXIMATE
    most = max(len(own) for own in best.support)
    if not search.agree or not rivals or rivals[0].lead < SETTINGS.lead or most > SETTINGS.compared_terms:
        return Outcome.AMBIGUOUS
    if exact:
        return Outcome.EXACT
    return Outcome.NOISE if white else Outcome.FLOOR
