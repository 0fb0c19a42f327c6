"""Covariances of fitted constants where errors of rows are unequal, correlated along their order, or by group."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgewise._typing import Array

_MOST = 4  # order
_LARGEST = 4.0  # of the parameters: partial autocorrelations up to 0.9993
_STEP = 0.02  # of the parameters, in second differences


@dataclass(frozen=True)
class Autoregression:
    """A stationary autoregression e_t = phi_1 e_(t-1) + ... + phi_p e_(t-p) + noise of a fit's residual.

    `parameters` (p,) are the inverse hyperbolic tangents of its partial autocorrelations, `variance` is that of the
    noise. They maximize the restricted likelihood, which knows that the residual (n,) lies outside the span of the
    fit's Jacobian, an orthonormal `basis` (n, k):

    log |R| + log |U' R^-1 U| + (n - k) log (e' P e),    P = R^-1 - R^-1 U (U' R^-1 U)^-1 U' R^-1

    Source: Patterson and Thompson (1971); Barndorff-Nielsen and Schou (1973) for the parameters.
    """

    residual: Array
    basis: Array
    parameters: Array
    variance: float

    @classmethod
    def of(cls, residual: Array, basis: Array) -> Autoregression:
        """Return the autoregression of the least AICc, of order 0 to 4.

        >>> rng = np.random.default_rng(0)
        >>> noise, e = rng.standard_normal(500), np.zeros(500)
        >>> for t in range(1, 500):
        ...     e[t] = 0.8 * e[t - 1] + noise[t]
        >>> found = Autoregression.of(e - e.mean(), np.full((500, 1), 500**-0.5))
        >>> found.order, float(np.tanh(found.parameters[0]).round(1))
        (1, 0.8)
        """
        from scipy.optimize import minimize

        n, k = basis.shape
        start = cls(residual, basis, np.zeros(0), 0.0).moved(np.zeros(0))
        best, least = start, 2 * start._deviance(start.parameters)[0]
        for order in range(1, min(_MOST, (n - k) // 10) + 1):
            first = np.append(best.parameters, np.zeros(order - len(best.parameters)))
            first[-1] += 0.3 if order == 1 else 0.0
            options = {"xatol": 1e-4, "fatol": 1e-6, "maxfev": 400 * order}
            found = minimize(lambda p: start._deviance(p)[0], first, method="Nelder-Mead", options=options).x
            criterion = 2 * start._deviance(found)[0] + 2 * (order + 1) * n / max(n - k - order - 2, 1) - 2
            if criterion < least:
                best, least = start.moved(found), criterion
            elif order > 1:
                break
        return best

    @property
    def order(self) -> int:
        return len(self.parameters)

    def moved(self, step: Array) -> Autoregression:
        """Return the autoregression with other parameters, and the variance of the noise under these."""
        parameters = self.parameters + step if self.order else np.asarray(step)
        return replace(self, parameters=parameters, variance=self._deviance(parameters)[1])

    def uncertainty(self) -> Array:
        """Return the covariance (p, p) of the parameters, from the curvature of the restricted likelihood."""
        p, steps = self.order, _STEP * np.eye(self.order)

        def at(*moves: Array) -> float:
            return self._deviance(self.parameters + sum(moves))[0]

        curvature = np.empty((p, p))
        for i in range(p):
            for j in range(p):
                a, b = steps[i], steps[j]
                curvature[i, j] = (at(a, b) - at(a, -b) - at(-a, b) + at(-a, -b)) / (4 * _STEP**2)
        values, vectors = np.linalg.eigh(curvature)
        return vectors / np.maximum(values, 1.0) @ vectors.T

    def quadratic(self, columns: Array) -> Array:
        """Return Z' C Z (m, m) for columns Z (n, m), C the covariance of the residual."""
        from scipy.linalg import matmul_toeplitz

        return columns.T @ matmul_toeplitz(self._autocovariances(len(columns)), columns)

    def _deviance(self, parameters: Array) -> tuple[float, float]:
        """Return minus the restricted log-likelihood, up to a constant, and the variance of the noise."""
        n, k = self.basis.shape
        white, log_size = _whitened(np.column_stack([self.basis, self.residual]), _partial(parameters))
        corner = np.abs(np.diag(np.linalg.qr(white, mode="r")))
        variance = float(corner[-1]) ** 2 / max(n - k, 1)
        with np.errstate(divide="ignore"):
            sizes = float(np.log(corner[:-1]).sum())
            return log_size / 2 + sizes + (n - k) / 2 * math.log(max(variance, 1e-300)), variance

    def _autocovariances(self, count: int) -> Array:
        partial = _partial(self.parameters)
        found = np.zeros(max(count, len(partial) + 1))
        size = self.variance / float(np.prod(1 - partial**2))
        found[0], phi = size, np.zeros(0)
        for k, r in enumerate(partial, 1):
            found[k] = phi @ found[1:k][::-1] + r * size
            phi, size = np.append(phi - r * phi[::-1], r), size * (1 - r**2)
        for k in range(len(partial) + 1, count):
            found[k] = phi @ found[k - len(phi) : k][::-1]
        return found[:count]


def _partial(parameters: Array) -> Array:
    return np.tanh(np.clip(parameters, -_LARGEST, _LARGEST))


def _whitened(columns: Array, partial: Array) -> tuple[Array, float]:
    """Return columns (n, m) as independent rows of variance 1, and the log-determinant of their covariance."""
    found, log_size = columns.copy(), 0.0
    phi, size = np.zeros(0), 1 / float(np.prod(1 - partial**2))
    for t, r in enumerate(partial):
        found[t] = (columns[t] - phi @ columns[t - len(phi) : t][::-1]) / math.sqrt(size)
        log_size += math.log(size)
        phi, size = np.append(phi - r * phi[::-1], r), size * (1 - r**2)
    p = len(partial)
    for lag, weight in enumerate(phi, 1):
        found[p:] -= weight * columns[p - lag : len(columns) - lag]
    return found, log_size


CovarianceName = Literal["classical", "heteroscedastic", "autocorrelated", "clustered"]
"""What standard errors allow for."""

_SMALLEST = 1e-12  # singular values below this fraction of the largest are taken as this fraction
_AUTOREGRESSION_STEP = 1e-3  # of the parameters of an autoregression, in differences


@dataclass(frozen=True)
class Covariance:
    """The covariance of constants, and the degrees of freedom of Student's t for each.

    Parameters
    ----------
    matrix : (k, k)
        The covariance.
    freedom : (k,)
        The degrees of freedom for each constant.
    """

    matrix: Array
    freedom: Array

    @classmethod
    def of(
        cls, kind: CovarianceName, jacobian: Array, residual: Array, unit: float, groups: Array | None = None
    ) -> Covariance:
        """Return the covariance of constants from the weighted Jacobian and residual at the minimum.

        (J'J)^-1 J' C J (J'J)^-1, where C (n, n) is the covariance of the weighted residuals:

        "classical": unit^2 on the diagonal. "heteroscedastic": e_i^2 / (1 - h_i)^2 there (HC3), h the leverages.
        "clustered": blocks of rows of one group, each e_g e_g' after (I - H_gg)^-1 (CR3); t has a degree of freedom for
        each group but one. "autocorrelated": that of an autoregression along the order of the rows, by restricted
        maximum likelihood; t has Satterthwaite's degrees of freedom, as the variances that long memory makes large are
        themselves uncertain.

        Parameters
        ----------
        kind
            What C is: "classical", "heteroscedastic", "autocorrelated" or "clustered".
        jacobian : (n, k)
            The derivatives of the weighted residuals by the constants.
        residual : (n,)
            The weighted residuals.
        unit
            The standard deviation of a weighted residual, for "classical".
        groups : (n,)
            The number of each row's group, for "clustered".

        References
        ----------
        MacKinnon and White (1985); Bell and McCaffrey (2002); Satterthwaite (1946); Kenward and Roger (1997).

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> jacobian = np.ones((200, 1))
        >>> walk = np.cumsum(rng.standard_normal(200)) * 0.5 + rng.standard_normal(200)
        >>> errors = [Covariance.of(kind, jacobian, walk - walk.mean(), walk.std()) for kind in ("classical",
        ...           "autocorrelated")]
        >>> bool(errors[1].matrix[0, 0] > 20 * errors[0].matrix[0, 0])
        True
        """
        n, k = jacobian.shape
        u, s, vt = np.linalg.svd(jacobian, full_matrices=False)
        root = vt.T / np.maximum(s, _SMALLEST * max(float(s[0]), 1e-300))
        rest = np.full(k, float(max(n - k, 1)))
        if kind == "classical":
            return cls(unit**2 * root @ root.T, rest)
        if kind == "heteroscedastic":
            scores = u * (residual / np.maximum(1 - (u * u).sum(1), 1e-6))[:, None]
            return cls(root @ (scores.T @ scores) @ root.T, rest)
        if kind == "clustered":
            assert groups is not None
            scores = np.stack([_score(u[groups == g], residual[groups == g]) for g in np.unique(groups)])
            count = len(scores)
            meat = (count - 1) / count * scores.T @ scores
            return cls(root @ meat @ root.T, np.full(k, float(max(count - 1, 1))))
        return cls(*_autocorrelated(u, root, residual, rest))


def _score(basis: Array, residual: Array) -> Array:
    """Return U'(I - UU')^-1 e of one group's rows, by the matrix inversion lemma in k dimensions."""
    inner = np.eye(basis.shape[1]) - basis.T @ basis
    return np.linalg.pinv(inner, rcond=1e-9, hermitian=True) @ (basis.T @ residual)


def _autocorrelated(basis: Array, root: Array, residual: Array, rest: Array) -> tuple[Array, Array]:
    """Return the covariance under an autoregression of the residual, and Satterthwaite's degrees of freedom."""
    found = Autoregression.of(residual, basis)

    def matrix(process: Autoregression) -> Array:
        return root @ process.quadratic(basis) @ root.T

    at = matrix(found)
    relative = 2 / rest  # variance of the logarithm of each estimated variance
    if found.order:
        slopes = []
        for k in range(found.order):
            step = _AUTOREGRESSION_STEP * (np.arange(found.order) == k)
            ends = [np.diag(matrix(found.moved(sign * step))) for sign in (1, -1)]
            slopes.append((np.log(ends[0]) - np.log(ends[1])) / (2 * _AUTOREGRESSION_STEP))
        gradient = np.array(slopes)
        relative = relative + np.einsum("ai,ab,bi->i", gradient, found.uncertainty(), gradient)
    return at, np.clip(2 / relative, 1.0, rest)
