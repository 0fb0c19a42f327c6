"""Networks of several kinds that are refined side by side, each for as long as the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewise.nn import KAN
from edgewise.pde._networks import wider
from edgewise.pde._refining import Refiner, State

_GAIN = 0.7  # of the residual before: a step of refinement that does not reach it helped little
_SECONDS = 80.0  # of steps on one core, about
_ALONE = 0.4  # of that, after which only the best goes on
_GOOD = 1e-3  # estimated error after two grids, below which no other kind is tried


@dataclass
class _Entrant:
    """A network on its way through the grids."""

    state: State
    next: int  # number of the grid to come
    work: float
    score: float
    stuck: int = 0
    wide: bool = False  # whether it is to be widened instead


def race(
    refiner: Refiner, models: Sequence[KAN], grids: Sequence[int], tolerance: float, *, own_networks: bool
) -> State:  # fmt: skip
    """Refine networks until the estimated error of one is below the tolerance; return the best.

    The best of each kind after the first two grids goes on; once one is good, no other kind is tried. What has worked
    least is refined next, and where a finer grid does not help, widened, if it is one of our own; what neither helps is
    out. After a part of the time only the one of the smallest estimated error goes on.
    """
    entrants = []
    for kind in _kinds(models):
        before = refiner.work
        state = refiner.best_of(kind, grids[:2])
        entrants.append(_Entrant(state, 2, refiner.work - before, refiner.error(state)))
        if refiner.monitor.ended() is not None or entrants[-1].score < _GOOD:
            break
    best = min(entrants, key=lambda one: one.score)
    while refiner.monitor.ended() is None and best.score > refiner.enough(best.state, tolerance):
        if refiner.work > _ALONE * _SECONDS or not _fits(refiner, best, grids):
            entrants = [best]
        able = [one for one in entrants if one.stuck < 2 and _fits(refiner, one, grids)]
        if not able:
            break
        _advance(refiner, min(able, key=lambda one: one.work), grids, own_networks)
        best = min(entrants, key=lambda one: one.score)
    return best.state


def _kinds(models: Sequence[KAN]) -> list[list[KAN]]:
    """Networks of the same widths together."""
    found: dict[str, list[KAN]] = {}
    for model in models:
        found.setdefault(str(model.widths), []).append(model)
    return list(found.values())


def _fits(refiner: Refiner, one: _Entrant, grids: Sequence[int]) -> bool:
    if one.wide:
        return refiner.work + refiner.predicted(one.state, one.state.grid) <= _SECONDS
    return one.next < len(grids) and refiner.work + refiner.predicted(one.state, grids[one.next]) <= _SECONDS


def _advance(refiner: Refiner, one: _Entrant, grids: Sequence[int], own_networks: bool) -> None:
    """Train an entrant at its next grid, or wider; keep what is better."""
    before = refiner.work
    if one.wide:
        broad = wider(one.state.model, refiner.seed + one.next)
        assert broad is not None
        state = refiner.trained(one.state._replace(model=broad), one.state.grid)
    else:
        state = refiner.trained(one.state, grids[one.next])
        one.next += 1
    score = refiner.error(state)
    gained = score < _GAIN * one.score
    if score < one.score:
        one.state, one.score = state, score
    one.stuck = 0 if gained else one.stuck + 1
    one.wide = not gained and not one.wide and own_networks and len(one.state.model.layers) > 1
    one.work += refiner.work - before
