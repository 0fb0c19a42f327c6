"""Penalized least squares under linear inequalities: curves that must rise or fall."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from edgewise.tables.additive._algebra import Matrix, Vector

_TOLERANCE = 1e-12


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
    if not len(rows) or (rows @ free).min() >= -_TOLERANCE * np.abs(free).max():
        return free
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    factor = cholesky(matrix, lower=True)
    start = solve_triangular(factor, cross, lower=True)
    cone = solve_triangular(factor, rows.T, lower=True)
    multipliers, _ = nnls(cone, -start, maxiter=30 * cone.shape[1])
    return solve_triangular(factor, start + cone @ multipliers, lower=True, trans=1)
