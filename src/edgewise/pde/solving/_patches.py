"""Groups of points that each lie in one cell of a lattice: inside a domain, on its boundary; and the splines there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.pde.geometry._boundary import Boundary
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.solving._settings import LATTICES
from edgewise.pde.splines._local import Local
from edgewise.pde.splines._space import Products
from edgewise.pde.statement._condition import Condition, Equation, Measured, Periodic
from edgewise.pde.statement._interface import Between, Pieced, outputs_at, pieces_at
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Linearized, Term


class Patch(NamedTuple):
    """Points in groups that each lie in one cell, one set (C, Q, d) or two of as many, and their measures (C, Q)."""

    sides: list[Tensor]
    weights: Tensor

    def flat(self) -> list[Tensor]:
        return [side.flatten(0, 1) for side in self.sides]


def _by_cell(products: Products, values: Tensor, count: int) -> Tensor:
    """Values at the Gauss points of all cells, (n, ...), as (cells, points of a cell, ...)."""
    d = len(products.lines)
    grid = values.view(*(size for cells in products.counts for size in (cells, count)), *values.shape[1:])
    order = [*range(0, 2 * d, 2), *range(1, 2 * d, 2), *range(2 * d, grid.ndim)]
    return grid.permute(order).reshape(products.size, count**d, *values.shape[1:])


def gauss_cells(products: Products, count: int) -> Patch:
    """Gauss points of each cell, `count` by each coordinate."""
    points, weights = map(torch.from_numpy, products.gauss(count))
    return Patch([_by_cell(products, points, count)], _by_cell(products, weights, count))


def inside(products: Products, problem: Problem, count: int) -> list[Patch]:
    """Gauss points of each cell that are in a domain: of whole cells, and of those that it or an interface cuts."""
    whole, domain, pieced = gauss_cells(products, count), problem.domain, isinstance(problem, Pieced)
    if isinstance(domain, Box) and not pieced:
        return [whole]
    fine = gauss_cells(products, count + LATTICES.more_in_cut[len(products.lines)])
    points = fine.sides[0].flatten(0, 1)
    kept = domain.contains(points).view_as(fine.weights)
    pieces = pieces_at(problem, points).view_as(kept)
    full, some = kept.all(1) & (pieces == pieces[:, :1]).all(1), kept.any(1)
    cut = some & ~full
    found = [Patch([whole.sides[0][full]], whole.weights[full])]
    found += [_filled([fine.sides[0][cut]], fine.weights[cut], kept[cut])]
    return [patch for patch in found if len(patch.weights)]


def by_piece(problem: Problem, patch: Patch) -> list[tuple[Patch, list[int]]]:
    """Groups of points of which each lies in one piece of the domain, and the pieces of each side."""
    pieces = [pieces_at(problem, side).view_as(patch.weights) for side in patch.flat()]
    found = []
    for own in torch.stack([piece.flatten() for piece in pieces], 1).unique(dim=0).tolist():
        same = [piece == k for piece, k in zip(pieces, own, strict=True)]
        kept = (patch.weights > 0) & torch.stack(same).all(0)
        some = kept.any(1)
        if bool(some.any()):
            found.append((_filled([side[some] for side in patch.sides], patch.weights[some], kept[some]), own))
    return found


def _filled(sides: Sequence[Tensor], weights: Tensor, kept: Tensor) -> Patch:
    """Points of which some do not count: these lie at others of their group."""
    first, each = kept.int().argmax(1), torch.arange(len(kept))
    instead = [side[each, first].unsqueeze(1) for side in sides]
    filled = [torch.where(kept.unsqueeze(2), *both) for both in zip(sides, instead, strict=True)]
    return Patch(filled, weights * kept)


def grouped(products: Products, sides: Sequence[Tensor], weights: Tensor) -> Patch:
    """Points (n, d), of one side or two, by the cells that they lie in."""
    each = [np.ravel_multi_index(tuple(products.cell_of(side.numpy()).T), products.counts) for side in sides]
    cells = np.unique(np.stack(each, 1), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(cells, kind="stable")
    _, starts, sizes = np.unique(cells[order], return_index=True, return_counts=True)
    start, size = np.asarray(starts).reshape(-1, 1), np.asarray(sizes).reshape(-1, 1)
    place = np.arange(int(size.max(initial=1)))
    chosen = torch.from_numpy(order[start + np.minimum(place, size - 1)])
    return Patch([side[chosen] for side in sides], weights[chosen] * torch.from_numpy(place < size))


def face(products: Products, k: int, end: float, count: int) -> Patch:
    """Gauss points of the cells at an end of a coordinate, with their measures over the width of the cell there."""
    others = [line for i, line in enumerate(products.lines) if i != k]
    widths = np.diff(products.lines[k].cells)
    width = float(widths[0] if end == products.lines[k].cells[0] else widths[-1])
    if not others:
        return Patch([torch.full((1, 1, 1), end, dtype=torch.float64)], torch.full((1, 1), 1 / width).double())
    inner = gauss_cells(Products(tuple(others)), count)
    points = torch.full((*inner.weights.shape, len(products.lines)), end, dtype=torch.float64)
    points[:, :, [i for i in range(len(products.lines)) if i != k]] = inner.sides[0]
    return Patch([points], inner.weights / width)


def patches_of(condition: Condition, products: Products, measure: float, seed: int) -> list[Patch]:
    """Where a condition holds in a domain of some measure; weights are over the width of a cell across the boundary."""
    where, also, d = condition.where, condition.also, len(products.lines)
    count = LATTICES.gauss[d]
    if isinstance(where, Face) and also is None:
        return [face(products, k, end, count) for k, end in where.fixed]
    if isinstance(where, Face) and isinstance(also, Face) and len(where.fixed) == len(also.fixed) == 1:
        one, two = (face(products, *side.fixed[0], count) for side in (where, also))
        if where.fixed[0][0] == also.fixed[0][0]:
            return [Patch([*one.sides, *two.sides], one.weights)]
    widths = [np.diff(line.cells) for line in products.lines]
    if isinstance(condition, Between) or (isinstance(where, Boundary) and also is None):
        mean = math.prod(float(own.mean()) for own in widths) ** (1 / d)
        if isinstance(condition, Between):
            side, length, spaced = condition.side, condition.length, condition.spaced
        else:
            assert isinstance(where, Boundary)
            side, length, spaced = where, sum(curve.length for curve in where.curves()), where.spaced
        by_size = math.ceil(LATTICES.on_cell ** (d - 1) * length / mean ** (d - 1))
        points, lengths = spaced(max(by_size, LATTICES.around[d] * (products.degree + 1) ** (d - 1)))
        sides = [points] if isinstance(points, Tensor) else points
        across = ((side.normals(sides[0]).numpy() / widths_at(products, sides[0].numpy())) ** 2).sum(1) ** 0.5
        return [grouped(products, sides, lengths * torch.from_numpy(across))]
    sides = condition.points(LATTICES.on_pairs * max(products.counts), seed)
    if len(sides) == 1:  # points stay in order, as residuals may hold values for them
        size = torch.from_numpy(widths_at(products, sides[0].numpy())).prod(1) ** ((d - 2) / d)
        weights = torch.full_like(size, measure / len(size)) if isinstance(condition, Measured) else size
        return [Patch([sides[0].unsqueeze(1)], weights.unsqueeze(1))]
    weights = torch.full((len(sides[0]), 1), 1.0 / len(sides[0]), dtype=torch.float64)
    narrowest = min(float(own.min()) for own in widths)
    return [Patch([side.unsqueeze(1) for side in sides], weights * measure / narrowest)]


def widths_at(products: Products, points: Array) -> Array:
    """The widths of the cells that points lie in, (n, d)."""
    cells = products.cell_of(points)
    return np.stack([np.diff(line.cells)[cells[:, k]] for k, line in enumerate(products.lines)], 1)


def places_of(problem: Problem, products: Products, touched: Array) -> Array:
    """The place of each coefficient (functions, unknowns) that is touched, so that the band is narrow; -1 for others.

    The functions of one coordinate come one after the other: a periodic one's, or those of the fewest cells.
    """
    periods = [c.name for c in problem.conditions if isinstance(c, Periodic)]
    names, m = problem.domain.names, touched.shape[1]
    order = sorted(range(len(names)), key=lambda k: (names[k] in periods, -products.counts[k]))
    numbers = np.arange(len(products)).reshape(products.shape).transpose(order).ravel()
    each = (numbers[:, None] * m + np.arange(m)).ravel()
    each = each[touched.ravel()[each]]
    places = np.full(touched.size, -1)
    places[each] = np.arange(len(each))
    return places


def powers_of(problem: Problem, points: Tensor, *, raised: bool) -> Tensor:
    """The powers by which the equation counts less where its terms are far larger, at points (n, d)."""
    domain = problem.domain
    powers = torch.full((len(points),), 2.0 if raised else 0.5, dtype=torch.float64)
    if len(domain.names) == 2 and not raised:
        low, high = domain.ends
        box = isinstance(domain, Box)
        corners = torch.cartesian_prod(*torch.stack([low, high]).T) if box else [c.at for c in domain.corners()]
        for corner in corners:
            far = (points - torch.as_tensor(corner, dtype=torch.float64)).norm(dim=1)
            powers[far < LATTICES.corner * float((high - low).norm())] = 2.0
    return powers


class Stabilized(NamedTuple):
    """An equation with larger second derivatives, and whether any is larger."""

    equation: Linearized
    more: bool


def stabilized(row: Linearized, jets: Jets, widths: Tensor) -> Stabilized:
    """The equation with as much of its second derivatives as a layer needs that is as wide as a cell.

    |a_xx| is at least h |a_x| / 3, so that the splines do not oscillate while knots move to where layers are.
    """
    rest, by, larger = row.residual, dict(row.by[0]), False
    for k in range(widths.shape[1]):
        if (k, k) in by and (k,) in by:
            first, second = by[(k,)], by[(k, k)]
            more = (widths[:, k, None] * first.abs() / LATTICES.peclet - second.abs()).clamp_min(0) * second.sign()
            larger = larger or bool(more.any())
            by[(k, k)], rest = second + more, rest + (more * jets[(k, k)]).sum(1)
    return Stabilized(row._replace(residual=rest, by=[by]), larger)


class Held:
    """An equation at points of one kind.

    pieces: of each side the piece of the domain that its points lie in, where they are of one.
    scales: the weights (C, Q) of each of its parts, once they are known. local, known: the functions at parts of the
    points, and the jets of a solution that is followed.
    """

    def __init__(
        self, equation: Equation, patch: Patch, condition: Condition | None = None, pieces: Sequence[int] | None = None
    ) -> None:
        self.equation, self.patch, self.condition, self.pieces = equation, patch, condition, pieces
        self.scales: list[Tensor] = []
        self.measures = patch.weights
        self.local: dict[tuple[int, int], list[Local]] = {}
        self.known: dict[tuple[int, int], list[Jets]] = {}

    @property
    def piece(self) -> int:
        """The piece of the first side."""
        return self.pieces[0] if self.pieces else 0

    def outputs(self, problem: Problem) -> list[Tensor]:
        """The numbers of the unknowns that the equation sees of each side."""
        if self.pieces is None:
            return [torch.arange(problem.unknowns) for _ in self.patch.sides]
        return [outputs_at(problem, piece) for piece in self.pieces]

    def term(self, part: slice) -> Term:
        return Term(self.equation, [side[part].flatten(0, 1) for side in self.patch.sides], 1.0)
