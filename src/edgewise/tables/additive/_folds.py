"""Which rows are held out, fold by fold, and fits without them."""

from collections.abc import Sequence
from functools import cached_property, reduce
from operator import add

import numpy as np

from edgewise.tables.additive._algebra import Matrix, Vector
from edgewise.tables.additive._family import Gaussian
from edgewise.tables.additive._moments import Moments
from edgewise.tables.additive._penalized import Penalized, Problem, Start, from_moments, penalized

_FEW, _MANY = 300, 5000  # rows: ten folds below, one held-out fifth above
_FOLD_STEPS, _FOLD_ROUNDS = 1, 2  # of a fold, which starts from the fit of all rows


def fold_numbers(rows: int, seed: int, classes: Vector | None = None) -> np.ndarray:
    """Return the fold of each row, -1 for rows that are never held out; classes are spread evenly.

    Ten folds below 300 rows, five up to 5,000, then one held-out fifth.

    >>> np.bincount(fold_numbers(300, 0)).tolist()
    [60, 60, 60, 60, 60]
    """
    order = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    turn = np.empty(rows, dtype=int)
    if rows > _MANY:
        turn[order] = np.where(np.arange(rows) % 5 == 0, 0, -1)
        return turn
    turn[order] = np.arange(rows) % min(10 if rows < _FEW else 5, rows)
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
        """Return the fit of some features, of all rows or without those of a fold."""
        if isinstance(problem.family, Gaussian):
            moments = self.total if fold is None else self.total - self.parts[fold]
            moments = moments if index is None else moments.chosen(index)
            return from_moments(moments, problem, start.rho, 40 if fold is None else _FOLD_STEPS)
        matrix = self.matrix if index is None else self.matrix[:, index]
        if fold is None:
            return penalized(matrix, self.y, self.weights, problem, start)
        rows = ~self.folds[fold]
        return penalized(matrix[rows], self.y[rows], self.weights[rows], problem, start, _FOLD_ROUNDS, _FOLD_STEPS)

    def held_out(self, fits: Sequence[Penalized], indices: Sequence[np.ndarray] | None = None) -> Matrix:
        """Return eta (n, K) of each row by the fit without its fold, not a number where there is none."""
        eta = np.full((len(self.y), len(fits[0].intercept)), np.nan)
        for k, (rows, fit) in enumerate(zip(self.folds, fits, strict=True)):
            matrix = self.matrix[rows] if indices is None else self.matrix[np.ix_(rows, indices[k])]
            eta[rows] = fit.eta(matrix)
        return eta
