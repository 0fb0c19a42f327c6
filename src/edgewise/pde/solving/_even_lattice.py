"""All products of splines on even cells: the rows of an equation and its conditions there, and their least squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, Order
from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.solving._settings import EXAMINATION
from edgewise.pde.splines._space import Products
from edgewise.pde.statement._condition import Condition, Left
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Term, linearized, term_of

Known = Callable[[Tensor], Jets]


class NotFinite(ArithmeticError):
    """An equation is not finite at some points."""


class LatticeRows(NamedTuple):
    """matrix @ change = right, for a change of all coefficients and constants; the equation's rows come first.

    inside: how many these are. basis (size, n): the changes that the domain sees; metric (n, n): basis @ y changes the
    unknowns by |metric @ y| in L2. data, terms: the sizes of what the equation leaves of zero, and of what it adds up.
    fine: whether the highest derivatives of an equation outweigh the others in a cell, as they must where a lattice is
    to tell the number of its solutions: without its highest derivative an equation has fewer.
    """

    matrix: Array
    right: Array
    inside: int
    basis: Array
    metric: Array
    data: float
    terms: float
    fine: bool


class _Block(NamedTuple):
    """One equation at points: what it leaves (n,), its derivatives by coefficients and constants (n, size).

    scales: sizes of its coefficients by the order of the derivative, (n, unknowns) each, where the domain's sides have
    the length one. terms (n,): of what it adds up.
    """

    left: Array
    matrix: Array
    scales: dict[int, Array]
    terms: Array


class LeastSquares(NamedTuple):
    """What least squares on one lattice give.

    weakest: the least |J v| / |v| of functions v, ascending. floor: what may be rounding of it. weak: these functions'
    coefficients, as columns. residual: what the squares leave, over the data of the equation. rounding: what may be
    rounding of that. smooth: the part of it that is smooth and inside the domain. fine: as in `LatticeRows`.
    """

    lattice: EvenLattice
    coefficients: Array
    weakest: Array
    floor: float
    weak: Array
    residual: float
    rounding: float
    smooth: float
    fine: bool
    settled: bool

    def jets(self, points: Tensor) -> Jets:
        """The solution at points."""
        return self.lattice.jets(points, self.coefficients)


class _Factors:
    """The rows' triangular factor and its singular values, of columns scaled to norm one."""

    def __init__(self, rows: LatticeRows) -> None:
        matrix = rows.matrix @ rows.basis
        norms = np.linalg.norm(matrix, axis=0)
        self.rows, self.norms = rows, np.where(norms > 0, norms, 1.0)
        n = matrix.shape[1]
        both = np.column_stack([matrix / self.norms, rows.right])
        both = np.pad(both, ((0, max(0, n + 1 - len(both))), (0, 0)))  # rows of zeros, where there are few
        whole = np.asarray(np.linalg.qr(both, mode="r"))
        left, self.sizes, self.turned = _svd(whole[:n, :n])
        self.right = left.T @ whole[:n, n]

    def change(self, damping: float = 0.0) -> Array:
        """The change of least squares, with the square of damping times the scaled change added."""
        kept = self.sizes > EXAMINATION.rounding * self.sizes[0]
        sizes = self.sizes[kept]
        found = self.turned[kept].T @ (self.right[kept] * sizes / (sizes**2 + damping**2))
        return self.rows.basis @ (found / self.norms)

    def weakest(self) -> tuple[Array, Array]:
        """What functions leave that leave least, ascending; and their coefficients, of size one, as columns."""
        inverse = self.turned.T / np.maximum(self.sizes, 1e-300) / self.norms[:, None]
        _, reached, turned = _svd(self.rows.metric @ inverse)
        weak = self.rows.basis @ (inverse @ turned.T) / np.maximum(reached, 1e-300)
        return 1 / np.maximum(reached, 1e-300), weak


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    try:
        return np.linalg.svd(matrix)
    except np.linalg.LinAlgError:  # of numbers at the end of their range
        raise NotFinite from None


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))


class EvenLattice:
    """Products of splines on as many even cells of each coordinate of a problem's domain."""

    def __init__(self, problem: Problem, cells: int) -> None:
        self.problem, self.cells, domain = problem, cells, problem.domain
        d, ends = len(domain.names), list(zip(domain.low, domain.high, strict=True))
        self.widths = [high - low for low, high in ends]
        self.products = Products.even(ends, repeat(cells), EXAMINATION.degrees[d])
        points, weights = self.products.gauss(EXAMINATION.gauss[d])
        kept = np.ones(len(points), dtype=bool)
        if not isinstance(domain, Box):
            kept = domain.contains(torch.from_numpy(points)).numpy()
        shares = weights[kept]
        self.inside, self.shares = torch.from_numpy(points[kept]), shares / shares.sum()
        self.functions, self.unknowns = len(self.products), problem.unknowns
        self.names = list(problem.numbers)

    @property
    def size(self) -> int:
        return self.functions * self.unknowns + len(self.names)

    def jets(self, points: Tensor, coefficients: Array) -> Jets:
        """The functions of coefficients (size,) at points: (n, unknowns) of each order."""
        own = coefficients[: self.functions * self.unknowns].reshape(-1, self.unknowns)
        return {order: torch.from_numpy(self._values(points, order) @ own) for order in self.problem.orders}

    def projected(self, known: Known) -> Array:
        """The coefficients of the functions nearest to known ones; those of constants are zero."""
        root = np.sqrt(self.shares)[:, None]
        matrix = root * self._values(self.inside, ())
        found = np.linalg.lstsq(matrix, root * known(self.inside)[()].numpy(), rcond=1e-12)[0]
        return np.concatenate([found.ravel(), np.zeros(len(self.names))])

    def rows(self, known: Known, constants: Array, conditions: Sequence[Condition]) -> LatticeRows:
        """The rows at known functions and constants; NotFinite where their squares are no numbers."""
        with np.errstate(all="ignore"):
            try:
                found = self._rows(known, constants, conditions)
            except np.linalg.LinAlgError:  # of squares beyond the range of numbers
                raise NotFinite from None
            if not math.isfinite(float(np.linalg.norm(found.right)) + float(np.linalg.norm(found.matrix))):
                raise NotFinite
        return found

    def _rows(self, known: Known, constants: Array, conditions: Sequence[Condition]) -> LatticeRows:
        """Linearize about known functions and constants.

        Equations have no units: their terms are as large as the unknowns where all sides of the domain have the length
        one. Conditions count as much as the equation does next to the boundary, by the norms of rows of both, which is
        h^-3 for the squares of values in an equation of second order (Agmon, Douglis and Nirenberg's weights).
        """
        inner = Term(self.problem.residual, [self.inside], 1.0)
        blocks, root = self._blocks(inner, known, constants), np.sqrt(self.shares)
        norms = np.array([[self._norm(block, q) for q in range(self.unknowns)] for block in blocks])
        by_equation, by_unknown = units(norms)
        scale = self._size(np.maximum.reduce(list(blocks[0].scales.values())) * by_unknown)
        by_equation = by_equation / by_equation[0] / max(scale, 1e-300)
        matrix = [root[:, None] * r * block.matrix for r, block in zip(by_equation, blocks, strict=True)]
        right = [-root * r * block.left for r, block in zip(by_equation, blocks, strict=True)]
        most = float((by_equation[:, None] * norms * by_unknown).max())
        for condition in conditions:
            rows, left = self._condition(condition, known, constants, most, by_unknown)
            matrix.append(rows)
            right.append(left)
        zero = self._blocks(inner, self.zero, constants)
        data, terms = (
            math.sqrt(sum((self.shares * (r * part) ** 2).sum() for r, part in zip(by_equation, parts, strict=True)))
            for parts in ([block.left for block in zero], [block.terms for block in blocks])
        )
        inside = sum(len(block.left) for block in blocks)
        basis, metric = self._basis(known, constants, by_unknown)
        fine = all(self._is_fine(block, by_unknown) for block in blocks)
        return LatticeRows(np.concatenate(matrix), np.concatenate(right), inside, basis, metric, data, terms, fine)

    def solved(
        self, conditions: Sequence[Condition], constants: Array, known: Known | None = None
    ) -> LeastSquares:  # fmt: skip
        """Solve a linear problem, or one that is linearized about known functions."""
        rows = self.rows(known or self.zero, constants, conditions)
        factors = _Factors(rows)
        change = factors.change()
        if not rows.data > 0:
            rows = self.rows(lambda points: self.jets(points, change), constants, conditions)
            rows = rows._replace(right=rows.right + rows.matrix @ change)
        return self._judged(rows, rows.right - rows.matrix @ change, change, factors)

    def about(self, conditions: Sequence[Condition], constants: Array, known: Known) -> LeastSquares:
        """Linearize about known functions, which are the solution."""
        rows = self.rows(known, constants, conditions)
        return self._judged(rows, rows.right, np.zeros(self.size), _Factors(rows))

    def stepped(self, conditions: Sequence[Condition], constants: Array, known: Known) -> LeastSquares:
        """Solve a problem by Levenberg-Marquardt steps from known functions."""
        held = np.concatenate([self.projected(known)[: self.size - len(constants)], constants])

        def at(coefficients: Array) -> LatticeRows | None:
            own = coefficients[self.size - len(constants) :]
            try:
                return self.rows(lambda points: self.jets(points, coefficients), own, conditions)
            except NotFinite:
                return None

        rows, damping = at(held), 0.0
        if rows is None:
            raise NotFinite
        factors = _Factors(rows)
        for _ in range(EXAMINATION.steps):
            before, trial = _norm(rows.right), None
            while damping <= EXAMINATION.most_damping:
                change = factors.change(damping)
                trial = at(held + change)
                if trial is not None and _norm(trial.right) < before:
                    break
                damping = max(EXAMINATION.least_damping, 10 * damping)
            if trial is None or not _norm(trial.right) < (1 - EXAMINATION.gain) * before:
                return self._judged(rows, rows.right, held, factors)
            held, rows, damping = held + change, trial, damping / 100 if damping > EXAMINATION.least_damping else 0.0
            factors = _Factors(rows)
        return self._judged(rows, rows.right, held, factors, settled=False)

    def _judged(
        self, rows: LatticeRows, left: Array, coefficients: Array, factors: _Factors, *, settled: bool = True
    ) -> LeastSquares:
        """What a solution leaves, over the data of the equation or, without any, over its terms."""
        scale, size = rows.data, max(_norm(left), 1e-300)
        if not scale > EXAMINATION.no_data * rows.terms:
            scale = max(rows.terms, EXAMINATION.no_terms * _norm(rows.right))
        scale = max(scale, 1e-300)
        weakest, weak = factors.weakest()
        floor = EXAMINATION.rounding * float(np.linalg.norm(rows.matrix, axis=0).max())
        return LeastSquares(
            self, coefficients, weakest, floor, weak, _norm(left) / scale,
            floor * float(np.abs(coefficients).max()) / scale, self.smooth(left[: rows.inside]) / size, rows.fine,
            settled,
        )  # fmt: skip

    def smooth(self, left: Array) -> float:
        """The size of what splines of a quarter of the cells can be of what the equation leaves, rows of it."""
        root = np.sqrt(self.shares)
        parts = (left.reshape(-1, len(root))).T
        coarse = EvenLattice(self.problem, max(1, self.cells // EXAMINATION.coarser))
        matrix = root[:, None] * coarse._values(self.inside, ())
        return float(np.linalg.norm(matrix @ np.linalg.lstsq(matrix, parts, rcond=1e-12)[0]))

    def _size(self, scales: Array) -> float:
        """The root mean square of the largest of some sizes (n, unknowns)."""
        return math.sqrt((self.shares * scales.max(1) ** 2).sum())

    def _is_fine(self, block: _Block, by_unknown: Array) -> bool:
        sizes = {order: self._size(own * by_unknown) * self.cells**order for order, own in block.scales.items()}
        if not all(map(math.isfinite, sizes.values())):
            raise NotFinite
        top = max(sizes, key=lambda order: (sizes[order] > 0, order))
        return all(sizes[top] >= size for size in sizes.values())

    def zero(self, points: Tensor) -> Jets:
        return {order: torch.zeros(len(points), self.unknowns, dtype=torch.float64) for order in self.problem.orders}

    def _condition(
        self, condition: Condition, known: Known, constants: Array, most: float, by_unknown: Array
    ) -> tuple[Array, Array]:  # fmt: skip
        """The rows of a condition, and what is right of them."""
        d = len(self.widths)
        count = 2 if d == 1 else EXAMINATION.on_sides * 2 * d * self.cells
        term, found = term_of(condition, count, seed=31), []
        for block in self._blocks(term, known, constants):
            own = [float(np.sqrt((self._part(block, q) ** 2).sum(1).mean())) for q in range(self.unknowns)]
            weight = most / (max(map(float, by_unknown * own)) or 1.0)
            if term.rule is not None:
                rule = (term.rule / term.rule.abs().sum()).numpy()[None]
                found.append((weight * rule @ block.matrix, -weight * rule @ block.left))
                continue
            weight *= math.sqrt(self.cells / len(block.left))
            found.append((weight * block.matrix, -weight * block.left))
        return np.concatenate([rows for rows, _ in found]), np.concatenate([left for _, left in found])

    def _basis(self, known: Known, constants: Array, by_unknown: Array) -> tuple[Array, Array]:
        """Changes of coefficients and constants that the domain sees, and a root of what they are in L2, squared."""

        def values(u: Jet | tuple[Jet, ...], *_: object) -> Left:
            return u.value if isinstance(u, Jet) else tuple(each.value for each in u)

        blocks = self._blocks(Term(values, [self.inside], 1.0), known, constants)
        gram = np.zeros((self.size, self.size))
        for block, c in zip(blocks, by_unknown, strict=True):
            gram += (block.matrix.T * self.shares) @ block.matrix / c**2
        for name in self.problem.constants:
            k = self.names.index(name)
            at = self.functions * self.unknowns + k
            gram[at, at] += 1 / max(1.0, abs(constants[k])) ** 2
        squares, vectors = np.linalg.eigh(gram)
        seen = squares > 1e-12 * squares[-1]  # others are not, inside the domain
        if bool(seen.all()):
            return np.eye(len(gram)), np.linalg.cholesky(gram).T
        return vectors[:, seen], np.diag(np.sqrt(squares[seen]))

    def _blocks(self, term: Term, known: Known, constants: Array) -> list[_Block]:
        found, sides = [], [known(side) for side in term.points]
        for row in linearized(self.problem, self.names, term, sides, torch.from_numpy(constants)):
            parts = [row.residual, row.constants, *(slope for by in row.by for slope in by.values())]
            if not all(bool(torch.isfinite(part).all()) for part in parts):
                raise NotFinite
            terms, scales = np.zeros(len(row.residual)), {0: np.zeros((len(row.residual), self.unknowns))}
            for by, jets in zip(row.by, sides, strict=True):
                for order, slope in by.items():
                    if bool(slope.any()):
                        scaled = np.abs(slope.numpy()) / math.prod(self.widths[k] for k in order)
                        scales[len(order)] = np.maximum(scales.get(len(order), 0.0), scaled)
                        terms += np.abs((slope * jets[order]).numpy()).sum(1)
            matrix = row.rows(self.products, term.points).toarray()
            found.append(_Block(row.residual.numpy(), matrix, scales, terms))
        return found

    def _values(self, points: Tensor, order: Order) -> Array:
        """The functions or their derivatives at points, (n, functions)."""
        counts = tuple(order.count(k) for k in range(len(self.widths)))
        return self.products.matrix(points.numpy(), counts).toarray()

    def _part(self, block: _Block, unknown: int) -> Array:
        return block.matrix[:, unknown : self.functions * self.unknowns : self.unknowns]

    def _norm(self, block: _Block, unknown: int) -> float:
        return math.sqrt((self.shares * (self._part(block, unknown) ** 2).sum(1)).sum())


def units(norms: Array) -> tuple[Array, Array]:
    """Factors r of equations and c of unknowns for which the norms r c N of rows are near one, by least squares."""
    equations, unknowns = norms.shape
    rows, right = [], []
    for e, q in zip(*np.nonzero(norms), strict=True):
        rows.append(np.eye(equations + unknowns)[e] + np.eye(equations + unknowns)[equations + q])
        right.append(-math.log(norms[e, q]))
    for q in range(unknowns):
        rows.append((EXAMINATION.open if q else 1.0) * np.eye(equations + unknowns)[equations + q])
        right.append(0.0)
    found = np.exp(np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0])
    return found[:equations], found[equations:]
