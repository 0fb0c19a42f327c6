"""An equation and its conditions as a sum of squares, as a function of a lattice's coefficients and of constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise.nn import KAN
from edgewise.pde._box import Face
from edgewise.pde._lattice import Lattice, Patch
from edgewise.pde._lattice_network import network_of
from edgewise.pde._linear import Term, left, linearized
from edgewise.pde._normal import Normal
from edgewise.pde._problem import Condition, Equation, Problem

GAUSS = 4  # points of a cell by each coordinate: 16 for each coefficient
_ENTRIES = 4_000_000  # numbers that are held for a part of the points
_FAR = 10.0  # times the median: terms of an equation above which it counts less


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

    def __init__(self, problem: Problem, lattice: Lattice, boundary: int, seed: int) -> None:
        self.problem, self.lattice, self.names = problem, lattice, list(problem.numbers)
        self.size = len(lattice) * problem.unknowns
        self.start = torch.zeros(self.size + len(self.names), dtype=torch.float64)
        self.held = [_Held(problem.residual, 1.0, lattice.inside(GAUSS))]
        for condition in problem.conditions:
            patch = self._patch(condition, boundary, seed)
            self.held.append(_Held(condition.equation, condition.weight, patch))
        self.band = max(self._reach(held.patch) for held in self.held)

    @property
    def seconds(self) -> float:
        """About the time that a step takes on one core."""
        wide = (self.lattice.spaces[0].degree + 1) ** 2 * self.problem.unknowns
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
        inside = self.held[0].patch
        sizes = torch.cat([self._terms(part, self.start)[1] for part in self._parts(inside)])
        areas = inside.weights.sum(1)
        each = (sizes * inside.weights).sum(1) / areas
        rising = each.argsort()
        middle = each[rising][areas[rising].cumsum(0) >= 0.5][0]
        if float(middle) > 0:
            less = (1 + each / (_FAR**2 * middle)) ** -2
            weighed = Patch(inside.sides, inside.weights * less.unsqueeze(1))
            self.held[0] = self.held[0]._replace(patch=weighed)

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, vector[self.size :].tolist(), strict=True))

    def coefficients(self, vector: Tensor) -> Tensor:
        return vector[: self.size].view(len(self.lattice), -1)

    def network(self, vector: Tensor, accuracy: float = 1e-12) -> KAN:
        """The network that the lattice's function is, to a relative accuracy in L2."""
        return network_of(self.lattice, self.coefficients(vector), accuracy)

    def cost(self, vector: Tensor) -> float:
        total = 0.0
        for held in self.held:
            for part in self._parts(held.patch):
                term, jets = held.term(part), self._jets(part, vector)
                rest = left(self.problem, self.names, term, jets, vector[self.size :].expand(len(term), -1))
                total += held.weight / len(rest) * sum(float(term.weigh(r).square().sum()) for r in rest)
        return total if total == total else float("inf")

    def normal(self, vector: Tensor) -> Normal:
        """The normal equations at a vector."""
        normal = Normal(self.size, self.band, len(self.names))
        for held in self.held:
            for part in self._parts(held.patch):
                self._add(normal, held, part, vector)
        return normal

    def residual(self, vector: Tensor, patch: Patch) -> float:
        """The root mean square of what the equation leaves at points."""
        squares, count = 0.0, 0
        for part in self._parts(patch):
            term, jets = self.held[0].term(part), self._jets(part, vector)
            rest = left(self.problem, self.names, term, jets, vector[self.size :].expand(len(term), -1))
            squares += sum(float((term.weigh(r)).square().sum()) for r in rest)
            count = len(rest)
        return (squares / max(1, count)) ** 0.5

    def relative(self, vector: Tensor) -> float:
        """What the equation leaves over the size of its terms, as root mean squares with the weights of `relate`."""
        over, size = 0.0, 0.0
        for part in self._parts(self.held[0].patch):
            squares, terms = self._terms(part, vector)
            over += float((squares * part.weights).sum())
            size += float((terms * part.weights).sum())
        return (over / size) ** 0.5 if size > 0 else 0.0

    def _patch(self, condition: Condition, count: int, seed: int) -> Patch:
        if isinstance(condition.where, Face) and condition.also is None:
            return self.lattice.faces(condition.where.fixed, GAUSS)
        sides = [side.unsqueeze(1) for side in condition.points(count, seed)]
        return Patch(sides, torch.full(sides[0].shape[:2], 1 / len(sides[0]), dtype=torch.float64))

    def _reach(self, patch: Patch) -> int:
        """How far apart the numbers of unknowns are that one equation sees."""
        m = self.problem.unknowns
        numbers = torch.cat([self.lattice.at(side[:, :1], [()])[0] for side in patch.sides], 1)
        return int((numbers.max(1).values - numbers.min(1).values).max()) * m + m - 1

    def _parts(self, patch: Patch) -> Iterator[Patch]:
        groups, each = patch.weights.shape
        wide = (self.lattice.spaces[0].degree + 1) ** 2 * max(self.problem.unknowns, len(self.problem.orders))
        step = max(1, _ENTRIES // (each * wide))
        for k in range(0, groups, step):
            yield Patch([side[k : k + step] for side in patch.sides], patch.weights[k : k + step])

    def _jets(self, part: Patch, vector: Tensor) -> list[Jets]:
        own = self.coefficients(vector)
        return [self.lattice.jets(side, own, self.problem.orders) for side in part.sides]

    def _terms(self, part: Patch, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The squares of what the equations leave, and of the sizes of what they add up: each (C, Q)."""
        jets, over, whole = (
            self._jets(part, vector),
            torch.zeros_like(part.weights),
            torch.zeros_like(part.weights),
        )
        term = Term(self.held[0].equation, [side.flatten(0, 1) for side in part.sides], 1.0)
        for row in linearized(self.problem, self.names, term, jets, vector[self.size :]):
            parts = [by[o] * side[o] for by, side in zip(row.by, jets, strict=True) for o in by]
            rest = row.residual - sum_of(own.sum(1) for own in parts)
            sizes = rest.abs() + sum_of(own.abs().sum(1) for own in parts)
            over += row.residual.square().view_as(whole)
            whole += sizes.square().view_as(whole)
        return over, whole

    def _add(self, normal: Normal, held: _Held, part: Patch, vector: Tensor) -> None:
        m, shape, own = self.problem.unknowns, part.weights.shape, self.coefficients(vector)
        known = [self.lattice.at(side, self.problem.orders) for side in part.sides]
        jets: list[Jets] = [
            {order: (part @ own[numbers]).flatten(0, 1) for order, part in values.items()} for numbers, values in known
        ]
        found = linearized(self.problem, self.names, held.term(part), jets, vector[self.size :])
        columns = torch.cat([(numbers.unsqueeze(2) * m + torch.arange(m)).flatten(1) for numbers, _ in known], 1)
        root = (held.weight / len(found)) ** 0.5
        for row in found:
            rows = torch.cat([_entries(v, by, shape) for (_, v), by in zip(known, row.by, strict=True)], 2)
            constants, residual = row.constants.view(*shape, -1), row.residual.view(shape)
            normal.add(columns, root * rows, root * constants, root * residual)


def _entries(values: Mapping[tuple[int, ...], Tensor], by: Jets, shape: torch.Size) -> Tensor:
    """Derivatives (C, Q, K m) by the coefficients, given the functions' `values` and derivatives by jets (C Q, m)."""
    m = by[()].shape[1]
    whole = torch.zeros(*shape, values[()].shape[2], m, dtype=torch.float64)
    for order, slope in by.items():
        for q in range(m):
            if bool(slope[:, q].any()):
                whole[..., q].addcmul_(values[order], slope[:, q].view(*shape, 1))
    return whole.flatten(2)
