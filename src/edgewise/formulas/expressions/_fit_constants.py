"""Least squares on the constants of a formula: the data, the free formula, and where the fits start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._constants import readable_float
from edgewise.formulas.expressions._products import common_factor
from edgewise.formulas.expressions._tape import Tape

_DRAWS, _SCREENED = 600, 200  # values of constants inside functions that are tried, on that many rows
_DECADES = 2.0  # from 1, or from the sizes of columns, that constants are drawn from
_ELITE = 30  # draws that the next generation varies
_WIDTHS = (1.0, 0.3, 0.1)  # decades of a variation
_TOO_LARGE = 1e150  # to be squared
_RIDGE = 1e-12  # of a column's size squared


@dataclass(frozen=True)
class Starts:
    """Values of constants from which the weighted least squares of a formula are in reach.

    Variable projection: constants that the formula is linear in are solved for; the others are drawn, log-uniform over
    decades of either sign, or from the values of columns, and the best draws are varied.

    Parameters
    ----------
    formula
        The formula, with symbols for its constants.
    constants
        These symbols.
    known
        A value for each constant, or None; half of the draws stay near it.
    data
        The rows.
    bounds
        Ends (low, high) for some constants, which are drawn within them.

    References
    ----------
    Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems (1973).
    """

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    known: tuple[float | None, ...]
    data: FitData
    bounds: Mapping[sympy.Symbol, tuple[float, float]] = field(default_factory=dict)

    def best(self, count: int, seed: int = 0, generations: int = 0) -> list[FreeFormula]:
        """Return the formula at the best values found, best first; none where it is undefined.

        Parameters
        ----------
        count
            The number of values that are returned, at most.
        seed
            Seed of the draws.
        generations
            How often the best draws are varied.

        Examples
        --------
        >>> x = np.linspace(0, 5, 40)
        >>> c = sympy.symbols("a k")
        >>> data = FitData.of(["t"], x[:, None], 3 * np.exp(-0.7 * x))
        >>> found = Starts(c[0] * sympy.exp(-c[1] * sympy.Symbol("t")), c, (None, None), data).best(1)[0]
        >>> [round(value, 4) for value in found.fit(data).values]
        [3.0, 0.7]
        """
        rng = np.random.default_rng(seed)
        draws = self._drawn(rng)
        errors, factors = self._solved(draws)
        for _ in range(generations if draws.shape[1] else 0):
            kept = np.argsort(errors, kind="stable")[:_ELITE]
            draws = np.vstack([draws[kept], self._varied(draws[kept], rng)])
            errors, factors = self._solved(draws)
        found = []
        for k in np.argsort(errors, kind="stable")[:count]:
            if np.isfinite(errors[k]):
                values = dict(zip([*self._inner, *self.linear], map(float, [*draws[k], *factors[k]]), strict=True))
                found.append(FreeFormula(self.formula, self.constants, tuple(values[c] for c in self.constants)))
        return found

    def solved(self, values: Sequence[float]) -> FreeFormula | None:
        """Return the formula at given values of all constants, but the linear ones solved for; None if undefined.

        Parameters
        ----------
        values
            A value for each constant; those of the linear ones are not used.
        """
        given = dict(zip(self.constants, values, strict=True))
        inner = [given[constant] for constant in self._inner]
        errors, factors = self._solved(np.array([inner], dtype=np.float64).reshape(1, len(inner)))
        if not np.isfinite(errors[0]):
            return None
        given |= dict(zip(self.linear, map(float, factors[0]), strict=True))
        return FreeFormula(self.formula, self.constants, tuple(given[c] for c in self.constants))

    @cached_property
    def linear(self) -> list[sympy.Symbol]:
        """Constants that the formula is linear in, all together."""
        chosen: list[sympy.Symbol] = []
        for constant in self.constants:
            slope = sympy.diff(self.formula, constant)
            if constant not in self.bounds and not slope.free_symbols & {constant, *chosen}:
                chosen.append(constant)
        return chosen

    @property
    def _inner(self) -> list[sympy.Symbol]:
        return [constant for constant in self.constants if constant not in self.linear]

    @cached_property
    def _tapes(self) -> list[Tape]:
        """What the formula is without its linear constants, and the factor of each of them."""
        forms = [self.formula.xreplace(dict.fromkeys(self.linear, sympy.Integer(0)))]
        forms += [sympy.diff(self.formula, constant) for constant in self.linear]
        places = {constant: sympy.Symbol(f"?{k}") for k, constant in enumerate(self._inner)}
        names = [*self.data.names, *(place.name for place in places.values())]
        return [Tape(form.xreplace(places), names) for form in forms]

    @cached_property
    def _rows(self) -> FitData:
        return self.data.rows(np.arange(self.data.n) % max(1, self.data.n // _SCREENED) == 0)

    def _drawn(self, rng: np.random.Generator) -> Array:
        """Return values (n_draws, k) of the k constants that are not linear: those that are known, then random ones."""
        starts = [start for c, start in zip(self.constants, self.known, strict=True) if c in self._inner]
        first = np.array([1.0 if start is None else start for start in starts]).reshape(1, len(starts))
        if not starts:
            return first
        values = np.column_stack([self._prior(c, _DRAWS * min(len(starts), 3), rng) for c in self._inner])
        for k, start in enumerate(starts):
            if start is not None:  # half of the draws stay near what is known
                values[::2, k] = start * rng.choice([0.3, 0.7, 1.0, 1.5, 3.0], len(values[::2]))
        return self._within(np.vstack([first, values]))

    def _prior(self, constant: sympy.Symbol, count: int, rng: np.random.Generator) -> Array:
        """Return values (count,) of a constant: over decades, those of columns, and their logarithms and inverses."""
        low, high = self.bounds.get(constant, (-np.inf, np.inf))
        if np.isfinite(high - low):
            return rng.uniform(low, high, count)
        sizes = [abs(np.log10(np.median(np.abs(column)) or 1.0)) for column in self.data.columns]
        width = _DECADES + max(sizes, default=0.0)
        values = rng.choice([-1.0, 1.0], count) * 10 ** rng.uniform(-width, width, count)
        cells = np.concatenate([column[column != 0] for column in self._rows.columns] or [np.ones(1)])
        chosen = rng.choice(cells if len(cells) else np.ones(1), count)
        kind = rng.uniform(size=count)
        for limit, other in ((0.5, chosen), (0.3, 1 / chosen), (0.2, np.log(np.abs(chosen)))):
            values = np.where(kind < limit, other, values)
        if np.isfinite(low):
            return low + np.abs(values)
        return high - np.abs(values) if np.isfinite(high) else values

    def _varied(self, elite: Array, rng: np.random.Generator) -> Array:
        """Return children (n_draws, k) of values: one constant drawn again, or one or all changed by a factor."""
        children = elite[np.arange(_DRAWS) % len(elite)]
        width = rng.choice(_WIDTHS, (_DRAWS, 1))
        one = np.arange(elite.shape[1]) == rng.integers(elite.shape[1], size=(_DRAWS, 1))
        moved = one | (rng.uniform(size=(_DRAWS, 1)) < 0.3)
        children = np.where(moved, children * 10 ** (width * rng.standard_normal(children.shape)), children)
        again = one & (rng.uniform(size=(_DRAWS, 1)) < 0.4)
        drawn = np.column_stack([self._prior(constant, _DRAWS, rng) for constant in self._inner])
        return self._within(np.where(again, drawn, children))

    def _within(self, draws: Array) -> Array:
        ends = [self.bounds.get(constant, (-np.inf, np.inf)) for constant in self._inner]
        return np.clip(draws, *np.array(ends).T)

    def _solved(self, draws: Array) -> tuple[Array, Array]:
        """Return the errors (n_draws,) at values of the inner constants, and the linear constants (n_draws, p)."""
        some, count = self._rows, len(self.linear)
        columns = [np.tile(column, len(draws)) for column in some.columns]
        columns += [np.repeat(values, some.n) for values in draws.T]
        with np.errstate(all="ignore"):
            parts = [tape.values(columns).reshape(len(draws), some.n) * some.weight for tape in self._tapes]
            aim = some.weight * some.y - parts[0]
            matrix = np.stack(parts[1:], axis=2) if count else np.zeros((*aim.shape, 0))
            good = np.isfinite(matrix).all((1, 2)) & np.isfinite(aim).all(1)
            good &= (np.abs(matrix).max((1, 2), initial=0.0) < _TOO_LARGE) & (np.abs(aim).max(1) < _TOO_LARGE)
        aim, matrix = aim[good], matrix[good]
        sizes = np.linalg.norm(matrix, axis=1, keepdims=True)
        sizes = np.where(sizes > 0, sizes, 1.0)
        matrix = matrix / sizes
        gram = matrix.transpose(0, 2, 1) @ matrix + _RIDGE * np.eye(count)
        solution = np.linalg.solve(gram, matrix.transpose(0, 2, 1) @ aim[:, :, None])
        errors, factors = np.full(len(draws), np.inf), np.zeros((len(draws), count))
        errors[good] = np.linalg.norm(aim - (matrix @ solution)[:, :, 0], axis=1)
        factors[good] = solution[:, :, 0] / sizes[:, 0]
        return errors, factors


_LARGEST = 1e100  # of weights as they are
_TOLERANCE = 1e-15  # stop where a step lowers the error, or changes the constants, by less than this fraction


@dataclass(frozen=True)
class FittedFormula:
    """A formula with fitted constants, and its error.

    Parameters
    ----------
    expression
        The formula.
    error
        The weighted rms residual over the weighted standard deviation of y.
    """

    expression: Formula
    error: float


@dataclass(frozen=True)
class FitData:
    """A table prepared for fitting: finite rows, contiguous columns, weights that make |weight (f - y)| the error.

    Parameters
    ----------
    names
        Names of the columns.
    columns : (n,)
        The columns, an array each.
    y : (n,)
        The target.
    weight : (n,)
        The factors of the residuals, scaled.
    """

    names: tuple[str, ...]
    columns: tuple[Array, ...]
    y: Array
    weight: Array

    @classmethod
    def of(cls, names: Sequence[str], x: Array, y: Array, weight: Array | None = None) -> FitData:
        """Return the data of a fit to y at rows x; rows with a nan or infinity are left out.

        Parameters
        ----------
        names
            Names of the columns.
        x : (N, len(names))
            The rows.
        y : (N,)
            The target.
        weight : (N,)
            Factors of the residuals; 1 by default. They are scaled such that the root of the sum of squares of weight
            (f - y) is the rms of the weighted residuals over the weighted standard deviation of y (over the weighted
            rms if y is constant).
        """
        x = np.asarray(x, dtype=np.float64).reshape(len(y), len(names))
        y = np.asarray(y, dtype=np.float64).reshape(-1)
        w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64).reshape(-1)
        keep = np.isfinite(y) & np.isfinite(w) & np.isfinite(x).all(axis=1)
        x, y, w = x[keep], y[keep], w[keep]
        if len(w) and w.max() > _LARGEST:  # so that squares stay finite
            w = w / w.max()
        total = float(np.sum(w * w))
        mean = float(np.sum(w * w * y)) / total if total > 0 else 0.0
        with np.errstate(over="ignore"):
            scale, size = (float(np.linalg.norm(w * values)) for values in (y - mean, y))
        scale = size if scale <= 1e-14 * size else scale
        columns = tuple(np.ascontiguousarray(x[:, i]) for i in range(len(names)))
        return cls(tuple(names), columns, y, w / (scale if scale > 0 else 1.0))

    @property
    def n(self) -> int:
        return len(self.y)

    def rows(self, keep: Array) -> FitData:
        """Return some rows, with the same scale of the weights.

        Parameters
        ----------
        keep : (n,)
            A mask that is true for the rows that are returned.
        """
        return FitData(self.names, tuple(c[keep] for c in self.columns), self.y[keep], self.weight[keep])

    def error(self, values: Array) -> float:
        """Return the relative error of predicted values, inf where one of them is not finite.

        Parameters
        ----------
        values : (n,)
            The predicted values.
        """
        with np.errstate(all="ignore"):
            error = float(np.linalg.norm(self.weight * (values - self.y)))
        return error if self.n and np.isfinite(error) else np.inf


@dataclass(frozen=True)
class FreeFormula:
    """A formula whose constants are symbols, with their values and the error there.

    Parameters
    ----------
    template
        The formula, with symbols for its constants.
    symbols
        These symbols.
    values
        A value for each symbol.
    error
        The weighted rms residual over the weighted standard deviation of y; inf where it was not fitted.
    """

    template: Part
    symbols: tuple[sympy.Symbol, ...]
    values: tuple[float, ...]
    error: float = np.inf

    @classmethod
    def of(cls, expression: Formula) -> FreeFormula:
        """Return the formula with a symbol for each Float, not fitted yet.

        A Float that all terms of a sum share is one constant. A Float exponent that is an integer becomes that Integer;
        exact numbers stay.

        Parameters
        ----------
        expression
            The formula.

        Examples
        --------
        >>> FreeFormula.of(2.5 * sympy.sin(0.5 * sympy.Symbol("x")) ** 2)
        FreeFormula(template=_c0*sin(_c1*x)**2, symbols=(_c0, _c1), values=(2.5, 0.5), error=inf)
        """
        symbols: list[sympy.Symbol] = []
        values: list[float] = []

        def walk(node: Part) -> Part:
            if node.is_Float:
                symbols.append(sympy.Dummy(f"c{len(symbols)}"))
                values.append(float(node))
                return symbols[-1]
            if not node.args or not node.has(sympy.Float):
                return node
            common = common_factor(node)
            if common is not None:
                return walk(common[0]) * walk(common[1])
            if node.is_Pow and node.exp.is_Float and float(node.exp).is_integer():
                return walk(node.base) ** int(node.exp)
            return node.func(*(walk(a) for a in node.args))

        template = walk(sympy.sympify(expression, strict=True))
        return cls(template, tuple(symbols), tuple(values))

    @property
    def expression(self) -> Formula:
        """The formula with its constants written out."""
        return self.template.xreplace({s: readable_float(v) for s, v in zip(self.symbols, self.values, strict=True)})

    def pinned(self, k: int, value: Formula) -> FreeFormula:
        """Return the formula with one constant at an exact value, without constants that drop out with it.

        Parameters
        ----------
        k
            The number of the constant, from 0.
        value
            Its value, a sympy expression.
        """
        template = self.template.xreplace({self.symbols[k]: value})
        kept = template.free_symbols
        left = {s: v for s, v in zip(self.symbols, self.values, strict=True) if s in kept}
        return FreeFormula(template, tuple(left), tuple(left.values()), self.error)

    def fit(self, data: FitData, steps: int = 80) -> FreeFormula:
        """Return the formula with its constants fitted, and the error over all rows.

        Parameters
        ----------
        data
            The rows.
        steps
            Steps that are tried at most.
        """
        tape = Tape(self.template, data.names, self.symbols)
        values = np.array(self.values)
        for _ in range(3):
            start = tape.values(data.columns, values)
            defined = np.isfinite(start)
            if data.n == 0 or np.count_nonzero(defined) < max(0.5 * data.n, len(values)):
                return replace(self, error=np.inf)
            if len(values):
                rows = data if defined.all() else data.rows(defined)
                values, error = _minimized(tape, values, rows, steps)
            else:
                error = data.error(start)
            if defined.all():
                break
            error = data.error(tape.values(data.columns, values))
        return replace(self, values=tuple(float(v) for v in values), error=error)

    def at(self, columns: Sequence[Array], names: Sequence[str]) -> Array:
        """Return the values (n,) at columns, without writing out the constants.

        Where the formula is undefined they are nan or infinite.

        Parameters
        ----------
        columns : (n,)
            The columns, an array each.
        names
            Names of the columns.

        Examples
        --------
        >>> free = FreeFormula.of(2.5 * sympy.Symbol("x"))
        >>> free.at([np.array([1.0, 2.0])], ["x"])
        array([2.5, 5. ])
        """
        with np.errstate(all="ignore"):
            return Tape(self.template, names, self.symbols).values(columns, np.array(self.values))

    def fitted(self, data: FitData) -> FittedFormula:
        """Return the formula with its constants written out, and the error of exactly that.

        Parameters
        ----------
        data
            The rows.
        """
        expression = self.expression
        return FittedFormula(expression, data.error(Tape(expression, data.names).values(data.columns)))

    def relative_jacobian(self, data: FitData) -> tuple[Array, Array]:
        """Return the scales (k,) of the constants, and the weighted Jacobian (n, k) per relative change.

        The scales are |c|, 1 for zeros.

        Parameters
        ----------
        data
            The rows.
        """
        tape = Tape(self.template, data.names, self.symbols)
        values = np.array(self.values)
        scales = np.where(values == 0, 1.0, np.abs(values))
        return scales, data.weight[:, None] * tape.jacobian(data.columns, values)[1] * scales


@lru_cache(maxsize=20_000)
def fitted_constants(expression: Formula) -> int:
    """Return the number of constants that are fitted: the Floats, those that all terms of a sum share once.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> fitted_constants(2.5 - 2.5 * sympy.exp(-0.1 * sympy.Symbol("x")))
    2
    """
    return len(FreeFormula.of(expression).values)


def fit_constants(expression: Formula, data: FitData, steps: int = 80) -> FittedFormula:
    """Fit all Float constants of a formula by weighted least squares, from their present values.

    error = rms of weight (f(x) - y) / weighted standard deviation of y

    The right form on exact data ends at 1e-14 to 1e-16. Rows where the formula is undefined at first are used as soon
    as it is defined there; the error is inf if one is left at the end.

    Parameters
    ----------
    expression
        The formula.
    data
        The rows.
    steps
        Steps that are tried at most.

    Returns
    -------
    FittedFormula
        The formula with the constants at the minimum, and the error.

    References
    ----------
    Levenberg (1944), Marquardt (1963), as MINPACK does it.

    Examples
    --------
    >>> x = np.linspace(0.1, 2, 50)
    >>> formula = 1.1 * sympy.exp(-1.9 * sympy.Symbol("t"))
    >>> fit_constants(formula, FitData.of(["t"], x[:, None], np.exp(-2 * x))).error < 1e-14
    True
    """
    return FreeFormula.of(expression).fit(data, steps).fitted(data)


def _minimized(tape: Tape, values: Array, data: FitData, steps: int) -> tuple[Array, float]:
    """Return the constants at the nearest minimum of the weighted residual, and the error there."""
    from scipy.optimize import leastsq

    def residual(constants: Array) -> Array:
        return data.weight * (tape.values(data.columns, constants) - data.y)

    def jacobian(constants: Array) -> Array:
        return data.weight[:, None] * tape.jacobian(data.columns, constants)[1]

    with np.errstate(all="ignore"):
        found = leastsq(
            residual, values, Dfun=jacobian, full_output=True, ftol=_TOLERANCE, xtol=_TOLERANCE, gtol=0, maxfev=steps
        )[0]
    before, after = (data.error(tape.values(data.columns, constants)) for constants in (values, found))
    return (found, after) if after < before else (values, before)
