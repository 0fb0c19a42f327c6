"""A penalized fit of features to a target of any family, also under linear inequalities."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from edgewise.tables.additive._family import Classes, Family, Gaussian
from edgewise.tables.additive._ordered import Ordered
from edgewise.tables.additive._reml import LOW, Block, Matrix, Moments, Prior, Smooth, Vector, reml
from edgewise.tables.additive._survival import Accelerated, Cox


def constrained(matrix: Matrix, cross: Vector, constraints: Matrix, free: Vector) -> Vector:
    """Return the beta that minimizes beta' A beta / 2 - b' beta where G beta >= 0; `free` is the one without.

    With A = L L' and u = L' beta this is the point of a cone that is nearest to L^-1 b, found by non-negative least
    squares on the multipliers.

    Shapes: matrix A (P, P), cross b (P,), constraints G (m, P).

    >>> constrained(np.eye(2), np.array([-1.0, 2.0]), np.array([[1.0, 0.0]]), np.array([-1.0, 2.0]))
    array([0., 2.])

    Source: Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23.
    """
    rows = constraints[np.any(constraints != 0, axis=1)]
    rounding = 1e-12  # of the largest coefficient
    if not len(rows) or (rows @ free).min() >= -rounding * np.abs(free).max():
        return free
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    factor = cholesky(matrix, lower=True)
    start = solve_triangular(factor, cross, lower=True)
    cone = solve_triangular(factor, rows.T, lower=True)
    multipliers, _ = nnls(cone, -start, maxiter=30 * cone.shape[1])
    return solve_triangular(factor, start + cone @ multipliers, lower=True, trans=1)


@dataclass(frozen=True)
class Problem:
    """Ridge blocks, the family, which blocks are used, the deviations of the prior within and between kinds.

    `constraints` (m, P) times the coefficients must be at least zero.
    """

    blocks: Sequence[Block]
    family: Family = Gaussian()  # noqa: RUF009 (frozen)
    used: Vector | None = None
    within: float = 1.0
    between: float = 1.5
    constraints: Matrix | None = None

    @property
    def sizes(self) -> np.ndarray:
        return np.array([block.size for block in self.blocks], dtype=int)

    @property
    def mask(self) -> np.ndarray:
        return np.ones(len(self.blocks), bool) if self.used is None else self.used

    @property
    def linear(self) -> np.ndarray:
        """Which blocks have no penalty."""
        return np.array([block.kind == "linear" for block in self.blocks], dtype=bool)

    @property
    def tolerance(self) -> float:
        """The change of the loss, over the loss, from which a fit of several rounds has converged."""
        if self.linear.any():
            return 1e-10
        return 1e-6 if isinstance(self.family, Cox | Accelerated | Ordered) else 1e-3

    @cached_property
    def prior(self) -> Prior:
        blocks = [block for block, on in zip(self.blocks, self.mask, strict=True) if on]
        return Prior.of(blocks, self.within, self.between)

    @cached_property
    def index(self) -> np.ndarray:
        """The numbers of the features that are used."""
        return np.flatnonzero(np.repeat(self.mask, self.sizes))

    def solve(self, moments: Moments, rho: Vector | None, steps: int) -> tuple[Smooth, Vector, float]:
        """Return the fit of one output, its coefficients for all features, and its intercept."""
        mask, index = self.mask, self.index
        part = moments if len(index) == len(moments.cross) else moments.chosen(index)
        about = part.centered()
        start = None if rho is None else np.where(self.linear[mask], LOW, rho[mask])
        nu = max(moments.rows - 1 - int(self.sizes[mask & self.linear].sum()), 1)
        fit = reml(about, nu, self.sizes[mask], prior=self.prior, rho=start, scale=self.family.scale, steps=steps)
        found = fit.beta
        if self.constraints is not None:
            limits = np.pad(self.constraints, ((0, 0), (0, len(moments.cross) - self.constraints.shape[1])))
            penalty = np.diag(np.exp(np.repeat(fit.rho, self.sizes[mask])))
            found = constrained(about.gram + penalty, about.cross, limits[:, index], found)
        beta = np.zeros(len(moments.cross))
        beta[index] = found
        return fit, beta, about.mean - float(about.means @ found)


@dataclass(frozen=True)
class Penalized:
    """Coefficients beta (P, K) and intercepts (K,), log lambdas rho (J, K), and the fit of each output.

    Computed where asked for: degrees of freedom of blocks, of features, and the `covariance` (P, P) of the coefficients
    over the `variance` of the noise, of the last output. Where the fit had further blocks, they are those of the first.
    """

    intercept: Vector
    beta: Matrix
    rho: Matrix
    problem: Problem
    fits: Sequence[Smooth]

    @property
    def variance(self) -> float:
        return self.fits[-1].variance

    @property
    def score(self) -> float:
        return self.fits[-1].score

    @cached_property
    def edf(self) -> Vector:
        edf = np.zeros(len(self.problem.blocks))
        edf[self.problem.mask] = np.mean([fit.edf for fit in self.fits], 0)
        return edf[: len(self.rho)]

    @cached_property
    def feature_edf(self) -> Vector:
        edf = np.zeros(self.problem.sizes.sum())
        edf[self.problem.index] = np.max([fit.feature_edf for fit in self.fits], 0)
        return edf[: len(self.beta)]

    @cached_property
    def covariance(self) -> Matrix:
        index = self.problem.index
        full = np.zeros((self.problem.sizes.sum(),) * 2)
        full[np.ix_(index, index)] = self.fits[-1].covariance
        return full[: len(self.beta), : len(self.beta)]

    def eta(self, features: Matrix) -> Matrix:
        """Return eta (n, K) of features (n, P)."""
        return self.intercept + features @ self.beta


class Start(NamedTuple):
    """Where a fit begins: intercepts (K,), coefficients (P, K) and log lambdas (J, K)."""

    intercept: Vector
    beta: Matrix
    rho: Matrix

    @classmethod
    def of(cls, fit: Penalized) -> "Start":
        return cls(fit.intercept, fit.beta, fit.rho)


def from_moments(moments: Moments, problem: Problem, rho: Matrix | None = None, steps: int = 40) -> Penalized:
    """Return the fit of a Gaussian target from its moments."""
    fit, beta, intercept = problem.solve(moments, None if rho is None else rho[:, 0], steps)
    return _assembled(problem, [fit], np.array([intercept]), beta[:, None])


def working_moments(
    family: Family, features: Matrix, eta: Matrix, y: Vector, weights: Vector, output: int, about: Vector | float = 0.0
) -> Moments:  # fmt: skip
    """Return the moments of the least squares problem that gives the next eta (n, K) of one output, less `about`.

    The weights are the curvature of each row's loss; some likelihoods have one that is not diagonal.
    """
    if isinstance(family, Cox | Ordered):
        return family.moments(features, eta[:, 0], y, weights, np.broadcast_to(about, len(y)))
    response, working = family.working(eta, y, output)
    return Moments.of(features, response - about, weights * working)


def penalized(
    features: Matrix, y: Vector, weights: Vector, problem: Problem, start: Start, rounds: int | None = None,
    steps: int = 2,
) -> Penalized:  # fmt: skip
    """Return the penalized fit of a family beyond the Gaussian, by weighted least squares repeated.

    In each round every output in turn is refitted to its working response, after two Newton steps of its smoothing
    parameters; no eta changes by more than 8 in a round. Classes have at most four rounds: where some are nearly
    separated, smoothing falls and falls, and probabilities become too certain.

    Source: Breslow and Clayton, Approximate inference in generalized linear mixed models (1993).
    """
    longest = 8.0  # change of eta in one round
    family, outputs = problem.family, problem.family.outputs
    intercept, beta, logs = (part.copy() for part in start)
    eta, fits, before = intercept + features @ beta, {}, np.inf
    most = 4 if isinstance(family, Classes) else 12
    for _ in range(rounds or (4 * most if problem.linear.any() else most)):
        for k in range(outputs):
            moments = working_moments(family, features, eta, y, weights, k)
            fits[k], slopes, level = problem.solve(moments, logs[:, k], steps)
            logs[problem.mask, k] = fits[k].rho
            change = level + features @ slopes - eta[:, k]
            share = min(1.0, longest / max(float(np.abs(change).max()), 1e-300))
            beta[:, k] += share * (slopes - beta[:, k])
            intercept[k] += share * (level - intercept[k])
            eta[:, k] += share * change
        loss = float(weights @ family.loss(eta, y))
        if abs(before - loss) < problem.tolerance * (1 + abs(loss)):
            break
        before = loss
    return _assembled(problem, [fits[k] for k in range(outputs)], intercept, beta)


def _assembled(problem: Problem, fits: Sequence[Smooth], intercept: Vector, beta: Matrix) -> Penalized:
    rho = np.zeros((len(problem.blocks), len(fits)))
    rho[problem.mask] = np.stack([fit.rho for fit in fits], 1)
    return Penalized(intercept, beta, rho, problem, fits)
