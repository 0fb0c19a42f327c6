"""The mean squares of what an equation and its conditions leave, as a function of one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise.nn import KAN, Layout
from edgewise.optim import NormalEquations
from edgewise.pde._linear import Linearized, Term, left, linearized
from edgewise.pde._local import LocalSplines
from edgewise.pde._pass import JetPass, is_sparse
from edgewise.pde._problem import Problem

_ENTRIES = 8_000_000  # of a part's Jacobian: 64 MB
_WIDE = 8  # numbers of an edge and point that are held at the same time, over those of its row


class Objective:
    """cost(theta) = sum over terms of weight * mean over points and equations of residual^2.

    theta holds the network's free parameters and, after them, the unknown constants. Owns a copy of the network.
    `steps` counts normal equations; `seconds` says about how long one takes.
    """

    def __init__(self, problem: Problem, model: KAN, constants: Mapping[str, float], terms: list[Term]) -> None:
        self.problem, self.model, self.terms = problem, model, terms
        self.layout = Layout(model)
        self.sparse = is_sparse(model, self.layout)
        self.steps = 0
        self._cut: dict[int, list[Term]] = {}
        self._first: dict[int, list[LocalSplines | None]] = {}
        self.names = list(constants)
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([self.layout.read(model), own])

    @property
    def seconds(self) -> float:
        """About the time that normal equations and their solution take on one core."""
        rows, edges = sum(map(len, self.terms)), sum(len(block.spline) for block in self.layout.blocks)
        products = 2e-8 * edges**2 / 2 if self.sparse else 3e-10 * len(self.start) ** 2
        factors = sum(sum(nodes.arities) for nodes in self.model.nodes)
        return rows * (8e-6 + 1.5e-6 * factors + products) + 5e-12 * len(self.start) ** 3

    def network(self, vector: Tensor) -> KAN:
        self.layout.write(self.model, vector[: self.layout.size])
        return self.model

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, vector[self.layout.size :].tolist(), strict=True))

    def cost(self, vector: Tensor) -> float:
        model, total = self.network(vector), 0.0
        with torch.no_grad():
            for term in self.terms:
                for part in self._parts(term):
                    rest = self._left(part, self._jets(model, part), vector)
                    share = term.weight / (len(term) * len(rest))
                    total += share * sum(float(part.weigh(r).square().sum()) for r in rest)
        return total if total == total else float("inf")

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        self.steps += 1
        model, size = self.network(vector), len(vector)
        hessian, gradient, total = vector.new_zeros(size, size), vector.new_zeros(size), 0.0
        for term in self.terms:
            for part in self._parts(term):
                passes = self._passes(model, part)
                found = self._linearized(part, [each.outputs for each in passes], vector)
                for row in found:
                    share = term.weight / (len(term) * len(found))
                    total += share * float(row.residual @ row.residual)
                    with torch.no_grad():
                        self._add(passes, row, share, gradient, hessian)
        return NormalEquations(total, gradient, hessian)

    def residual(self, vector: Tensor, term: Term) -> Tensor:
        """The root of the mean square of a term's equations at each point, (n,)."""
        model, found = self.network(vector), []
        with torch.no_grad():
            for part in self._parts(term):
                rest = self._left(part, self._jets(model, part), vector)
                found.append(torch.stack(rest).square().mean(0).sqrt())
        return torch.cat(found)

    def relative(self, vector: Tensor, term: Term) -> float:
        """What a term's equations leave, over the size of what they add up, as root mean squares."""
        model, over, size = self.network(vector), 0.0, 0.0
        for part in self._parts(term):
            with torch.no_grad():
                jets = self._jets(model, part)
            for row in self._linearized(part, jets, vector):
                parts = [by[o] * side[o] for by, side in zip(row.by, jets, strict=True) for o in by]
                rest = row.residual - sum_of(own.sum(1) for own in parts)
                terms = rest.abs() + sum_of(own.abs().sum(1) for own in parts)
                over += float(row.residual.square().sum())
                size += float(terms.square().sum())
        return math.sqrt(over / size) if size > 0 else 0.0

    def _parts(self, term: Term) -> list[Term]:
        """A term a part of its points at a time; those of the objective's own terms stay the same."""
        if id(term) in self._cut:
            return self._cut[id(term)]
        widths = (8 * _WIDE if self.sparse else block.widest for block in self.layout.blocks)
        entries = sum(len(block.spline) * width for block, width in zip(self.layout.blocks, widths, strict=True))
        step = max(64, _ENTRIES // max(1, entries))
        parts = [term.rows(slice(k, k + step)) for k in range(0, len(term), step)]
        if any(term is own for own in self.terms):
            self._cut[id(term)] = parts
            self._first |= {id(part): [None] * len(part.points) for part in parts}
        return parts

    def _passes(self, model: KAN, term: Term) -> list[JetPass]:
        """Passes at each set of points; what the first layer's splines are there is found once."""
        known = self._first.get(id(term), [None] * len(term.points))
        with torch.no_grad():
            passes = [
                JetPass(model, side, self.problem.orders, first) for side, first in zip(term.points, known, strict=True)
            ]
        if id(term) in self._first:
            self._first[id(term)] = [each.first for each in passes]
        return passes

    def _jets(self, model: KAN, term: Term) -> list[Jets]:
        return [each.outputs for each in self._passes(model, term)]

    def _left(self, part: Term, jets: list[Jets], vector: Tensor) -> tuple[Tensor, ...]:
        return left(self.problem, self.names, part, jets, vector[self.layout.size :].expand(len(part), -1))

    def linearized(self, vector: Tensor, term: Term) -> Iterator[tuple[Term, Linearized, float]]:
        """Each equation of a term, a part of its points at a time, and what its squares count."""
        model = self.network(vector)
        for part in self._parts(term):
            with torch.no_grad():
                jets = self._jets(model, part)
            found = self._linearized(part, jets, vector)
            for row in found:
                yield part, row, term.weight / (len(term) * len(found))

    def _linearized(self, part: Term, outputs: list[Jets], vector: Tensor) -> list[Linearized]:
        return linearized(self.problem, self.names, part, outputs, vector[self.layout.size :])

    def _add(self, passes: list[JetPass], row: Linearized, factor: float, gradient: Tensor, hessian: Tensor) -> None:
        """Add factor * J'r to a gradient, and factor * J'J to the lower triangle of a matrix."""
        size, right = self.layout.size, torch.cat([row.residual[:, None], row.constants], 1)
        if self.sparse and len(passes) == 1:
            rows = passes[0].sparse_jacobian(self.layout, row.by[0])
            rows.add_gram(factor, hessian)
            both = rows.vjp(right, size)
        else:
            dense = sum_of(side.jacobian(self.layout, by) for side, by in zip(passes, row.by, strict=True))
            hessian[:size, :size].addmm_(dense.T, dense, alpha=factor)
            both = dense.T @ right
        gradient[:size] += factor * both[:, 0]
        gradient[size:] += factor * (row.constants.T @ row.residual)
        hessian[size:, :size] += factor * both[:, 1:].T
        hessian[size:, size:] += factor * (row.constants.T @ row.constants)
