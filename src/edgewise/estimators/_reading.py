"""What a fit of a table says: its shape, importance, contributions, pictures."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions, Means, chunks
from edgewise.estimators._curves_display import CurvesDisplay
from edgewise.estimators._network_display import strongest_edges
from edgewise.estimators._table import TableEstimator
from edgewise.tables.additive import AdditiveFit, Gaussian, input_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def candidate_table(fit: AdditiveFit) -> pd.DataFrame:
    """Return the candidates from the constant to what was selected: out-of-fold R^2 or loss, and weight in the average.

    For numbers `r2` is on the scale on which the target is a sum of curves.
    """
    pd = needed("pandas")

    rows: dict[str, list[Any]] = {"candidate": [], "loss": [], "weight": []}
    for name, loss in fit.scores.items():
        rows["candidate"].append(name)
        rows["loss"].append(loss)
        rows["weight"].append(fit.weights.get(name, np.nan))
    if isinstance(fit.family, Gaussian):
        constant = rows["loss"][0]
        rows["r2"] = [1 - loss / constant if constant > 0 else 0.0 for loss in rows["loss"]]
    return pd.DataFrame(rows).set_index("candidate")


def worth(fit: AdditiveFit) -> str:
    """Return in words what each kind of part adds to what the rows left out show."""
    scores, constant = fit.scores, fit.scores["constant"]
    last = {"smooth": "all that is smooth", "selected": "with steps"}
    kinds = {"line": "a line", "curves": "curves"} | (last if "smooth" in scores else {"selected": "all of it"})
    if constant <= 0:
        return "The target is constant: there is nothing to explain."
    shares = [(words, max(100 * (1 - scores[name] / constant), 0.0)) for name, words in kinds.items() if name in scores]
    verb = " explains"  # of the first
    parts = ", ".join(f"{words}{verb if k == 0 else ''} {share:.1f} %" for k, (words, share) in enumerate(shares))
    scale = {"identity": "the target", "log": "its logarithm", "sqrt": "its square root"}[fit.target.name]
    what = f"variance of {scale}" if isinstance(fit.family, Gaussian) else "loss of a constant"
    if "smooth" not in scores and {"trees", "tables"} & set(scores):
        parts += ", and steps help no further"
    left = f"{100 * scores['selected'] / constant:.1f} % is left"
    if "unedited" in scores:
        left += f" after edits by hand, {100 * scores['unedited'] / constant:.1f} % before"
    return f"Of the {what} on rows left out, {parts}; {left}."


def deviations(fit: AdditiveFit, x: Array) -> Array:
    """Return the standard deviation over the rows x of every input's curve, product and table of steps, in the units of
    the sum: of the target, of its logarithm, or of log-odds."""
    model = fit.model
    tables = model.steps.tables if model.steps else ()
    total = np.zeros((2, len(model.design.inputs) + len(model.products) + len(tables), model.outputs))
    for rows in chunks(len(x)):
        more = [*model.product_terms(x[rows]).values(), *(table.at(x[rows]) for table in tables)]
        values = np.concatenate([model.terms(x[rows]), *(each[:, None] for each in more)], 1)
        total += values.sum(0), (values**2).sum(0)
    mean, square = total / len(x)
    return fit.target.scale * np.sqrt(np.maximum(square - mean**2, 0.0).sum(1))


def edge_table(fit: AdditiveFit, deviation: Array, names: list[str]) -> pd.DataFrame:
    """Return every curve, product and table of steps: its share of the variance of the sum, and what it is.

    Degrees of freedom are not known of steps. Shares are of the sum of the variances of all parts; `deviation` has what
    `deviations` returns.
    """
    pd = needed("pandas")

    model = fit.model
    edges = [input_name(part, names) for part in model.design.inputs]
    kinds = [part.blocks()[0].kind for part in model.design.inputs]
    words = ["level" if kind == "value" else kind.replace("straight", "curve") for kind in kinds]
    steps = [" * ".join(names[k] for k in table.columns) for table in (model.steps.tables if model.steps else ())]
    edf = [*(float(each.sum()) for each in model.edf), *model.product_edf.values(), *(np.nan for _ in steps)]
    rows = {
        "edge": [*edges, *(f"{edges[first]} * {edges[second]}" for first, second in model.products), *steps],
        "kind": [*words, *(["product"] * len(model.products)), *(["steps"] * len(steps))],
        "edf": edf,
        "share": deviation**2 / max(float((deviation**2).sum()), 1e-300),
        "deviation": deviation,
    }
    return pd.DataFrame(rows).sort_values("share", ascending=False, kind="stable").set_index("edge")


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the table of one target, or those of several above each other."""
    pd = needed("pandas")

    return (
        tables[0]
        if len(tables) == 1
        else pd.concat(tables, keys=range(len(tables)), names=["target", str(tables[0].index.name)])
    )


def importance_table(parts: Contributions, x: Array, y: Array | None = None) -> pd.DataFrame:
    """Return the mean size of each part and its share of the variance over the rows x, and their standard errors.

    The variance of an error is that over rows, and that of the coefficients of the curves by the delta method:

        d var(f) = 2 cov(z, f) . d beta,   d mean |f| = mean(sign(f) (z - mean z)) . d beta

    With y also by how much the mean loss of the rows rises if the part is replaced by its mean.
    """
    pd = needed("pandas")

    values = parts.of(x)
    sizes = np.abs(values).mean(2)
    about = (values - values.mean(0)) ** 2
    spread = about.sum(2)
    variances = spread.mean(0)
    total = float(variances.sum()) or 1.0
    share = variances / total
    influence = (spread - variances - share * (spread - variances).sum(1, keepdims=True)) / total
    of_size, of_variance = _of_coefficients(parts, x, values)
    of_share = ((1 - 2 * share) * of_variance + share**2 * of_variance.sum()) / total / total
    found = {
        "share": share,
        "share_error": np.sqrt(influence.var(0) / len(x) + of_share),
        "mean": sizes.mean(0),
        "mean_error": np.sqrt(sizes.var(0) / len(x) + of_size),
    }
    if y is not None:
        eta = parts.baseline + values.sum(1)
        rises = np.column_stack([parts.losses(eta - values[:, k], y) for k in range(values.shape[1])])
        rises -= parts.losses(eta, y)[:, None]
        found |= {"loss": rises.mean(0), "loss_error": rises.std(0) / np.sqrt(len(x))}
    table = pd.DataFrame(found, index=pd.Index(parts.names(), name="part"))
    return table.sort_values("share", ascending=False, kind="stable")


def _of_coefficients(parts: Contributions, x: Array, values: Array) -> tuple[Array, Array]:
    """Return the variances (parts,) of mean sizes and variances that come from the coefficients of curves."""
    model, (rows, count, outputs) = parts.model, values.shape
    of_size, of_variance = np.zeros(count), np.zeros(count)
    if model.covariance is None:
        return of_size, of_variance
    centered = values - values.mean(0)
    inputs = model.design.inputs
    signs = [np.zeros((part.n_features, outputs)) for part in inputs]
    slopes = [np.zeros((part.n_features, outputs)) for part in inputs]
    for chunk in chunks(rows):
        for k, features in enumerate(model.design.features(x[chunk])):
            z, column = features - parts.means.features[k], inputs[k].column
            signs[k] += z.T @ np.sign(values[chunk, column]) / rows / outputs
            slopes[k] += 2 * z.T @ centered[chunk, column] / rows
    for k, part in enumerate(inputs):
        of_size[part.column] += _form(model.covariance[k], signs[k])
        of_variance[part.column] += _form(model.covariance[k], slopes[k])
    return of_size, of_variance


def _form(covariance: Array, direction: Array) -> float:
    """Return the variance of direction (m, K) . beta; levels have only variances (K, m)."""
    if covariance.ndim == 2:
        return float((covariance.T * direction**2).sum())
    return float(np.einsum("ik,kij,jk->", direction, covariance, direction))


class Reading(TableEstimator):
    """An estimator of tables with methods that read its fits."""

    fits_: list[AdditiveFit]
    means_: list[Means]

    def summary(self) -> str:
        """Return in words how much of the target each kind of part explains, on rows that were left out.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
        >>> y = x[:, 0] ** 2 + np.where(x[:, 1] > 0.3, 1.0, 0.0)
        >>> print(KANRegressor().fit(x, y).summary())  # doctest: +ELLIPSIS
        Of the variance of the target on rows left out, a line explains ... %, curves ... %, ...
        """
        check_is_fitted(self, "fits_")
        return "\n".join(worth(fit) for fit in self.fits_)

    def explain(self, X: Any, *, split_products: bool = False) -> pd.DataFrame:
        """Return what each column, product and hidden node adds to the sum, a row for each row of a table.

        sum = baseline + contributions,  E contribution = 0 over the rows of `fit`

        The units are those of the sum: of the target, its logarithm or square root where that was chosen, the
        logarithm of the mean for counts and amounts, log-odds for classes. With several targets or classes the columns
        have two levels, of which the first is the number of the target or the label of the class. Without products and
        hidden node these are the Shapley values of the sum over the rows of `fit`.

        Parameters
        ----------
        X : (n, p)
            The table.
        split_products
            Whether each product is split between its columns by the rule of Shapley; a hidden node stays whole.

        Raises
        ------
        ValueError, NotFittedError, TypeError
            As `predict` does.

        References
        ----------
        Lundberg and Lee, A unified approach to interpreting model predictions (2017).

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> model = KANRegressor(products=0).fit(x, x[:, 0] ** 2 + x[:, 1])
        >>> table = model.explain(x)
        >>> list(table), bool(np.allclose(table.sum(axis=1), model.predict(x)))
        (['baseline', 'x1', 'x2'], True)
        """
        pd = needed("pandas")

        check_is_fitted(self, "fits_")
        x, tables = self._encode(X), {}
        for parts, labels in zip(self._parts(), self._sums(), strict=True):
            values, names = parts.of(x, split_products), parts.names(split_products)
            for k, label in enumerate(labels):
                matrix = np.column_stack([np.full(len(x), parts.baseline[k]), values[:, :, k]])
                index = X.index if isinstance(X, pd.DataFrame) else None
                tables[label] = pd.DataFrame(matrix, index=index, columns=pd.Index(["baseline", *names]))
        return next(iter(tables.values())) if len(tables) == 1 else pd.concat(tables, axis=1)

    def importance(self, X: Any, y: Any = None) -> pd.DataFrame:
        """Return how much each column, product and hidden node matters on a table, the most important first.

        `share` of the sum of the variances of all parts, `mean` of the sizes of the contributions, each with a standard
        error. With targets also `loss`, by how much the mean loss of the rows rises if the part is replaced by its
        mean: that of the fit, in the units of the sum. Classes are taken together; with several targets the rows have
        two levels.

        The errors hold for other rows like those of X and, but for `loss`, for the noise that the curves were fitted
        to, by their posterior covariance. Products, the hidden node and the choice of the shape count as known.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets, (n,) for one, or labels; None leaves `loss` out.

        Raises
        ------
        ValueError, NotFittedError, TypeError
            As `predict` and scikit-learn do, and for labels that were not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> KANRegressor(products=0).fit(x, 2 * x[:, 0] + x[:, 1]).importance(x)["share"].round(1).to_dict()
        {'x1': 0.8, 'x2': 0.2}
        """
        check_is_fitted(self, "fits_")
        x = self._encode(X)
        targets = [None] * len(self.fits_) if y is None else self._known_targets(x, y)
        return stacked([importance_table(parts, x, own) for parts, own in zip(self._parts(), targets, strict=True)])

    def plot_curves(self, X: Any, **options: Any) -> CurvesDisplay:
        """Draw the curves and products that matter most on the rows of X: see `CurvesDisplay.from_estimator`.

        Parameters
        ----------
        X : (n, p)
            The table.
        **options
            Those of `CurvesDisplay.from_estimator`.
        """
        return CurvesDisplay.from_estimator(self, X, **options)

    def plot_network(self, X: Any, *, target: int = 0, most: int = 24, **options: Any) -> Axes:
        """Draw the network of a target with its strongest edges, and return the axes.

        Parameters
        ----------
        X : (n, p)
            The table.
        target
            Which of several targets or classes, by position.
        most
            Edges of the first layer that are drawn, at most, those with the largest scores; what is left without edges
            is left out.
        **options
            Those of `edgewise.plot.network`, which says how to read the picture.

        Raises
        ------
        InputError
            For a target that is not there or `most` below 1. Other errors are those of `predict`.
        """
        check_is_fitted(self, "fits_")
        return strongest_edges(self, X, target, most, options)

    def _parts(self) -> list[Contributions]:
        """Return the parts of each target's sum."""
        names = self.encoder_.names
        return [Contributions(fit, names, means) for fit, means in zip(self.fits_, self.means_, strict=True)]

    def _sums(self) -> list[list[Any]]:
        """Return the label of each sum of each target: its number, or the class."""
        return [[k] for k in range(len(self.fits_))]

    @abstractmethod
    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        """Return y as each fit takes it."""
