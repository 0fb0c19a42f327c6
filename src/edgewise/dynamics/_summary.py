"""The result of a search: covariances, the front, and forecasts of rows that were held out."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._equations import Equations
from edgewise.dynamics._explore import Explorer, Found
from edgewise.dynamics._fit import Chains, fit
from edgewise.dynamics._outcome import Outcome
from edgewise.dynamics._path import path
from edgewise.dynamics._refined import freedom, refined
from edgewise.dynamics._result import Dynamics, DynamicsCandidate
from edgewise.dynamics._search import FLOOR, begin
from edgewise.dynamics._shooting import Stretches
from edgewise.dynamics._smooth import smooth
from edgewise.dynamics._system import System

_NEARLY, _CLEARLY = 20.0, 0.7  # in the criterion, and of the mean squared error of forecasts
_FRACTION = 0.7  # of each trajectory: what constants are fitted to when the rest is forecast


def summary(explorer: Explorer, stopped: Outcome | None) -> Dynamics:
    """Return the result of a search that has ended, or was ended."""
    data = explorer.data
    found, ahead = _validated(explorer, predict=stopped is None)
    chains = Chains(explorer.at, explorer.size, explorer.noise, explorer.substeps or 1)
    fitted, covariance = refined(found.scored.fitted, data, chains)
    left = freedom(fitted, data)
    written = Equations.of(fitted.system.compact(), data.states, covariance, _quantile(left))
    noise = np.sqrt(fitted.squares * data.values.size / left) * explorer.noise
    relative = np.sqrt(fitted.squares) * explorer.noise / data.deviation
    firsts = np.flatnonzero(~explorer.at.follows)
    return Dynamics(
        data.states, written, _by_name(data.names, noise), _by_name(data.names, relative),
        None if ahead is None else _by_name(data.names, ahead), fitted.nodes[firsts],
        tuple(_candidate(explorer, each) for each in explorer.front()),
        stopped or _outcome(relative, explorer, found), data,
    )  # fmt: skip


def _validated(explorer: Explorer, *, predict: bool) -> tuple[Found, Array | None]:
    """Return the best system and the errors of its forecasts.

    It is the one of the lowest score, unless a simpler one of nearly that score forecasts clearly better.
    """
    best = explorer.chosen()
    assert best is not None
    if not predict:
        return best, None
    ahead = forecast(explorer, best)
    limit = best.scored.score + _NEARLY
    for each in explorer.front():
        simpler = each.scored.system.n_parameters < best.scored.system.n_parameters
        if ahead is None or not simpler or each.scored.score > limit:
            continue
        other = forecast(explorer, each)
        if other is not None and np.mean(other**2) < _CLEARLY * np.mean(ahead**2):
            return each, other
    return best, ahead


def forecast(explorer: Explorer, found: Found) -> Array | None:
    """Return the errors (d,) of forecasts of the last rows of all trajectories, over the standard deviation."""
    data = explorer.data
    past = data.first(_FRACTION)
    if len(past.times) == len(data.times):
        return None
    curves, _ = smooth(past)
    at = Stretches.of(past, explorer.ground.stretch)
    size = min(explorer.size, len(at.rows))
    chains = Chains(at, size, explorer.noise, explorer.substeps or 1)
    fitted = fit(found.scored.system, begin(past, curves, at), past, chains)
    if fitted is None:
        return None
    written = _plain(fitted.system, data.states)
    squares, count = np.zeros(data.n_observed), 0
    for piece, known in zip(data.pieces(), past.pieces(), strict=True):
        start, when = _latest(at, fitted.nodes, known.stop - 1)
        rows = np.arange(piece.start + known.stop - known.start, piece.stop)
        if len(rows) == 0:
            continue
        future = path(written, start, np.concatenate([[when], data.times[rows]]))[1:, : data.n_observed]
        squares += ((future - data.values[rows]) ** 2).sum(axis=0)
        count += len(rows)
    return np.sqrt(squares / count) / data.deviation if count else None


def _latest(at: Stretches, nodes: Array, row: int) -> tuple[Array, float]:
    """Return the state at the beginning of the stretch that holds a row, and its time."""
    s = int(np.argmax((at.rows == row).any(axis=1)))
    return nodes[s], float(at.times[s, 0])


def _candidate(explorer: Explorer, each: Found) -> DynamicsCandidate:
    data, scored = explorer.data, each.scored
    error = float(np.sqrt((scored.fitted.squares * (explorer.noise / data.deviation) ** 2).mean()))
    numbers = _plain(scored.system, data.states).numbers
    return DynamicsCandidate(numbers, scored.system.n_parameters, error, scored.score)


def _plain(system: System, names: tuple[str, ...]) -> Equations:
    """Return the equations of a system without standard errors."""
    return Equations.of(system.compact(), names, np.zeros([system.n_parameters] * 2), 0.0)


def _outcome(relative: Array, explorer: Explorer, found: Found) -> Outcome:
    if (relative < FLOOR).all():
        return Outcome.EXACT
    return Outcome.NOISE if explorer.adequate(found.scored) else Outcome.APPROXIMATE


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def _by_name(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
