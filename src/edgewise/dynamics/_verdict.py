"""Why a search for equations stopped, and what may be said of the best system."""

from __future__ import annotations

import numpy as np

from edgewise._ending import Ending
from edgewise._typing import Array
from edgewise.dynamics._explore import Explorer
from edgewise.dynamics._fit import Chains, Fitted, freedom
from edgewise.dynamics._forecast import Forecast, same_halves
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._settings import SETTINGS


class Outcome(Ending):
    """What may be said of the equations; `message` says what that means and what to try.

    EXACT, NOISE and FLOOR claim their form: no other that was compared is near.
    """

    EXACT = "The equations reproduce the rows to a millionth of their standard deviation, and so do no others compared."
    NOISE = "What the equations leave looks like noise, and no other form that was compared explains the rows as well."
    FLOOR = (
        "The equations are right to the accuracy of the rows: what they leave is small and smooth, as errors of "
        "integration or of smoothing are, and no other form that was compared comes near."
    )
    AMBIGUOUS = (
        "The form is not determined: others (`rivals`) explain the rows about as well, or it has so many terms that "
        "too few others were compared. Try rows from other starts, over a wider range, or with less noise."
    )
    VARIES = (
        "Each trajectory follows the equations with constants of its own, and these differ by more than noise: "
        "`population()` says how."
    )
    UNDETERMINED = (
        "The rows follow the equations, in which a state that was not measured is determined only up to a change of "
        "variable: other equations for it, and other constants, give the same rows."
    )
    APPROXIMATE = (
        "The equations leave more than noise, or do not forecast the last rows of a trajectory. Try more rows, all "
        "states or components that matter (with one, order=2), or measured inputs as states."
    )
    TIME_LIMIT = "The time limit ended the search; the best equations so far are given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; the best equations so far are given."


def verdict(explorer: Explorer, relative: Array, ahead: Forecast | None) -> Outcome:
    """Return what may be said of the best system, which leaves `relative` (d,) of the states' standard deviations."""
    contest, chains = explorer.contest, explorer.chains
    if explorer.data.hidden:
        follows = explorer.best is not None and chains.whole and explorer.adequate(explorer.best)
        return Outcome.UNDETERMINED if follows else Outcome.APPROXIMATE
    if contest is None or chains.size == 1 < len(chains.at.rows):  # no system follows the rows beyond a stretch
        return Outcome.APPROXIMATE
    fitted, white = contest.shown.scored.fitted, contest.shown.standing.white
    exact, small = bool((relative < SETTINGS.exact).all()), bool((relative < SETTINGS.small).all())
    if chains.whole and not exact and _varies(fitted, chains, explorer.data):
        return Outcome.VARIES
    noise = white and explorer.adequate(contest.shown.scored)
    if (
        not (small or noise)
        or (not exact and fitted.system.cancellation(*explorer.ground.states()) > SETTINGS.canceled)
        or (not exact and _missed(ahead, relative, whole=chains.whole))
    ):
        return Outcome.APPROXIMATE
    vague = exact and chains.whole and ahead is not None and bool((ahead.errors > SETTINGS.exact_forecast).any())
    if (
        not contest.complete
        or contest.rivals
        or vague
        or fitted.system.mask.sum(axis=1).max() > SETTINGS.compared_terms
        or any(contest.wide.mixed(np.flatnonzero(row)) > SETTINGS.family_cost for row in fitted.system.mask)
    ):
        return Outcome.AMBIGUOUS
    if noise and not exact:
        return Outcome.NOISE
    if not same_halves(fitted.system, explorer.data, chains, explorer.ground.stretch):
        return Outcome.AMBIGUOUS
    return Outcome.EXACT if exact else Outcome.FLOOR


def _varies(fitted: Fitted, chains: Chains, data: Measured) -> bool:
    """Return whether trajectories have constants of their own: an F test in the linear model of a fit.

    And whether they leave no more than noise with these.
    """
    from scipy.stats import f

    surprise = 1e-3  # the probability of the test's value, below which constants differ
    by, rest, d = fitted.linear.by, fitted.linear.rest, data.n_observed
    which = np.searchsorted(data.starts, np.maximum(chains.at.rows.ravel(), 0), side="right") - 1
    which = np.repeat(np.where(chains.at.rows.ravel() < 0, -1, which), d)
    size, more = freedom(fitted, data), (len(data.pieces()) - 1) * by.shape[1]
    if not 0 < more < size / 2:
        return False
    left = 0.0
    for k in range(len(data.pieces())):
        own, target = by[which == k], rest[which == k]
        left += float(((target - own @ np.linalg.lstsq(own, target, rcond=1e-10)[0]) ** 2).sum())
    gained = (float(rest @ rest) - left) / more
    square = max(left / (size - more), 1e-300)
    return square < 1.1 + 4 * np.sqrt(2 / size) and bool(f.sf(gained / square, more, size - more) < surprise)


def _missed(ahead: Forecast | None, relative: Array, *, whole: bool) -> bool:
    """Return whether a forecast missed by more than it may, or is worse than a guess.

    That is the mean where fits follow whole trajectories, else (the system is chaotic) the state at another time.
    """
    if ahead is None:
        return False
    limit = np.maximum(SETTINGS.useless if whole else np.sqrt(2.0), 2 * relative)
    return ahead.excess > SETTINGS.excess or bool((ahead.errors > limit).any())
