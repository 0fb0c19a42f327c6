"""What `fit_formula` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.discovery.regression import _display as display
from edgewise.discovery.regression._estimates import Estimates
from edgewise.discovery.regression._rows import Columns
from edgewise.formulas.expressions import quoted
from edgewise.interpret.export import latex, latex_with_error_bars, text_with_error_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GRID = 400  # points of a curve


@dataclass(frozen=True, repr=False)
class FormulaFit(Estimates):
    """A stated formula with its constants fitted to rows.

    `stated` is the formula as it was given, `formula` the same as an expression, `names` are its constants.
    `constants` maps the name of each constant to its value and standard error, `interval` gives profile intervals,
    `frame` a table of both with tests, `covariance` and `correlation` how constants go together, `predict` values and
    bands at other rows, `findings` what residuals still show. `residual_error` is the residual standard error (the
    scale of a robust loss) with `freedom` degrees of freedom; `r2`, `log_likelihood`, `aic` and `bic` are those of
    normal errors, nan for a robust loss. `row_weights` (n,) are the weights that a robust loss gives to the rows.
    `held` are constants at their bounds, without standard errors. `outcome` says how the fit ended, `notes` what
    became of rows. Printing it shows all this.
    """

    def predict(
        self, x: Any, interval: float | None = None, *, band: Literal["prediction", "confidence"] = "prediction"
    ) -> Any:
        """Return values (n,) at the rows of a table; with `interval`, values and the two ends of a band.

        `interval=0.95` gives (values, low, high). The band for prediction holds 19 of 20 new measurements of the usual
        weight (the median of the rows'), that for confidence the formula at the true constants, each at one row.

        Errors: InputError for columns that are missing, an interval that is not between 0 and 1, another band.
        """
        if interval is not None and not (is_number(interval, 0) and 0 < interval < 1):
            raise InputError(f"'interval' must be a number between 0 and 1, like 0.95, or None. Got {interval!r}.")
        if band not in ("prediction", "confidence"):
            raise unknown("band", band, ("prediction", "confidence"))
        rows = self._inputs(x)
        values = self._values(rows)
        if interval is None:
            return values
        size = self.uncertainty.deviation(rows)
        if band == "prediction":
            noise = 1.0 if self.absolute_sigma else self.residual_error
            size = np.hypot(size, noise / float(np.median(self.rows.weight)))
        half = self.uncertainty.quantile(interval) * size
        return values, values - half, values + half

    def plot(self) -> Figure:
        """Draw the rows, the curve and its 95 % bands against the input; of several inputs, predictions against y."""
        from edgewise import plot

        if len(self.rows.names) > 1:
            return plot.fit_quality(self.rows.y, self.fitted, name=self.rows.target)
        x = self.rows.x[:, 0]
        grid = np.linspace(x.min(), x.max(), _GRID)
        values, *inner = self.predict(grid[:, None], 0.95, band="confidence")
        _, *outer = self.predict(grid[:, None], 0.95)
        names = (", ".join(self.rows.names), self.rows.target)
        return plot.fitted_curve(x, self.rows.y, grid, values, [outer, inner], names=names)

    def text(self) -> str:
        """Return the formula as one line, each constant with its standard error."""
        return f"{quoted(self.rows.target)} = {text_with_error_bars(self.uncertainty)}"

    def latex(self, *, errors: bool = True) -> str:
        r"""Return the formula in LaTeX: each constant as \left(281428 \pm 60\right), or by name without `errors`."""
        if errors:
            return latex_with_error_bars(self.uncertainty)
        return latex(self.formula, [*self.rows.names, *self.names])

    def tabular(self) -> str:
        """Return the table of the constants in LaTeX."""
        return display.tabular(self.frame())

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __str__(self) -> str:
        return display.summary(self)

    __repr__ = __str__

    def _inputs(self, x: Any) -> Array:
        """Return the inputs (n, m) of a table: by name, or of an array that holds just these, or all columns."""
        columns = Columns.of(x)
        if isinstance(columns.table, np.ndarray):
            own = self.rows.names if columns.table.shape[1] == len(self.rows.names) else self.columns
            columns = Columns.of(x, own)
        return np.column_stack([columns.numbers(name, name) for name in self.rows.names])
