"""A formula as a sum of terms, fitted with coefficients and constants that differ by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.judging import criterion
from edgewise.discovery.tables import Table
from edgewise.formulas.expressions import FreeFormula, complexity, evaluate


@dataclass(frozen=True)
class Shape:
    """y = sum_j c_j t_j(x): `terms` are the t_j, and the coefficients of those in `varying` differ by group.

    >>> x = sympy.Symbol("x")
    >>> Shape((sympy.S.One, x), frozenset({0})).written(["a"], [2.5])
    a + 2.5*x
    """

    terms: tuple[Formula, ...]
    varying: frozenset[int] = frozenset()

    @property
    def complexity(self) -> int:
        """That of the formula; a constant that differs by group counts as one more."""
        return complexity(self.with_constants([sympy.Float(1.5)] * len(self.terms))) + len(self.varying)

    def written(self, names: Sequence[str], shared: Sequence[float]) -> Formula:
        """Return the formula with symbols of these names for what differs by group, and the shared coefficients."""
        symbols, numbers = iter(names), iter(shared)
        coefficients = [
            sympy.Symbol(next(symbols)) if j in self.varying else sympy.Float(next(numbers))
            for j in range(len(self.terms))
        ]
        return self.with_constants(coefficients)

    def with_constants(self, coefficients: Sequence[Part]) -> Formula:
        """Return the sum of the terms, each times its coefficient."""
        return sympy.Add(*(c * t for c, t in zip(coefficients, self.terms, strict=True)))


def shapes_of(expression: Formula) -> list[Shape]:
    """Return the ways in which constants of a formula may differ by group: none, one of them, or all.

    A formula without an offset may have one that differs. Of a sum, the scale of all of it may differ, too.

    >>> x = sympy.Symbol("x")
    >>> [(s.terms, sorted(s.varying)) for s in shapes_of(2.5 * x)]
    [((x,), []), ((x,), [0]), ((1, x), [0]), ((1, x), [0, 1])]
    """
    many = 6  # terms, of which each alone is tried
    separate = _terms(expression)
    lists = [separate, [sympy.S.One, *separate]] if sympy.S.One not in separate else [separate]
    others = [t for t in separate if t != 1]
    if len(others) > 1:
        whole = sympy.Add(*(c * t for c, t in _pairs(expression) if t != 1))
        lists += [[sympy.S.One, whole]]
    found: list[Shape] = []
    for terms in lists:
        places = range(len(terms))
        singles = [{j} for j in places] if len(terms) <= many else [{0}]
        for varying in [set(), *singles, {*places}]:
            added = terms is not separate and terms[1:] == separate
            shape = Shape(tuple(terms), frozenset(varying))
            if shape not in found and not (added and 0 not in varying):
                found.append(shape)
    return found


def _terms(expression: Formula) -> list[Formula]:
    return [t for _, t in _pairs(expression)]


def _pairs(expression: Formula) -> list[tuple[Part, Formula]]:
    """Return the coefficients and terms of a formula; the constant comes first, with the term 1."""
    number, rest = expression.as_coeff_Mul()
    if rest.is_Add and number != 1:
        expression = sympy.Add(*(number * part for part in rest.args))
    constant, pairs = sympy.S.Zero, []
    for part in sympy.Add.make_args(expression):
        if not part.free_symbols:
            constant += part
        else:
            pairs.append(part.as_independent(*part.free_symbols, as_Add=False))
    return [*([(constant, sympy.S.One)] if constant != 0 else []), *pairs]


@dataclass(frozen=True)
class Coefficients:
    """Shared coefficients (k,), those of each group (G, v), and their covariances without the residuals' variance."""

    shared: Array
    grouped: Array
    shared_spread: Array
    grouped_spread: Array

    def values(self, shared: Array, grouped: Array, codes: Array) -> Array:
        """Return the values (n,) at shared (n, k) and grouped (n, v) columns of rows of these groups (n,)."""
        return shared @ self.shared + np.sum(grouped * self.grouped[codes], axis=1)


def solve(shared: Array, grouped: Array, y: Array, weight: Array, codes: Array, groups: int) -> Coefficients:
    """Return the coefficients that minimize sum w^2 (shared b + grouped c_g - y)^2 over b and c_g of each group g.

    shared (n, k), grouped (n, v), y, weight and codes (n,). Each group's columns are projected out of the shared ones.

    >>> x, codes = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0, 0, 1, 1])
    >>> found = solve(x, np.ones((4, 1)), np.array([1.0, 3.0, 5.0, 7.0]), np.ones(4), codes, 2)
    >>> found.shared.round(6), found.grouped.round(6).tolist()
    (array([2.]), [[1.0], [5.0]])
    """
    rank = 1e-11
    w = weight[:, None]
    left, right = w * np.column_stack([shared, y]), w * grouped
    k, v = shared.shape[1], grouped.shape[1]
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(groups + 1))
    blocks: list[tuple[Array, Array]] = []
    projected = left.copy()
    for g in range(groups):
        rows = order[ends[g] : ends[g + 1]]
        inverse = np.linalg.pinv(right[rows], rcond=rank) if v else np.zeros((0, len(rows)))
        onto = inverse @ left[rows]
        projected[rows] = left[rows] - right[rows] @ onto
        blocks.append((inverse, onto))
    inverse = np.linalg.pinv(projected[:, :k], rcond=rank) if k else np.zeros((0, len(y)))
    b, spread = inverse @ projected[:, k], inverse @ inverse.T
    values, spreads = np.zeros((groups, v)), np.zeros((groups, v))
    for g, (own, onto) in enumerate(blocks):
        values[g] = onto[:, k] - onto[:, :k] @ b
        spreads[g] = np.sum(own**2, axis=1) + np.einsum("ij,jk,ik->i", onto[:, :k], spread, onto[:, :k])
    return Coefficients(b, values, np.diag(spread), spreads)


_FOLDS = 5


@dataclass(frozen=True)
class GroupedRows:
    """Rows x (n, m) and y (n,) with residual weights (n,), and the numbers of their groups (n,).

    `folds` (n,) deals the rows of each group to five parts.
    """

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    codes: Array
    groups: int
    folds: Array

    @classmethod
    def of(cls, table: Table, codes: Array, groups: int, seed: int) -> GroupedRows:
        """Return the rows, dealt to folds, the weights scaled so that errors are over the standard deviation of y."""
        y, weight = table.y, table.weight
        mean = float(np.average(y, weights=weight**2))
        spread = float(np.sqrt(np.mean((weight * (y - mean)) ** 2)))
        shuffled = np.random.default_rng(seed).permutation(len(y))
        order = shuffled[np.argsort(codes[shuffled], kind="stable")]
        folds = np.empty(len(y), int)
        folds[order] = np.arange(len(y)) % _FOLDS
        return cls(table.names, table.x, y, weight / (spread or 1.0), codes, groups, folds)

    def rows(self, keep: Array) -> GroupedRows:
        """Return some of the rows."""
        return replace(
            self, x=self.x[keep], y=self.y[keep], weight=self.weight[keep], codes=self.codes[keep],
            folds=self.folds[keep],
        )  # fmt: skip


@dataclass(frozen=True)
class GroupedFit:
    """A shape with its constants: those within terms are written in `shape`, the others are `coefficients`.

    `error` and `held_out` are root mean squares over the standard deviation of y, on the rows and on rows left out.
    """

    shape: Shape
    coefficients: Coefficients
    error: float
    held_out: float
    fitted: int

    def cost(self, rows: int, noise: float) -> float:
        """Return the criterion that formulas are compared by."""
        return criterion(self.error, self.shape.complexity + self.fitted, rows, noise)

    @classmethod
    def of(cls, shape: Shape, rows: GroupedRows) -> GroupedFit | None:
        """Return the shape with coefficients fitted, None where a term is undefined."""
        columns = _columns(shape, rows)
        if columns is None:
            return None
        shared, grouped = columns
        found = solve(shared, grouped, rows.y, rows.weight, rows.codes, rows.groups)
        error = _rms(rows.weight * (found.values(shared, grouped, rows.codes) - rows.y))
        predicted = np.empty(len(rows.y))
        for fold in range(_FOLDS):
            out = rows.folds == fold
            part = rows.rows(~out)
            again = solve(shared[~out], grouped[~out], part.y, part.weight, part.codes, rows.groups)
            predicted[out] = again.values(shared[out], grouped[out], rows.codes[out])
        held_out = _rms(rows.weight * (predicted - rows.y))
        inner = sum(len(term.atoms(sympy.Float)) for term in shape.terms)
        fitted = inner + shared.shape[1] + grouped.shape[1] * rows.groups
        return cls(shape, found, error, held_out, fitted) if math.isfinite(held_out) else None

    def refined(self, rows: GroupedRows) -> GroupedFit:
        """Return the fit with the constants within its terms fitted, too."""
        steps = 12  # evaluations for each constant within terms
        most_inner = 6
        fitted = 5000  # rows that constants within terms are fitted to
        from scipy.optimize import leastsq

        free = [FreeFormula.of(term) for term in self.shape.terms]
        start = [value for each in free for value in each.values]
        if not start or len(start) > most_inner:
            return self
        few = rows.rows(np.flatnonzero(np.arange(len(rows.y)) % -(-len(rows.y) // fitted) == 0))

        def shape(values: Array) -> Shape:
            given = iter(values)
            terms = [
                each.template.xreplace({s: sympy.Float(float(next(given))) for s in each.symbols}) for each in free
            ]
            return replace(self.shape, terms=tuple(terms))

        def residual(values: Array) -> Array:
            columns = _columns(shape(values), few)
            if columns is None:
                return np.full(len(few.y), 1e3)
            found = solve(*columns, few.y, few.weight, few.codes, few.groups)
            return few.weight * (found.values(*columns, few.codes) - few.y)

        with np.errstate(all="ignore"):
            best = leastsq(residual, start, full_output=True, maxfev=steps * (len(start) + 1), xtol=1e-14, ftol=1e-14)[
                0
            ]
        again = GroupedFit.of(shape(best), rows)
        return again if again is not None and again.error < self.error else self

    def rounded(self) -> GroupedFit:
        """Return an exact fit with coefficients of twelve digits: the others are rounding errors."""
        digits, zero = 12, 1e-12
        found, round_all = self.coefficients, np.vectorize(lambda v: float(f"{v:.{digits}g}"), otypes=[float])
        size = max(float(np.abs(found.shared).max(initial=0)), float(np.abs(found.grouped).max(initial=0)))
        shared, grouped = (np.where(np.abs(c) < zero * size, 0.0, c) for c in (found.shared, found.grouped))
        return replace(self, coefficients=replace(found, shared=round_all(shared), grouped=round_all(grouped)))

    def of_group(self, group: int) -> Formula:
        """Return the formula of one group, its constants as they were fitted."""
        shared, own = iter(self.coefficients.shared), iter(self.coefficients.grouped[group])
        return self.shape.with_constants(
            [sympy.Float(float(next(own if j in self.shape.varying else shared))) for j in range(len(self.shape.terms))]
        )

    def expression(self, indicators: list[Part], baseline: int) -> Formula:
        """Return the formula with an indicator, 1 or 0, for each group but the baseline."""
        others = [g for g in range(len(self.coefficients.grouped)) if g != baseline]
        shared, grouped = iter(self.coefficients.shared), iter(self.coefficients.grouped.T)
        parts = []
        for j, term in enumerate(self.shape.terms):
            if j not in self.shape.varying:
                parts.append(sympy.Float(float(next(shared))) * term)
                continue
            values = next(grouped)
            own = [sympy.Float(float(values[baseline]))]
            own += [sympy.Float(float(values[g] - values[baseline])) * indicators[k] for k, g in enumerate(others)]
            parts.append(sympy.Add(*own) * term)
        return sympy.Add(*parts)


def _columns(shape: Shape, rows: GroupedRows) -> tuple[Array, Array] | None:
    """Return the columns of shared terms (n, k) and of those that differ (n, v), None where one is undefined."""
    with np.errstate(all="ignore"):
        values = [evaluate(term, rows.names, rows.x) for term in shape.terms]
    if not all(np.isfinite(each).all() for each in values):
        return None
    shared = [each for j, each in enumerate(values) if j not in shape.varying]
    grouped = [each for j, each in enumerate(values) if j in shape.varying]
    empty = np.empty((len(rows.y), 0))
    return np.column_stack([empty, *shared]), np.column_stack([empty, *grouped])


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
