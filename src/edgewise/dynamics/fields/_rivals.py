"""Equations with other terms: by how much the best one leads over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgewise.dynamics.fields._joint import Fit, Support
from edgewise.dynamics.fields._search import Level, Search
from edgewise.dynamics.fields._settings import SETTINGS
from edgewise.dynamics.fields._supports import quadratic


class Rival(NamedTuple):
    """Other terms: by how much the best ones lead over them, and their fit where they were fitted."""

    lead: float
    support: Support
    fit: Fit | None


def rivals(search: Search, level: Level) -> list[Rival]:
    """Supports with a term less, and with one in the place of one or two; the nearest first.

    Leads are those of the quadratic model, which is too hopeful far from the fit; the nearest are fitted again.
    """
    best = level.best
    assert best is not None
    now, right = level.now(), search.right(best)
    model = quadratic(best.information, right, np.tile(search.costs, search.d))
    others = [j for j in range(len(right)) if j not in {*now, *search.unseen(best)}]
    less = [tuple(k for k in now if k != i) for i in now]
    exchanged = {tuple(sorted((*own, j))) for own in less + _without_two(now) for j in others}
    base, found = model(tuple(now)), list[Rival]()

    def compared(own: tuple[int, ...], lead: float, *, again: bool) -> None:
        support, constants = search.split(best, own, right)
        fit = search.fitted(level, support, constants, best.coefficients) if again else None
        found.append(Rival(search.score(fit) - search.score(best) if again else lead, support, fit))

    for own in less:
        lead = model(own) - base
        compared(own, lead, again=lead <= SETTINGS.clear)
    for lead, own in sorted((model(own) - base, own) for own in exchanged)[: SETTINGS.exchanges]:
        compared(own, lead, again=lead < SETTINGS.far)
    if level.plain is not None and level.plain.support != best.support:
        found.append(Rival(search.score(level.plain) - search.score(best), level.plain.support, level.plain))
    return sorted(found, key=lambda each: each.lead)


def _without_two(now: Sequence[int]) -> list[tuple[int, ...]]:
    """Supports without two of their terms."""
    return [tuple(k for k in now if k not in (a, b)) for n, a in enumerate(now) for b in now[n + 1 :]]
