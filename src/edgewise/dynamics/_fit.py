"""Constants and starts of a system, by least squares on the rows themselves, and their covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._shooting import Linear, Stretches, integrate, linearize
from edgewise.dynamics._system import System


def refined(fitted: Fitted, data: Measured, chains: Chains) -> tuple[Fitted, Array]:
    """Return a fit with more steps between rows, and the covariance (P, P) of its constants.

    Steps are doubled until constants move by less than a tenth of their standard errors. The covariance is that of
    least squares, and the error of integration that is left, estimated by Richardson's rule from the last move m:

        covariance = (sum_j J_j^T J_j / s_j^2)^-1 + m m^T / 31^2

    where J_j (n, P) are the derivatives of the residuals of state j, and s_j^2 their mean squares.
    """
    small = 0.1  # of standard errors: moves of constants at which no finer steps are tried
    left = 1 / 31  # of the error of a method of order 5 over its difference from twice the steps
    most_refined_substeps = 128
    best, covariance = fitted, least_squares(fitted, data)
    moved = np.zeros(len(covariance))
    while chains.substeps < most_refined_substeps:
        chains = replace(chains, substeps=2 * chains.substeps)
        finer = fit(best.system, best.nodes, data, chains)
        if finer is None:
            break
        moved = finer.system.compact().parameters - best.system.compact().parameters
        best, covariance = finer, least_squares(finer, data)
        if (np.abs(moved) <= small * np.sqrt(np.diag(covariance))).all():
            break
    return best, covariance + left**2 * np.outer(moved, moved)


def least_squares(fitted: Fitted, data: Measured) -> Array:
    """Return the covariance (P, P) of the constants of a fit, whose rows are wrong by what it leaves."""
    known = 0.02  # of the noise: what rows may be wrong by that leave nothing
    d = data.n_observed
    squares = np.maximum(fitted.squares * data.size / freedom(fitted, data), known**2)
    weights = np.tile(1 / squares, len(fitted.linear.by) // d)
    gram = fitted.linear.by.T @ (weights[:, None] * fitted.linear.by)
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    inverse = np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-14, hermitian=True)
    return inverse / np.outer(scale, scale)


def freedom(fitted: Fitted, data: Measured) -> int:
    """Return the number of values less those of constants and starts."""
    fixed = fitted.system.n_parameters + fitted.nodes.shape[1] * len(data.pieces())
    return max(data.size - fixed, 1)


_STEPS = 15


@dataclass(frozen=True)
class Chains:
    """How rows are fitted: stretches, how many make a chain, the noise (d,) of each state, and steps between rows.

    `floor` is the part of a state's standard deviation below which errors count as none in a search.
    """

    at: Stretches
    size: int
    noise: Array
    substeps: int
    floor: float = SETTINGS.exact

    @property
    def whole(self) -> bool:
        """Whether a chain is a whole trajectory."""
        return self.size >= len(self.at.rows)


@dataclass(frozen=True)
class Fitted:
    """A system fitted to rows: the states at the beginnings of stretches, and the mean squares (d,) over the noise."""

    system: System
    nodes: Array
    squares: Array
    gaps: float
    linear: Linear

    @property
    def mean_square(self) -> float:
        return float(self.squares.mean())


def fit(system: System, nodes: Array, data: Measured, chains: Chains, steps: int = _STEPS) -> Fitted | None:
    """Return the system with constants and starts that fit the rows best, or None where it cannot be integrated.

    Levenberg-Marquardt steps of direct multiple shooting: chains are continuous once the steps have converged. Full
    steps come first, watched: after two that do not lower the merit, damped ones go on from the best.

    Source: Bock, Numerical treatment of inverse problems in chemical reaction kinetics (1981); Chamberlain, Powell,
    Lemarechal and Pedersen, The watchdog technique for forcing convergence (1982).
    """
    n_bold = 2  # full steps that need not lower the merit: jumps grow first where the path bends (Maratos' effect)
    whole, system = system, system.compact()
    here = _linear(system, nodes, data, chains)
    if here is None:
        return None
    best = at = (system, nodes, here)
    damping, bold = 1e-6, n_bold
    for _ in range(steps):
        system, nodes, here = at
        gram, cross = here.by.T @ here.by, here.by.T @ here.rest
        scale = np.sqrt(np.diag(gram))
        scale[scale == 0] = 1.0
        found = None
        for length in (1.0,) if bold else (1.0, 1.0, 0.5, 0.25, 0.1, 0.03):
            delta = _solved(gram / np.outer(scale, scale), cross / scale, damping) / scale
            moved = nodes + length * _moved(here, delta, nodes.shape)
            tried = system.at(system.parameters + length * delta)
            linear = _linear(tried, moved, data, chains)
            if linear is not None and (bold or _merit(linear) < _merit(best[2])):
                found = (tried, moved, linear)
                break
            damping = max(damping * 30, 1e-6)
        if found is not None and _merit(found[2]) < _merit(best[2]):
            gained, best, at, bold = _merit(best[2]) - _merit(found[2]), found, found, n_bold
            damping = max(damping / 10, 1e-9)
            if gained < 3e-5 * _merit(best[2]) + 1e-9:
                break
        elif bold:
            bold -= 1
            at = best if found is None or not bold else found
            bold = 0 if at is best else bold
        else:
            break
    system, nodes, here = best
    squares = (here.residuals**2).sum(axis=0) / data.counts
    return Fitted(whole.at(system.parameters), nodes, squares, here.gaps, here)


def substeps_for(system: System, nodes: Array, times: Array, noise: Array) -> int:
    """Return the steps between rows with which integration is exact to 2 % of the noise."""
    most_substeps = 64
    close = 0.02  # of the noise, that integration may be wrong by
    d, count = len(noise), 1
    last = integrate(system, nodes, times, count)[:, :, :d]
    while count < most_substeps:
        finer = integrate(system, nodes, times, 2 * count)[:, :, :d]
        with np.errstate(all="ignore"):
            wrong = np.nanmax(np.abs(finer - last) / noise) if np.isfinite(last).any() else np.inf
        if np.isfinite(wrong) and wrong < close:
            return count
        last, count = finer, 2 * count
    return count


def _linear(system: System, nodes: Array, data: Measured, chains: Chains) -> Linear | None:
    largest = 1e12  # residual, or derivative of one, beyond which a system is not fitted
    try:
        found = linearize(system, nodes, data, chains.at, chains.size, chains.noise, chains.substeps)
    except np.linalg.LinAlgError:
        return None
    parts = (found.residuals, found.rest, found.by, np.array([found.gaps]))
    return found if all(part.size == 0 or np.abs(part).max() < largest for part in parts) else None


def _merit(linear: Linear) -> float:
    jump = 1e3  # weight of jumps between the stretches of a chain, compared with residuals
    return float(np.sum(linear.residuals**2)) + jump * linear.gaps


def _solved(gram: Array, cross: Array, damping: float) -> Array:
    return np.linalg.lstsq(gram + damping * np.eye(len(gram)), cross, rcond=1e-14)[0]


def _moved(here: Linear, delta: Array, shape: tuple[int, ...]) -> Array:
    """Return how the nodes move when the parameters do."""
    out, starts = np.zeros(shape), {}
    for move in here.moves:
        if len(move[4]) == 0:
            group, inverse, explained, by = move[:4]
            starts[int(group)] = inverse @ (explained - by @ delta)
    first = 0
    for move in here.moves:
        if len(move[4]):
            s, group, a, b, c = move
            out[s] = a @ starts[int(group)] + b @ delta + c
            first += 1
    return out
