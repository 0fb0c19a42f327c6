"""Systems on a rectangle that is periodic both ways: solved as if their coefficients were constant, and corrected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import LinearOperator, gmres

from edgewise._typing import Array
from edgewise.pde._plane_line import Line

_ACCURACY = 1e-4  # of a solution; what is left of it Newton's next step sees
_MOST = 20  # steps of the method of minimal residuals, from which it starts again once
_SINGULAR = 1e-13
_FAR = 0.03  # of what is left, with which it has failed


class Symbols(NamedTuple):
    """What equations with constant coefficients do to waves, by values and by derivatives by time.

    Each (n_x, n_y, components, components).
    """

    values: Array
    rates: Array


class FourierSolver:
    """Solves by minimal residuals, from the inverse of the equations with their coefficients' means."""

    def __init__(self, matrix: csc_matrix, symbols: Symbols, factor: complex) -> None:
        self.matrix = matrix.tocsr()
        self.inverse = np.linalg.pinv(symbols.values + factor * symbols.rates, rcond=_SINGULAR)
        self.failed = False

    def solve(self, right: Array) -> Array:
        size = right.size
        near = LinearOperator((size, size), self._near)
        whole = right.astype(complex)
        found, _ = gmres(self.matrix, whole, rtol=_ACCURACY, restart=_MOST, maxiter=2, M=near)
        off = np.linalg.norm(self.matrix @ found - whole)
        self.failed = self.failed or not off <= _FAR * np.linalg.norm(whole)
        return found if np.iscomplexobj(right) else found.real

    def _near(self, right: Array) -> Array:
        n, m, count, _ = self.inverse.shape
        waves = np.fft.fft2(right.reshape(n, m, count), axes=(0, 1))
        return np.fft.ifft2((self.inverse @ waves[..., None])[..., 0], axes=(0, 1)).ravel()


def symbol(line: Line, order: int) -> Array:
    """What the products of equal cells' splines with their derivatives do to each wave: (n,)."""
    n, band = len(line.space), line.band
    row = (line.patterns(None, order) @ np.ones(len(line.at))).reshape(n, band)[0]
    shifts = np.arange(band) - line.space.degree
    return np.exp(2j * np.pi * np.outer(np.arange(n), shifts) / n) @ row
