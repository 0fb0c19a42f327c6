"""Least squares on the constants of a formula: the data and the free formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._common_factor import common_factor
from edgewise.formulas.expressions._constants import readable_float
from edgewise.formulas.expressions._tape import Tape

_LARGEST = 1e100  # of weights as they are
_TOLERANCE = 1e-15  # stop where a step lowers the error, or changes the constants, by less than this fraction


@dataclass(frozen=True)
class FittedFormula:
    """A formula with fitted constants, and the weighted rms residual over the weighted standard deviation of y."""

    expression: Formula
    error: float


@dataclass(frozen=True)
class FitData:
    """A table prepared for fitting: finite rows, contiguous columns, weights that make |weight (f - y)| the error."""

    names: tuple[str, ...]
    columns: tuple[Array, ...]
    y: Array
    weight: Array

    @classmethod
    def of(cls, names: Sequence[str], x: Array, y: Array, weight: Array | None = None) -> FitData:
        """Return the data of a fit to y (N,) at rows x (N, len(names)); rows with a nan or infinity are left out.

        The weights (N,) multiply residuals. They are scaled such that the root of the sum of squares of weight (f - y)
        is the rms of the weighted residuals over the weighted standard deviation of y (over the weighted rms if y is
        constant).
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
        """Return the rows where keep is true, with the same scale of the weights."""
        return FitData(self.names, tuple(c[keep] for c in self.columns), self.y[keep], self.weight[keep])

    def error(self, values: Array) -> float:
        """Return the relative error of predicted values, inf where one of them is not finite."""
        with np.errstate(all="ignore"):
            error = float(np.linalg.norm(self.weight * (values - self.y)))
        return error if self.n and np.isfinite(error) else np.inf


@dataclass(frozen=True)
class FreeFormula:
    """A formula whose constants are symbols, with their values and the error there."""

    template: Part
    symbols: tuple[sympy.Symbol, ...]
    values: tuple[float, ...]
    error: float = np.inf

    @classmethod
    def of(cls, expression: Formula) -> FreeFormula:
        """Return the formula with a symbol for each Float, not fitted yet.

        A Float that all terms of a sum share is one constant. A Float exponent that is an integer becomes that Integer;
        exact numbers stay.

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
        """Return the formula with constant k at an exact value, without constants that drop out with it."""
        template = self.template.xreplace({self.symbols[k]: value})
        kept = template.free_symbols
        left = {s: v for s, v in zip(self.symbols, self.values, strict=True) if s in kept}
        return FreeFormula(template, tuple(left), tuple(left.values()), self.error)

    def fit(self, data: FitData, steps: int = 80) -> FreeFormula:
        """Return the formula with its constants fitted, and the error over all rows."""
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
        """Return the values (n,) at columns of these names, without writing out the constants.

        Where the formula is undefined they are nan or infinite.

        >>> free = FreeFormula.of(2.5 * sympy.Symbol("x"))
        >>> free.at([np.array([1.0, 2.0])], ["x"])
        array([2.5, 5. ])
        """
        with np.errstate(all="ignore"):
            return Tape(self.template, names, self.symbols).values(columns, np.array(self.values))

    def fitted(self, data: FitData) -> FittedFormula:
        """Return the formula with its constants written out, and the error of exactly that."""
        expression = self.expression
        return FittedFormula(expression, data.error(Tape(expression, data.names).values(data.columns)))

    def relative_jacobian(self, data: FitData) -> tuple[Array, Array]:
        """Return the scales of the constants (|c|, 1 for zeros) and the weighted Jacobian per relative change."""
        tape = Tape(self.template, data.names, self.symbols)
        values = np.array(self.values)
        scales = np.where(values == 0, 1.0, np.abs(values))
        return scales, data.weight[:, None] * tape.jacobian(data.columns, values)[1] * scales


@lru_cache(maxsize=20_000)
def fitted_constants(expression: Formula) -> int:
    """Return the number of constants that are fitted: the Floats, those that all terms of a sum share once.

    >>> fitted_constants(2.5 - 2.5 * sympy.exp(-0.1 * sympy.Symbol("x")))
    2
    """
    return len(FreeFormula.of(expression).values)


def fit_constants(expression: Formula, data: FitData, steps: int = 80) -> FittedFormula:
    """Fit all Float constants of a formula by weighted least squares, from their present values.

    error = rms of weight (f(x) - y) / weighted standard deviation of y

    The right form on exact data ends at 1e-14 to 1e-16. Rows where the formula is undefined at first are used as soon
    as it is defined there; the error is inf if one is left at the end. At most `steps` steps are tried.

    >>> x = np.linspace(0.1, 2, 50)
    >>> formula = 1.1 * sympy.exp(-1.9 * sympy.Symbol("t"))
    >>> fit_constants(formula, FitData.of(["t"], x[:, None], np.exp(-2 * x))).error < 1e-14
    True

    Source: Levenberg (1944), Marquardt (1963), as MINPACK does it.
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
