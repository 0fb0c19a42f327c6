"""The mean squares of what an equation and its conditions leave, as a function of one flat vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise.nn import KAN, Layout
from edgewise.optim import NormalEquations
from edgewise.pde._local import SparseRows
from edgewise.pde._pass import JetPass, is_sparse
from edgewise.pde._problem import Equation, Problem

_ENTRIES = 8_000_000  # of a chunk's Jacobian: 64 MB


@dataclass(frozen=True)
class Term:
    """An equation at points, one set (n, d) or two of as many; `weight` multiplies the mean square."""

    equation: Equation
    points: list[Tensor]
    weight: float

    def __len__(self) -> int:
        return len(self.points[0])

    def rows(self, part: slice) -> Term:
        return Term(self.equation, [side[part] for side in self.points], self.weight)


class Objective:
    """cost(theta) = sum over terms of weight * mean over points and equations of residual^2.

    theta holds the network's free parameters and, after them, the unknown constants. Owns a copy of the network.
    """

    def __init__(self, problem: Problem, model: KAN, constants: Mapping[str, float], terms: list[Term]) -> None:
        self.problem, self.model, self.terms = problem, model, terms
        self.layout = Layout(model)
        self.sparse = is_sparse(model, self.layout)
        self.names = list(constants)
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([self.layout.read(model), own])

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
                    left = self._left(part, self._jets(model, part), vector)
                    total += sum(float(r.square().sum()) for r in left) * term.weight / (len(term) * len(left))
        return total if total == total else float("inf")

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        model, size = self.network(vector), len(vector)
        hessian, gradient, total = vector.new_zeros(size, size), vector.new_zeros(size), 0.0
        for term in self.terms:
            for part in self._parts(term):
                for rows, count in self._rows(part, model, vector):
                    share = term.weight / (len(term) * count)
                    total += share * float(rows.residual @ rows.residual)
                    rows.add(share, gradient, hessian)
        return NormalEquations(total, gradient, hessian)

    def residual(self, vector: Tensor, term: Term) -> Tensor:
        """The root of the mean square of a term's equations at each point, (n,)."""
        model = self.network(vector)
        with torch.no_grad():
            left = self._left(term, self._jets(model, term), vector)
        return torch.stack(left).square().mean(0).sqrt()

    def _parts(self, term: Term) -> list[Term]:
        widths = (block.width if not self.sparse else 64 for block in self.layout.blocks)
        entries = sum(len(block.spline) * width for block, width in zip(self.layout.blocks, widths, strict=True))
        step = max(64, _ENTRIES // max(1, entries))
        return [term.rows(slice(k, k + step)) for k in range(0, len(term), step)]

    def _jets(self, model: KAN, term: Term) -> list[Jets]:
        return [JetPass(model, side, self.problem.orders).outputs for side in term.points]

    def _left(self, term: Term, jets: list[Jets], vector: Tensor, rows: Tensor | None = None) -> tuple[Tensor, ...]:
        """What a term's equations leave; `rows` (n, constants) are constants as each point sees them."""
        unknowns: list[Any] = [self.problem.unknown(j, at) for j, at in zip(jets, term.points, strict=True)]
        held = vector[self.layout.size :].expand(len(term), -1) if rows is None else rows
        constants = {name: held[:, k] for k, name in enumerate(self.names)}
        return self.problem.left(term.equation, unknowns, term.points[0], constants)

    def _rows(self, term: Term, model: KAN, vector: Tensor) -> Iterator[tuple[_Rows, int]]:
        """Each equation's residuals and their Jacobian, and how many equations there are."""
        with torch.no_grad():
            passes = [JetPass(model, side, self.problem.orders) for side in term.points]
        with torch.enable_grad():
            jets: list[Jets] = [{o: part.detach().requires_grad_() for o, part in p.outputs.items()} for p in passes]
            held = vector[self.layout.size :].expand(len(term), -1).clone().requires_grad_()
            left = self._left(term, jets, vector, held)
        sources = [*(part for side in jets for part in side.values()), held]
        for r in left:
            slopes = torch.autograd.grad(r.sum(), sources, retain_graph=True, materialize_grads=True) if r.requires_grad else [torch.zeros_like(s) for s in sources]
            given = iter(slopes)
            by = [{order: next(given) for order in side} for side in jets]
            with torch.no_grad():
                if self.sparse and len(passes) == 1:
                    own = passes[0].sparse_jacobian(self.layout, by[0])
                else:
                    own = sum_of(forward.jacobian(self.layout, part) for forward, part in zip(passes, by, strict=True))
            yield _Rows(r.detach(), own, slopes[-1]), len(left)


@dataclass(frozen=True)
class _Rows:
    """Residuals (n,), and their derivatives by the free parameters (n, P), mostly zeros, and by the constants (n, C)."""

    residual: Tensor
    own: Tensor | SparseRows
    constants: Tensor

    def add(self, factor: float, gradient: Tensor, hessian: Tensor) -> None:
        """Add factor * J'r to a gradient, and factor * J'J to the lower triangle of a matrix."""
        size = len(gradient) - self.constants.shape[1]
        right = torch.cat([self.residual[:, None], self.constants], 1)
        if isinstance(self.own, SparseRows):
            self.own.add_gram(factor, hessian)
            both = self.own.vjp(right, size)
        else:
            hessian[:size, :size].addmm_(self.own.T, self.own, alpha=factor)
            both = self.own.T @ right
        gradient[:size] += factor * both[:, 0]
        gradient[size:] += factor * (self.constants.T @ self.residual)
        hessian[size:, :size] += factor * both[:, 1:].T
        hessian[size:, size:] += factor * (self.constants.T @ self.constants)
