"""What discovery gives back, of one target or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise._errors import unknown
from edgewise._extras import needed
from edgewise._printable import printable
from edgewise.discovery.results._display import (
    conclusion,
    cut,
    front_array,
    front_html,
    front_tabular,
    front_text,
    r2_text,
    reason,
    with_error_bars,
)
from edgewise.discovery.results._front import Front, Which
from edgewise.formulas.expressions import quoted, write
from edgewise.interpret.export import latex_with_error_bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
class Discovery(Front):
    """Formulas for a table, from simple to accurate.

    `found[i]` is the i-th of the front, `equations` the front as a pandas table, `chi2` the reduced chi-squared where
    standard errors were given.

    `constants`, `uncertainty` and `interval` say how well the rows determine the constants of a formula, `predict` with
    `interval` where new measurements will lie, `weights` and `stability` how much the rows speak for each formula. Each
    takes a candidate of the front or its number; without one it is about the best.

    Parameters
    ----------
    candidates
        The front.
    best
        The formula to use.
    outcome
        How the search ended.
    noise
        The estimated noise over the standard deviation of the target (0: none seen).
    relative
        Whether errors are relative to each value.
    names
        Names of the inputs.
    target
        Name of the target.
    x : (n, n_in)
        The inputs.
    y : (n,)
        The target.
    stages
        What was done, in words.
    settings
        The settings of the search, and how much of the work was done.
    ceiling
        The best flexible model of the table, where a law was not found at once: what it explains and the formula does
        not is left to find.
    weight : (n,)
        Factors of the residuals; None for equal ones.
    noise_model
        The kind of the noise, and the rows set aside.
    columns
        Makes the inputs of a table with text, dates or gaps.
    rivals
        Forms that the best formula does not lead clearly.
    evidence
        How far the best formula leads the others of the front.
    answers
        What became of each guess.
    log
        What each stage of the search took and gave.
    searched
        Which formulas were tried without gaps, in words; empty where none were.
    logarithmic
        Whether errors are those of the target's logarithm, in which formulas were searched: values are medians then,
        and bands are ratios.
    repeated
        Columns that may be labels of repeated rows, such as persons; residuals are compared between their values.
    likelihood
        What judges rows that are censored, counted or correlated; None for independent measurements.

    Examples
    --------
    >>> import numpy as np
    >>> import edgewise as ew
    >>> rng = np.random.default_rng(0)
    >>> t = rng.uniform(1, 3, (60, 1))
    >>> found = ew.discovery.discover_directly(t, 2.6 * t[:, 0] ** (4 / 3) + rng.normal(0, 0.1, 60), names=["t"])
    >>> print(found.text(), *np.round(found.interval(0), 3))
    (2.6025 ± 0.0047)*t**(4/3) 2.593 2.612
    """

    def latex(self, candidate: Which = None) -> str:
        r"""Return a formula in LaTeX, each fitted constant with its standard error: \left(281428 \pm 60\right).

        Parameters
        ----------
        candidate
            A candidate of the front or its number; None for the best.
        """
        return latex_with_error_bars(self.uncertainty(candidate))

    def text(self, candidate: Which = None) -> str:
        """Return a formula as text, each fitted constant with its standard error, as in (281428 ± 60)*a.

        Parameters
        ----------
        candidate
            A candidate of the front or its number; None for the best.
        """
        return with_error_bars(self, self._candidate(candidate))

    def conclusion(self) -> list[str]:
        """Return in a few lines the best formula with error bars, its errors, and those of the best flexible model."""
        return conclusion(self)

    @property
    def reason(self) -> str:
        """Why `best` is not the formula with the largest of `weights`, in a sentence; empty where it is."""
        return reason(self)

    def to_latex(self) -> str:
        """Return the front as a LaTeX table."""
        return front_tabular(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the front, error on held-out rows against complexity, with the flexible model's, and return the axes.

        Parameters
        ----------
        ax
            The axes to draw in; None for new ones.
        """
        from edgewise import plot
        from edgewise.discovery.results._report import candidates

        ceiling = None if self.ceiling is None else self.ceiling.held_out
        return plot.pareto(candidates(self), ax, ceiling=ceiling, formulas=ax is None)

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML file about all of it, and return its path.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        InputError
            Where the file cannot be written.
        """
        from edgewise.discovery.results._report import content
        from edgewise.plot.report import write_report

        return write_report(path, content(self))

    def __repr__(self) -> str:
        return front_text(self)

    def _repr_html_(self) -> str:
        return front_html(self)

    def _repr_latex_(self) -> str:
        return front_array(self)


class Discoveries(Mapping[str, Discovery]):
    """The discovery of each target, by its name.

    Parameters
    ----------
    found
        The discoveries, by the names of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> import edgewise as ew
    >>> x = np.random.default_rng(0).uniform(1, 2, (50, 2))
    >>> ew.discover(x, np.column_stack([x[:, 0] * x[:, 1], x[:, 0] + 2]), target=["area", "side"])
    Discovery of 2 targets:
    area = x1*x2  (EXACT, held-out R2 1)
    side = x1 + 2  (EXACT, held-out R2 1)
    """

    def __init__(self, found: Mapping[str, Discovery]) -> None:
        self._found = dict(found)

    def __getitem__(self, target: str) -> Discovery:
        if target not in self._found:
            raise unknown("target", target, list(self._found))
        return self._found[target]

    def __contains__(self, target: object) -> bool:
        return target in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def equations(self) -> pd.DataFrame:
        """The fronts of all targets as one table, with a column `target`."""
        pd = needed("pandas")

        fronts = [found.equations.assign(target=name) for name, found in self.items()]
        table = pd.concat(fronts, ignore_index=True)
        return table.reindex(columns=["target", *(name for name in table.columns if name != "target")])

    def __repr__(self) -> str:
        digits = 6
        lines = [f"Discovery of {len(self)} targets:"]
        for name, found in self.items():
            formula = cut(f"{quoted(name)} = {write(found.best.expression, digits)}")
            r2 = r2_text(found.best.held_out)
            lines.append(f"{formula}  ({found.outcome.name}{f', held-out R2 {r2}' if r2 else ''})")
        return "\n".join(map(printable, lines))
