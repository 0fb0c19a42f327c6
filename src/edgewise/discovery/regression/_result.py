"""What `fit_formula` gives back: constants as rows determine them, what is left, text and tables."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.discovery import residuals
from edgewise.discovery.likelihoods import Maximum
from edgewise.discovery.mixed import ByGroup, codes_of
from edgewise.discovery.regression._loss import LossName
from edgewise.discovery.regression._mixed import mixed_lines
from edgewise.discovery.regression._rows import FEWEST_GROUPS, Columns, Rows
from edgewise.formulas.expressions import Constant, CovarianceName, Uncertainty, evaluate, quoted, rounded_together
from edgewise.interpret.export import latex, latex_with_error_bars, text_with_error_bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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


class Chosen(NamedTuple):
    """What a user chose for a fit: the formula as stated, and more; and the names of all columns of the table."""

    stated: str
    covariance: CovarianceName
    loss: LossName
    absolute_sigma: bool
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


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
    likeliest: Maximum | None = field(default=None, repr=False)

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
        """One less the weighted sum of squares of residuals over that of y about its mean; nan for likelihoods."""
        if self.loss != "squared" or self.likeliest is not None:
            return math.nan
        with np.errstate(all="ignore"):
            square = (self.rows.weight / self.rows.weight.max()) ** 2
            about = self.rows.y - np.average(self.rows.y, weights=square)
            total = float(square @ about**2)
            return 1 - float(square @ self.residuals**2) / total if total > 0 else math.nan

    @property
    def log_likelihood(self) -> float:
        """The largest log-likelihood, of normal errors unless said otherwise, as R's logLik; nan for a robust loss.

        It is the restricted one where variances between groups maximize that.
        """
        if self.likeliest is not None:
            return self.likeliest.likelihood.log_likelihood(self.likeliest.loss)
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
        also = (not self.absolute_sigma) if self.likeliest is None else len(self.likeliest.theta)
        return len(self.uncertainty.free.values) + also

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
        if self.likeliest is not None:
            quantile = self.uncertainty.quantile(coverage, own.index(name))
            return self.likeliest.profile(own.index(name), 0.5 * (quantile * self.likeliest.unit) ** 2)
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
        if self.likeliest is not None:
            left = self.likeliest.likelihood.residual(self.fitted, self.likeliest.theta)
        found = residuals.inspect(rows.x, left, names=rows.names, fitted=self.fitted, groups=rows.groups)
        within = residuals.within_labels(left, rows.repeated) if found.tested else None
        return replace(found, outliers=tuple(int(rows.kept[k]) for k in found.outliers), repeated=within)

    def _values(self, x: Array) -> Array:
        return evaluate(self.uncertainty.free.expression, self.rows.names, x)


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
    normal = fit.likeliest is not None and fit.likeliest.likelihood.normal
    rows = [tuple("z" if normal and each == "t" else each for each in _HEAD), *_cells(fit.frame())]
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
    if fit.likeliest is not None:
        return _likely(fit, fit.likeliest)
    text = _plainly(fit)
    if fit.loss != "squared":
        return f"{text}."
    return f"{text}; R2 {fit.r2:.4f}, AIC {fit.aic:.1f}, BIC {fit.bic:.1f}."


def _plainly(fit: Estimates) -> str:
    what = "Residual standard error" if fit.loss == "squared" else f"Scale of the residuals ({fit.loss})"
    freedom = f" with {fit.freedom} degrees of freedom" if fit.by_group is None else ""
    return f"{what} {fit.residual_error:.4g}{freedom}, {len(fit.rows.y)} rows"


def _likely(fit: Estimates, found: Maximum) -> str:
    """Return what a likelihood says of what the formula leaves."""
    text = found.likelihood.summary(fit.fitted, found.theta, found.errors, len(found.free.values)).leaves
    if not math.isfinite(fit.log_likelihood):
        return f"{text or _plainly(fit)}."
    return f"{text}; log-likelihood {fit.log_likelihood:.2f}, AIC {fit.aic:.1f}, BIC {fit.bic:.1f}."


def _findings(fit: Estimates) -> list[str]:
    """Return what residuals show, and which covariance takes it into account."""
    found, lines, groups = fit.findings, fit.findings.sentences(), fit.rows.groups
    for attribute, kind, what in () if found.misfit else _REMEDIES:
        if kind == "clustered" and (groups is None or len(np.unique(groups)) < FEWEST_GROUPS):
            continue
        if getattr(found, attribute) and fit.uncertainty.kind == "classical":
            lines.append(f"covariance={kind!r} gives standard errors that allow for it ({what}).")
            if attribute == "order":
                lines.append("correlated=True fits the constants together with that correlation.")
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
    likeliest
        The maximum of the likelihood, where rows are censored, counted, correlated, or have errors in x; else None.
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
            each = noise / float(np.median(self.rows.weight))
            if self.likeliest is not None:
                each = self.likeliest.likelihood.deviation(values, self.likeliest.theta)
            size = np.hypot(size, each)
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

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the rows, the curve and its 95 % bands against the input; of several inputs, predictions against y.

        Where constants differ by group, each group has a panel with its curve, and that of the mean dashed.

        Parameters
        ----------
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        n_points = 400  # points of a curve
        from edgewise import plot

        of_groups = None if self.by_group is None else self.by_group.plot(self.rows.target, ax)
        if of_groups is not None:
            return of_groups
        if len(self.rows.names) > 1:
            return plot.fit_quality(self.rows.y, self.fitted, name=self.rows.target, ax=ax)
        x = self.rows.x[:, 0]
        grid = np.linspace(x.min(), x.max(), n_points)
        values, *inner = self.predict(grid[:, None], 0.95, band="confidence")
        _, *outer = self.predict(grid[:, None], 0.95)
        names = (", ".join(self.rows.names), self.rows.target)
        return plot.fitted_curve(x, self.rows.y, grid, values, [outer, inner], names=names, ax=ax)

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
