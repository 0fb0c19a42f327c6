"""A hidden node: one curve of a sum of curves, in addition to the direct sum."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh

from edgewise.tables.additive._curve import DEGREE
from edgewise.tables.additive._penalized import Penalized, Problem, from_moments
from edgewise.tables.additive._reml import Block, Matrix, Moments, Vector

_REACH = 2.7  # of the outer function, in standard deviations of the sum
_FIRST = 30  # Newton steps of smoothing parameters that nothing is known of


@dataclass(frozen=True)
class Outer:
    """Functions of a standard normal variable: the line and Demmler-Reinsch functions, straight beyond 2.7."""

    knots: Vector
    coefficients: Matrix
    means: Vector

    @property
    def n_features(self) -> int:
        return self.coefficients.shape[1]

    def features(self, u: Vector, order: int = 0) -> Matrix:
        """Return the functions, or their derivatives, at u (n,)."""
        inside = np.clip(u, -_REACH, _REACH)
        spline = BSpline(self.knots, self.coefficients, DEGREE)
        slopes = spline.derivative(1)(inside)
        if order == 1:
            return slopes
        return spline(inside) - self.means + slopes * (u - inside)[:, None]

    def spline(self, gamma: Vector) -> Vector:
        """Return the B-spline coefficients of the function of coefficients gamma."""
        return self.coefficients @ gamma - float(self.means @ gamma)


@lru_cache(maxsize=1)
def outer() -> Outer:
    """Return the functions that outer curves are made of."""
    cells = 8
    step = 2 * _REACH / cells
    knots = -_REACH + step * np.arange(-DEGREE, cells + DEGREE + 1)
    count = cells + DEGREE
    grid = np.linspace(-_REACH, _REACH, 801)
    weights = np.exp(-(grid**2) / 2)
    weights /= weights.sum()
    basis = BSpline(knots, np.eye(count), DEGREE)
    values, second = basis(grid), basis.derivative(2)(grid)
    gram = values.T @ (values * weights[:, None]) + 1e-9 * np.eye(count)
    roughness, vectors = eigh(second.T @ second * (grid[1] - grid[0]), gram)
    wiggly = vectors[:, 2:] * np.sqrt(roughness[2] / roughness[2:])
    line = np.convolve(knots[1:-1], np.ones(DEGREE) / DEGREE, "valid")
    functions = np.column_stack([line, wiggly])
    return Outer(knots, functions, weights @ values @ functions)


@dataclass(frozen=True)
class HiddenNode:
    """The curve gamma of u = (Z - mean) alpha, alpha (P,) on the features of the direct sum."""

    alpha: Vector
    mean: Vector
    gamma: Vector
    weight: float = 1.0

    def eta(self, features: Matrix) -> Vector:
        """Return what the node adds, (n,)."""
        return self.curve((features - self.mean) @ self.alpha)

    def spline(self) -> tuple[Vector, Vector, Vector]:
        """Return knots and B-spline coefficients of the curve, and its slopes beyond its ends."""
        ends = np.array([-_REACH, _REACH])
        return outer().knots, self.weight * outer().spline(self.gamma), self.curve(ends, 1)

    def curve(self, u: Vector, order: int = 0) -> Vector:
        """Return the outer curve, or its derivative, at u (n,)."""
        return self.weight * (outer().features(u, order) @ self.gamma)


def with_hidden(
    features: Matrix, y: Vector, weights: Vector, blocks: Sequence[Block],
    *, start: Vector, rho: Matrix | None = None, turns: int = 8,
) -> tuple[Penalized, HiddenNode, Matrix]:  # fmt: skip
    """Return the fit of y = b + Z beta + g(Z alpha), its hidden node, and all smoothing parameters.

    Gauss-Newton from alpha = `start`: each step is a penalized fit of [Z, functions of u, g'(u) Z] to y + g'(u) u, then
    beta and g are refitted exactly for the new u.
    """
    least, enough = 1e-3, 0.05  # gain of the score: of a step that is taken, and of one that another follows
    search = _Search(features, y, weights, list(blocks))
    alpha = search.normalized(start)
    direct = None if rho is None else rho[: search.direct]
    fit, score = search.refit(alpha, direct)
    for _ in range(turns):
        moved, rho = search.moved(alpha, fit, rho)
        for length in (1.0, 0.4, 0.1):
            trial = search.normalized(alpha + length * (moved - alpha))
            found, value = search.refit(trial, rho[: search.direct])
            if value < score - least:
                break
        else:
            break
        done = score - value < enough
        alpha, fit, score = trial, found, value
        if done:
            break
    return search.finished(alpha, fit, rho)


class _Search:
    def __init__(self, features: Matrix, y: Vector, weights: Vector, blocks: list[Block]) -> None:
        self.y, self.weights, self.blocks = y, weights, blocks
        self.mean = features.mean(0)
        self.features = features - self.mean
        self.moments = Moments.of(self.features, y, weights)
        self.width = features.shape[1]
        self.outer_blocks = [Block("straight", 1), Block("wiggly", outer().n_features - 1)]
        self.direct = len(blocks) + 2

    def normalized(self, alpha: Vector) -> Vector:
        deviation = float((self.features @ alpha).std())
        return alpha / deviation if deviation > 1e-6 * (1 + np.abs(alpha).max()) else alpha

    def refit(self, alpha: Vector, rho: Matrix | None) -> tuple[Penalized, float]:
        functions = outer().features(self.features @ alpha)
        moments = self.moments.beside(self.features, functions, self.y, self.weights)
        fit = from_moments(moments, Problem(self.blocks + self.outer_blocks), rho, _FIRST if rho is None else 4)
        return fit, fit.score

    def moved(self, alpha: Vector, fit: Penalized, rho: Matrix | None) -> tuple[Vector, Matrix]:
        """Return the alpha of a full Gauss-Newton step, and the smoothing parameters of all three parts."""
        u = self.features @ alpha
        count = outer().n_features
        slope = outer().features(u, 1) @ fit.beta[self.width : self.width + count, 0]
        more = np.hstack([outer().features(u), slope[:, None] * self.features])
        moments = self.moments.beside(self.features, more, self.y + slope * u, self.weights)
        problem = Problem(self.blocks + self.outer_blocks + self.blocks)
        step = from_moments(moments, problem, rho, _FIRST if rho is None else 5)
        return step.beta[self.width + count :, 0], step.rho

    def finished(self, alpha: Vector, fit: Penalized, rho: Matrix | None) -> tuple[Penalized, HiddenNode, Matrix]:
        beta, blocks = fit.beta[: self.width], len(self.blocks)
        node = HiddenNode(alpha, self.mean, fit.beta[self.width :, 0])
        direct = replace(fit, intercept=fit.intercept - self.mean @ beta, beta=beta, rho=fit.rho[:blocks])
        rest = np.full((blocks, 1), np.log(blocks + 1.0)) if rho is None else rho[self.direct :]
        return direct, node, np.vstack([fit.rho, rest])
