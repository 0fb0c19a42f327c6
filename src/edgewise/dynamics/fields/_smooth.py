"""Smooth fields through rows: how many cells they need, and what noise they leave."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from edgewise._typing import Array
from edgewise.dynamics.fields._lattice import Lattice, Rows
from edgewise.dynamics.fields._measured import Measured
from edgewise.pde.splines import Space


class Smooth(NamedTuple):
    """Cells of each coordinate, those that rows allow at most, and the noise of each component."""

    cells: tuple[int, ...]
    most: tuple[int, ...]
    noise: Array


def of_grid(measured: Measured, degrees: tuple[int, ...]) -> Smooth:
    """The cells of each coordinate by generalized cross-validation of least squares on a grid."""
    axes = measured.axes
    assert axes is not None
    shape = [len(x) for x in axes]
    values = measured.values.reshape(*shape, -1)
    options: list[list[int]] = []
    factors: list[dict[int, Array]] = []
    for x, degree in zip(axes, degrees, strict=True):
        most = max(int(0.9 * len(x)) - degree, 2)
        options.append(sorted({round(c) for c in np.geomspace(2, most, 9).tolist()}))
        factors.append({c: _orthogonal(x, c, degree) for c in options[-1]})
    total = (values**2).sum(axis=tuple(range(len(axes))))
    n, best, found = int(np.prod(shape)), np.inf, None
    for cells in product(*options):
        held = values
        for k, c in enumerate(cells):
            held = np.moveaxis(np.tensordot(factors[k][c].T, held, (1, k)), 0, k)
        p = int(np.prod(held.shape[:-1]))
        if p >= 0.9 * n:
            continue
        left = np.maximum(total - (held**2).sum(axis=tuple(range(len(axes)))), _EXACT**2 * total)
        score = float(np.log(left / n).sum() - 2 * len(left) * np.log(1 - p / n))
        if score < best:
            best, found = score, (cells, np.sqrt(left / (n - p)))
    assert found is not None
    return Smooth(found[0], tuple(own[-1] for own in options), found[1])


def _orthogonal(x: Array, cells: int, degree: int) -> Array:
    return np.linalg.qr(Space(np.linspace(x[0], x[-1], cells + 1), degree).matrix(x).toarray())[0]


def smoothed(lattice: Lattice, rows: Rows, values: Array, seed: int = 0) -> tuple[Array, Array]:
    """Coefficients (size, d) of the penalized field that cross-validation favors, and the noise (d,)."""
    gram = np.zeros((lattice.size, lattice.reach + 1))
    rows.add_squares(gram)
    rough = np.zeros_like(gram)
    for own in lattice.differences():
        own.add_squares(rough)
    right = np.stack([rows.turned(own, lattice.size) for own in values.T], 1)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (len(values), 4))
    seen = np.stack([rows.turned(own, lattice.size) for own in signs.T], 1)
    n, best, found = len(values), np.inf, None
    for weight in np.geomspace(1e-6, 1e2, 9):
        factor = cholesky_banded((gram + weight * rough + 1e-12 * gram.max() * _diagonal(gram)).T, lower=True)
        own = cho_solve_banded((factor, True), np.hstack([right, seen]))
        coefficients, traced = own[:, : values.shape[1]], own[:, values.shape[1] :]
        left = ((values - rows.image(coefficients)) ** 2).sum(0)
        free = float(np.mean((signs * rows.image(traced)).sum(0)))
        score = float(np.log(np.maximum(left, 1e-300) / n).sum()) - 2 * len(left) * np.log(max(1 - free / n, 1e-3))
        if score < best:
            best, found = score, (coefficients, np.sqrt(left / max(n - free, 1.0)))
    assert found is not None
    return found


_EXACT = 3e-7  # part of the values that is left by a field that needs no more cells


def _diagonal(band: Array) -> Array:
    found = np.zeros_like(band)
    found[:, 0] = 1.0
    return found
