"""Equations at points or against test functions: what they leave, and its derivatives by the jets of the unknowns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.linalg import cholesky, solve_triangular
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import Jets, Order, below, halves, sum_of
from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box, Domain
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.splines._local import Local
from edgewise.pde.splines._space import Products, Space
from edgewise.pde.statement._coefficient import Call, Laws
from edgewise.pde.statement._condition import Condition, Equation, Integral
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.pde.statement._quadrature import quadrature


@dataclass(frozen=True)
class TestSpace:
    """Functions v_1 to v_M, and points and weights of integrals.

    matrices: for each part of a weak form, which is what multiplies a derivative of v in one equation, the sparse
    matrix (M, n) of the weights times that derivative. gram: the products of the functions in H1.
    """

    __test__ = False  # no test of pytest
    points: Tensor
    matrices: tuple[Any, ...]
    equations: tuple[int, ...]
    gram: Any
    measure: float

    def __len__(self) -> int:
        return self.gram.shape[0]

    def rows(self, part: slice) -> TestSpace:
        """Return the same of a part of the points."""
        return replace(self, points=self.points[part], matrices=tuple(matrix[:, part] for matrix in self.matrices))

    def whole(self, parts: Sequence[Any]) -> list[Any]:
        """Return, for each equation, the sum of what its parts give."""
        found: list[Any] = []
        for equation, matrix, values in zip(self.equations, self.matrices, parts, strict=True):
            own = matrix @ values
            found[equation : equation + 1] = [found[equation] + own if equation < len(found) else own]
        return found

    def sizes(self, parts: Sequence[Any]) -> list[Any]:
        """Return the same sums of absolute values."""
        return replace(self, matrices=tuple(map(abs, self.matrices))).whole(list(map(abs, parts)))

    def whiten(self, values: Array) -> Array:
        """Return values (M, k) whose squares add up to the square of their dual norm, over the size of the domain."""
        return solve_triangular(self._factor, values, lower=True, check_finite=False) / math.sqrt(self.measure)

    @cached_property
    def _factor(self) -> Array:
        return cholesky(self.gram.toarray(), lower=True, check_finite=False)


def space_of(weak: Weak, domain: Domain, reads: Sequence[tuple[int, Order]], cells: int) -> TestSpace:
    """Return test functions on a number of cells per coordinate; InputError for unknown natural faces and breaks."""
    names, box, gauss = domain.names, isinstance(domain, Box), 5  # points of a cell and coordinate
    for name in weak.breaks:
        if name not in names:
            raise unknown("coordinate", name, names)
    if weak.natural is not None and weak.natural.box != domain:
        raise InputError(f"Natural faces must be those of the domain. Got {weak.natural.box!r} for {domain!r:.60}.")
    lines = [_lines(low, high, cells, weak.breaks.get(name, ()))
             for name, low, high in zip(names, domain.low, domain.high, strict=True)]  # fmt: skip
    if box:
        points, weights = map(torch.from_numpy, Products(tuple(Space(ends, 0) for ends in lines)).gauss(gauss))
    else:
        points, weights = quadrature(domain, gauss ** len(names) * cells ** len(names))
    orders = below([*(order for _, order in reads), *((k,) for k in range(len(names)))])
    kept = [_kept(weak, k, low, high, box) for k, (low, high) in enumerate(zip(domain.low, domain.high, strict=True))]
    breaks = [np.isin(ends, np.array(list(weak.breaks.get(name, ())))) for name, ends in zip(names, lines, strict=True)]
    plain = _splines(lines, breaks, points, orders, kept)
    functions = plain if box else _masked(domain, points, plain)
    size = math.dist(domain.low, domain.high)
    rule = sparse.diags(weights.numpy())
    gram = functions[()].T @ rule @ functions[()] / size**2
    for k in range(len(names)):
        gram = gram + functions[(k,)].T @ rule @ functions[(k,)]
    norms = gram.diagonal()
    seen = np.flatnonzero(norms > 1e-8 * norms.max())  # others live on next to nothing of the domain
    matrices = tuple((functions[order].T @ rule).tocsr()[seen] for _, order in reads)
    return TestSpace(points, matrices, tuple(e for e, _ in reads), gram.tocsr()[seen][:, seen], float(weights.sum()))


def _lines(low: float, high: float, cells: int, breaks: Sequence[float]) -> Array:
    """The ends of cells, at the breaks as well."""
    even = np.linspace(low, high, cells + 1)
    inside = np.array([float(place) for place in breaks if low < place < high])
    if len(inside):
        near = np.abs(even[:, None] - inside).min(1) > 1e-6 * (high - low)
        near[[0, -1]] = True
        even = np.unique(np.concatenate([even[near], inside]))
    return even


def _kept(weak: Weak, k: int, low: float, high: float, box: bool) -> tuple[bool, bool]:
    """Whether the functions that do not vanish at each end of a coordinate are kept."""
    if not box:
        return True, True
    fixed = () if weak.natural is None else weak.natural.fixed
    return (k, low) in fixed, (k, high) in fixed


def _splines(
    lines: list[Array], breaks: list[Array], points: Tensor, orders: list[Order], kept: list[tuple[bool, bool]]
) -> dict[Order, Any]:
    """Products of splines and their derivatives at points, each sparse (n, M)."""
    degree = 4
    repeated = (np.repeat(ends, np.where(own, degree, 1)) for ends, own in zip(lines, breaks, strict=True))
    products = Products(tuple(Space(cells, degree) for cells in repeated))  # at breaks they may have kinks
    chosen = np.zeros((), dtype=bool) | True
    for line, (low, high) in zip(products.lines, kept, strict=True):
        own = np.ones(len(line), dtype=bool)
        own[0], own[-1] = low, high
        chosen = (chosen[..., None] & own).reshape(-1)
    x, counts = points.numpy(), range(len(lines))
    return {order: products.matrix(x, tuple(map(order.count, counts))).tocsc()[:, chosen] for order in orders}


def _masked(domain: Domain, points: Tensor, plain: dict[Order, Any]) -> dict[Order, Any]:
    """The same functions times the distance from the boundary, by Leibniz's rule."""
    mask = domain.distance(SimpleNamespace(**Jet.coordinates(points, domain.names, plain))).parts
    found = {}
    for order in plain:
        parts = [count * sparse.diags(mask[one].numpy()) @ plain[two] for one, two, count in halves(order)]
        found[order] = sum(parts[1:], parts[0])
    return found


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

    def sizes(self, jets: Sequence[Jets]) -> Tensor:
        """The sizes (n,) of the terms that it adds up, given the jets of each set of points."""
        parts = [by[o] * side[o] for by, side in zip(self.by, jets, strict=True) for o in by]
        rest = self.residual - sum_of(own.sum(1) for own in parts)
        return rest.abs() + sum_of(own.abs().sum(1) for own in parts)

    def value(self, jets: Sequence[Jets]) -> Tensor:
        """What its derivatives by the jets make of them, (n,)."""
        return sum_of((by[o] * side[o]).sum(1) for by, side in zip(self.by, jets, strict=True) for o in by)

    def rows(self, products: Products, points: Sequence[Tensor]) -> Any:
        """Its derivatives by the coefficients (functions, m) of unknowns and by constants, sparse (n, all of them)."""
        entries, columns, size = [], [], self.by[0][()].shape[1] * len(products)
        for side, by in zip(points, self.by, strict=True):
            m, local = by[()].shape[1], Local.at(products, side.unsqueeze(1), by)
            entries.append(local.entries(by))
            columns.append((local.numbers.unsqueeze(2) * m + torch.arange(m)).flatten(1))
        entries.append(self.constants)
        constants = self.constants.shape[1]
        columns.append(torch.arange(size, size + constants).expand(len(self.residual), -1))
        values, places = torch.cat(entries, 1).double(), torch.cat(columns, 1)
        ends = np.arange(0, values.numel() + 1, values.shape[1])
        shape = (len(values), size + constants)
        return sparse.csr_matrix((values.flatten().numpy(), places.flatten().numpy(), ends), shape=shape)


def left(
    problem: Problem, names: Sequence[str], term: Term, outputs: list[Jets], constants: Tensor,
    laws: Laws | None = None, calls: list[Call] | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """What a term's equations leave; `constants` (n, C) are those named as each point sees them.

    `calls` collects the calls of unknown functions, to be differentiated.
    """
    held: dict[str, Any] = {name: constants[:, k] for k, name in enumerate(names)}
    held |= laws.functions(calls) if laws else {}
    sides = zip(outputs, term.points, strict=True)
    unknowns: list[Any] = [problem.unknown(jets, at, (), held) for jets, at in sides]
    return problem.left(term.equation, unknowns, term.points[0], held)


def linearized(
    problem: Problem, names: Sequence[str], term: Term, outputs: list[Jets], constants: Tensor,
    laws: Laws | None = None,
) -> list[Linearized]:  # fmt: skip
    """Each equation of a term at the outputs' jets and at constants (C,)."""
    calls: list[Call] = []
    with torch.enable_grad():
        jets: list[Jets] = [{o: part.detach().requires_grad_() for o, part in side.items()} for side in outputs]
        held = constants.expand(len(term), -1).clone().requires_grad_()
        parts = left(problem, names, term, jets, held, laws, calls)
    leaves = [leaf for call in calls for leaf in call.leaves.values()]
    sources, found = [*leaves, *(part for side in jets for part in side.values()), held], []
    for r in parts:
        if r.requires_grad:
            slopes = list(torch.autograd.grad(r.sum(), sources, retain_graph=True, materialize_grads=True))
        else:
            slopes = [torch.zeros_like(source) for source in sources]
        *given, last = map(term.weigh, slopes)
        if laws:
            last = torch.cat([last, laws.columns(calls, given[: len(leaves)], len(term))], 1)
        own = iter(given[len(leaves) :])
        by: list[Jets] = [{order: next(own) for order in side} for side in jets]
        found.append(Linearized(term.weigh(r.detach()), by, last))
    return found


def term_of(condition: Condition, boundary: int, seed: int) -> Term:
    """A condition at its points."""
    if isinstance(condition, Integral):
        points, weights = condition.rule
        return Term(condition.equation, [points], condition.weight, rule=weights)
    return Term(condition.equation, condition.points(boundary, seed), condition.weight)


def weak_term(problem: Problem, count: int, cells: int = 0) -> Term:
    """Return the weak form against about `count` test functions, on at least the given number of cells per coordinate.

    InputError for domains of too many coordinates, and natural faces where the domain is no box.
    """
    weak, domain = problem.residual, problem.domain
    assert isinstance(weak, Weak)
    if problem.functions:
        raise InputError("Weak forms take no unknown functions: state the residual at points instead.")
    d = len(domain.names)
    if d > 3:
        raise InputError(f"Weak forms are for domains of up to 3 coordinates. Got {d}.")
    if weak.natural is not None and not isinstance(domain, Box):
        raise InputError("Natural faces are those of a box; on other domains test functions vanish on the boundary.")
    reads = weak.reads(domain.names, problem.unknowns, problem.constants)
    space = space_of(weak, domain, reads, max(8, cells, math.ceil(count ** (1 / d))))
    return Term(weak, [space.points], 1.0, tests=space)
