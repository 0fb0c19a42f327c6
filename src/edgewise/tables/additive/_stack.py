"""Weights of candidates, from their out-of-fold predictions."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.optimize import minimize, nnls

from edgewise.tables.additive._algebra import Matrix, Vector
from edgewise.tables.additive._family import Family, Gaussian

Select = Literal["average", "best", "simplest"]
"""How candidates become one model: an average of them, the best, or the simplest that is about as good."""
_SHRINKAGE = 3.0  # toward equal weights, in rows of one mean squared error
_HEAVY = 1e4  # weight of the sum, in those of all rows
_LEAST = 0.05  # smaller weights are zero


def stacked(
    etas: Sequence[Matrix], y: Vector, weights: Vector, family: Family, select: Select
) -> tuple[Vector, Vector]:  # fmt: skip
    """Return the weight of each candidate, in order from simple to complex, and a shift of the intercepts (K,).

    "average": weights >= 0 whose sum is at most one, by least squares or log loss, shrunk toward equal ones; what is
    missing goes to the constant. "best": the smallest loss. "simplest": the first whose loss is within one standard
    error of the best.

    Source: Breiman, Stacked regressions (1996).
    """
    none = np.zeros(etas[0].shape[1])
    if len(etas) == 1:
        return np.ones(1), none
    losses = np.array([family.loss(eta, y) for eta in etas])
    means = losses @ weights / weights.sum()
    best = int(np.argmin(means))
    if select == "best":
        return np.eye(len(etas))[best], none
    if select == "simplest":
        differences = losses - losses[best]
        errors = np.sqrt(np.array([np.cov(row, aweights=weights) for row in differences]) / len(y))
        first = int(np.flatnonzero(means - means[best] <= errors)[0])
        return np.eye(len(etas))[first], none
    if isinstance(family, Gaussian):
        return _least_squares(np.column_stack([eta[:, 0] for eta in etas]), y, weights, float(means[best])), none
    return _by_loss(etas, y, weights, family)


def _least_squares(predictions: Matrix, y: Vector, weights: Vector, error: float) -> Vector:
    count = predictions.shape[1]
    root = np.sqrt(weights)
    strength = np.sqrt(1e-3 * len(y) * float(np.var(y)) + _SHRINKAGE * error)
    matrix = np.vstack([predictions * root[:, None], strength * np.eye(count)])
    target = np.concatenate([y * root, np.full(count, strength / count)])
    found = nnls(matrix, target)[0]
    if found.sum() > 1.0:  # again, with a sum of one: to scale them would shrink good candidates for what poor ones got
        heavy = _HEAVY * float(np.abs(matrix).max()) * np.sqrt(len(matrix))
        found = nnls(np.vstack([matrix, np.full(count, heavy)]), np.append(target, heavy))[0]
    found[found < _LEAST] = 0.0
    total = found.sum()
    return found / total * min(1.0, total) if total > 0 else found


def _by_loss(etas: Sequence[Matrix], y: Vector, weights: Vector, family: Family) -> tuple[Vector, Vector]:
    constant = family.start(y, weights)
    away = np.stack([eta - constant for eta in etas])
    count = len(etas)

    def objective(w: Vector) -> float:
        loss = float(weights @ family.loss(constant + np.tensordot(w, away, 1), y)) / weights.sum()
        return loss + (1e-3 + _SHRINKAGE / len(y)) * float(((w - 1 / count) ** 2).sum())

    found = minimize(objective, np.full(count, 1 / count), bounds=[(0.0, 1.0)] * count, method="L-BFGS-B").x
    found[found < _LEAST] = 0.0
    return found, constant * (1 - found.sum())
