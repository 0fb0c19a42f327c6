"""The result of a search: covariances, the front, and forecasts of rows that were held out."""

from __future__ import annotations


import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._equations import Equations
from edgewise.dynamics._explore import Explorer, Found
from edgewise.dynamics._fit import Chains, fit
from edgewise.dynamics._outcome import Outcome
from edgewise.dynamics._result import Dynamics, DynamicsCandidate
from edgewise.dynamics._search import FLOOR, begin
from edgewise.dynamics._shooting import Stretches
from edgewise.dynamics._smooth import smooth

_KNOWN = 0.02  # of the noise: what integration may be wrong by
_FRACTION = 0.7  # of each trajectory: what constants are fitted to when the rest is forecast


def summary(explorer: Explorer, stopped: Outcome | None) -> Dynamics:
    """Return the result of a search that has ended, or was ended."""
    found, data = explorer.chosen(), explorer.data
    assert found is not None
    system, fitted = found.scored.system.compact(), found.scored.fitted
    n, d = data.values.shape
    left = max(n * d - system.n_parameters - fitted.nodes.shape[1] * len(data.pieces()), 1)
    squares = np.maximum(fitted.squares * n * d / left, _KNOWN**2)
    weights = np.tile(1 / squares, len(fitted.linear.by) // d)
    gram = fitted.linear.by.T @ (weights[:, None] * fitted.linear.by)
    written = Equations.of(system, data.states, _inverse(gram), _quantile(left))
    noise = np.sqrt(fitted.squares * n * d / left) * explorer.noise
    relative = np.sqrt(fitted.squares) * explorer.noise / data.deviation
    ahead = None if stopped is not None else forecast(explorer, found)
    firsts = np.flatnonzero(~explorer.at.follows)
    return Dynamics(
        data.states, written, _by_name(data.names, noise), _by_name(data.names, relative),
        None if ahead is None else _by_name(data.names, ahead), fitted.nodes[firsts], _front(explorer),
        stopped or _outcome(relative, explorer, found), data,
    )  # fmt: skip


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
    quick = Dynamics(
        data.states, Equations.of(fitted.system.compact(), data.states, np.zeros([fitted.system.n_parameters] * 2), 0.0),
        {}, {}, None, fitted.nodes, (), Outcome.NOISE, data,
    )  # fmt: skip
    squares, count = np.zeros(data.n_observed), 0
    for piece, known in zip(data.pieces(), past.pieces(), strict=True):
        start, when = _latest(at, fitted.nodes, known.stop - 1)
        rows = np.arange(piece.start + known.stop - known.start, piece.stop)
        if len(rows) == 0:
            continue
        path = quick.simulate(start, np.concatenate([[when], data.times[rows]]))[1:, : data.n_observed]
        squares += ((path - data.values[rows]) ** 2).sum(axis=0)
        count += len(rows)
    return np.sqrt(squares / count) / data.deviation if count else None


def _latest(at: Stretches, nodes: Array, row: int) -> tuple[Array, float]:
    """Return the state at the beginning of the stretch that holds a row, and its time."""
    s = int(np.argmax((at.rows == row).any(axis=1)))
    return nodes[s], float(at.times[s, 0])


def _front(explorer: Explorer) -> tuple[DynamicsCandidate, ...]:
    """Return the best equations of each number of constants, as long as more constants leave less."""
    data, best = explorer.data, {}
    for each in explorer.compared():
        count = each.scored.system.n_parameters
        if count not in best or each.scored.score < best[count].scored.score:
            best[count] = each
    out: list[DynamicsCandidate] = []
    for count in sorted(best):
        scored = best[count].scored
        system = scored.system.compact()
        error = float(np.sqrt((scored.fitted.squares * (explorer.noise / data.deviation) ** 2).mean()))
        if out and error >= out[-1].error:
            continue
        plain = Equations.of(system, data.states, np.zeros([system.n_parameters] * 2), 0.0)
        out.append(DynamicsCandidate(plain.numbers, count, error, scored.score))
    return tuple(out)


def _outcome(relative: Array, explorer: Explorer, found: Found) -> Outcome:
    if (relative < FLOOR).all():
        return Outcome.EXACT
    return Outcome.NOISE if explorer.adequate(found.scored) else Outcome.APPROXIMATE


def _inverse(gram: Array) -> Array:
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    return np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-14, hermitian=True) / np.outer(scale, scale)


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def _by_name(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


