"""Covariances of fitted constants where errors of rows are unequal, correlated along their order, or by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.expressions._autoregression import Autoregression

CovarianceName = Literal["classical", "heteroscedastic", "autocorrelated", "clustered"]
"""What standard errors allow for."""

_SMALLEST = 1e-12  # singular values below this fraction of the largest are taken as this fraction
_STEP = 1e-3  # of the parameters of an autoregression, in differences


@dataclass(frozen=True)
class Covariance:
    """The covariance `matrix` (k, k) of constants, and the degrees of freedom of Student's t for each, (k,)."""

    matrix: Array
    freedom: Array

    @classmethod
    def of(
        cls, kind: CovarianceName, jacobian: Array, residual: Array, unit: float, groups: Array | None = None
    ) -> Covariance:
        """Return the covariance of constants from the weighted Jacobian (n, k) and residual (n,) at the minimum.

        (J'J)^-1 J' C J (J'J)^-1, where C (n, n) is the covariance of the weighted residuals:

        "classical": unit^2 on the diagonal. "heteroscedastic": e_i^2 / (1 - h_i)^2 there (HC3), h the leverages.
        "clustered": blocks of rows with the same number in `groups` (n,), each e_g e_g' after (I - H_gg)^-1 (CR3);
        t has a degree of freedom for each group but one. "autocorrelated": that of an autoregression along the order
        of the rows, by restricted maximum likelihood; t has Satterthwaite's degrees of freedom, as the variances that
        long memory makes large are themselves uncertain.

        >>> rng = np.random.default_rng(0)
        >>> jacobian = np.ones((200, 1))
        >>> walk = np.cumsum(rng.standard_normal(200)) * 0.5 + rng.standard_normal(200)
        >>> errors = [Covariance.of(kind, jacobian, walk - walk.mean(), walk.std()) for kind in ("classical",
        ...           "autocorrelated")]
        >>> bool(errors[1].matrix[0, 0] > 20 * errors[0].matrix[0, 0])
        True

        Source: MacKinnon and White (1985); Bell and McCaffrey (2002); Satterthwaite (1946); Kenward and Roger (1997).
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
            step = _STEP * (np.arange(found.order) == k)
            ends = [np.diag(matrix(found.moved(sign * step))) for sign in (1, -1)]
            slopes.append((np.log(ends[0]) - np.log(ends[1])) / (2 * _STEP))
        gradient = np.array(slopes)
        relative = relative + np.einsum("ai,ab,bi->i", gradient, found.uncertainty(), gradient)
    return at, np.clip(2 / relative, 1.0, rest)
