"""Forecasts of rows that were held out, and what uncertainty they should have."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._fit import Chains, Fitted, fit, least_squares
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import smooth
from edgewise.dynamics._search import begin
from edgewise.dynamics._shooting import Stretches, integrate
from edgewise.dynamics._standing import correlation
from edgewise.dynamics._system import System


class Forecast(NamedTuple):
    """Errors (d,) of a forecast over the states' standard deviations, and the largest over its own uncertainty."""

    errors: Array
    excess: float


def forecast(system: System, data: Measured, chains: Chains, length: int) -> Forecast | None:
    """Return how the last 30 % of each trajectory are forecast by constants fitted to the rows before.

    A forecast begins with the last chain, whose start the rows within it determine. With derivatives Z, P of these
    rows, and z, p of the row ahead, by the start and by the constants, whose covariance is C,

        variance = (p - z (Z'Z)^-1 Z'P) C (p - z (Z'Z)^-1 Z'P)' + z (Z'Z)^-1 z' s^2 + s^2

    `length` is that of the stretches. Returns None where there are no such rows or the system cannot be fitted.
    """
    known_to = 0.02  # of the noise: what rows may be wrong by that leave nothing
    fraction = 0.7  # of each trajectory: what constants are fitted to when the rest is forecast
    past = data.between(0.0, fraction)
    if len(past.times) == len(data.times):
        return None
    known = _refit(system, past, chains, length)
    if known is None:
        return None
    fitted, at, covariance = known
    sigma = np.sqrt(np.maximum(fitted.squares, known_to**2))
    errors, ratios, seen = [], [], []
    groups = at.groups(len(at.rows) if chains.whole else chains.size)
    for piece, known in zip(data.pieces(), past.pieces(), strict=True):
        count = known.stop - known.start
        group = next(g for g in groups[::-1] if known.start <= at.rows[g[0], 0] < known.stop)
        first = int(at.rows[group[0], 0]) - known.start
        rows = np.arange(piece.start + first, piece.stop)
        wrong, ratio = _ahead(fitted, data, rows, count - first, group[0], chains, covariance, sigma)
        errors.append(wrong)
        ratios.append(ratio)
        seen.append(data.seen[rows[count - first :]])
    wrong, ratio, counts = np.concatenate(errors), np.concatenate(ratios), np.concatenate(seen).sum(axis=0)
    if not len(wrong) or not counts.all():
        return None
    root = np.sqrt((wrong**2).sum(axis=0) / counts) * chains.noise / data.deviation
    return Forecast(root, float(np.nan_to_num(np.sqrt((ratio**2).sum(axis=0) / counts).max(), nan=np.inf)))


def _ahead(
    fitted: Fitted, data: Measured, rows: Array, known: int, node: int, chains: Chains, covariance: Array, sigma: Array
) -> tuple[Array, Array]:  # fmt: skip
    """Return errors (n, d) of rows beyond those known over the noise, and the same over their uncertainty."""
    d, m, system = data.n_observed, fitted.nodes.shape[1], fitted.system.compact()
    start = fitted.nodes[node][None]
    with np.errstate(all="ignore"):
        states = integrate(system, start, data.times[rows][None], chains.substeps, slopes=True)[0, :, :d]
        seen, noise = data.seen[rows], chains.noise * data.spread[rows]
        by = states[:, :, 1:] / noise[:, :, None] * seen[:, :, None]
        wrong = np.where(seen, data.values[rows] - states[:, :, 0], 0.0) / noise
        z, p = by[:known, :, :m].reshape(-1, m), by[:known, :, m:].reshape(known * d, -1)
        if not np.isfinite(by[:known]).all():
            return wrong[known:], np.full_like(wrong[known:], np.inf)
        inverse = np.linalg.pinv(z.T @ z)
        turned = by[known:, :, m:] - by[known:, :, :m] @ (inverse @ z.T @ p)
        variance = np.einsum("ndp,pq,ndq->nd", turned, covariance, turned)
        variance += (1 + np.einsum("ndz,zy,ndy->nd", by[known:, :, :m], inverse, by[known:, :, :m])) * sigma**2
        return wrong[known:], wrong[known:] / np.sqrt(variance)


def same_halves(system: System, data: Measured, chains: Chains, length: int) -> bool:
    """Return whether the first and the second half of each trajectory give the same constants, within their errors."""
    errors, same = 5.0, 1e-6  # standard errors, and of a constant, by which halves may differ
    found = [_refit(system, data.between(*half), chains, length) for half in ((0.0, 0.5), (0.5, 1.0))]
    if found[0] is None or found[1] is None:
        return False
    (one, _, c), (two, _, e) = found[0], found[1]
    first, second = one.system.parameters, two.system.parameters
    allowed = errors * np.sqrt(np.diag(c) + np.diag(e)) + same * np.abs(first)
    return bool((np.abs(first - second) <= allowed).all())


def _refit(system: System, data: Measured, chains: Chains, length: int) -> tuple[Fitted, Stretches, Array] | None:
    """Return a system fitted to other rows, their stretches, and the covariance of constants given correlated rows."""
    at = Stretches.of(data, length)
    size = len(at.rows) if chains.whole else chains.size
    fitted = fit(system, begin(data, smooth(data)[0], at), data, Chains(at, size, chains.noise, chains.substeps))
    if fitted is None:
        return None
    r = float(correlation(fitted.linear.residuals, data.seen).max())
    return fitted, at, least_squares(fitted, data) * (1 + r) / (1 - r)
