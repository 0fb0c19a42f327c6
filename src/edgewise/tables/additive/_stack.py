"""Which rows are held out, fold by fold, and weights of candidates from predictions of them."""

from collections.abc import Sequence
from functools import cached_property, reduce
from operator import add
from typing import Literal

import numpy as np
from scipy.optimize import minimize, nnls

from edgewise.tables.additive._family import Family, Gaussian
from edgewise.tables.additive._penalized import Penalized, Problem, Start, from_moments, penalized
from edgewise.tables.additive._reml import Matrix, Moments, Vector
from edgewise.tables.additive._tuning import TUNING


def fold_numbers(rows: int, seed: int, classes: Vector | None = None, few: int = 10) -> np.ndarray:
    """Return the fold of each row, -1 for rows that are never held out; classes are spread evenly.

    `few` folds below 300 rows, five up to 5,000, then one held-out fifth.

    >>> np.bincount(fold_numbers(300, 0)).tolist()
    [60, 60, 60, 60, 60]
    """
    order = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    turn = np.empty(rows, dtype=int)
    if rows > TUNING.many_rows:
        turn[order] = np.where(np.arange(rows) % 5 == 0, 0, -1)
        return turn
    turn[order] = np.arange(rows) % min(few if rows < TUNING.few_rows else 5, rows)
    return turn


class Folded:
    """Rows of features (n, P), fitted all together or without a fold; the moments of each row are added up once."""

    def __init__(self, matrix: Matrix, y: Vector, weights: Vector, folds: Sequence[np.ndarray]) -> None:
        self.matrix, self.y, self.weights, self.folds = matrix, y, weights, folds

    @cached_property
    def parts(self) -> list[Moments]:
        """The moments of the rows of each fold, and of the rows that are in none."""
        rest = ~np.any(self.folds, axis=0)
        return [Moments.of(self.matrix[rows], self.y[rows], self.weights[rows]) for rows in (*self.folds, rest)]

    @cached_property
    def total(self) -> Moments:
        return reduce(add, self.parts)

    def chosen(self, index: np.ndarray, matrix: Matrix) -> "Folded":
        """Return the same rows with some of the features, which are `matrix`; sums that are there are not repeated."""
        found = Folded(matrix, self.y, self.weights, self.folds)
        if "parts" in vars(self):
            found.parts = [part.chosen(index) for part in self.parts]
        return found

    def fit(
        self, problem: Problem, start: Start, index: np.ndarray | None = None, fold: int | None = None
    ) -> Penalized:
        """Return the fit of some features, of all rows or without those of a fold, which starts from that of all."""
        if isinstance(problem.family, Gaussian):
            moments = self.total if fold is None else self.total - self.parts[fold]
            moments = moments if index is None else moments.chosen(index)
            return from_moments(moments, problem, start.rho, 40 if fold is None else 1)
        matrix = self.matrix if index is None else self.matrix[:, index]
        if fold is None:
            return penalized(matrix, self.y, self.weights, problem, start)
        rows = ~self.folds[fold]
        return penalized(matrix[rows], self.y[rows], self.weights[rows], problem, start, rounds=2, steps=1)

    def held_out(self, fits: Sequence[Penalized], indices: Sequence[np.ndarray] | None = None) -> Matrix:
        """Return eta (n, K) of each row by the fit without its fold, not a number where there is none."""
        eta = np.full((len(self.y), len(fits[0].intercept)), np.nan)
        for k, (rows, fit) in enumerate(zip(self.folds, fits, strict=True)):
            matrix = self.matrix[rows] if indices is None else self.matrix[np.ix_(rows, indices[k])]
            eta[rows] = fit.eta(matrix)
        return eta


Select = Literal["average", "best", "simplest"]
"""How candidates become one model: an average of them, the best, or the simplest that is about as good."""


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
    strength = np.sqrt(1e-3 * len(y) * float(np.var(y)) + TUNING.shrinkage * error)
    matrix = np.vstack([predictions * root[:, None], strength * np.eye(count)])
    target = np.concatenate([y * root, np.full(count, strength / count)])
    found = nnls(matrix, target)[0]
    if found.sum() > 1.0:  # again, with a sum of one: to scale them would shrink good candidates for what poor ones got
        heavy = 1e4 * float(np.abs(matrix).max()) * np.sqrt(len(matrix))
        found = nnls(np.vstack([matrix, np.full(count, heavy)]), np.append(target, heavy))[0]
    found[found < TUNING.least_weight] = 0.0
    total = found.sum()
    return found / total * min(1.0, total) if total > 0 else found


def _by_loss(etas: Sequence[Matrix], y: Vector, weights: Vector, family: Family) -> tuple[Vector, Vector]:
    constant = family.start(y, weights)
    away = np.stack([eta - constant for eta in etas])
    count = len(etas)

    def objective(w: Vector) -> float:
        loss = float(weights @ family.loss(constant + np.tensordot(w, away, 1), y)) / weights.sum()
        return loss + (1e-3 + TUNING.shrinkage / len(y)) * float(((w - 1 / count) ** 2).sum())

    found = minimize(objective, np.full(count, 1 / count), bounds=[(0.0, 1.0)] * count, method="L-BFGS-B").x
    found[found < TUNING.least_weight] = 0.0
    return found, constant * (1 - found.sum())
