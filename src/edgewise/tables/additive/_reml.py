"""Smoothing parameters by restricted maximum likelihood, from weighted moments of features alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Vector = NDArray[np.floating[Any]]
Matrix = Vector


def inner(a: Matrix, b: Matrix) -> Matrix:
    """Return a' b, by torch's matrix product."""
    return (torch.from_numpy(a).T @ torch.from_numpy(b)).numpy()


def batched_inner(a: Matrix) -> Matrix:
    """Return a_j' a_j of each of a stack of matrices (J, n, m)."""
    stack = torch.from_numpy(a)
    return (stack.transpose(1, 2) @ stack).numpy()


def eigen(a: Matrix) -> tuple[Vector, Matrix]:
    """Return the eigenvalues, ascending, and eigenvectors of a symmetric matrix, or of a stack of them."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(a))
    return values.numpy(), vectors.numpy()


class Centered(NamedTuple):
    """Moments about the means: Gram matrix, products with the target, its square; and the means of both."""

    gram: Matrix
    cross: Vector
    square: float
    means: Vector
    mean: float


@dataclass(frozen=True)
class Moments:
    """Sums over rows: Z'WZ, Z'Wy, Z'w, y'Wy, w'y, sum w, and the number of rows."""

    gram: Matrix
    cross: Vector
    sums: Vector
    square: float
    total: float
    weight: float
    rows: int

    @classmethod
    def of(cls, features: Matrix, y: Vector, weights: Vector | None = None) -> "Moments":
        """Return the moments of features (n, P) and a target (n,)."""
        if weights is None or np.all(weights == 1):
            return cls(
                inner(features, features), features.T @ y, features.sum(0), float(y @ y), float(y.sum()),
                float(len(y)), len(y),
            )  # fmt: skip
        weighted = features * weights[:, None]
        return cls(
            inner(features, weighted), weighted.T @ y, weighted.sum(0), float(weights @ y**2), float(weights @ y),
            float(weights.sum()), len(y),
        )  # fmt: skip

    @classmethod
    def of_step(
        cls, features: Matrix, weights: Vector, gram: Matrix, slopes: Vector, slack: float
    ) -> "Moments":  # fmt: skip
        """Return the moments of a Newton step of a likelihood that no constant changes.

        gram (P + 1, P + 1): the curvature along the features and a vector v; slopes (P + 1,): the gradient along them.
        The step begins at v = 0. It has the mean zero, by the weights (n,) of the rows; `slack` is what it gains, at
        most.
        """
        sums, weight = weights @ features, float(weights.sum())
        square = float(gram[-1, -1] + 2 * slopes[-1]) + slack
        centered = gram[:-1, :-1] + np.outer(sums / weight, sums)
        return cls(centered, gram[:-1, -1] + slopes[:-1], sums, square, 0.0, weight, len(features))

    def beside(self, features: Matrix, more: Matrix, y: Vector, weights: Vector) -> "Moments":
        """Return the moments of [features, more] and a target, where these are those of the features."""
        weighted, response = more * weights[:, None], weights * y
        border = inner(features, weighted)
        return Moments(
            np.block([[self.gram, border], [border.T, inner(more, weighted)]]),
            np.concatenate([features.T @ response, more.T @ response]),
            np.concatenate([self.sums, weighted.sum(0)]),
            float(response @ y), float(response.sum()), self.weight, self.rows,
        )  # fmt: skip

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) - getattr(other, name) for name in vars(self)))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def chosen(self, index: np.ndarray) -> "Moments":
        """Return the moments of some of the features."""
        return Moments(
            self.gram[np.ix_(index, index)], self.cross[index], self.sums[index],
            self.square, self.total, self.weight, self.rows,
        )  # fmt: skip

    def centered(self) -> Centered:
        """Return the moments about the means."""
        means, mean = self.sums / self.weight, self.total / self.weight
        gram = self.gram - np.outer(means, self.sums)
        square = max(self.square - mean * self.total, 1e-12)
        return Centered(gram, self.cross - means * self.total, square, means, mean)


Kind = Literal["straight", "wiggly", "level", "value", "gap", "product", "linear", "group"]


class Block(NamedTuple):
    """Features of one kind with one ridge penalty, lambda |beta|^2."""

    kind: Kind
    size: int


#: centers of the prior of log lambda, in addition to log(1 + straight blocks)
CENTERS: dict[Kind, float] = {
    "straight": 0.0, "wiggly": 2.0, "level": 1.0, "value": 4.0, "gap": 2.0, "product": 5.0, "linear": 0.0, "group": 1.0,
}  # fmt: skip


LOW, HIGH = -12.0, 16.0  # of log lambda
_FIXED, _FREE = 1e8, 1e-8  # precision of a log lambda that does not move, and of one without a prior


@dataclass(frozen=True)
class Prior:
    """A normal prior of the logarithms of the smoothing parameters, pooled within each kind of block.

    rho_j ~ N(mean of its kind, within^2), that mean ~ N(center of the kind, between^2)

    Linear blocks have no penalty: theirs stay where lambda is least. Random intercepts of groups have no prior.
    """

    centers: Vector
    precision: Matrix

    @classmethod
    def of(cls, blocks: Sequence[Block], within: float = 1.0, between: float = 1.5) -> "Prior":
        kinds: list[Kind] = [block.kind for block in blocks]
        base = np.log(1.0 + kinds.count("straight"))
        precision = np.zeros((len(kinds), len(kinds)))
        for kind in set(kinds):
            index = np.flatnonzero([other == kind for other in kinds])
            count = len(index)
            pooled = np.full((count, count), 1 / count)
            precision[np.ix_(index, index)] = (np.eye(count) - pooled) / within**2 + pooled / (
                count * (between**2 + within**2 / count)
            )
        fixed = np.array([kind == "linear" for kind in kinds], dtype=bool)
        groups = np.array([kind == "group" for kind in kinds], dtype=bool)
        precision[fixed], precision[groups] = np.eye(len(kinds))[fixed] * _FIXED, np.eye(len(kinds))[groups] * _FREE
        return cls(np.where(fixed, LOW, np.array([base + CENTERS[kind] for kind in kinds])), precision)


def reml(
    about: Centered, rows: float, sizes: np.ndarray,
    *, prior: Prior, rho: Vector | None = None, scale: float | None = None, steps: int = 40,
) -> "Smooth":  # fmt: skip
    """Return the penalized fit whose smoothing parameters maximize the restricted likelihood and their prior.

    minimizes  nu log D + log|A| - sum_j r_j rho_j + (rho - c)' Q (rho - c)
    with  A = G + diag(exp(rho_j)),  D = y'y - b' A^-1 b

    by Newton steps with exact derivatives; with a `scale` (the variance sigma^2 is known), D / scale in the place of
    nu log D. Costs do not depend on the number of rows.

    Shapes: Gram matrix (P, P), products (P,), sizes (J,) of the blocks, rho (J,) to start from. `rows` is nu.

    Source: Wood, Fast stable restricted maximum likelihood (2011).
    """
    problem = _Problem(about.gram, about.cross, about.square, rows, sizes, prior, scale)
    rho = np.full(len(sizes), np.log(len(sizes) + 1.0)) if rho is None else np.clip(rho, LOW, HIGH)
    tolerance = 1e-2  # of the score
    state = problem.at(rho)
    for _ in range(steps):
        step = problem.newton(state)
        if step is None:
            break
        for _ in range(8):
            found = problem.at(np.clip(state.rho + step, LOW, HIGH))
            if found.score <= state.score + 1e-9 * abs(state.score):
                break
            step = step / 3
        else:
            break
        done = state.score - found.score < tolerance
        state = found
        if done:
            break
    return state


@dataclass(frozen=True)
class Smooth:
    """A penalized fit: log lambdas, score, coefficients, D; and, computed where asked for, degrees of freedom and the
    covariance of the coefficients over the variance of the noise."""

    rho: Vector
    score: float
    beta: Vector
    deviance: float
    variance: float
    sizes: np.ndarray
    factor: torch.Tensor

    @cached_property
    def covariance(self) -> Matrix:
        return torch.cholesky_inverse(self.factor).numpy()

    @cached_property
    def feature_edf(self) -> Vector:
        return 1 - np.exp(np.repeat(self.rho, self.sizes)) * np.diag(self.covariance)

    @property
    def edf(self) -> Vector:
        return np.add.reduceat(self.feature_edf, np.cumsum(self.sizes) - self.sizes)


@dataclass(frozen=True)
class _Problem:
    gram: Matrix
    cross: Vector
    square: float
    rows: float
    sizes: np.ndarray
    prior: Prior
    scale: float | None

    def at(self, rho: Vector) -> Smooth:
        jitter = 1e-10  # for each row
        matrix = torch.tensor(self.gram)
        matrix.diagonal().add_(torch.from_numpy(np.exp(np.repeat(rho, self.sizes)) + jitter * self.rows))
        factor, info = torch.linalg.cholesky_ex(matrix)
        if info.item():
            return Smooth(rho, np.inf, self.cross, np.inf, np.inf, self.sizes, factor)
        beta = torch.cholesky_solve(torch.from_numpy(self.cross)[:, None], factor)[:, 0].numpy()
        deviance = max(self.square - float(self.cross @ beta), 1e-12 * self.square + 1e-300)
        away = rho - self.prior.centers
        misfit = self.rows * np.log(deviance) if self.scale is None else deviance / self.scale
        value = misfit + 2 * float(factor.diagonal().log().sum()) - float(self.sizes @ rho)
        value += float(away @ self.prior.precision @ away)
        variance = deviance / self.rows if self.scale is None else self.scale
        return Smooth(rho, value, beta, deviance, variance, self.sizes, factor)

    def newton(self, state: Smooth) -> Vector | None:
        """Return the next step of rho, None where the gradient vanishes or all are at their bounds."""
        stationary = 0.03  # gradient of the score
        longest, flattest = 4.0, 1e-2  # step of a log lambda, and curvature of the score
        starts = np.cumsum(self.sizes) - self.sizes
        inverse, beta, rho = state.covariance, state.beta, state.rho
        penalties = np.exp(rho)
        variance = state.variance
        squares = np.add.reduceat(np.add.reduceat(inverse * inverse, starts, 0), starts, 1)
        forms = np.add.reduceat(np.add.reduceat(beta[:, None] * inverse * beta, starts, 0), starts, 1)
        fitted = penalties * np.add.reduceat(beta**2, starts) / variance
        traces = penalties * np.add.reduceat(np.diag(inverse), starts)
        precision = self.prior.precision
        gradient = fitted + traces - self.sizes + 2 * precision @ (rho - self.prior.centers)
        hessian = np.diag(fitted + traces) + 2 * precision
        hessian -= np.outer(penalties, penalties) * (2 * forms / variance + squares)
        if self.scale is None:
            hessian -= np.outer(fitted, fitted) / self.rows
        free = ~(((rho >= HIGH - 1e-6) & (gradient < 0)) | ((rho <= LOW + 1e-6) & (gradient > 0)))
        if not free.any() or np.abs(gradient[free]).max() < stationary:
            return None
        if not np.isfinite(hessian).all():  # of targets whose squares overflow
            return None
        values, vectors = eigen(hessian[np.ix_(free, free)])
        curvatures = np.maximum(np.abs(values), flattest)
        step = np.zeros_like(rho)
        step[free] = -vectors @ ((vectors.T @ gradient[free]) / curvatures)
        return step * min(1.0, longest / max(np.abs(step).max(), 1e-300))
