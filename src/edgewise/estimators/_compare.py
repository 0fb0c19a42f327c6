"""Two fitted models of one table: their scores, where their predictions differ, and their curves."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._replacing import writing
from edgewise._typing import Array
from edgewise.estimators._pages import Pages
from edgewise.estimators.page import overlaid, render, table_section
from edgewise.tables.encoding import Category, Encoder

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 10  # rows that are listed
_BINS = 8  # of a number, in which differences are averaged


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two fitted models on the same rows, as `compare` returns them.

    Parameters
    ----------
    scores
        Mean losses of both, the difference (second less first) and its paired standard error, a row for each loss.
    columns
        Which columns the difference of predictions depends on: the fraction of its variance that bins or levels of the
        column explain, and the bin in which it is largest.
    rows
        The rows whose predictions differ most.
    models
        Both models.
    X : (n, p)
        The table.
    y : (n, targets)
        The target, or labels.
    """

    scores: pd.DataFrame
    columns: pd.DataFrame
    rows: pd.DataFrame
    models: tuple[Any, Any]
    X: Any
    y: Any

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Return a page with the tables, and the curves of both models on top of each other, or write it to a file.

        Parameters
        ----------
        path
            The file to write; None returns the page as text.

        Raises
        ------
        InputError
            For a file that cannot be written.
        """
        first, second = self.models
        tables = [table_section(table, digits=4) for table in (self.scores, self.columns, self.rows)]
        names = " and ".join(type(model).__name__ for model in self.models)
        content = replace(
            first._page(self.X, self.y, f"{names} compared", 0, ()), lead=tables,
            subtitle="Scores and predictions of two models. Importance, densities and bands are those of the first.",
        )  # fmt: skip
        overlaid(content.values, first, second)
        page = render(content)
        if path is None:
            return page
        with writing(path) as file:
            file.write(page.encode())
        return None


def compare(first: Any, second: Any, X: Any, y: Any) -> Comparison:
    """Return how two fitted models differ on the rows of a table that neither was fitted to.

    The standard error of a difference of mean losses is that of the mean of the differences of the rows' losses: rows
    that are hard for both do not count.

    Parameters
    ----------
    first
        A fitted `KANRegressor` or `KANClassifier`.
    second
        Another one, also an edited one, or another estimator with the interface of scikit-learn.
    X : (n, p)
        The table.
    y : (n, targets)
        The target, or labels.

    Raises
    ------
    InputError
        For models of different kinds, classes or numbers of targets.
    ValueError, NotFittedError, TypeError
        As `predict` does.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import KANRegressor, compare
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> y = x[:, 0] ** 2 + x[:, 1]
    >>> curves, line = KANRegressor(steps=False), KANRegressor(steps=False, loss="huber")
    >>> found = compare(curves.fit(x, y), line.fit(x, y), x, y)
    >>> found.scores.index.tolist()
    ['squared error', 'absolute error']
    """
    pd = needed("pandas")

    if not isinstance(first, Pages):
        raise InputError(f"The first model must be a KANRegressor or KANClassifier. Got {type(first).__name__}.")
    first._check_losses()
    check_is_fitted(second)
    x = first._encode(X)
    classes = getattr(first, "classes_", None)
    one, other = (_predictions(model, X, classes) for model in (first, second))
    if one.shape != other.shape:
        raise InputError(f"Both models must have as many targets. Got {one.shape[1]} and {other.shape[1]}.")
    known = np.column_stack(first._known_targets(x, y))
    losses = [_losses(known, each, classes is not None) for each in (one, other)]
    scores = pd.DataFrame([_paired(name, losses[0][name], losses[1][name]) for name in losses[0]]).set_index("loss")
    note = (
        f"Mean losses of {len(x)} rows: the lower the better. The error is that of the difference, second less first."
    )
    scores.attrs = {"title": "Scores", "note": note}
    differences = _differences(other - one, classes)
    return Comparison(
        scores, _of_columns(x, first.encoder_, differences), _of_rows(X, y, one, other, differences, classes),
        (first, second), X, y,
    )  # fmt: skip


def _differences(away: Array, classes: Array | None) -> Array:
    """Return one number (n,) for the difference of predictions: signed for one number or two classes, else a size."""
    if away.shape[1] == 1:
        return away[:, 0]
    return away[:, 1] if classes is not None and len(classes) == 2 else 0.5 * np.abs(away).sum(1)


def _predictions(model: Any, X: Any, classes: Array | None) -> Array:
    """Return the predictions (n, targets) of a model, or the probabilities of the classes. Errors: InputError."""
    if (classes is None) == hasattr(model, "classes_"):
        raise InputError(f"Both models must predict numbers, or both classes. Got {type(model).__name__}.")
    if classes is None:
        found = np.asarray(model.predict(X), dtype=float)
        return found.reshape(len(found), -1)
    if not np.array_equal(model.classes_, classes):
        raise InputError(f"Both models must have the same classes. Got {list(classes)} and {list(model.classes_)}.")
    return np.asarray(model.predict_proba(X), dtype=float)


def _losses(known: Array, predicted: Array, of_classes: bool) -> dict[str, Array]:
    if not of_classes:
        error = predicted - known
        return {"squared error": (error**2).mean(1), "absolute error": np.abs(error).mean(1)}
    codes = known[:, 0].astype(int)
    own = predicted[np.arange(len(codes)), codes]
    hit = np.eye(predicted.shape[1])[codes]
    return {
        "log loss": -np.log(np.maximum(own, 1e-12)),
        "Brier score": ((predicted - hit) ** 2).sum(1),
        "wrong labels": (predicted.argmax(1) != codes).astype(float),
    }


def _paired(name: str, first: Array, second: Array) -> dict[str, Any]:
    rise = second - first
    error = float(rise.std(ddof=1)) / np.sqrt(len(rise)) if len(rise) > 1 else np.nan
    return {"loss": name, "first": float(first.mean()), "second": float(second.mean()),
            "difference": float(rise.mean()), "error": error}  # fmt: skip


def _of_columns(x: Array, encoder: Encoder, differences: Array) -> pd.DataFrame:
    pd = needed("pandas")

    total, rows = float(differences.var()) or 1.0, []
    for k, column in enumerate(encoder.columns):
        cells, names = _cells(x[:, k], [*column.labels] if isinstance(column, Category) else None)
        counts = np.bincount(cells, minlength=len(names))
        means = np.bincount(cells, differences, len(names)) / np.maximum(counts, 1)
        between = float(counts @ (means - differences.mean()) ** 2) / len(x)
        top = int(np.argmax(np.abs(means) * (counts > 0)))
        rows.append({"column": column.name, "share": between / total, "where": names[top],
                     "mean_difference": float(means[top]), "rows": int(counts[top])})  # fmt: skip
    table = pd.DataFrame(rows).set_index("column").sort_values("share", ascending=False, kind="stable")
    note = (
        "The fraction of the variance of the difference, second less first, that each column explains by itself, and "
    )
    table.attrs = {"title": "Where predictions differ", "note": f"{note}where the difference is largest."}
    return table


def _cells(values: Array, labels: list[Any] | None) -> tuple[Array, list[str]]:
    """Return the bin or level of each value, the last one for gaps and unknown levels, and what they are called."""
    gaps = np.isnan(values)
    if labels is not None:
        names = ["gap" if label is None else str(label) for label in labels]
        return np.where(gaps, len(names), np.nan_to_num(values)).astype(int), [*names, "unknown"]
    seen = values[~gaps]
    cuts = np.unique(np.quantile(seen, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(seen) else np.zeros(0)
    ends = [f"{cut:.4g}" for cut in cuts]
    names = [f"up to {ends[0]}", *(f"{a} to {b}" for a, b in itertools.pairwise(ends)),
             f"above {ends[-1]}"] if ends else ["all"]  # fmt: skip
    cells = np.searchsorted(cuts, np.nan_to_num(values))
    return np.where(gaps, len(names), cells), [*names, "gap"]


def _of_rows(X: Any, y: Any, one: Array, other: Array, differences: Array, classes: Array | None) -> pd.DataFrame:
    pd = needed("pandas")

    order = np.argsort(-np.abs(differences), kind="stable")[:_LARGEST]
    index = X.index[order] if isinstance(X, pd.DataFrame) else pd.Index(order, name="row")
    known = np.asarray(y)[order]
    found: dict[str, Any] = {"target": known if known.ndim == 1 else known[:, 0]}
    if classes is None or len(classes) == 2:
        place = 0 if classes is None else 1
        found |= {"first": one[order, place], "second": other[order, place], "difference": differences[order]}
    else:
        found |= {"first": classes[one[order].argmax(1)], "second": classes[other[order].argmax(1)],
                  "distance": differences[order]}  # fmt: skip
    table = pd.DataFrame(found, index=index)
    note = ""
    if classes is not None:
        half = "The distance is half of the sum of the differences of the probabilities."
        note = f"Probabilities of {classes[1]}." if len(classes) == 2 else half
    table.attrs = {"title": "Rows that differ most", "note": note}
    return table
