"""What rows say of constants that differ by group: the mean, how much they differ, and those of each group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.discovery.mixed._model import MixedFit
from edgewise.formulas.expressions import Constant

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def label_of(cell: Any) -> str:
    """Return a group's name as text, whether its column holds texts, whole numbers, or these as doubles.

    >>> label_of(308), label_of(308.0), label_of("a")
    ('308', '308', 'a')
    """
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def codes_of(cells: Iterable[Any], labels: tuple[str, ...]) -> Array:
    """Return the places (n,) of groups in `labels`; -1 for those that are not there, and for gaps."""
    places = {label: k for k, label in enumerate(labels)}
    return np.array([places.get(label_of(cell), -1) for cell in cells], dtype=np.int64)


@dataclass(frozen=True)
class ByGroup:
    """A formula of one form for all groups, whose constants `names` differ between them by a normal distribution.

    Parameters
    ----------
    group
        The column of groups.
    labels
        The names of the groups.
    rows : (G,)
        Their numbers of rows.
    form
        The formula, with a symbol for each constant that differs.
    fit
        The estimates.
    indicators
        Inputs that are 1 in one group each and 0 in the others, of all groups but the baseline, in order.
    baseline
        The number of the group without one.
    """

    group: str
    labels: tuple[str, ...]
    rows: tuple[int, ...]
    form: Formula
    fit: MixedFit
    indicators: tuple[str, ...] = ()
    baseline: int = 0

    def codes(self, rows: Array, names: Sequence[str]) -> Array:
        """Return the numbers (n,) of the groups of rows (n, m) of inputs; -1 where the indicators are gaps."""
        own = rows[:, [names.index(name) for name in self.indicators]]
        others = np.array([k for k in range(len(self.labels)) if k != self.baseline])
        with np.errstate(invalid="ignore"):
            known = np.where((own > 0).any(1), others[np.argmax(own > 0, axis=1)], self.baseline)
        return np.where(np.isnan(own).any(1), -1, known)

    def of_rows(self, rows: Array, names: Sequence[str]) -> tuple[Array, Array]:
        """Return values (n,) at rows (n, m) of inputs by name, and standard errors, as `MixedFit.predict`."""
        inputs = rows[:, [names.index(name) for name in self.fit.model.names]]
        return self.fit.predict(inputs, self.codes(rows, names))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the constants that differ."""
        return self.fit.names

    @property
    def values(self) -> Array:
        """The constants (G, q) of the groups, shrunken towards the mean."""
        return self.fit.values

    @property
    def errors(self) -> Array:
        """Their standard errors (G, q)."""
        return self.fit.errors

    @property
    def exact(self) -> bool:
        """Whether the formula leaves rounding errors only, so that nothing is estimated."""
        return self.fit.exact

    @property
    def mean(self) -> tuple[Constant, ...]:
        """The mean of each constant over groups, with its standard error."""
        errors = np.sqrt(np.diag(self.fit.covariance))
        return tuple(Constant(float(self.fit.beta[k]), float(errors[k])) for k in self.fit.model.varying)

    def table(self) -> pd.DataFrame:
        """Return a line for each group: its rows, its constants and their standard errors."""
        pd = needed("pandas")

        columns: dict[str, object] = {"rows": self.rows}
        for k, name in enumerate(self.names):
            columns[name] = self.values[:, k]
            columns[f"{name}_error"] = self.errors[:, k]
        return pd.DataFrame(columns, index=pd.Index(self.labels, name=self.group))

    def summary(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return a line for each constant: mean, standard error, standard deviation between groups, and correlations.

        `low` and `high` are the ends of an interval of the standard deviation, `p` the chance of a likelihood ratio as
        large if all groups had the same constant.

        Parameters
        ----------
        coverage
            Probability of the intervals.
        """
        pd = needed("pandas")

        fit, unknown = self.fit, (math.nan, math.nan)
        intervals = [unknown] * len(self.names) if self.exact else fit.intervals(coverage).tolist()
        tests = [unknown] * len(self.names) if self.exact else fit.needed
        rows = []
        for k, mean in enumerate(self.mean):
            own = (mean.value, mean.error, fit.deviations[k], *intervals[k], tests[k][1])
            rows.append((*own, *(fit.correlation[k, j] if j < k else math.nan for j in range(len(self.names) - 1))))
        columns = ["mean", "error", "deviation", "low", "high", "p", *(f"cor_{name}" for name in self.names[:-1])]
        return pd.DataFrame(rows, index=[*self.names], columns=columns)

    def lines(self) -> list[str]:
        """Return the constants of each group as text, with standard errors."""
        lines = []
        for label, values, errors in zip(self.labels, self.values, self.errors, strict=True):
            shown = [self._text(Constant(float(v), float(e))) for v, e in zip(values, errors, strict=True)]
            lines.append(f"{label}: " + ", ".join(f"{n} = {text}" for n, text in zip(self.names, shown, strict=True)))
        return lines

    def between(self) -> list[str]:
        """Return as text how much each constant differs between groups, a line for each."""
        seldom = 0.05  # chance above which one value for all groups would do
        lines = []
        for (name, row), mean in zip(self.summary().to_dict("index").items(), self.mean, strict=True):
            text = f"{name}: mean {mean}, standard deviation {row['deviation']:.4g}"
            if math.isfinite(row["low"]):
                text += f" ({row['low']:.3g} to {row['high']:.3g})"
            correlations = [(other, row[f"cor_{other}"]) for other in self.names[:-1]]
            cor = [f"{value:.2f} with {other}" for other, value in correlations if math.isfinite(value)]
            text += f", correlation {', '.join(cor)}" if cor else ""
            if math.isfinite(row["p"]):
                text += f"; p {row['p']:.2g}" + (" (one value for all groups would do)" if row["p"] > seldom else "")
            lines.append(text)
        return lines

    def plot(self, target: str, ax: Axes | None = None) -> Figure | None:
        """Draw the rows of each group with its curve, and that of the mean; None unless it has one input that varies.

        Parameters
        ----------
        target
            Name of the target.
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        n_points = 200  # of a curve
        from edgewise import plot

        model = self.fit.model
        used = [k for k, name in enumerate(model.names) if sympy.Symbol(name) in model.formula.free_symbols]
        used = [k for k in used if np.ptp(model.x[:, k]) > 0]
        if len(used) != 1:
            return None
        across = model.x[:, used[0]]
        places = np.linspace(across.min(), across.max(), n_points)
        at = np.repeat(model.x[:1], n_points, axis=0)
        at[:, used[0]] = places

        def line(code: int, label: str) -> plot.Line:
            own = model.codes == code
            values = self.fit.predict(at, np.full(n_points, code))[0]
            return plot.Line(places, values, label, rows=np.column_stack([across[own], model.y[own]]))

        lines = [line(code, label) for code, label in enumerate(self.labels)]
        return plot.group_panels(lines, line(-1, "mean"), names=(model.names[used[0]], target), ax=ax)

    @property
    def method(self) -> str:
        """How the variances were estimated, in words."""
        return f"{'restricted ' if self.fit.model.restricted else ''}maximum likelihood"

    def _text(self, constant: Constant) -> str:
        """Return a constant of a group, with its standard error unless that is rounding."""
        return f"{constant.value:.12g}" if self.exact else str(constant)
