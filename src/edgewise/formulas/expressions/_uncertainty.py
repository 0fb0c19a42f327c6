"""How well rows determine the constants of a formula: standard errors, profile intervals, and bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise.formulas.expressions._constants import readable_float
from edgewise.formulas.expressions._covariance import Covariance, CovarianceName
from edgewise.formulas.expressions._fit_constants import FitData, FreeFormula
from edgewise.formulas.expressions._profile import profile_ends
from edgewise.formulas.expressions._tape import Tape


def rounded_together(value: float, error: float) -> tuple[str, str]:
    """Return a value and its standard error as text, both to the second digit of the error.

    Parameters
    ----------
    value
        The value.
    error
        Its standard error; one that is not finite gives "undetermined".

    Examples
    --------
    >>> from edgewise.expressions import rounded_together
    >>> rounded_together(281428.3, 61.2), rounded_together(0.0123456, 0.00031), rounded_together(29408.3, 14123.0)
    (('281428', '61'), ('0.01235', '0.00031'), ('29000', '14000'))
    >>> rounded_together(3.83, 8.3e6), rounded_together(2.0, float("inf"))
    (('3.8', '8300000'), ('2', 'undetermined'))
    """
    figures = 2  # of a standard error
    if not math.isfinite(error) or not math.isfinite(value):
        return f"{value:.6g}", "undetermined"
    if error == 0:
        return f"{value:.15g}", "0"
    exponent = math.floor(math.log10(error))
    places = max(figures - 1 - exponent, 0)
    if places > 9 or abs(value) >= 1e9:
        digits = max(figures + math.floor(math.log10(max(abs(value) / error, 1.0))), figures)
        return f"{value:.{digits}g}", f"{error:.{figures}g}"
    place = figures - 1 - exponent
    least = figures - 1 - math.floor(math.log10(abs(value))) if value else place  # of a value far below its error
    finer = max(place, least)
    shown = f"{round(value, finer):.{max(finer, 0)}f}" if finer <= 9 else f"{value:.{figures}g}"
    return shown, f"{round(error, place):.{places}f}"


@dataclass(frozen=True)
class Constant:
    """A fitted constant of a formula and its standard error.

    Parameters
    ----------
    value
        The value.
    error
        Its standard error, infinite where the rows do not determine it.
    """

    value: float
    error: float

    def __str__(self) -> str:
        value, error = rounded_together(self.value, self.error)
        return f"{value} ± {error}"


@dataclass(frozen=True)
class Uncertainty:
    """The uncertainty of a formula's fitted constants, to first order, and by profiles.

    cov = s^2 (J' W^2 J)^-1,  s^2 = sum of (w residual)^2 / (n - k)

    J (n, k) is the Jacobian with respect to the k Float constants at their present values, which should be at the
    minimum. Rows are independent, with a standard deviation of s / w.

    Parameters
    ----------
    free
        The formula, with its constants fitted.
    data
        The rows.
    unit
        What one unit of the weighted residual is: s over the factor of the weights in `data`.
    kind
        "classical", or another one of `Covariance.of`: for rows with unequal, serially correlated, or clustered errors.
    groups : (n,)
        The number of each row's group in `data`, for clustered errors.
    inflation
        The factor of residuals in the kinds that are not classical, for constants of a robust loss.
    given
        The covariance, where it was estimated otherwise; None for that of `kind`.

    References
    ----------
    Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), chapters 2 and 6.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.expressions import Uncertainty
    >>> x = np.arange(1.0, 9.0)[:, None]
    >>> y = 2 * x[:, 0] + np.array([1, -1, 1, -1, -1, 1, -1, 1]) / 10
    >>> found = Uncertainty.of(2.0 * sympy.Symbol("x"), ["x"], x, y)
    >>> print(found.constants[0])
    2.0000 ± 0.0075
    """

    free: FreeFormula
    data: FitData
    unit: float  # what one unit of the weighted residual is: s over the factor of FitData's weights
    kind: CovarianceName = "classical"
    groups: Array | None = None  # (n,), of `data`
    inflation: float = 1.0  # of residuals in the kinds that are not classical, for constants of a robust loss
    given: Covariance | None = None  # that was estimated otherwise

    @classmethod
    def of(
        cls, expression: Formula, names: Sequence[str], x: Array, y: Array, weight: Array | None = None,
        *, sigma: bool = False, kind: CovarianceName = "classical", groups: Array | None = None,
    ) -> Uncertainty:  # fmt: skip
        """Return the uncertainty of a formula at rows.

        Parameters
        ----------
        expression
            The formula. Its Floats are the fitted constants.
        names
            Names of the columns.
        x : (n, m)
            The rows.
        y : (n,)
            The target.
        weight : (n,)
            Factors of the residuals; 1 by default.
        sigma
            Whether 1 / weight are the standard deviations themselves (s = 1), as of measurements with known errors.
        kind
            "classical", or another one of `Covariance.of`: for rows with unequal, serially correlated, or clustered
            errors.
        groups : (n,)
            The number of each row's group, for clustered errors.
        """
        return cls.of_free(FreeFormula.of(expression), names, x, y, weight, sigma=sigma, kind=kind, groups=groups)

    @classmethod
    def of_free(
        cls, free: FreeFormula, names: Sequence[str], x: Array, y: Array, weight: Array | None = None,
        *, sigma: bool = False, kind: CovarianceName = "classical", groups: Array | None = None,
    ) -> Uncertainty:  # fmt: skip
        """Return the uncertainty of a formula whose constants are its symbols, at their values.

        Parameters
        ----------
        free
            The formula, with its constants fitted.
        names
            Names of the columns.
        x : (n, m)
            The rows.
        y : (n,)
            The target.
        weight : (n,)
            Factors of the residuals; 1 by default.
        sigma
            Whether 1 / weight are the standard deviations themselves (s = 1), as of measurements with known errors.
        kind
            "classical", or another one of `Covariance.of`: for rows with unequal, serially correlated, or clustered
            errors.
        groups : (n,)
            The number of each row's group, for clustered errors.
        """
        data = FitData.of(names, x, y, weight)
        error = data.error(Tape(free.template, names, free.symbols).values(data.columns, free.values))
        free = replace(free, error=error)
        if sigma:
            raw = np.ones(len(y)) if weight is None else np.asarray(weight)
            return cls(free, data, float(data.weight.max() / raw.max()) if len(raw) else 1.0, kind, groups)
        return cls(free, data, error / math.sqrt(max(data.n - len(free.values), 1)), kind, groups)

    @property
    def freedom(self) -> int:
        """The rows less the fitted constants."""
        return self.data.n - len(self.free.values)

    @property
    def covariance(self) -> Array:
        """The covariance (k, k) of the constants; infinite where the Jacobian is not finite."""
        return self._estimated.matrix

    @cached_property
    def _estimated(self) -> Covariance:
        """The covariance by the kind of rows, and its degrees of freedom."""
        return self._estimate(self.kind) if self.given is None else self.given

    def _estimate(self, kind: CovarianceName) -> Covariance:
        count = len(self.free.values)
        freedom = np.full(count, float(max(self.freedom, 1)))
        if not count:
            return Covariance(np.zeros((0, 0)), freedom)
        with np.errstate(all="ignore"):  # formulas may overflow at their constants
            scales, jacobian = self.free.relative_jacobian(self.data)
            if not np.isfinite(jacobian).all() or self.freedom < 1:
                return Covariance(np.full((count, count), np.inf), freedom)
            tape = Tape(self.free.template, self.data.names, self.free.symbols)
            residual = self.data.weight * (self.data.y - tape.values(self.data.columns, self.free.values))
            found = Covariance.of(kind, jacobian, self.inflation * residual, self.unit, self.groups)
            return replace(found, matrix=scales[:, None] * found.matrix * scales)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The fitted constants in the order of the formula, with their standard errors."""
        errors = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return tuple(Constant(v, float(e)) for v, e in zip(self.free.values, errors, strict=True))

    @property
    def determined(self) -> bool:
        """Whether the rows determine the constants.

        They do not determine one whose standard error exceeds it and is over 30 times what it would be if the others
        were known: any other value does as well, if the others follow. A term by itself in a sum is left out, as the
        intercept of a line far from zero.
        """
        inflated = 30.0  # times the standard error with the other constants known: that of an undetermined constant
        alone_in_sum = set(sympy.Add.make_args(self.free.template))
        with np.errstate(all="ignore"):  # formulas of evolution may overflow at their constants
            scales, jacobian = self.free.relative_jacobian(self.data)
            alone = self.unit * scales / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
            return not any(
                not math.isfinite(c.error)
                or (symbol not in alone_in_sum and c.error > abs(c.value) and c.error > inflated * own)
                for symbol, c, own in zip(self.free.symbols, self.constants, alone, strict=True)
            )

    def expression(self, plus_minus: str = "({} ± {})") -> Formula:
        """Return the formula with each constant as a symbol that shows its standard error too.

        Parameters
        ----------
        plus_minus
            The text of a constant, with places for the value and its standard error.

        Examples
        --------
        >>> import numpy as np
        >>> import sympy
        >>> from edgewise.expressions import Uncertainty
        >>> x = np.arange(1.0, 9.0)[:, None]
        >>> y = 2 * x[:, 0] + np.array([1, -1, 1, -1, -1, 1, -1, 1]) / 10
        >>> Uncertainty.of(2.0 * sympy.Symbol("x"), ["x"], x, y).expression()
        (2.0000 ± 0.0075)*x
        """
        return self.with_constants(
            [plus_minus.format(*rounded_together(abs(c.value), c.error)) for c in self.constants]
        )

    def with_constants(self, texts: Sequence[str]) -> Formula:
        """Return the formula with each constant as a symbol of a given name, after its sign.

        Parameters
        ----------
        texts
            The name for each constant.
        """
        shown = [
            sympy.Symbol(text) if value >= 0 else -sympy.Symbol(text)
            for text, value in zip(texts, self.free.values, strict=True)
        ]
        return self.free.template.xreplace(dict(zip(self.free.symbols, shown, strict=True)))

    def shortened(self) -> Formula:
        """Return the formula with as many digits of each constant as the rows determine, the others being held.

        Rounding moves a constant by at most a tenth of that standard error, and by less until the error rises by at
        most a thousandth.
        """
        parts = (
            1,
            10,
            100,
            1000,
        )  # parts of a standard error that constants are rounded to, until the error hardly rises
        rise = 1.001  # times what it was: the error up to which a rounding is taken
        scales, jacobian = self.free.relative_jacobian(self.data)
        with np.errstate(all="ignore"):
            errors = self.unit * scales / np.linalg.norm(jacobian, axis=0)
        for finer in parts:
            short = [to_digits(v, float(e) / finer) for v, e in zip(self.free.values, errors, strict=True)]
            values = [float(number) for number in short]
            tape = Tape(self.free.template, self.data.names, self.free.symbols)
            if self.data.error(tape.values(self.data.columns, values)) <= rise * self.free.error:
                return self.free.template.xreplace(dict(zip(self.free.symbols, short, strict=True)))
        return self.free.expression

    def deviation(self, x: Array) -> Array:
        """Return the standard error (n,) of the formula's value at rows; nan where it is undefined.

        Parameters
        ----------
        x : (n, m)
            The rows.
        """
        tape = Tape(self.free.template, self.data.names, self.free.symbols)
        columns = [np.ascontiguousarray(column) for column in np.asarray(x, dtype=np.float64).T]
        values, jacobian = tape.jacobian(columns, np.array(self.free.values))
        with np.errstate(all="ignore"):
            variance = np.einsum("ij,jk,ik->i", jacobian, self.covariance, jacobian)
        return np.where(np.isfinite(values), np.sqrt(np.maximum(variance, 0.0)), np.nan)

    @property
    def freedoms(self) -> Array:
        """The degrees of freedom (k,) of Student's t for each constant."""
        return self._estimated.freedom

    def quantile(self, coverage: float, number: int | None = None) -> float:
        """Return how many standard errors a two-sided interval has on each side (Student's t).

        Parameters
        ----------
        coverage
            The probability of the interval, between 0 and 1.
        number
            The number of a constant; without it, the degrees of freedom are the least of all constants.

        Raises
        ------
        InputError
            For a coverage that is no probability.
        """
        from scipy.special import stdtrit

        if not is_number(coverage, 0) or not 0 < coverage < 1:
            raise InputError(f"'coverage' must be a number between 0 and 1. Got {coverage!r}.")
        freedom = self.freedoms.min(initial=max(self.freedom, 1)) if number is None else self.freedoms[number]
        return float(stdtrit(freedom, 0.5 + coverage / 2))

    def _moved(self, number: int, at: float, kept: Sequence[sympy.Symbol]) -> tuple[float, ...]:
        """Return where the other constants go, to first order, if one is held elsewhere."""
        ratio = self.covariance[:, number] / self.covariance[number, number] * (at - self.free.values[number])
        values = dict(zip(self.free.symbols, np.array(self.free.values) + ratio, strict=True))
        return tuple(float(values[symbol]) for symbol in kept)

    def profile(self, number: int, coverage: float = 0.95) -> tuple[float, float]:
        """Return the profile interval of one constant: values at which the refitted others leave little more error.

        The weighted sum of squares rises by s^2 t^2 at the ends, times the ratio of the constant's variance to the
        classical one. An end is infinite if it never rises that much. With a `given` covariance it is Student's.

        Parameters
        ----------
        number
            The number of the constant, from 0.
        coverage
            The probability of the interval, between 0 and 1.

        Raises
        ------
        InputError
            For a number that no constant has, and a coverage that is no probability.
        """
        if not 0 <= number < len(self.free.values):
            raise InputError(f"The formula has {len(self.free.values)} fitted constants. Got number {number}.")
        value, error = self.free.values[number], self.constants[number].error
        if not math.isfinite(error) or not error:
            return (-math.inf, math.inf) if error else (value, value)
        half = self.quantile(coverage, number) * error
        if self.given is not None:
            return value - half, value + half
        unit = self.unit
        if self.kind != "classical":
            unit *= error / math.sqrt(float(self._estimate("classical").matrix[number, number]))
        limit = self.free.error**2 + (self.quantile(coverage, number) * unit) ** 2

        def beyond(at: float) -> bool:
            pinned = self.free.pinned(number, readable_float(at))
            moved = replace(pinned, values=self._moved(number, at, pinned.symbols))
            return all(start.fit(self.data, 40).error ** 2 > limit for start in (moved, pinned))

        return profile_ends(value, half, beyond)


def to_digits(value: float, error: float) -> sympy.Float:
    """Return a number rounded to a decimal place that is at most a fifth of an error, and to two digits at least.

    Parameters
    ----------
    value
        The number.
    error
        The error.

    Examples
    --------
    >>> from edgewise.expressions import to_digits
    >>> float(to_digits(3.14159, 0.1))
    3.14
    """
    place = min(error / 5, abs(value) / 10)
    if not math.isfinite(place) or place <= 0:
        return readable_float(value)
    return readable_float(round(value, -math.floor(math.log10(place))))
