"""More knots for a cubic B-spline, which stays the same function."""

import numpy as np

from edgewise.tables.additive._curve import DEGREE
from edgewise.tables.additive._reml import Matrix, Vector


def refined(knots: Vector, cells: int) -> tuple[Vector, Matrix]:
    """Return knots with more cells, the widest ones split, and the matrix that carries coefficients to them."""
    matrix = np.eye(len(knots) - DEGREE - 1)
    while len(knots) - 2 * DEGREE - 1 < cells:
        inner = knots[DEGREE : len(knots) - DEGREE]
        widest = int(np.argmax(np.diff(inner)))
        knots, step = inserted(knots, DEGREE + widest, (inner[widest] + inner[widest + 1]) / 2)
        matrix = step @ matrix
    return knots, matrix


def with_knots(knots: Vector, places: Vector) -> tuple[Vector, Matrix]:
    """Return knots with those places that are no knots yet, and the matrix that carries coefficients to them."""
    matrix = np.eye(len(knots) - DEGREE - 1)
    close = 1e-3 * float(knots[-DEGREE - 2] - knots[DEGREE + 1])
    for place in np.sort(places).tolist():
        if np.abs(knots - place).min() > close:
            knots, step = inserted(knots, int(np.searchsorted(knots, place)) - 1, place)
            matrix = step @ matrix
    return knots, matrix


def inserted(knots: Vector, cell: int, place: float) -> tuple[Vector, Matrix]:
    """Return the knots with one more in a cell, and the matrix of Boehm's knot insertion."""
    count = len(knots) - DEGREE - 1
    matrix = np.zeros((count + 1, count))
    for i in range(count + 1):
        if i <= cell - DEGREE:
            share = 1.0
        elif i > cell:
            share = 0.0
        else:
            share = (place - knots[i]) / (knots[i + DEGREE] - knots[i])
        if i < count:
            matrix[i, i] += share
        if i > 0:
            matrix[i, i - 1] += 1 - share
    return np.insert(knots, cell + 1, place), matrix
