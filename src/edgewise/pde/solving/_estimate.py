"""How far a solution is from the true one, without knowing that: by solving for the correction in another space."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.linalg import LinAlgError
from torch import Tensor

from edgewise._jets import Jets
from edgewise.nn import Layout, refine_grid
from edgewise.pde.geometry._jet import values_of
from edgewise.pde.solving._objective import Objective
from edgewise.pde.solving._settings import CORRECTION
from edgewise.pde.splines._networks import wider
from edgewise.pde.splines._pass import JetPass
from edgewise.pde.splines._space import Products
from edgewise.pde.splines._systems import bordered
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Linearized, Term, weak_term
from edgewise.train.optim import LM


class Estimate(NamedTuple):
    """An estimated error, relative to the solution in L2; and the part of what the equation leaves that is smooth and
    that no correction takes away. Where that is most of it, this is a minimum of the squares and no solution, and the
    estimate says nothing.
    """

    error: float
    kept: float = 0.0


def _even(problem: Problem, cells: int) -> Products:
    """Products of splines on even cells over a box around the domain."""
    ends = zip(problem.domain.low, problem.domain.high, strict=True)
    return Products.even(ends, repeat(cells), CORRECTION.degree, spread=True)


@dataclass
class _System:
    """The linearized equations as least squares for the correction's coefficients and for the constants."""

    tensor: Products
    unknowns: int
    constants: int

    def __post_init__(self) -> None:
        size = self.size
        self.matrix = sparse.csr_matrix((size, size))
        self.right = np.zeros(size)
        self.squares = 0.0  # of what is left
        self.integrals: list[tuple[np.ndarray, float]] = []  # of each the row and what is left, times roots of weights

    @property
    def size(self) -> int:
        return len(self.tensor) * self.unknowns + self.constants

    def add(self, parts: Iterable[tuple[Term, list[Linearized]]], whole: Term) -> None:
        """Add the equations of a term, of which parts of the points are given, as its kind asks for."""
        if whole.tests is not None:
            self._add_tests(parts, whole)
        elif whole.rule is not None:
            self._add_integrals(parts, whole.weight)
        else:
            self._add_points(parts, whole)

    def _add_points(self, parts: Iterable[tuple[Term, list[Linearized]]], whole: Term) -> None:
        """Add equations at points."""
        for part, rows in parts:
            share = whole.weight / (len(whole) * len(rows))
            for row in rows:
                a = row.rows(self.tensor, part.points)
                self.matrix = self.matrix + share * (a.T @ a)
                self.right -= share * (a.T @ row.residual.numpy())
                self.squares += share * float(row.residual.square().sum())

    def _add_integrals(self, parts: Iterable[tuple[Term, list[Linearized]]], weight: float) -> None:
        """Add integrals of equations, of which parts of the points are given."""
        found: dict[int, tuple[np.ndarray, float]] = {}
        for part, rows in parts:
            assert part.rule is not None
            for e, row in enumerate(rows):
                own, left = found.get(e, (np.zeros(self.size), 0.0))
                rule = part.rule.numpy()
                found[e] = own + row.rows(self.tensor, part.points).T @ rule, left + float(rule @ row.residual.numpy())
        root = math.sqrt(weight / len(found))
        self.integrals += [(root * own, root * left) for own, left in found.values()]

    def _add_tests(self, parts: Iterable[tuple[Term, list[Linearized]]], whole: Term) -> None:
        """Add a weak form, of which parts of the points are given; each test function counts by its own norm."""
        assert whole.tests is not None
        found: list[Any] = []
        for part, rows in parts:
            assert part.tests is not None
            own = part.tests.whole(
                [
                    sparse.hstack([row.residual.numpy()[:, None], row.rows(self.tensor, part.points)], "csr")
                    for row in rows
                ]
            )
            found = [one + two for one, two in zip(found, own, strict=True)] if found else own
        scale = sparse.diags(1.0 / whole.tests.gram.diagonal())
        for each in found:
            a, left = each.tocsc()[:, 1:].tocsr(), each.tocsc()[:, 0].toarray()[:, 0]
            self.matrix = self.matrix + a.T @ scale @ a
            self.right -= a.T @ (scale @ left)
            self.squares += float(left @ (scale @ left))

    def solve(self) -> np.ndarray:
        """The coefficients, and the constants; LinAlgError where nothing determines them."""
        inner, count, most = self.size - self.constants, len(self.integrals), float(self.matrix.diagonal().max())
        if not 0 < most < math.inf:  # no equation reads the unknown, or its squares are no numbers
            raise LinAlgError
        ridge = 1e-13 * most
        matrix = self.matrix + ridge * sparse.eye(self.size)
        if not count:
            return _banded(matrix.tocoo(), self.right, inner)
        # An integral reads all coefficients. Its row w.a, with what it leaves, is an unknown more, so that the matrix
        # stays a band: a' v - y = -left. A pin on the coefficient that it reads most, taken back by another unknown,
        # keeps the band positive where only the integral determines the solution.
        rows = np.stack([row for row, _ in self.integrals])
        pins = sparse.csr_matrix(
            (np.full(count, math.sqrt(most)), (range(count), np.abs(rows[:, :inner]).argmax(1))), (count, self.size)
        )
        one = sparse.eye(count)
        whole = sparse.bmat(
            [[matrix + pins.T @ pins, rows.T, pins.T], [rows, -one, None], [pins, None, one]], format="coo"
        )
        right = np.concatenate([self.right, [-left for _, left in self.integrals], np.zeros(count)])
        return _banded(whole, right, inner)[: self.size]

    def kept(self, change: np.ndarray) -> float:
        """The part of what is left, as root mean squares, that a change leaves: from 0 to 1."""
        before = self.squares + sum(left**2 for _, left in self.integrals)
        after = self.squares - 2 * float(self.right @ change) + float(change @ (self.matrix @ change))
        after += sum((float(row @ change) + left) ** 2 for row, left in self.integrals)
        return math.sqrt(min(1.0, max(after, 0.0) / max(before, 1e-300)))

    def smooth(self, objective: Objective) -> None:
        """Add the curvature of unknown functions."""
        begin = len(self.tensor) * self.unknowns + len(objective.names)
        for name, own in objective.penalties(objective.start).items():
            at, factor = objective.laws.places[name], objective.laws.smoothing[name]
            self.right[begin + at.start : begin + at.stop] -= factor * own.gradient.numpy()
            rows, columns = np.indices(own.matrix.shape) + begin + at.start
            values = factor * own.matrix.numpy().ravel()
            self.matrix = self.matrix + sparse.csr_matrix(
                (values, (rows.ravel(), columns.ravel())), shape=self.matrix.shape
            )


def _banded(matrix: Any, right: np.ndarray, size: int) -> np.ndarray:
    """Solve a positive system that is a band in its first `size` columns, and full in the others."""
    inner = (matrix.row < size) & (matrix.col <= matrix.row)
    row, column, value = matrix.row[inner], matrix.col[inner], matrix.data[inner]
    band = np.zeros((int((row - column).max()) + 1, size))
    band[row - column, column] = value
    whole = matrix.tocsr()
    return bordered(band, whole[:size, size:].toarray(), whole[size:, size:].toarray(), right[:, None])[:, 0]


def estimate(objective: Objective, seed: int) -> Estimate:
    """Return the size in L2 of the correction that the linearized equations ask for, relative to the solution.

    One Newton step for  r(u + v) = 0, its conditions and constants, with v a sum of products of splines on a lattice
    finer than the network's, by least squares at separate points. The network's own space plays no part, so that
    what it cannot represent shows.
    """
    problem, model = objective.problem, objective.network(objective.start)
    d, m = len(problem.domain.names), problem.unknowns
    if d not in CORRECTION.most:
        return Estimate(_trained(objective, seed))
    grid = max(layer.grid for layer in model.layers)
    most = int((CORRECTION.most[d] / m) ** (1 / d)) - CORRECTION.degree
    tensor = _even(problem, min(most, max(CORRECTION.least, math.ceil(CORRECTION.finer * grid))))
    system = _System(tensor, m, len(objective.start) - objective.layout.size)
    if objective.terms[0].tests is None:
        inside = objective.terms[0].at([problem.domain.points(CORRECTION.points[d] * len(tensor), seed)])
    else:
        inside = weak_term(problem, CORRECTION.tests * len(tensor))
    equation = list(objective.linearized(objective.start, inside))
    system.add(equation, inside)
    for term in objective.terms[1:]:
        system.add(objective.linearized(objective.start, term), term)
    system.smooth(objective)
    try:
        found = system.solve()
    except (LinAlgError, np.linalg.LinAlgError):
        return Estimate(math.inf)
    coarse = _even(problem, max(1, grid // CORRECTION.coarser))
    kept = 0.0 if inside.tests is not None else system.kept(found) * _smooth(coarse, inside.points[0], equation)
    points = problem.domain.points(4000, seed + 1)
    numbers = objective.constants(objective.start)
    moved = found[len(tensor) * m : len(tensor) * m + len(numbers)]
    shifted = {name: value + float(by) for (name, value), by in zip(numbers.items(), moved, strict=True)}
    with torch.no_grad():
        own: Jets = JetPass(model, points, []).outputs
        change = tensor.matrix(points.numpy()) @ found[: len(tensor) * m].reshape(-1, m)
        changed = {(): own[()] + torch.from_numpy(change)}
        before = values_of(problem.unknown(own, points, (), numbers))
        after = values_of(problem.unknown(changed, points, (), shifted))
    size = float(before.square().mean().sqrt())
    return Estimate(float((after - before).square().mean().sqrt()) / max(size, 1e-300), kept)


def _smooth(coarse: Products, points: Tensor, equation: Sequence[tuple[Term, list[Linearized]]]) -> float:
    """The part of what the equation leaves that splines of far fewer cells can be, as root mean squares."""
    matrix = coarse.matrix(points.numpy()).toarray()
    parts = zip(*([row.residual for row in rows] for _, rows in equation), strict=True)
    rest = torch.stack([torch.cat(part) for part in parts], 1).numpy()
    own = matrix @ np.linalg.lstsq(matrix, rest, rcond=1e-10)[0]
    return float(np.linalg.norm(own) / max(np.linalg.norm(rest), 1e-300))


def _trained(objective: Objective, seed: int) -> float:
    """The same by steps of a wider network on a finer grid, where a lattice would have too many cells."""
    problem, constants = objective.problem, objective.constants(objective.start)
    model = objective.network(objective.start)
    finer = refine_grid(wider(model, seed + 1) or model, 2)
    inside = problem.domain.points(max(2000, 12 * Layout(finer).size), seed + 2)
    terms = [objective.terms[0].at([inside]), *objective.terms[1:]]
    larger = Objective(problem, finer, constants, terms, objective.laws)
    vector, _ = LM(steps=CORRECTION.steps).minimize(larger, larger.start)
    points = problem.domain.points(4000, seed + 1)
    with torch.no_grad():
        before, after = (
            values_of(problem.unknown(JetPass(net, points, []).outputs, points, (), larger.constants(own)))
            for net, own in ((model, larger.start), (larger.network(vector), vector))
        )
    return float((after - before).square().mean().sqrt() / before.square().mean().sqrt().clamp_min(1e-300))
