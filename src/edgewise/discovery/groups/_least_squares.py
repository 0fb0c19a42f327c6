"""Least squares with coefficients that differ by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array

_RANK = 1e-11


@dataclass(frozen=True)
class Coefficients:
    """Shared coefficients (k,), those of each group (G, v), and their covariances without the residuals' variance."""

    shared: Array
    grouped: Array
    shared_spread: Array
    grouped_spread: Array

    def values(self, shared: Array, grouped: Array, codes: Array) -> Array:
        """Return the values (n,) at shared (n, k) and grouped (n, v) columns of rows of these groups (n,)."""
        return shared @ self.shared + np.sum(grouped * self.grouped[codes], axis=1)


def solve(shared: Array, grouped: Array, y: Array, weight: Array, codes: Array, groups: int) -> Coefficients:
    """Return the coefficients that minimize sum w^2 (shared b + grouped c_g - y)^2 over b and c_g of each group g.

    shared (n, k), grouped (n, v), y, weight and codes (n,). Each group's columns are projected out of the shared ones.

    >>> x, codes = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0, 0, 1, 1])
    >>> found = solve(x, np.ones((4, 1)), np.array([1.0, 3.0, 5.0, 7.0]), np.ones(4), codes, 2)
    >>> found.shared.round(6), found.grouped.round(6).tolist()
    (array([2.]), [[1.0], [5.0]])
    """
    w = weight[:, None]
    left, right = w * np.column_stack([shared, y]), w * grouped
    k, v = shared.shape[1], grouped.shape[1]
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(groups + 1))
    blocks: list[tuple[Array, Array]] = []
    projected = left.copy()
    for g in range(groups):
        rows = order[ends[g] : ends[g + 1]]
        inverse = np.linalg.pinv(right[rows], rcond=_RANK) if v else np.zeros((0, len(rows)))
        onto = inverse @ left[rows]
        projected[rows] = left[rows] - right[rows] @ onto
        blocks.append((inverse, onto))
    inverse = np.linalg.pinv(projected[:, :k], rcond=_RANK) if k else np.zeros((0, len(y)))
    b, spread = inverse @ projected[:, k], inverse @ inverse.T
    values, spreads = np.zeros((groups, v)), np.zeros((groups, v))
    for g, (own, onto) in enumerate(blocks):
        values[g] = onto[:, k] - onto[:, :k] @ b
        spreads[g] = np.sum(own**2, axis=1) + np.einsum("ij,jk,ik->i", onto[:, :k], spread, onto[:, :k])
    return Coefficients(b, values, np.diag(spread), spreads)
