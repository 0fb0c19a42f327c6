"""A function of a lattice as a network of product nodes, as few as its accuracy allows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.nn import KAN, lock
from edgewise.pde._lattice import Lattice
from edgewise.pde._space import Space


def network_of(lattice: Lattice, coefficients: Tensor, accuracy: float) -> KAN:
    """Return KAN([2, (0, [2] * R), m]) for coefficients (functions, m), to a relative accuracy in L2.

    A matrix of coefficients is a sum of products of a spline in x and one in y, by its singular values, of which those
    that the accuracy does not need are left out. For a function that is a product, one remains.
    """
    pairs, sums = [], []
    for q, matrix in enumerate(lattice.matrices(coefficients).numpy()):
        found = _factors(lattice, matrix, accuracy)
        pairs += found
        sums += [q] * len(found)
    cells, degree = lattice.cells, lattice.spaces[0].degree
    model = KAN(
        [2, (0, [2] * len(pairs)), coefficients.shape[1]], degree=degree, grid=[list(cells), 1], base=None, seed=0
    )
    first, last = model.layers
    with torch.no_grad():
        first.coefficients.zero_()
        first.mask.fill_(False)
        last.mask.fill_(False)
        for k, space in enumerate(lattice.spaces):
            knots = _spread(space)
            first.knots[k, : len(knots)] = torch.from_numpy(knots)
        for k, space in enumerate(lattice.spaces):
            x, _ = space.gauss(degree + 1)
            at = torch.zeros(len(x), 2, dtype=torch.float64)
            at[:, k] = torch.from_numpy(x)
            known = first.evaluate_basis(at, 0)[:, k, : cells[k] + degree]
            values = torch.from_numpy(space.matrix(x) @ np.stack([pair[k] for pair in pairs], 1))
            own = torch.linalg.lstsq(known, values).solution.T
            first.coefficients[k::2, k, : own.shape[1]] = own
            first.mask[k::2, k] = True
        for r, q in enumerate(sums):
            last.name_edge((q, r), "x")
            last.mask[q, r] = True
            last.affine[q, r] = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    return lock(model, [(1, q, r) for r, q in enumerate(sums)])


def _factors(lattice: Lattice, matrix: Array, accuracy: float) -> list[tuple[Array, Array]]:
    """Pairs of coefficients in x and y of which a matrix is the sum of outer products."""
    roots = [_root(space) for space in lattice.spaces]
    u, sizes, v = np.linalg.svd(roots[0] @ matrix @ roots[1].T)
    tails = np.sqrt(np.cumsum(sizes[::-1] ** 2))[::-1]
    count = max(1, int((tails > accuracy * max(tails[0], 1e-300)).sum()))
    share = np.sqrt(sizes[:count])
    left = np.linalg.solve(roots[0], u[:, :count] * share)
    right = np.linalg.solve(roots[1], v[:count].T * share)
    return list(zip(left.T, right.T, strict=True))


def _root(space: Space) -> Array:
    """R with |R c| the size in L2 of the spline of coefficients c."""
    x, weights = space.gauss(space.degree + 1)
    return np.linalg.qr(space.matrix(x).toarray() * np.sqrt(weights / weights.sum())[:, None])[1]


def _spread(space: Space) -> Array:
    """The ends of the cells with more knots beyond them, as far apart as the first and the last."""
    cells, steps = space.cells, np.arange(1, space.degree + 1)
    below = cells[0] - steps[::-1] * (cells[1] - cells[0])
    return np.concatenate([below, cells, cells[-1] + steps * (cells[-1] - cells[-2])])
