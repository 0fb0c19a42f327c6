"""Constants that integration no longer moves, and their covariance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._fit import Chains, Fitted, fit
from edgewise.dynamics._measured import Measured

_KNOWN = 0.02  # of the noise: what rows may be wrong by that leave nothing
_SMALL = 0.1  # of standard errors: moves of constants at which no finer steps are tried
_LEFT = 1 / 31  # of the error of a method of order 5 over its difference from twice the steps
_MOST_SUBSTEPS = 128


def refined(fitted: Fitted, data: Measured, chains: Chains) -> tuple[Fitted, Array]:
    """Return a fit with more steps between rows, and the covariance (P, P) of its constants.

    Steps are doubled until constants move by less than a tenth of their standard errors. The covariance is that of
    least squares, and the error of integration that is left, estimated by Richardson's rule from the last move m:

        covariance = (sum_j J_j^T J_j / s_j^2)^-1 + m m^T / 31^2

    where J_j (n, P) are the derivatives of the residuals of state j, and s_j^2 their mean squares.
    """
    best, covariance = fitted, least_squares(fitted, data)
    moved = np.zeros(len(covariance))
    while chains.substeps < _MOST_SUBSTEPS:
        chains = replace(chains, substeps=2 * chains.substeps)
        finer = fit(best.system, best.nodes, data, chains)
        if finer is None:
            break
        moved = finer.system.compact().parameters - best.system.compact().parameters
        best, covariance = finer, least_squares(finer, data)
        if (np.abs(moved) <= _SMALL * np.sqrt(np.diag(covariance))).all():
            break
    return best, covariance + _LEFT**2 * np.outer(moved, moved)


def least_squares(fitted: Fitted, data: Measured) -> Array:
    """Return the covariance (P, P) of the constants of a fit, whose rows are wrong by what it leaves."""
    d = data.n_observed
    squares = np.maximum(fitted.squares * data.values.size / freedom(fitted, data), _KNOWN**2)
    weights = np.tile(1 / squares, len(fitted.linear.by) // d)
    gram = fitted.linear.by.T @ (weights[:, None] * fitted.linear.by)
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    inverse = np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-14, hermitian=True)
    return inverse / np.outer(scale, scale)


def freedom(fitted: Fitted, data: Measured) -> int:
    """Return the number of values less those of constants and starts."""
    fixed = fitted.system.n_parameters + fitted.nodes.shape[1] * len(data.pieces())
    return max(data.values.size - fixed, 1)
