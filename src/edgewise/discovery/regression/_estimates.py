"""The constants of a fitted formula, and the numbers that follow from them."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.discovery import residuals
from edgewise.discovery.mixed import ByGroup
from edgewise.discovery.regression._loss import LossName
from edgewise.discovery.regression._rows import Rows
from edgewise.formulas.expressions import Constant, Uncertainty, evaluate

if TYPE_CHECKING:
    import pandas as pd


class FitOutcome(enum.Enum):
    """How a fit ended; `message` says what that means and what to try."""

    CONVERGED = "The constants are those of a minimum."
    EXACT = "The formula meets the rows to rounding errors."
    UNDETERMINED = (
        "The rows do not determine all constants: others do as well. Fix one of them as a number in the formula, or "
        "add rows where they differ."
    )
    NOT_CONVERGED = "The fit did not reach a minimum. Give values to start from with 'start', or limits with 'bounds'."

    @property
    def message(self) -> str:
        return self.value


@dataclass(frozen=True, repr=False)
class Estimates:
    """The fields of a `FormulaFit`, and the numbers that follow from them."""

    stated: str
    formula: Formula
    names: tuple[str, ...]
    rows: Rows
    outcome: FitOutcome
    notes: tuple[str, ...]
    held: dict[str, float]
    undetermined: tuple[str, ...]
    loss: LossName
    absolute_sigma: bool
    row_weights: Array
    residual_error: float
    columns: tuple[str, ...]
    uncertainty: Uncertainty = field(repr=False)
    by_group: ByGroup | None = field(default=None, repr=False)

    @cached_property
    def constants(self) -> dict[str, Constant]:
        """The constants by name, with standard errors: infinite if rows do not determine them, nan at a bound."""
        found = dict(zip((s.name for s in self.uncertainty.free.symbols), self.uncertainty.constants, strict=True))
        found |= {name: Constant(found[name].value, math.inf) for name in self.undetermined}
        found |= {name: Constant(value, math.nan) for name, value in self.held.items()}
        return {name: found[name] for name in self.names}

    @property
    def values(self) -> dict[str, float]:
        """The constants by name."""
        return {name: constant.value for name, constant in self.constants.items()}

    @property
    def freedom(self) -> int:
        """The rows less the fitted constants."""
        return self.uncertainty.freedom

    @cached_property
    def fitted(self) -> Array:
        """The values (n,) of the formula at the rows, with the constants of their groups where these differ."""
        if self.by_group is not None and self.rows.groups is not None:
            return self.by_group.fit.predict(self.rows.x, self.rows.groups)[0]
        return self._values(self.rows.x)

    @property
    def residuals(self) -> Array:
        """What the formula leaves (n,): y less its values, without weights."""
        return self.rows.y - self.fitted

    @property
    def r2(self) -> float:
        """One less the weighted sum of squares of residuals over that of y about its mean."""
        if self.loss != "squared":
            return math.nan
        with np.errstate(all="ignore"):
            square = (self.rows.weight / self.rows.weight.max()) ** 2
            about = self.rows.y - np.average(self.rows.y, weights=square)
            total = float(square @ about**2)
            return 1 - float(square @ self.residuals**2) / total if total > 0 else math.nan

    @property
    def log_likelihood(self) -> float:
        """The largest log-likelihood of normal errors, as R's logLik; nan for a robust loss.

        It is the restricted one where variances between groups maximize that.
        """
        if self.loss != "squared":
            return math.nan
        if self.by_group is not None:
            return self.by_group.fit.log_likelihood
        n, sizes = len(self.rows.y), float(np.log(self.rows.weight).sum())
        with np.errstate(all="ignore"):
            z = self.rows.weight * self.residuals
            if self.absolute_sigma:
                return sizes - n / 2 * math.log(2 * math.pi) - float(z @ z) / 2
            return sizes - n / 2 * (math.log(2 * math.pi) + 1 - math.log(n) + float(np.log(z @ z)))

    @property
    def aic(self) -> float:
        """Akaike's criterion; the standard deviation counts as a constant unless `sigma` is absolute."""
        return 2 * self._parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return math.log(len(self.rows.y)) * self._parameters - 2 * self.log_likelihood

    @property
    def _parameters(self) -> int:
        if self.by_group is not None:
            return self.by_group.fit.parameters
        return len(self.uncertainty.free.values) + (not self.absolute_sigma)

    def interval(self, name: str, coverage: float = 0.95) -> tuple[float, float]:
        """Return the profile interval of a constant: values at which the refitted others leave little more error.

        Parameters
        ----------
        name
            Name of the constant.
        coverage
            Probability of the interval.

        Raises
        ------
        InputError
            For a name that is no constant, a constant at its bound, and a coverage that is not between 0 and 1.
        """
        if name in self.held:
            raise InputError(f"The constant {name!r} stands at its bound {self.held[name]:g}: it has no interval.")
        own = [symbol.name for symbol in self.uncertainty.free.symbols]
        if name not in own:
            raise unknown("constant", name, own)
        return self.uncertainty.profile(own.index(name), coverage)

    def frame(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return the constants as a table: value, standard error, Student's t and p of zero, t interval.

        Parameters
        ----------
        coverage
            Probability of the intervals.
        """
        pd = needed("pandas")
        from scipy.stats import t as student

        own = [symbol.name for symbol in self.uncertainty.free.symbols]
        rows = []
        for name, constant in self.constants.items():
            ratio, p, half = math.nan, math.nan, math.nan
            if name in own and math.isfinite(constant.error):
                number = own.index(name)
                half = self.uncertainty.quantile(coverage, number) * constant.error
                ratio = constant.value / constant.error if constant.error else math.inf
                p = 2 * float(student.sf(abs(ratio), self.uncertainty.freedoms[number]))
            rows.append((constant.value, constant.error, ratio, p, constant.value - half, constant.value + half))
        return pd.DataFrame(rows, [*self.constants], ["value", "error", "t", "p", "low", "high"])

    @property
    def covariance(self) -> pd.DataFrame:
        """The covariance of the fitted constants."""
        pd = needed("pandas")

        own = [symbol.name for symbol in self.uncertainty.free.symbols]
        return pd.DataFrame(self.uncertainty.covariance, own, own)

    @property
    def correlation(self) -> pd.DataFrame:
        """The correlation of the fitted constants."""
        found = self.covariance
        size = np.sqrt(np.diag(found))
        with np.errstate(all="ignore"):
            return found / size[:, None] / size

    @cached_property
    def findings(self) -> residuals.Findings:
        """What the weighted residuals depend on: order, inputs, groups, size; rows far from the formula.

        Rows count as much as they do under a robust loss.
        """
        rows, left = self.rows, self.rows.weight * self.residuals * self.row_weights
        found = residuals.inspect(rows.x, left, names=rows.names, fitted=self.fitted, groups=rows.groups)
        within = residuals.within_labels(left, rows.repeated) if found.tested else None
        return replace(found, outliers=tuple(int(rows.kept[k]) for k in found.outliers), repeated=within)

    def _values(self, x: Array) -> Array:
        return evaluate(self.uncertainty.free.expression, self.rows.names, x)
