"""Fitted tables as pages that a person reads, tries and edits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise import _version
from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._typing import Array
from edgewise.estimators._drift import drift_table, outside
from edgewise.estimators._editing import Editing
from edgewise.estimators._fairness import fairness_table, group_labels
from edgewise.estimators.page import PageContent, PageRows, page_values, render, table_section

if TYPE_CHECKING:
    import pandas as pd


class Pages(Editing):
    """An estimator whose fits are shown as pages."""

    def to_html(
        self, X: Any, y: Any = None, path: str | os.PathLike[str] | None = None, *, title: str | None = None,
        rows: int = 500, tables: Sequence[pd.DataFrame] = (),
    ) -> str | None:  # fmt: skip
        """Return the fitted model as one HTML page to read, try and edit, or write it to a file.

        The page shows how much is explained on rows left out, the importance of all parts, every curve with its band
        and the density of the rows, maps of pairs, and one prediction: what each part adds to it, and other values of
        the columns to try. With targets a form edits parts, shows what that costs, and downloads the edits for
        `edited`. Of times there is no such form. It works without network access, in light and dark, on wide and narrow
        screens.

        Its script evaluates the same curves, maps and tables of steps, in float32, and says how far its predictions are
        from those of `predict`. Tables of steps beyond 2.5 MB are left out, the least important first: their sum is
        known for the rows of the page, and stays as it is where other values are tried.

        Parameters
        ----------
        X : (n, p)
            The table. Importance and densities are of all rows.
        y : (n, targets)
            The targets, (n,) for one, or labels. Those that were fitted, with the X of `fit`, give costs out of fold.
        path
            The file to write; None returns the page as text.
        title
            What stands above the page.
        rows
            How many rows, drawn at random, are part of the page: anyone who has it can read them. With 0 no row is.
        tables
            Further sections, as `fairness`, `drift` and `compare` return them: DataFrames, with a title and a note in
            their `attrs`.

        Raises
        ------
        InputError
            For `rows` below 0, and a file that cannot be written.
        ValueError, NotFittedError, TypeError
            As `predict` does.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> page = KANRegressor(products=0).fit(x, x[:, 0] ** 2 + x[:, 1]).to_html(x)
        >>> page[:15]
        '<!DOCTYPE html>'
        """
        self._check_losses(times=True)
        if not is_int(rows, 0):
            raise InputError(f"'rows' must be a number of rows >= 0. Got {rows!r}.")
        page = render(self._page(X, y, title, rows, [table_section(table) for table in tables]))
        if path is None:
            return page
        with writing(path) as file:
            file.write(page.encode())
        return None

    def fairness(self, X: Any, y: Any, group: Any, *, coverage: float = 0.95) -> pd.DataFrame:
        """Return how well the model serves each group of rows, with intervals.

        Of numbers: the means of target, prediction and error (prediction minus target), the root mean squared error,
        and the slope of the target on the prediction, which is 1 for calibrated predictions. Of two classes: accuracy,
        log loss, the rates of the second class in targets and predictions, true and false positive rates, mean error
        of the probability, and the slope of a logistic regression on the log-odds. Of more classes: accuracy, log loss,
        and the largest mean error of a class's probability. Intervals of rates are Wilson's, others are normal.

        Parameters
        ----------
        X : (n, p)
            The table; rows that were not fitted say more.
        y : (n, targets)
            The target, or labels. Of several targets the first one is judged.
        group : (n,)
            The label of each row, or the name of a column of X. It need not be part of the model.
        coverage
            The probability of the intervals.

        Raises
        ------
        InputError
            For groups that do not fit X, or more than 30.
        ValueError, NotFittedError, TypeError
            As `predict` does.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
        >>> model = KANRegressor(steps=False).fit(x, x[:, 0])
        >>> model.fairness(x, x[:, 0], np.where(x[:, 1] > 0, "right", "left")).index.tolist()
        ['left', 'right', 'all rows']
        """
        self._check_losses()
        if not (isinstance(coverage, int | float) and 0 < coverage < 1):
            raise ValueError(f"'coverage' must be a number between 0 and 1. Got {coverage!r}.")
        x = self._encode(X)
        name, labels = group_labels(X, group, len(x))
        predicted = self.fits_[0].predict(x)
        known = self._known_targets(x, y)[0]
        predicted = predicted if hasattr(self, "classes_") else predicted[:, 0]
        table = fairness_table(labels, name, known, predicted, float(coverage))
        table.attrs = {"title": f"Groups: {name}", "note": f"Intervals of {100 * coverage:g} %."}
        return table

    def drift(self, X_old: Any, X_new: Any) -> pd.DataFrame:
        """Return how the columns of new rows differ from those of old ones, and what that does to predictions.

        `psi` is the population stability index over ten bins or the levels: below 0.1 little has moved, above 0.25
        much. `statistic` and `p_value` are of the test of Kolmogorov and Smirnov, of categories Cramér's V and the
        chi-squared test. `shift` is by how much the mean contribution of the column changed, in the units of the sum,
        and `share` its part of all such changes; of several sums the root mean square. `outside` is the fraction of
        new rows with numbers beyond those of the fit, or levels that it did not know.

        Parameters
        ----------
        X_old : (n, p)
            Old rows, as those of `fit`.
        X_new : (m, p)
            New rows.

        Raises
        ------
        ValueError, NotFittedError, TypeError
            As `predict` does.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
        >>> model = KANRegressor(steps=False).fit(x, x[:, 0])
        >>> model.drift(x, x + [0.5, 0])["psi"].idxmax()
        'x1'
        """
        check_is_fitted(self, "fits_")
        old, new = self._encode(X_old), self._encode(X_new)
        parts = self._parts()
        table = drift_table(parts, self.encoder_, old, new)
        beyond = 100 * float(outside(parts, self.encoder_, new).any(1).mean())
        means = [np.concatenate([fit.predict(x).mean(0) for fit in self.fits_]) for x in (old, new)]
        first, second = (", ".join(f"{value:.4g}" for value in each) for each in means)
        note = f"{beyond:.1f} % of {len(new)} new rows are outside of what was fitted in some column. "
        table.attrs = {
            "title": "Drift",
            "note": f"{note}The mean prediction is {first} for old and {second} for new rows.",
        }
        return table

    def _page(self, X: Any, y: Any, title: str | None, rows: int, sections: Sequence[str]) -> PageContent:
        x = self._encode(X)
        targets = None if y is None or self._fits_times() else self._known_targets(x, y)
        names = list(X.index) if hasattr(X, "iloc") else list(range(len(x)))
        own = PageRows(x, targets, self._held_out(x), [str(name) for name in names])
        named = str(getattr(y, "name", None) or "target")
        values = page_values(self._parts(), self.encoder_, own, self._sums(), most=rows, named=named)
        values |= {"interactive": True, "classes": [str(label) for label in getattr(self, "classes_", ())]}
        edits = "".join(f" {k + 1}. {edit}{f' ({edit.reason})' if edit.reason else ''}." for k, edit in
                        enumerate(self.applied_edits()))  # fmt: skip
        facts = [
            ("columns", str(x.shape[1])), ("rows", f"{len(x):,}"),
            ("parts", str(len(self._parts()[0].names()))), ("edgewise", _version.__version__),
        ]  # fmt: skip
        subtitle = self.summary() + (f" Edits by hand:{edits}" if edits else "")
        return PageContent(title or f"{type(self).__name__} of {named}", subtitle, facts, values, sections)

    def _held_out(self, x: Array) -> list[Array | None]:
        """Return the out-of-fold sums (n, K) of each fit at rows x, NaN where there are none; None for other rows."""
        known = None if self._fits_times() else self._fitted_rows()
        if known is None or not np.array_equal(known.x, x, equal_nan=True):
            return [None] * len(self.fits_)
        found: list[Array | None] = []
        for fit, y in zip(self.fits_, known.targets, strict=True):
            eta = np.full((len(x), fit.model.outputs), np.nan)
            if known.holds(fit, y):
                eta[fit.rows] = fit.target.center + fit.target.scale * fit.held_out
            found.append(eta if np.isfinite(eta).any() else None)
        return found
