"""Networks of products of splines: those that `solve` starts from, and those that lattices and slabs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.nn import KAN, clone, lock, widen
from edgewise.pde.splines._space import Space

_GRID, _DEGREE = 4, 7
_SUMS, _PRODUCTS = 5, {2: 4, 3: 4}
_MANY = 3  # products where there are more coordinates
_WIDER = 3  # sums that a wider network has more


def products(
    coordinates: int, terms: int, unknowns: int = 1, *, degree: int = _DEGREE, grid: int = _GRID, seed: int = 0
) -> KAN:
    """Return a network that is a sum of products:  u_q(x) = sum_r prod_i f_qri(x_i).

    KAN([d, (0, [d] * terms * unknowns), unknowns]) in which coordinate i enters the i-th factor of each product only,
    and products enter sums as they are. What is a product in many coordinates, or a short sum of such, it represents by
    few parameters. Factors begin near one where there are more than two coordinates, since a product of many small
    numbers has no gradient.

    Parameters
    ----------
    coordinates
        The number d of coordinates, 2 or more.
    terms
        The number of products in each sum.
    unknowns
        The number of sums.
    degree
        Degree of the splines.
    grid
        Cells of each spline.
    seed
        Seed of the first coefficients.

    Raises
    ------
    InputError
        For numbers below 1, and a single coordinate.

    Examples
    --------
    >>> products(5, 2, grid=4)(torch.zeros(3, 5).double()).shape
    torch.Size([3, 1])
    """
    for name, value in (("coordinates", coordinates), ("terms", terms), ("unknowns", unknowns)):
        if not is_int(value, 1):
            raise InputError(f"'{name}' must be an int >= 1. Got {value!r}.")
    if coordinates < 2:
        raise InputError("A product needs at least 2 coordinates. Use KAN([1, unknowns]) for one.")
    count = terms * unknowns
    net = KAN([coordinates, (0, [coordinates] * count), unknowns], grid=grid, degree=degree, base=None, seed=seed)
    first, last = net.layers
    with torch.no_grad():
        first.mask.copy_(torch.eye(coordinates, dtype=torch.bool).repeat(count, 1))
        last.mask.zero_()
        scale = (0.5 if coordinates > 2 else 1.0) * coordinates**0.5  # a spline's first values are of size 1/sqrt(d)
        first.coefficients.mul_(scale).add_(0.5 if coordinates > 2 else 0.0)
        for q in range(unknowns):
            for r in range(q * terms, (q + 1) * terms):
                last.mask[q, r] = True
                last.name_edge((q, r), "x")
    return lock(net, [(1, q, r) for q in range(unknowns) for r in range(q * terms, (q + 1) * terms)])


def candidates(coordinates: int, unknowns: int, starts: int, seed: int) -> list[KAN]:
    """Networks to choose from: one spline on a line, else products, of several starts where they are many, and sums."""
    if coordinates == 1:
        return [KAN([1, unknowns], grid=_GRID, degree=_DEGREE, base=None, seed=seed)]
    many = coordinates not in _PRODUCTS
    terms = _PRODUCTS.get(coordinates, _MANY)
    found = [products(coordinates, terms, unknowns, seed=seed + k) for k in range(starts if many else 1)]
    sums = range(1 if many else starts)
    return found + [
        KAN([coordinates, _SUMS, unknowns], grid=_GRID, degree=_DEGREE, base=None, seed=seed + k) for k in sums
    ]


def wider(model: KAN, seed: int) -> KAN | None:
    """The same function with more products or sums, which begin small or at zero; None for a single layer."""
    if len(model.layers) == 1:
        return None
    if not model.nodes[1].arities:
        return widen(model, 1, _WIDER, seed=seed)
    first, last = model.layers
    d, m = first.n_in, last.n_out
    old = last.n_in // m
    terms = old + max(2, old // 2)
    new = products(d, terms, m, degree=first.degree or _DEGREE, grid=first.grid, seed=seed)
    begun = new.layers[0]
    with torch.no_grad():
        begun.knots.copy_(first.knots)
        begun.coefficients.mul_(0.1 if d == 2 else 0.5)
        for q in range(m):
            at, to = q * terms * d, q * old * d
            begun.coefficients[at : at + old * d] = first.coefficients[to : to + old * d]
    return new


def redrawn(model: KAN, seed: int) -> KAN:
    """The network with all that is not locked drawn again."""
    new, generator = clone(model), torch.Generator().manual_seed(seed)
    for layer in new.layers:
        layer.reset_parameters(generator)
    return new


class Factors(NamedTuple):
    """One factor of each product of a network: a coordinate's number, cells, places, and values there (n, R)."""

    coordinate: int
    cells: Array
    places: Array
    values: Array


def network_of_factors(degree: int, factors: tuple[Factors, Factors], sums: Sequence[int], unknowns: int) -> KAN:
    """Return KAN([2, (0, [2] * R), unknowns]) of R products of two splines, each added to the unknown of its number."""
    grid = [1, 1]
    for each in factors:
        grid[each.coordinate] = len(each.cells) - 1
    model = KAN([2, (0, [2] * len(sums)), unknowns], degree=degree, grid=[grid, 1], base=None, seed=0)
    first, last = model.layers
    with torch.no_grad():
        first.coefficients.zero_()
        first.mask.fill_(False)
        last.mask.fill_(False)
        for i, cells, _, _ in factors:
            knots = Space(cells, degree, spread=True).knots
            first.knots[i, : len(knots)] = torch.from_numpy(knots)
        for number, (i, cells, places, values) in enumerate(factors):
            at = torch.zeros(len(places), 2, dtype=torch.float64)
            at[:, i] = torch.from_numpy(places)
            known = first.evaluate_basis(at, 0)[:, i, : len(cells) - 1 + degree]
            own = torch.linalg.lstsq(known, torch.from_numpy(values)).solution.T
            first.coefficients[number::2, i, : own.shape[1]] = own
            first.mask[number::2, i] = True
        for r, q in enumerate(sums):
            last.name_edge((q, r), "x")
            last.mask[q, r] = True
            last.affine[q, r] = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    return model


def network_of(spaces: tuple[Space, Space], matrices: Tensor, accuracy: float) -> KAN:
    """Return a network for coefficients (m, functions of x, functions of y), to a relative accuracy in L2.

    A matrix of coefficients is a sum of products of a spline in x and one in y, by its singular values, of which those
    that the accuracy does not need are left out. For a function that is a product, one remains.
    """
    pairs: list[tuple[Array, Array]] = []
    sums: list[int] = []
    for q, matrix in enumerate(matrices.numpy()):
        found = _factors(spaces, matrix, accuracy)
        pairs += found
        sums += [q] * len(found)
    factors = []
    for k, space in enumerate(spaces):
        x, _ = space.gauss(space.degree + 1)
        factors.append(Factors(k, space.cells, x, space.matrix(x) @ np.stack([pair[k] for pair in pairs], 1)))
    model = network_of_factors(spaces[0].degree, (factors[0], factors[1]), sums, len(matrices))
    return lock(model, [(1, q, r) for r, q in enumerate(sums)])


def _factors(spaces: tuple[Space, Space], matrix: Array, accuracy: float) -> list[tuple[Array, Array]]:
    """Pairs of coefficients in x and y of which a matrix is the sum of outer products."""
    roots = [_root(space) for space in spaces]
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
