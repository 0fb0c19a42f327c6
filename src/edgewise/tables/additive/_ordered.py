"""Ordered classes: proportional odds."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from edgewise.tables.additive._reml import Matrix, Moments, Vector, inner
from edgewise.tables.steps import GIVEN


@dataclass(frozen=True)
class Ordered:
    """Class numbers 0 to K - 1 in order: P(y <= k) = sigmoid(t_k - eta), with rising thresholds t_k.

    Without thresholds they are those of the largest likelihood at any eta, which then has no constant.

    Source: McCullagh, Regression models for ordinal data (1980).
    """

    classes: int
    thresholds: tuple[float, ...] | None = None
    outputs = 1
    scale: float | None = 1.0
    is_location = False
    gradients = GIVEN

    def start(self, y: Vector, weights: Vector) -> Vector:
        return np.zeros(1)

    def working(self, eta: Matrix, y: Vector, output: int) -> tuple[Vector, Vector]:
        _, above, below = self._rows(eta[:, 0], y, self._thresholds(eta[:, 0], y))
        least = 1e-4
        weights = np.maximum(above * (1 - above) + below * (1 - below), least)
        return eta[:, 0] - (1 - above - below) / weights, weights

    def loss(self, eta: Matrix, y: Vector) -> Vector:
        chance, _, _ = self._rows(eta[:, 0], y, self._thresholds(eta[:, 0], y))
        return -np.log(chance)

    def mean(self, eta: Matrix) -> Matrix:
        """Return the probability of each class, (n, classes). The thresholds must be settled."""
        assert self.thresholds is not None
        edges = np.pad(
            expit(np.array(self.thresholds) - eta[:, :1]), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))
        )
        return np.maximum(np.diff(edges, axis=1), 0.0)

    def settled(self, eta: Matrix, y: Vector) -> "Ordered":
        """Return the family with the thresholds of the largest likelihood at eta (n, 1)."""
        return replace(self, thresholds=tuple(self._thresholds(eta[:, 0], y).tolist()))

    def freed(self) -> "Ordered":
        """Return the family whose thresholds are those of the largest likelihood at any eta."""
        return replace(self, thresholds=None)

    def moments(self, features: Matrix, eta: Vector, y: Vector, weights: Vector, about: Vector) -> Moments:
        """Return the moments of a Newton step of eta - about: the curvature of the likelihood where thresholds follow.

        That is W - D H^-1 D', with the curvatures W of the rows, H of the thresholds, and D of both.
        """
        thresholds, k = self._thresholds(eta, y), y.astype(int)
        _, above, below = self._rows(eta, y, thresholds)
        both = np.zeros((len(y), self.classes + 1))
        both[np.arange(len(y)), k + 1], both[np.arange(len(y)), k] = above * (1 - above), below * (1 - below)
        wide = np.column_stack([features, eta - about])
        across = inner(both[:, 1:-1] * weights[:, None], wide)
        hessian = self._derivatives(eta, y, thresholds, weights)[1]
        working = weights * both.sum(1)
        gram = inner(wide, wide * working[:, None]) - across.T @ np.linalg.solve(hessian, across)
        score = weights * (above + below - 1)
        slack = float(score**2 @ (1 / np.maximum(working, 1e-4))) + len(y)
        return Moments.of_step(features, weights, gram, wide.T @ score, slack)

    def _rows(self, eta: Vector, y: Vector, thresholds: Vector) -> tuple[Vector, Vector, Vector]:
        """Return the probability of each row's class, and those of it or a lower one, and of a lower one."""
        k = y.astype(int)
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        low, high = edges[k] - eta, edges[k + 1] - eta
        below, above = expit(low), expit(high)
        # on the side where the two are small, so that their difference has its digits
        chance = np.where(low > 0, expit(-low) - expit(-high), above - below)
        return np.maximum(chance, 1e-12), above, below

    def _thresholds(self, eta: Vector, y: Vector) -> Vector:
        """Return the thresholds, by Newton steps from those of equal rows."""
        if self.thresholds is not None:
            return np.array(self.thresholds)
        count = np.maximum(np.bincount(y.astype(int), minlength=self.classes), 1e-3)
        share = np.cumsum(count)[:-1] / count.sum()
        found = np.log(share / (1 - share)) * max(1.0, float(eta.std()) / 1.8) + float(eta.mean())
        value = self._value(eta, y, found)
        for _ in range(50):
            gradient, hessian = self._derivatives(eta, y, found, np.ones(len(y)))
            step = np.linalg.solve(hessian, gradient)
            for _ in range(20):
                new = found - step
                better = self._value(eta, y, new) if (np.diff(new) > 0).all() else np.inf
                if better <= value + 1e-9 * abs(value):
                    break
                step = step / 2
            else:
                break
            found, value = new, better
            if np.abs(step).max() < 1e-8:
                break
        return found

    def _value(self, eta: Vector, y: Vector, thresholds: Vector) -> float:
        return -float(np.log(self._rows(eta, y, thresholds)[0]).sum())

    def _derivatives(self, eta: Vector, y: Vector, thresholds: Vector, weights: Vector) -> tuple[Vector, Matrix]:
        """Return the gradient and the Hessian of the loss by the thresholds, K - 1 each."""
        chance, above, below = self._rows(eta, y, thresholds)
        k, edges = y.astype(int), self.classes - 1
        of_above, of_below = above * (1 - above) / chance, below * (1 - below) / chance

        def total(values: Vector) -> Vector:
            return np.asarray(np.bincount(k, weights * values, self.classes), float)

        gradient = total(of_below)[1:] - total(of_above)[:edges]
        diagonal = total(of_above**2 - of_above * (1 - 2 * above))[:edges]
        diagonal += total(of_below**2 + of_below * (1 - 2 * below))[1:]
        between = -total(of_above * of_below)[1:edges]
        return gradient, np.diag(diagonal + 1e-9 * len(y)) + np.diag(between, 1) + np.diag(between, -1)
