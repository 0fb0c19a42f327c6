"""The mean squares of what an equation and its conditions leave, as a function of one flat vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise.nn import KAN, Layout
from edgewise.optim import NormalEquations
from edgewise.pde._pass import JetPass
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
                for residual, jacobian, count in self._rows(part, model, vector):
                    share = term.weight / (len(term) * count)
                    total += share * float(residual @ residual)
                    gradient += share * (jacobian.T @ residual)
                    hessian += share * (jacobian.T @ jacobian)
        return NormalEquations(total, gradient, hessian)

    def residual(self, vector: Tensor, term: Term) -> Tensor:
        """The root of the mean square of a term's equations at each point, (n,)."""
        model = self.network(vector)
        with torch.no_grad():
            left = self._left(term, self._jets(model, term), vector)
        return torch.stack(left).square().mean(0).sqrt()

    def _parts(self, term: Term) -> list[Term]:
        step = max(64, _ENTRIES // max(1, len(self.start)))
        return [term.rows(slice(k, k + step)) for k in range(0, len(term), step)]

    def _jets(self, model: KAN, term: Term) -> list[Jets]:
        return [JetPass(model, side, self.problem.orders).outputs for side in term.points]

    def _left(self, term: Term, jets: list[Jets], vector: Tensor, rows: Tensor | None = None) -> tuple[Tensor, ...]:
        """What a term's equations leave; `rows` (n, constants) are constants as each point sees them."""
        held = vector[self.layout.size :].expand(len(term), -1) if rows is None else rows
        constants = {name: held[:, k] for k, name in enumerate(self.names)}
        sides = zip(jets, term.points, strict=True)
        unknowns: list[Any] = [self.problem.unknown(j, at, (), constants) for j, at in sides]
        return self.problem.left(term.equation, unknowns, term.points[0], constants)

    def _rows(self, term: Term, model: KAN, vector: Tensor) -> list[tuple[Tensor, Tensor, int]]:
        """Each equation's residuals (n,), their Jacobian (n, size), and how many equations there are."""
        with torch.no_grad():
            passes = [JetPass(model, side, self.problem.orders) for side in term.points]
        with torch.enable_grad():
            jets: list[Jets] = [{o: part.detach().requires_grad_() for o, part in p.outputs.items()} for p in passes]
            held = vector[self.layout.size :].expand(len(term), -1).clone().requires_grad_()
            left = self._left(term, jets, vector, held)
        sources, found = [*(part for side in jets for part in side.values()), held], []
        for r in left:
            jacobian = vector.new_zeros(len(term), len(vector))
            if r.requires_grad:
                slopes = torch.autograd.grad(r.sum(), sources, retain_graph=True, materialize_grads=True)
                with torch.no_grad():
                    given = iter(slopes)
                    for forward, side in zip(passes, jets, strict=True):
                        by = {order: next(given) for order in side}
                        jacobian[:, : self.layout.size] += forward.jacobian(self.layout, by)
                    jacobian[:, self.layout.size :] = slopes[-1]
            found.append((r.detach(), jacobian, len(left)))
        return found
