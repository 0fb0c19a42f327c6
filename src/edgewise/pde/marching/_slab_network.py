"""A slab of time as the network that it is: product nodes of a spline in space and a polynomial in time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.nn import KAN, lock
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._slab import Slab

_POINTS = 3  # of a cell, for each coefficient there


def network_of(evolution: Evolution, slab: Slab) -> KAN:
    """Return a slab as KAN([2, (0, [2] * R), unknowns]), whose edges of time are locked, to rounding."""
    products, sums = _products(evolution, slab)
    grid = [1, 1]
    grid[evolution.space] = len(slab.space.cells) - 1
    model = KAN(
        [2, (0, [2] * len(products)), len(evolution.orders)],
        degree=slab.space.degree,
        grid=[grid, 1],
        base=None,
        seed=0,
    )
    first, last = model.layers
    with torch.no_grad():
        _place_knots(first.knots[evolution.space], slab.space.cells, slab.space.degree)
        _place_knots(first.knots[evolution.time], np.array([slab.begin, slab.end]), slab.space.degree)
        first.coefficients.zero_()
        first.mask.fill_(False)
        last.mask.fill_(False)
        at = _points(evolution, slab)
        for column, i in enumerate((evolution.space, evolution.time)):
            values = np.stack([product[column] for product in products], 1)
            known = first.evaluate_basis(at, 0)[:, i, : grid[i] + slab.space.degree]
            found = torch.linalg.lstsq(known, torch.from_numpy(values)).solution.T
            first.coefficients[column::2, i, : found.shape[1]] = found
            first.mask[column::2, i] = True
        for r, v in enumerate(sums):
            last.name_edge((v, r), "x")
            last.mask[v, r] = True
            last.affine[v, r] = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    return lock(model, [(0, 2 * r + 1, evolution.time) for r in range(len(products))])


def _products(evolution: Evolution, slab: Slab) -> tuple[list[tuple[Array, Array]], list[int]]:
    """The factors of each product at the points of `_points`, of space and of time, and the unknown it belongs to."""
    x, t = (_points(evolution, slab)[:, i].numpy() for i in (evolution.space, evolution.time))
    matrix, tau = slab.space.matrix(x), (t - slab.begin) / slab.length
    products, sums = [], []
    for v in range(len(evolution.orders)):
        c, _, _ = evolution.part(v, ())
        if slab.changing[c]:
            products.append((matrix @ slab.begins[:, c], np.ones_like(t)))
        shapes = slab.shapes(c, tau)
        products += [(matrix @ slab.inner[:, c, m], shapes[:, m]) for m in range(slab.inner.shape[2])]
        sums += [v] * (len(products) - len(sums))
    return products, sums


def _points(evolution: Evolution, slab: Slab) -> Tensor:
    """Points (n, 2) that determine the splines of both coordinates."""
    x, _ = slab.space.gauss(_POINTS * (slab.space.degree + 1))
    t = slab.begin + slab.length * (0.5 - 0.5 * np.cos(np.pi * (np.arange(len(x)) + 0.5) / len(x)))
    columns = [t, x] if evolution.time == 0 else [x, t]
    return torch.from_numpy(np.stack(columns, 1))


def _place_knots(row: Tensor, cells: Array, degree: int) -> None:
    """Write the ends of cells to a row of knots, with more beyond them, as wide as the first and last cell."""
    steps = np.arange(1, degree + 1)
    below = cells[0] - steps[::-1] * (cells[1] - cells[0])
    above = cells[-1] + steps * (cells[-1] - cells[-2])
    whole = np.concatenate([below, cells, above])
    row[: len(whole)] = torch.from_numpy(whole)
