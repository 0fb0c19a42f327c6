"""The result of a search: covariances, the front, and forecasts of rows that were held out."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._equations import Equations
from edgewise.dynamics._explore import Explorer, Found
from edgewise.dynamics._fit import freedom, refined
from edgewise.dynamics._forecast import forecast
from edgewise.dynamics._result import Dynamics, DynamicsCandidate
from edgewise.dynamics._system import System
from edgewise.dynamics._verdict import Outcome, verdict


def summary(explorer: Explorer, stopped: Outcome | None) -> Dynamics:
    """Return the result of a search that has ended, or was ended."""
    data, found, chains = explorer.data, explorer.chosen(), explorer.chains
    assert found is not None
    fitted, covariance = refined(found.scored.fitted, data, chains)
    ahead = None if stopped else forecast(found.scored.system, data, chains, explorer.ground.stretch)
    left = freedom(fitted, data)
    written = Equations.of(fitted.system.compact(), data.states, covariance, _quantile(left))
    noise = np.sqrt(fitted.squares * data.values.size / left) * explorer.noise
    relative = np.sqrt(fitted.squares) * explorer.noise / data.deviation
    firsts = np.flatnonzero(~explorer.at.follows)
    rivals = (
        []
        if explorer.contest is None
        else [Found(each.scored, explorer.contest.wide.library) for each in explorer.contest.rivals]
    )
    return Dynamics(
        data.states, written, _by_name(data.names, noise), _by_name(data.names, relative),
        None if ahead is None else _by_name(data.names, ahead.errors), fitted.nodes[firsts],
        tuple(_candidate(explorer, each) for each in explorer.front()), stopped or verdict(explorer, relative, ahead),
        tuple(_candidate(explorer, each) for each in rivals),
        {name: (float(x.min()), float(x.max())) for name, x in zip(data.names, data.values.T, strict=True)}, data,
    )  # fmt: skip


def _candidate(explorer: Explorer, each: Found) -> DynamicsCandidate:
    data, scored = explorer.data, each.scored
    error = float(np.sqrt((scored.fitted.squares * (explorer.noise / data.deviation) ** 2).mean()))
    numbers = _plain(scored.system, data.states).numbers
    return DynamicsCandidate(numbers, scored.system.n_parameters, error, scored.score)


def _plain(system: System, names: tuple[str, ...]) -> Equations:
    """Return the equations of a system without standard errors."""
    return Equations.of(system.compact(), names, np.zeros([system.n_parameters] * 2), 0.0)


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def _by_name(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
