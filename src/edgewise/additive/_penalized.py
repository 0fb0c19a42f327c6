"""A penalized fit of features to a target of any family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.additive._algebra import Matrix, Vector
from edgewise.additive._block import Block
from edgewise.additive._constrained import constrained
from edgewise.additive._family import Family, Gaussian
from edgewise.additive._moments import Moments
from edgewise.additive._reml import Prior, Smooth, reml

_ROUNDS, _LATER_STEPS = 12, 4
_TOLERANCE = 1e-3


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

    def solve(self, moments: Moments, rho: Vector | None, steps: int) -> tuple[Smooth, Vector, float]:
        """Return the fit of one output, its coefficients for all features, and its intercept."""
        mask = self.mask
        index = np.flatnonzero(np.repeat(mask, self.sizes))
        part = moments if len(index) == len(moments.cross) else moments.chosen(index)
        about = part.centered()
        blocks = [block for block, on in zip(self.blocks, mask, strict=True) if on]
        prior = Prior.of(blocks, self.within, self.between)
        start = None if rho is None else rho[mask]
        nu = max(moments.rows - 1, 1)
        fit = reml(about, nu, self.sizes[mask], prior=prior, rho=start, scale=self.family.scale, steps=steps)
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
    """Coefficients beta (P, K) and intercepts (K,), log lambdas rho (J, K), degrees of freedom of blocks and features.

    `variance` is that of the noise, `covariance` (P, P) of the coefficients over it, of the last output.
    """

    intercept: Vector
    beta: Matrix
    rho: Matrix
    edf: Vector
    feature_edf: Vector
    variance: float
    covariance: Matrix
    score: float

    def eta(self, features: Matrix) -> Matrix:
        """Return eta (n, K) of features (n, P)."""
        return self.intercept + features @ self.beta


def from_moments(moments: Moments, problem: Problem, rho: Matrix | None = None, steps: int = 40) -> Penalized:
    """Return the fit of a Gaussian target from its moments."""
    fit, beta, intercept = problem.solve(moments, None if rho is None else rho[:, 0], steps)
    return _assembled(problem, [fit], np.array([intercept]), beta[:, None])


def penalized(
    features: Matrix, y: Vector, weights: Vector, problem: Problem,
    *, rho: Matrix | None = None, start: Penalized | None = None, rounds: int = _ROUNDS,
) -> Penalized:  # fmt: skip
    """Return the penalized fit, for families beyond the Gaussian by weighted least squares repeated.

    In each round every output in turn is refitted to its working response, with smoothing parameters by restricted
    maximum likelihood. `start` has coefficients to go on from.

    Source: Breslow and Clayton, Approximate inference in generalized linear mixed models (1993).
    """
    family, outputs = problem.family, problem.family.outputs
    if isinstance(family, Gaussian):
        return from_moments(Moments.of(features, y, weights), problem, rho, 40 if start is None else rounds)
    beta = np.zeros((features.shape[1], outputs))
    intercept = family.start(y, weights)
    if start is not None and start.beta.shape == beta.shape:
        beta, intercept = start.beta.copy(), start.intercept.copy()
    logs = np.full((len(problem.blocks), outputs), np.log(1.0 + len(problem.blocks))) if rho is None else rho.copy()
    eta, fits, before = intercept + features @ beta, {}, np.inf
    for turn in range(rounds):
        for k in range(outputs):
            response, working = family.working(eta, y, k)
            moments = Moments.of(features, response, weights * working)
            steps = 40 if turn == 0 and start is None else _LATER_STEPS
            fits[k], beta[:, k], intercept[k] = problem.solve(moments, logs[:, k], steps)
            logs[problem.mask, k] = fits[k].rho
            eta[:, k] = intercept[k] + features @ beta[:, k]
        loss = float(weights @ family.loss(eta, y))
        if abs(before - loss) < _TOLERANCE * (1 + abs(loss)):
            break
        before = loss
    return _assembled(problem, [fits[k] for k in range(outputs)], intercept, beta)


def _assembled(problem: Problem, fits: Sequence[Smooth], intercept: Vector, beta: Matrix) -> Penalized:
    mask = problem.mask
    index = np.flatnonzero(np.repeat(mask, problem.sizes))
    rho, edf = np.zeros((len(mask), len(fits))), np.zeros(len(mask))
    rho[mask] = np.stack([fit.rho for fit in fits], 1)
    edf[mask] = np.mean([fit.edf for fit in fits], 0)
    feature_edf = np.zeros(len(beta))
    feature_edf[index] = np.max([fit.feature_edf for fit in fits], 0)
    covariance = np.zeros((len(beta), len(beta)))
    covariance[np.ix_(index, index)] = fits[-1].covariance
    last = fits[-1]
    return Penalized(intercept, beta, rho, edf, feature_edf, last.variance, covariance, last.score)
