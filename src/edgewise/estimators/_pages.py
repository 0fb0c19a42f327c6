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
from edgewise.estimators._editing import Editing
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
        `edited`. It works without network access, in light and dark, on wide and narrow screens.

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
        check_is_fitted(self, "fits_")
        if not is_int(rows, 0):
            raise InputError(f"'rows' must be a number of rows >= 0. Got {rows!r}.")
        page = render(self._page(X, y, title, rows, [table_section(table) for table in tables]))
        if path is None:
            return page
        with writing(path) as file:
            file.write(page.encode())
        return None

    def _page(self, X: Any, y: Any, title: str | None, rows: int, sections: Sequence[str]) -> PageContent:
        x = self._encode(X)
        targets = None if y is None else self._known_targets(x, y)
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
        known = self._fitted_rows()
        if known is None or not np.array_equal(known.x, x, equal_nan=True):
            return [None] * len(self.fits_)
        found: list[Array | None] = []
        for fit, y in zip(self.fits_, known.targets, strict=True):
            eta = np.full((len(x), fit.model.outputs), np.nan)
            if known.holds(fit, y):
                eta[fit.rows] = fit.target.center + fit.target.scale * fit.held_out
            found.append(eta if np.isfinite(eta).any() else None)
        return found
