"""Products of splines over a box of two coordinates, and an equation as a sum of squares of their coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Jets, Order
from edgewise.nn import KAN
from edgewise.pde.geometry._domain import Face
from edgewise.pde.solving._settings import LATTICES
from edgewise.pde.splines._networks import network_of
from edgewise.pde.splines._space import Products
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._condition import Condition, Equation, Periodic
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Term, entries_of, left, linearized


class Patch(NamedTuple):
    """Points in groups that each lie in one cell, one set (C, Q, 2) or two of as many, and weights (C, Q) of sum 1."""

    sides: list[Tensor]
    weights: Tensor


def inside(products: Products, count: int) -> Patch:
    """Gauss points of each cell of two coordinates, `count` by each."""
    n, m = products.counts
    points, weights = map(torch.from_numpy, products.gauss(count))
    by_cell = torch.arange(len(weights)).view(n, count, m, count).transpose(1, 2).reshape(n * m, -1)
    return Patch([points[by_cell]], weights[by_cell] / weights.sum())


def faces(products: Products, fixed: Sequence[tuple[int, float]], count: int) -> Patch:
    """Gauss points of the cells at faces, each a coordinate's number and the end where it is held."""
    points, weights = [], []
    for k, end in fixed:
        x, v = products.lines[1 - k].gauss(count)
        at = torch.full((len(x), 2), end, dtype=torch.float64)
        at[:, 1 - k] = torch.from_numpy(x)
        points.append(at.view(-1, count, 2))
        weights.append(torch.from_numpy(v / v.sum() / len(fixed)).view(-1, count))
    return Patch([torch.cat(points)], torch.cat(weights))


class Local(NamedTuple):
    """The functions that live at groups of points (C, Q, 2): numbers (C, K), and values (C Q, K) of each order."""

    numbers: Tensor
    values: dict[Order, Tensor]

    @classmethod
    def at(cls, products: Products, points: Tensor, orders: Sequence[Order]) -> Local:
        values = products.at(points.flatten(0, 1).numpy(), orders)
        numbers = products.index(products.cell_of(points[:, 0].numpy()))
        return cls(torch.from_numpy(numbers), {order: torch.from_numpy(part) for order, part in values.items()})

    def jets(self, coefficients: Tensor) -> Jets:
        """Splines with coefficients (functions, m): (C Q, m) of each order."""
        near = coefficients[self.numbers]
        groups, count = self.numbers.shape
        return {order: (part.view(groups, -1, count) @ near).flatten(0, 1) for order, part in self.values.items()}


def band_order(problem: Problem, products: Products) -> Tensor:
    """The place of each function among all, so that the band is narrow.

    The functions of one coordinate come one after the other: a periodic one's, or those of fewer cells.
    """
    periods = [c.name for c in problem.conditions if isinstance(c, Periodic)]
    one, two = products.counts
    inner = problem.domain.names.index(periods[0]) if periods else int(one >= two)
    numbers = torch.arange(len(products))
    return numbers if inner == 1 else numbers.view(products.shape[::-1]).T.flatten()


class _Held(NamedTuple):
    """An equation at points, and how much its mean square counts."""

    equation: Equation
    weight: float
    patch: Patch

    def term(self, part: Patch) -> Term:
        return Term(
            self.equation, [side.flatten(0, 1) for side in part.sides], self.weight, part.weights.flatten()
        )  # fmt: skip


class LatticeObjective:
    """cost(vector) = sum over equations of weight * mean of residual^2, by Gauss points of the cells.

    The vector holds coefficients (functions, unknowns), flattened, and after them the unknown constants.
    """

    def __init__(self, problem: Problem, products: Products, boundary: int, seed: int) -> None:
        self.problem, self.products, self.names = problem, products, list(problem.numbers)
        self.size, m = len(products) * problem.unknowns, problem.unknowns
        self.places = band_order(problem, products)[:, None] * m + torch.arange(m)
        self.start = torch.zeros(self.size + len(self.names), dtype=torch.float64)
        self.held = [_Held(problem.residual, 1.0, inside(products, LATTICES.gauss))]
        for condition in problem.conditions:
            patch = self._patch(condition, boundary, seed)
            self.held.append(_Held(condition.equation, condition.weight, patch))
        self.band = max(self._reach(held.patch) for held in self.held)

    @property
    def seconds(self) -> float:
        """About the time that a step takes on one core."""
        wide = (self.products.degree + 1) ** 2 * self.problem.unknowns
        rows = self.held[0].patch.weights.numel() * self.problem.unknowns
        return rows * (1e-5 + 2e-9 * wide**2) + 2e-10 * self.size * self.band**2

    def begin(self, coefficients: Tensor, constants: Mapping[str, float]) -> None:
        """Start at coefficients (functions, unknowns) and constants; see `_relate`."""
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([coefficients.flatten(), own])

    def relate(self) -> None:
        """Let the equation count less where its terms, at the start, are far larger than in most of the domain.

        There, as in corners where they are infinite, errors that are small relative to them would outweigh all else.
        The squares are multiplied by  (1 + (T / 10 M)^2)^-2,  T the root mean square of the terms in a cell, M its
        median over the domain.
        """
        equation = self.held[0].patch
        sizes = torch.cat([self._terms(part, self.start)[1] for part in self._parts(equation)])
        areas = equation.weights.sum(1)
        each = (sizes * equation.weights).sum(1) / areas
        rising = each.argsort()
        middle = each[rising][areas[rising].cumsum(0) >= 0.5][0]
        if float(middle) > 0:
            less = (1 + each / (LATTICES.far**2 * middle)) ** -2
            weighed = Patch(equation.sides, equation.weights * less.unsqueeze(1))
            self.held[0] = self.held[0]._replace(patch=weighed)

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, vector[self.size :].tolist(), strict=True))

    def coefficients(self, vector: Tensor) -> Tensor:
        return vector[: self.size].view(len(self.products), -1)

    def network(self, vector: Tensor, accuracy: float = 1e-12) -> KAN:
        """The network that the lattice's function is, to a relative accuracy in L2."""
        x, y = self.products.lines
        matrices = self.coefficients(vector).T.reshape(-1, len(x), len(y))
        return network_of((x, y), matrices, accuracy)

    def cost(self, vector: Tensor) -> float:
        total = sum(held.weight * self._mean_square(held, vector) for held in self.held)
        return total if total == total else float("inf")

    def normal(self, vector: Tensor) -> Normal:
        """The normal equations at a vector."""
        normal = Normal(self.places.flatten(), self.band, len(self.names))
        for held in self.held:
            for part in self._parts(held.patch):
                self._add(normal, held, part, vector)
        return normal

    def residual(self, vector: Tensor, patch: Patch) -> float:
        """The root mean square of what the equation leaves at points."""
        return self._mean_square(self.held[0]._replace(patch=patch), vector) ** 0.5

    def relative(self, vector: Tensor) -> float:
        """What the equation leaves over the size of its terms, as root mean squares with the weights of `relate`."""
        over, size = 0.0, 0.0
        for part in self._parts(self.held[0].patch):
            squares, terms = self._terms(part, vector)
            over += float((squares * part.weights).sum())
            size += float((terms * part.weights).sum())
        return (over / size) ** 0.5 if size > 0 else 0.0

    def _mean_square(self, held: _Held, vector: Tensor) -> float:
        """The mean square of what an equation leaves."""
        total = 0.0
        for part in self._parts(held.patch):
            term, jets = held.term(part), self._jets(part, vector)
            rest = left(self.problem, self.names, term, jets, vector[self.size :].expand(len(term), -1))
            total += sum(float(term.weigh(each).square().sum()) for each in rest) / len(rest)
        return total

    def _patch(self, condition: Condition, count: int, seed: int) -> Patch:
        if isinstance(condition.where, Face) and condition.also is None:
            return faces(self.products, condition.where.fixed, LATTICES.gauss)
        sides = [side.unsqueeze(1) for side in condition.points(count, seed)]
        return Patch(sides, torch.full(sides[0].shape[:2], 1 / len(sides[0]), dtype=torch.float64))

    def _reach(self, patch: Patch) -> int:
        """How far apart the numbers of unknowns are that one equation sees."""
        places = torch.cat([self.places[Local.at(self.products, side[:, :1], [()]).numbers] for side in patch.sides], 1)
        return int((places.amax((1, 2)) - places.amin((1, 2))).max())

    def _parts(self, patch: Patch) -> Iterator[Patch]:
        groups, each = patch.weights.shape
        wide = (self.products.degree + 1) ** 2 * max(self.problem.unknowns, len(self.problem.orders))
        entries = 4_000_000  # numbers that are held for a part of the points
        step = max(1, entries // (each * wide))
        for k in range(0, groups, step):
            yield Patch([side[k : k + step] for side in patch.sides], patch.weights[k : k + step])

    def _jets(self, part: Patch, vector: Tensor) -> list[Jets]:
        return [local.jets(self.coefficients(vector)) for local in self._local(part)]

    def _local(self, part: Patch) -> list[Local]:
        return [Local.at(self.products, side, self.problem.orders) for side in part.sides]

    def _terms(self, part: Patch, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The squares of what the equations leave, and of the sizes of what they add up: each (C, Q)."""
        jets, over, whole = self._jets(part, vector), torch.zeros_like(part.weights), torch.zeros_like(part.weights)
        term = Term(self.held[0].equation, [side.flatten(0, 1) for side in part.sides], 1.0)
        for row in linearized(self.problem, self.names, term, jets, vector[self.size :]):
            over += row.residual.square().view_as(whole)
            whole += row.sizes(jets).square().view_as(whole)
        return over, whole

    def _add(self, normal: Normal, held: _Held, part: Patch, vector: Tensor) -> None:
        m, shape, known = self.problem.unknowns, part.weights.shape, self._local(part)
        jets = [local.jets(self.coefficients(vector)) for local in known]
        found = linearized(self.problem, self.names, held.term(part), jets, vector[self.size :])
        columns = torch.cat([(local.numbers.unsqueeze(2) * m + torch.arange(m)).flatten(1) for local in known], 1)
        root = (held.weight / len(found)) ** 0.5
        for row in found:
            entries = [entries_of(local.values, by) for local, by in zip(known, row.by, strict=True)]
            rows = torch.cat(entries, 1).view(*shape, -1)
            constants, residual = row.constants.view(*shape, -1), row.residual.view(shape)
            normal.add(columns, root * rows, root * constants, root * residual)
