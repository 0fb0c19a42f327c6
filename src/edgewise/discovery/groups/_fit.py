"""A formula as a sum of terms, fitted with coefficients and constants that differ by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.mixed import Blocks, MixedFit, MixedModel
from edgewise.discovery.tables import EXACT, Table
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
    """A shape with its constants: those within terms are written in `shape`, `fit` has all, also how groups differ.

    `error` and `held_out` are root mean squares over the standard deviation of y, on the rows and on rows left out.
    """

    shape: Shape
    fit: MixedFit
    error: float
    held_out: float

    @property
    def constants(self) -> int:
        """The number of constants that are fitted: of an exact fit those of every group, else those of variances."""
        inner = sum(len(term.atoms(sympy.Float)) for term in self.shape.terms)
        varying = len(self.shape.varying)
        if self.fit.exact:
            return inner + len(self.shape.terms) + varying * (self.fit.model.groups - 1)
        return inner + len(self.shape.terms) + (varying * (varying + 1) // 2 if self.fit.model.full else varying)

    def cost(self, noise: float) -> float:
        """Return the criterion that formulas are compared by: as `judging.criterion`, of the marginal likelihood.

            -2 log likelihood + log(n) / 2 (complexity + fitted constants)

        The constants of groups are integrated over, so that what differs by group costs its variances alone. A
        standard deviation of residuals below the noise, or rounding, counts as that.
        """
        blocks, least = self.fit.blocks, max(EXACT / 10, 0.97 * noise)
        size = self.shape.complexity + self.constants
        deviance = blocks.deviance(self.fit.solved, restricted=False, least=least)
        return deviance - blocks.rows * math.log(2 * math.pi * math.e) + 0.5 * math.log(blocks.rows) * size

    @classmethod
    def of(cls, shape: Shape, rows: GroupedRows) -> GroupedFit | None:
        """Return the shape with coefficients fitted, None where a term is undefined, or says nothing more."""
        columns = _columns(shape, rows)
        if columns is None:
            return None
        model = _model(shape, rows)
        with np.errstate(all="ignore"):
            found = model.near(_blocks(shape, columns, rows))
        return cls._measured(shape, found, columns, rows)

    @classmethod
    def _measured(cls, shape: Shape, fit: MixedFit, columns: Array, rows: GroupedRows) -> GroupedFit | None:
        """Return a fit with its errors: those on rows left out are at the same variances between groups."""
        count = len(shape.terms)
        error = _rms(rows.weight * (_values(shape, fit.beta[:count], fit.b, columns, rows.codes) - rows.y))
        predicted = np.empty(len(rows.y))
        for fold in range(_FOLDS):
            out = rows.folds == fold
            again = _blocks(shape, columns[~out], rows.rows(~out)).solved(fit.solved.factor)
            b = again.u @ again.factor.T
            predicted[out] = _values(shape, again.beta, b, columns[out], rows.codes[out])
        held_out = _rms(rows.weight * (predicted - rows.y))
        return cls(shape, fit, error, held_out) if math.isfinite(held_out) else None

    def refined(self, rows: GroupedRows) -> GroupedFit:
        """Return the fit with variances at the maximum of their likelihood, and constants within its terms fitted."""
        most_inner, turns = 6, 12  # constants within terms that are fitted; turns of the alternation
        fitted = 5000  # rows that constants within terms are fitted to
        free = self._free(rows)
        start = [value for each in free for value in each.values]
        inner = bool(start) and len(start) <= most_inner
        sample = rows.rows(np.flatnonzero(np.arange(len(rows.y)) % -(-len(rows.y) // fitted) == 0))
        some = sample if inner else rows
        model = _model(self.shape, some, free if inner else None)
        with np.errstate(all="ignore"):
            found = model.fit([*self.fit.beta[: len(self.shape.terms)], *(start if inner else [])], turns)
        if found is None:
            return self
        values = iter(found.beta[len(self.shape.terms) :])
        terms = self.shape.terms if not inner else tuple(
            each.template.xreplace({s: sympy.Float(float(next(values))) for s in each.symbols}) for each in free
        )  # fmt: skip
        shape = replace(self.shape, terms=terms)
        if len(some.y) < len(rows.y):
            again = GroupedFit.of(shape, rows)
        else:
            columns = _columns(shape, rows)
            again = None if columns is None else self._measured(shape, found, columns, rows)
        better = again is not None and (not inner or again.error <= self.error * _WORSE)
        return again if better and again is not None else self

    def _free(self, rows: GroupedRows) -> list[FreeFormula]:
        """Return the terms with symbols for their constants, but those that others make up for at all rows."""
        new = 1e-7  # of its derivative: the part by which a constant must do what others do not
        free = [FreeFormula.of(term) for term in self.shape.terms]
        model = _model(self.shape, rows, free)
        start = [*self.fit.beta[: len(free)], *(value for each in free for value in each.values)]
        with np.errstate(all="ignore"):
            jacobian = rows.weight[:, None] * model.tape.jacobian(model.columns, start)[1]
            jacobian = jacobian / np.maximum(np.abs(jacobian).max(0, initial=0.0), 1e-300)
        if not np.isfinite(jacobian).all():
            return free
        triangle, held = np.abs(np.linalg.qr(jacobian, mode="r")), []
        for k in range(len(free), min(triangle.shape)):
            if triangle[k, k] < new * np.linalg.norm(triangle[:, k]):
                held.append(model.constants[k])
        found = []
        for each in free:
            for symbol in held:
                if symbol in each.symbols:
                    place = each.symbols.index(symbol)
                    each = each.pinned(place, sympy.Float(each.values[place]))
            found.append(each)
        return found

    def coefficients(self) -> tuple[Array, Array]:
        """Return the shared coefficients (k,) and those of each group (G, v), of twelve digits if they are exact."""
        count, varying = len(self.shape.terms), sorted(self.shape.varying)
        shared = self.fit.beta[[j for j in range(count) if j not in self.shape.varying]]
        grouped = self.fit.beta[varying] + self.fit.b
        if not self.fit.exact and self.error >= EXACT:
            return shared, grouped
        digits, zero = 12, 1e-12
        round_all = np.vectorize(lambda v: float(f"{v:.{digits}g}"), otypes=[float])
        size = max(float(np.abs(shared).max(initial=0)), float(np.abs(grouped).max(initial=0)))
        return tuple(round_all(np.where(np.abs(c) < zero * size, 0.0, c)) for c in (shared, grouped))  # type: ignore[return-value]

    def of_group(self, group: int) -> Formula:
        """Return the formula of one group, its constants as they were fitted."""
        shared, grouped = self.coefficients()
        common, own = iter(shared), iter(grouped[group])
        return self.shape.with_constants(
            [sympy.Float(float(next(own if j in self.shape.varying else common))) for j in range(len(self.shape.terms))]
        )

    def of_mean(self) -> Formula:
        """Return the formula of the mean constants."""
        return self.shape.with_constants([sympy.Float(float(v)) for v in self.fit.beta[: len(self.shape.terms)]])

    def expression(self, indicators: list[Part], baseline: int) -> Formula:
        """Return the formula with an indicator, 1 or 0, for each group but the baseline."""
        common, own = self.coefficients()
        others = [g for g in range(self.fit.model.groups) if g != baseline]
        shared, grouped = iter(common), iter(own.T)
        parts = []
        for j, term in enumerate(self.shape.terms):
            if j not in self.shape.varying:
                parts.append(sympy.Float(float(next(shared))) * term)
                continue
            values = next(grouped)
            each = [sympy.Float(float(values[baseline]))]
            each += [sympy.Float(float(values[g] - values[baseline])) * indicators[k] for k, g in enumerate(others)]
            parts.append(sympy.Add(*each) * term)
        return sympy.Add(*parts)


_LARGEST = 1e100  # value of a term: squares of larger ones leave doubles
_WORSE = 1.05  # of the error: what the fit of constants within terms may cost where it raises the likelihood
_LETTERS = "abcdefghklmnpqrs"


def letters(shape: Shape, names: Sequence[str]) -> list[str]:
    """Return names for the constants of a shape that differ by group, which no column has."""
    return [letter for letter in _LETTERS if letter not in names][: len(shape.varying)]


def _model(shape: Shape, rows: GroupedRows, free: Sequence[FreeFormula] | None = None) -> MixedModel:
    """Return a shape as a model of its coefficients, and of the constants within its terms where these are free."""
    most_correlated, groups_each = 3, 2  # constants that may correlate between groups, and groups for each covariance
    own = iter(letters(shape, rows.names))
    symbols: list[sympy.Symbol] = [
        sympy.Symbol(next(own)) if j in shape.varying else sympy.Dummy(f"c{j}") for j in range(len(shape.terms))
    ]
    terms = shape.terms if free is None else [each.template for each in free]
    inner = [] if free is None else [symbol for each in free for symbol in each.symbols]
    formula = sympy.Add(*(c * t for c, t in zip(symbols, terms, strict=True)))
    varying = tuple(sorted(shape.varying))
    count = len(varying)
    full = count <= most_correlated and rows.groups >= groups_each * count * (count + 1) // 2
    return MixedModel(
        formula, (*symbols, *inner), varying, rows.names, rows.x, rows.y, rows.weight, rows.codes, rows.groups, full,
        rounding=EXACT,
    )  # fmt: skip


def _columns(shape: Shape, rows: GroupedRows) -> Array | None:
    """Return the columns of the terms (n, k), None where one is undefined."""
    with np.errstate(all="ignore"):
        values = np.column_stack([evaluate(term, rows.names, rows.x) for term in shape.terms])
    return values if (np.abs(values) < _LARGEST).all() else None


def _blocks(shape: Shape, columns: Array, rows: GroupedRows) -> Blocks:
    """Return the rows as those of a linear model of these columns (n, k)."""
    x = rows.weight[:, None] * columns
    return Blocks.of(x[:, sorted(shape.varying)], x, rows.weight * rows.y, rows.codes, rows.groups)


def _values(shape: Shape, beta: Array, b: Array, columns: Array, codes: Array) -> Array:
    """Return the values (n,) of rows of these groups."""
    return columns @ beta + np.sum(columns[:, sorted(shape.varying)] * b[codes], axis=1)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
