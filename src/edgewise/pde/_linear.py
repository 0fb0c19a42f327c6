"""What equations leave at points, and its derivatives by the jets of whatever stands for the unknowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise.pde._problem import Equation, Problem
from edgewise.pde._test_space import TestSpace


@dataclass(frozen=True)
class Term:
    """An equation at points, one set (n, d) or two of as many; `weight` multiplies the mean square.

    `each` (n,) are weights of the points, of mean one, where their density is not even. With the weights `rule` (n,) of
    an integral it is the square of the equation's integral that counts instead; with test functions, the square of the
    dual norm of the equations' integrals against them.
    """

    equation: Equation
    points: list[Tensor]
    weight: float
    each: Tensor | None = None
    rule: Tensor | None = None
    tests: TestSpace | None = None

    def __len__(self) -> int:
        return len(self.points[0])

    def rows(self, part: slice) -> Term:
        each, rule = (None if held is None else held[part] for held in (self.each, self.rule))
        tests = None if self.tests is None else self.tests.rows(part)
        return Term(self.equation, [side[part] for side in self.points], self.weight, each, rule, tests)

    def at(self, points: list[Tensor], each: Tensor | None = None) -> Term:
        """The same at other points."""
        return Term(self.equation, points, self.weight, each)

    def weighted(self, weight: float) -> Term:
        """The same with another weight."""
        return replace(self, weight=weight)

    def weigh(self, values: Tensor) -> Tensor:
        """Values (n, ...) times the roots of the points' weights."""
        return values if self.each is None else values * self.each.sqrt().view(-1, *[1] * (values.dim() - 1))


class Linearized(NamedTuple):
    """One equation at points: what it leaves (n,), and its derivatives.

    by: of each set of points, by the jets of the network's outputs, each (n, m). constants: by those, and after them by
    the parameters of unknown functions, (n, C).
    """

    residual: Tensor
    by: list[Jets]
    constants: Tensor


def left(
    problem: Problem, names: Sequence[str], term: Term, outputs: list[Jets], constants: Tensor
) -> tuple[Tensor, ...]:
    """What a term's equations leave; `constants` (n, C) are those named as each point sees them."""
    held = {name: constants[:, k] for k, name in enumerate(names)}
    sides = zip(outputs, term.points, strict=True)
    unknowns: list[Any] = [problem.unknown(jets, at, (), held) for jets, at in sides]
    return problem.left(term.equation, unknowns, term.points[0], held)


def linearized(
    problem: Problem, names: Sequence[str], term: Term, outputs: list[Jets], constants: Tensor
) -> list[Linearized]:
    """Each equation of a term at the outputs' jets and at constants (C,)."""
    with torch.enable_grad():
        jets: list[Jets] = [{o: part.detach().requires_grad_() for o, part in side.items()} for side in outputs]
        held = constants.expand(len(term), -1).clone().requires_grad_()
        parts = left(problem, names, term, jets, held)
    sources, found = [*(part for side in jets for part in side.values()), held], []
    for r in parts:
        if r.requires_grad:
            slopes = list(torch.autograd.grad(r.sum(), sources, retain_graph=True, materialize_grads=True))
        else:
            slopes = [torch.zeros_like(source) for source in sources]
        *given, last = map(term.weigh, slopes)
        own = iter(given)
        by: list[Jets] = [{order: next(own) for order in side} for side in jets]
        found.append(Linearized(term.weigh(r.detach()), by, last))
    return found
