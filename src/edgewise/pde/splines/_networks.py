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
from edgewise.pde.splines._space import Products, Space


def products(coordinates: int, terms: int, unknowns: int = 1, *, degree: int = 7, grid: int = 4, seed: int = 0) -> KAN:
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
    >>> import torch
    >>> from edgewise.pde import products
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
    """Networks to choose from: one spline on a line, else products, of several starts where they are many, and sums.

    In many coordinates a sum of one function of each comes first, which costs little and may be all.
    """
    if coordinates == 1:
        return [_network([1, unknowns], seed)]
    many = coordinates > 3
    terms = 3 if many else 4
    found = [products(coordinates, terms, unknowns, seed=seed + k) for k in range(starts if many else 1)]
    found += [_network([coordinates, 5, unknowns], seed + k) for k in range(1 if many else starts)]
    return [_network([coordinates, unknowns], seed), *found] if many else found


def _network(widths: Sequence[int], seed: int, grid: int = 4, degree: int = 7) -> KAN:
    return KAN(widths, grid=grid, degree=degree, base=None, seed=seed)


def wider(model: KAN, seed: int) -> KAN | None:
    """The same function with more products or sums, which begin small or at zero; None for a single layer."""
    if len(model.layers) == 1:
        return None
    if not model.nodes[1].arities:
        return widen(model, 1, 3, seed=seed)  # three sums more
    first, last = model.layers
    d, m = first.n_in, last.n_out
    old = last.n_in // m
    terms = old + max(2, old // 2)
    new = products(d, terms, m, degree=first.degree or 7, grid=first.grid, seed=seed)
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
    """One factor of each of R products: a coordinate's number, its space, and coefficients (functions, R)."""

    coordinate: int
    space: Space
    coefficients: Array


def network_of_factors(factors: Sequence[Factors], sums: Sequence[int], unknowns: int) -> KAN:
    """Return KAN([d, (0, [d] * R), unknowns]) of R products of d splines, each added to the unknown of its number."""
    d, degree = len(factors), factors[0].space.degree
    grid = [1] * d
    for each in factors:
        grid[each.coordinate] = each.space.count
    model = KAN([d, (0, [d] * len(sums)), unknowns], degree=degree, grid=[grid, 1], base=None, seed=0)
    first, last = model.layers
    with torch.no_grad():
        first.coefficients.zero_()
        first.mask.fill_(False)
        last.mask.fill_(False)
        for number, (i, space, coefficients) in enumerate(factors):
            knots, own = space.opened(coefficients)
            first.knots[i, : len(knots)] = torch.from_numpy(knots)
            first.coefficients[number::d, i, : len(own)] = torch.from_numpy(own.T)
            first.mask[number::d, i] = True
        for r, q in enumerate(sums):
            last.name_edge((q, r), "x")
            last.mask[q, r] = True
            last.affine[q, r] = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    return model


def network_of(products: Products, coefficients: Tensor, accuracy: Sequence[float]) -> KAN:
    """Return a network for coefficients (functions, unknowns), to an accuracy of each, a root mean square over the box.

    On a line it is a spline for each unknown. Else coefficients are a sum of products of a spline in each coordinate,
    by singular values, of which those that the accuracy does not need are left out; one remains of a single product.
    """
    lines = products.lines
    if len(lines) == 1:
        return _line(lines[0], coefficients.numpy())
    roots = [_root(space) for space in lines]
    parts: list[list[Array]] = []
    sums: list[int] = []
    for q, own in enumerate(coefficients.T.numpy()):
        whole = own.reshape(products.shape)
        for k, root in enumerate(roots):
            whole = np.moveaxis(np.tensordot(root, np.moveaxis(whole, k, 0), 1), 0, k)
        found = _parts(whole, accuracy[q])
        parts += found
        sums += [q] * len(found)
    factors = [
        Factors(k, space, np.linalg.solve(roots[k], np.stack([each[k] for each in parts], 1)))
        for k, space in enumerate(lines)
    ]
    model = network_of_factors(factors, sums, coefficients.shape[1])
    return lock(model, [(1, q, r) for r, q in enumerate(sums)])


def _line(space: Space, coefficients: Array) -> KAN:
    """A spline (functions, m) of one coordinate as a network of one layer."""
    model = KAN([1, coefficients.shape[1]], degree=space.degree, grid=space.count, base=None, seed=0)
    (layer,), (knots, own) = model.layers, space.opened(coefficients)
    with torch.no_grad():
        layer.knots[0] = torch.from_numpy(knots)
        layer.coefficients[:, 0] = torch.from_numpy(own.T)
    return model


def _parts(whole: Array, accuracy: float) -> list[list[Array]]:
    """Vectors of each coordinate whose products add up to an array, but for `accuracy` in the root of squares."""
    if whole.ndim == 1:
        return [[whole]]
    u, sizes, v = np.linalg.svd(whole.reshape(len(whole), -1), full_matrices=False)
    tails = np.sqrt(np.cumsum(sizes[::-1] ** 2))[::-1]
    found = []
    for r in range(max(1, int((tails > accuracy).sum()))):
        share = sizes[r] ** 0.5
        for rest in _parts((share * v[r]).reshape(whole.shape[1:]), accuracy / max(share, 1e-300)):
            found.append([share * u[:, r], *rest])
    return found


def _root(space: Space) -> Array:
    """R with |R c| the size in L2 of the spline of coefficients c."""
    x, weights = space.gauss(space.degree + 1)
    return np.linalg.qr(space.matrix(x).toarray() * np.sqrt(weights / weights.sum())[:, None])[1]
