"""What `fit_formula` gives back: constants as rows determine them, what is left, text and tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.discovery.mixed import codes_of
from edgewise.discovery.regression._estimates import Estimates, FitOutcome
from edgewise.discovery.regression._mixed import mixed_lines
from edgewise.discovery.regression._rows import FEWEST_GROUPS, Columns
from edgewise.formulas.expressions import quoted, rounded_together
from edgewise.interpret.export import latex, latex_with_error_bars, text_with_error_bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


_HEAD = ("", "value", "std. error", "t", "p", "95 % interval")
_KINDS = {
    "heteroscedastic": "for errors of any sizes (HC3)",
    "autocorrelated": "for errors that are correlated along the rows",
    "clustered": "for errors that are correlated within groups",
}
_REMEDIES = (
    ("order", "autocorrelated", "neighboring rows"), ("groups", "clustered", "groups"),
    ("varies", "heteroscedastic", "sizes of residuals"),
)  # fmt: skip


def summary(fit: Estimates) -> str:
    """Return the formula, a table of its constants, what it leaves, and how the fit ended."""
    rows = [_HEAD, *_cells(fit.frame())]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = [f"{quoted(fit.rows.target)} = {fit.stated.strip()}", ""]
    for name, *cells in rows:
        own = [name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]
        lines.append("  ".join(own).rstrip())
    lines += ["", _leaves(fit)]
    lines += [] if fit.by_group is None else mixed_lines(fit.by_group)
    kind = fit.uncertainty.kind
    if kind in _KINDS:
        lines.append(f"Standard errors are {_KINDS[kind]}.")
    for name, bound in fit.held.items():
        lines.append(f"{name} stands at its bound {bound:g}: the errors of the others hold it there.")
    lines.append(f"{fit.outcome.name}: {fit.outcome.message}")
    lines += fit.notes
    return "\n".join(lines if fit.outcome is FitOutcome.EXACT else [*lines, *_findings(fit)])


def _leaves(fit: Estimates) -> str:
    what = "Residual standard error" if fit.loss == "squared" else f"Scale of the residuals ({fit.loss})"
    freedom = f" with {fit.freedom} degrees of freedom" if fit.by_group is None else ""
    text = f"{what} {fit.residual_error:.4g}{freedom}, {len(fit.rows.y)} rows"
    if fit.loss != "squared":
        return f"{text}."
    return f"{text}; R2 {fit.r2:.4f}, AIC {fit.aic:.1f}, BIC {fit.bic:.1f}."


def _findings(fit: Estimates) -> list[str]:
    """Return what residuals show, and which covariance takes it into account."""
    found, lines, groups = fit.findings, fit.findings.sentences(), fit.rows.groups
    for attribute, kind, what in () if found.misfit else _REMEDIES:
        if kind == "clustered" and (groups is None or len(np.unique(groups)) < FEWEST_GROUPS):
            continue
        if getattr(found, attribute) and fit.uncertainty.kind == "classical":
            lines.append(f"covariance={kind!r} gives standard errors that allow for it ({what}).")
    return lines


def _cells(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    found = []
    for name, (value, error, t, p, low, high) in zip(frame.index, frame.to_numpy(), strict=True):
        if not math.isfinite(error):
            found.append(
                (str(name), f"{value:.6g}", "at its bound" if math.isnan(error) else "undetermined", *3 * [""])
            )
            continue
        found.append((str(name), f"{value:.7g}", f"{error:.4g}", f"{t:.4g}", f"{p:.2g}", f"{low:.5g} to {high:.5g}"))
    return found


def tabular(frame: pd.DataFrame) -> str:
    """Return the constants in LaTeX, each rounded to two digits of its standard error."""
    lines = [r"\begin{tabular}{lrrrr}", r"constant & value & standard error & $t$ & $p$ \\", r"\hline"]
    for name, (value, error, t, p, *_) in zip(frame.index, frame.to_numpy(), strict=True):
        cells = (*rounded_together(value, error), *(f"{each:.3g}" if math.isfinite(each) else "" for each in (t, p)))
        lines.append(" & ".join([str(name).replace("_", r"\_"), *cells]) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"])


@dataclass(frozen=True, repr=False)
class FormulaFit(Estimates):
    """A stated formula with its constants fitted to rows.

    `constants` maps the name of each constant to its value and standard error, `interval` gives profile intervals,
    `frame` a table of both with tests, `covariance` and `correlation` how constants go together, `predict` values and
    bands at other rows, `findings` what residuals still show. `r2`, `log_likelihood`, `aic` and `bic` are those of
    normal errors, nan for a robust loss. Printing it shows all this.

    Parameters
    ----------
    stated
        The formula as it was given.
    formula
        The same as an expression.
    names
        Names of its constants.
    rows
        The rows that it was fitted to.
    outcome
        How the fit ended.
    notes
        What became of rows.
    held
        Constants at their bounds, without standard errors.
    undetermined
        Constants that the rows do not determine.
    loss
        Name of the loss.
    absolute_sigma
        Whether the standard errors of y were given exactly.
    row_weights : (n,)
        The weights that a robust loss gives to the rows.
    residual_error
        The residual standard error (the scale of a robust loss) with `freedom` degrees of freedom.
    columns
        Names of all columns of the table.
    uncertainty
        Standard errors, and how constants go together.
    by_group
        The constants of each group and how much they differ, where they do; None else.
    """

    def predict(
        self, x: Any, interval: float | None = None, *, band: Literal["prediction", "confidence"] = "prediction",
        groups: Any = None,
    ) -> Any:  # fmt: skip
        """Return values (n,) at the rows of a table, or values and the two ends of a band.

        Where constants differ by group, a row has those of its group. A group that was not there, and a gap, have the
        mean constants, and the band includes the variance between groups.

        Parameters
        ----------
        x
            The table, with the columns of the formula.
        interval
            The part of cases that the band is to hold: 0.95 gives (values, low, high). None for values only.
        band
            "prediction": for 0.95 it holds 19 of 20 new measurements of the usual weight (the median of the rows').
            "confidence": it holds the formula at the true constants. Each is at one row.
        groups
            Labels of the rows, or the name of a column; None for the column of the fit, if x has it.

        Raises
        ------
        InputError
            For columns that are missing, an interval that is not between 0 and 1, another band.
        """
        if interval is not None and not (is_number(interval, 0) and 0 < interval < 1):
            raise InputError(f"'interval' must be a number between 0 and 1, like 0.95, or None. Got {interval!r}.")
        if band not in ("prediction", "confidence"):
            raise unknown("band", band, ("prediction", "confidence"))
        rows = self._inputs(x)
        values, size = self._predicted(x, rows, groups)
        if interval is None:
            return values
        if band == "prediction":
            noise = 1.0 if self.absolute_sigma else self.residual_error
            size = np.hypot(size, noise / float(np.median(self.rows.weight)))
        half = self.uncertainty.quantile(interval) * size
        return values, values - half, values + half

    def _predicted(self, x: Any, rows: Array, groups: Any) -> tuple[Array, Array]:
        """Return the values (n,) at rows, of their groups where constants differ, and their standard errors."""
        if self.by_group is None:
            return self._values(rows), self.uncertainty.deviation(rows)
        columns = Columns.of(x)
        given = self.by_group.group if groups is None else groups
        known = not isinstance(given, str) or given in columns.names
        cells = columns.labeled(given, len(rows)) if groups is not None or known else [math.nan] * len(rows)
        return self.by_group.fit.predict(rows, codes_of(cells, self.by_group.labels))

    def plot(self) -> Figure:
        """Draw the rows, the curve and its 95 % bands against the input; of several inputs, predictions against y.

        Where constants differ by group, each group has a panel with its curve, and that of the mean dashed.
        """
        n_points = 400  # points of a curve
        from edgewise import plot

        of_groups = None if self.by_group is None else self.by_group.plot(self.rows.target)
        if of_groups is not None:
            return of_groups
        if len(self.rows.names) > 1:
            return plot.fit_quality(self.rows.y, self.fitted, name=self.rows.target)
        x = self.rows.x[:, 0]
        grid = np.linspace(x.min(), x.max(), n_points)
        values, *inner = self.predict(grid[:, None], 0.95, band="confidence")
        _, *outer = self.predict(grid[:, None], 0.95)
        names = (", ".join(self.rows.names), self.rows.target)
        return plot.fitted_curve(x, self.rows.y, grid, values, [outer, inner], names=names)

    def text(self) -> str:
        """Return the formula as one line, each constant with its standard error."""
        return f"{quoted(self.rows.target)} = {text_with_error_bars(self.uncertainty)}"

    def latex(self, *, errors: bool = True) -> str:
        r"""Return the formula in LaTeX.

        Parameters
        ----------
        errors
            Whether each constant is shown as \left(281428 \pm 60\right); otherwise by name.
        """
        if errors:
            return latex_with_error_bars(self.uncertainty)
        return latex(self.formula, [*self.rows.names, *self.names])

    def tabular(self) -> str:
        """Return the table of the constants in LaTeX."""
        return tabular(self.frame())

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __str__(self) -> str:
        return summary(self)

    __repr__ = __str__

    def _inputs(self, x: Any) -> Array:
        """Return the inputs (n, m) of a table: by name, or of an array that holds just these, or all columns."""
        columns = Columns.of(x)
        if isinstance(columns.table, np.ndarray):
            own = self.rows.names if columns.table.shape[1] == len(self.rows.names) else self.columns
            columns = Columns.of(x, own)
        return np.column_stack([columns.numbers(name, name) for name in self.rows.names])
