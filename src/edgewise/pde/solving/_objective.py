"""The mean squares of what an equation and its conditions leave, as a function of one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise.nn import KAN, Layout
from edgewise.pde.splines._pass import JetPass, LocalSplines, is_sparse
from edgewise.pde.statement._coefficient import Call, Laws, Penalty
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Linearized, Term, left, linearized
from edgewise.train.optim import NormalEquations

_LITTLE = 1e-9  # of the terms of an equation: less than that is solved, whatever rounding leaves
_ROUNDING = 1e-15  # of the terms that the parameters of a network make


class Objective:
    """cost(theta) = sum over terms of weight * mean over points and equations of residual^2.

    theta holds the network's free parameters and, after them, the unknown constants and the parameters of unknown
    functions, `laws`, whose curvature adds to the cost. Owns a copy of the network. `steps` counts normal equations;
    `seconds` says about how long one takes.
    """

    def __init__(
        self, problem: Problem, model: KAN, constants: Mapping[str, float], terms: list[Term], laws: Laws | None = None
    ) -> None:  # fmt: skip
        self.laws = problem.laws() if laws is None else laws.copy()
        self.problem, self.model, self.terms = problem, model, terms
        self.layout = Layout(model)
        self.sparse = is_sparse(model, self.layout)
        self.steps = 0
        self._cut: dict[int, list[Term]] = {}
        self._first: dict[int, list[LocalSplines | None]] = {}
        self.names = list(constants)
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([self.layout.read(model), own, self.laws.read()])

    @property
    def seconds(self) -> float:
        """About the time that normal equations and their solution take on one core."""
        rows, edges = sum(map(len, self.terms)), sum(len(block.spline) for block in self.layout.blocks)
        products = 2e-8 * edges**2 / 2 if self.sparse else 3e-10 * len(self.start) ** 2
        factors = sum(sum(nodes.arities) for nodes in self.model.nodes)
        return rows * (8e-6 + 1.5e-6 * factors + products) + 5e-12 * len(self.start) ** 3

    def network(self, vector: Tensor) -> KAN:
        self.layout.write(self.model, vector[: self.layout.size])
        if self.laws:
            self.laws.write(vector[self.layout.size + len(self.names) :])
        return self.model

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, self._constants(vector).tolist(), strict=True))

    def _constants(self, vector: Tensor) -> Tensor:
        return vector[self.layout.size : self.layout.size + len(self.names)]

    def functions(self, vector: Tensor) -> Laws:
        """The unknown functions."""
        self.network(vector)
        return self.laws.copy()

    def calls(self, vector: Tensor) -> list[Call]:
        """The calls of unknown functions at the points of all terms."""
        model, found = self.network(vector), list[Call]()
        with torch.no_grad():
            for term in self.terms:
                for part in self._parts(term):
                    self._left(part, self._jets(model, part), vector, calls=found)
        return found

    def cost(self, vector: Tensor) -> float:
        model, total = self.network(vector), 0.0
        with torch.no_grad():
            for term in self.terms:
                if term.tests is not None:
                    total += term.weight * float(self._tested(model, term, vector).square().sum())
                    continue
                whole: Any = 0.0
                for part in self._parts(term):
                    left = torch.stack(self._left(part, self._jets(model, part), vector))
                    if part.rule is not None:
                        whole = whole + left @ part.rule
                    else:
                        total += term.weight / (len(term) * len(left)) * float(part.weigh(left.T).square().sum())
                if term.rule is not None:
                    total += term.weight * float(whole.square().mean())
            for name, own in self.penalties(vector).items():
                total += self.laws.smoothing[name] * own.value
        return total if total == total else float("inf")

    def penalties(self, vector: Tensor) -> dict[str, Penalty]:
        """How curved each unknown function is."""
        self.network(vector)
        return self.laws.penalties()

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        self.steps += 1
        own = self.normal_of(vector, self.terms)
        begin, penalties = self.layout.size + len(self.names), self.penalties(vector)
        curved = self.laws.add_penalties(penalties, own.gradient, own.hessian, begin)
        return NormalEquations(own.cost + curved, own.gradient, own.hessian)

    def normal_of(self, vector: Tensor, terms: Sequence[Term]) -> NormalEquations:
        """The normal equations of some terms alone."""
        model, size = self.network(vector), len(vector)
        hessian, gradient, total = vector.new_zeros(size, size), vector.new_zeros(size), 0.0
        for term in terms:
            if term.rule is not None or term.tests is not None:
                sums = self._integrals if term.tests is None else self._tested
                found, share = sums(model, term, vector, slopes=True), term.weight
                if term.tests is None:
                    share /= len(found)
                total += share * float(found[:, 0].square().sum())
                gradient += share * (found[:, 0] @ found[:, 1:])
                hessian += share * (found[:, 1:].T @ found[:, 1:])
                continue
            for part in self._parts(term):
                passes = self._passes(model, part)
                found = self._linearized(part, [each.outputs for each in passes], vector)
                for row in found:
                    share = term.weight / (len(term) * len(found))
                    total += share * float(row.residual @ row.residual)
                    with torch.no_grad():
                        self._add(passes, row, share, gradient, hessian)
        return NormalEquations(total, gradient, hessian)

    def _tested(self, model: KAN, term: Term, vector: Tensor, *, slopes: bool = False) -> Tensor:
        """The integrals of equations against test functions, and their derivatives, (E M, 1 or 1 + size), whitened."""
        assert term.tests is not None
        whole: list[Any] = []
        for part in self._parts(term):
            passes = self._passes(model, part)
            jets = [each.outputs for each in passes]
            if slopes:
                rows = self._linearized(part, jets, vector)
                with torch.no_grad():
                    jacobians = [self._jacobian(passes[0], row) for row in rows]
                own = [torch.cat([row.residual[:, None], jacobian, row.constants], 1).numpy()
                       for row, jacobian in zip(rows, jacobians, strict=True)]  # fmt: skip
            else:
                own = [left.unsqueeze(1).numpy() for left in self._left(part, jets, vector)]
            assert part.tests is not None
            found = part.tests.whole(own)
            whole = [one + two for one, two in zip(whole, found, strict=True)] if whole else found
        return torch.from_numpy(np.concatenate([term.tests.whiten(each) for each in whole]))

    def _jacobian(self, side: JetPass, row: Linearized) -> Tensor:
        """An equation's derivatives by the network's parameters, (n, parameters)."""
        if self.sparse:
            return side.sparse_jacobian(self.layout, row.by[0]).dense(self.layout.size)
        return side.jacobian(self.layout, row.by[0])

    def _integrals(self, model: KAN, term: Term, vector: Tensor, *, slopes: bool) -> Tensor:
        """The integrals of a term's equations, and their derivatives: (E, 1 + size)."""
        whole: list[Tensor] = []
        for part in self._parts(term):
            passes = self._passes(model, part)
            assert part.rule is not None
            for e, row in enumerate(self._linearized(part, [each.outputs for each in passes], vector)):
                with torch.no_grad():
                    by = part.rule @ self._jacobian(passes[0], row)
                both = torch.cat([(part.rule @ row.residual).view(1), by, part.rule @ row.constants])
                whole[e : e + 1] = [whole[e] + both if e < len(whole) else both]
        return torch.stack(whole)

    def residual(self, vector: Tensor, term: Term) -> Tensor:
        """The root of the mean square of a term's equations at each point, (n,)."""
        model, found = self.network(vector), []
        with torch.no_grad():
            if term.tests is not None:
                left = self._tested(model, term, vector)[:, 0]
                return left.abs() * math.sqrt(len(left))
            for part in self._parts(term):
                rest = self._left(part, self._jets(model, part), vector)
                found.append(torch.stack(rest).square().mean(0).sqrt())
        return torch.cat(found)

    def relative(self, vector: Tensor, term: Term) -> float:
        """What a term's equations leave, over the size of what they add up, as root mean squares.

        It is 0 where rounding alone may leave as much, of functions with parameters as large as these.
        """
        if term.tests is not None:
            return self._relative_tested(self.network(vector), term, vector)
        left, size = self.sizes(vector, term)
        found = math.sqrt(left / size) if size > 0 else 0.0
        return found if found <= _LITTLE or left > self._rounding(vector, term) else 0.0

    def _rounding(self, vector: Tensor, term: Term) -> float:
        """The mean square of what rounding may leave of a term's equations: a part of |J| |parameters|."""
        model, terms, count = self.network(vector), 0.0, 0
        for part in self._parts(term):
            passes = self._passes(model, part)
            for row in self._linearized(part, [each.outputs for each in passes], vector):
                with torch.no_grad():
                    by = [self._jacobian(one, row._replace(by=[own])) for one, own in zip(passes, row.by, strict=True)]
                    terms += float((sum_of(by).abs() @ vector[: self.layout.size].abs()).square().sum())
                count += len(part)
        return _ROUNDING**2 * terms / count

    def sizes(self, vector: Tensor, term: Term) -> tuple[float, float]:
        """The mean squares of what a term's equations leave, and of what they add up."""
        model, over, size, count = self.network(vector), 0.0, 0.0, 0
        for part in self._parts(term):
            with torch.no_grad():
                jets = self._jets(model, part)
            for row in self._linearized(part, jets, vector):
                terms = row.sizes(jets)
                over += float(row.residual.square().sum())
                size += float(terms.square().sum())
                count += len(terms)
        return over / count, size / count

    def _relative_tested(self, model: KAN, term: Term, vector: Tensor) -> float:
        """The same of a weak form: its integrals, over those of the sizes of what they add up."""
        assert term.tests is not None
        with torch.no_grad():
            parts = [self._left(part, self._jets(model, part), vector) for part in self._parts(term)]
        own = [torch.cat(each).unsqueeze(1).numpy() for each in zip(*parts, strict=True)]
        left, size = (np.concatenate(part) for part in (term.tests.whole(own), term.tests.sizes(own)))
        return float(np.linalg.norm(left) / max(np.linalg.norm(size), 1e-300))

    def _parts(self, term: Term) -> list[Term]:
        """A term a part of its points at a time; those of the objective's own terms stay the same."""
        if id(term) in self._cut:
            return self._cut[id(term)]
        held = 8  # numbers of an edge and point at the same time, over those of its row
        widths = (8 * held if self.sparse else block.widest for block in self.layout.blocks)
        entries = sum(len(block.spline) * width for block, width in zip(self.layout.blocks, widths, strict=True))
        jacobian = 8_000_000  # numbers of a part's: 64 MB
        step = max(64, jacobian // max(1, entries))
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

    def _left(
        self, term: Term, jets: list[Jets], vector: Tensor, calls: list[Call] | None = None
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """What a term's equations leave; `calls` collects the calls of unknown functions."""
        held = self._constants(vector).expand(len(term), -1)
        return left(self.problem, self.names, term, jets, held, self.laws, calls)

    def linearized(self, vector: Tensor, term: Term) -> Iterator[tuple[Term, list[Linearized]]]:
        """The equations of a term, a part of its points at a time."""
        model = self.network(vector)
        for part in self._parts(term):
            with torch.no_grad():
                jets = self._jets(model, part)
            yield part, self._linearized(part, jets, vector)

    def _linearized(self, term: Term, outputs: list[Jets], vector: Tensor) -> list[Linearized]:
        return linearized(self.problem, self.names, term, outputs, self._constants(vector), self.laws)

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
