"""The curves that a fit learns as features for other models."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, get_args

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import unknown
from edgewise._typing import Array
from edgewise.estimators._additive import Products
from edgewise.estimators._classifier import KANClassifier
from edgewise.estimators._regressor import KANRegressor
from edgewise.estimators._table import TableEstimator, unmasked
from edgewise.tables.additive import Select

LossName = Literal["auto", "squared", "absolute", "huber", "poisson", "gamma", "classes"]
_SHARED = ("select", "products", "categorical_features", "random_state")
_LOSSES: tuple[str, ...] = get_args(LossName)


@dataclass(eq=False, repr=False)
class KANTransformer(TransformerMixin, TableEstimator):
    """Replace each column by the curve that a `KANRegressor` or `KANClassifier` learns for it.

    z_i = f_i(x_i),  z_ij = f_ij(x_i, x_j),  f of mean zero over the rows of `fit`

    The features are those of `explain`: tables of numbers, dates and text with gaps become a few numbers in which a
    target, or its logarithm or log-odds, is linear. A linear model on top reproduces the fit, and may combine its
    curves otherwise. Since the curves know the targets of the rows they were fitted to, judge the model on top by
    cross-validation of the whole pipeline.

    Parameters
    ----------
    loss
        "auto" takes classes for text, truth values and whole numbers of at most ten values, "squared" for other
        numbers; else "classes", or a loss of `KANRegressor` other than "quantile".
    select
        "average" of the candidates, the "best", or the "simplest" within one standard error of the best.
    products
        How many pairs may interact; "auto" compares several numbers.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.
    random_state
        Seed of the folds.

    Attributes
    ----------
    estimator_
        What the features come from.

    Raises
    ------
    ValueError, NotFittedError, TypeError
        As scikit-learn's transformers raise them.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import KANTransformer
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> x = np.random.default_rng(0).uniform(-2, 2, size=(200, 2))
    >>> y = np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    >>> bool(make_pipeline(KANTransformer(), LinearRegression()).fit(x, y).score(x, y) > 0.999)
    True
    """

    loss: LossName = "auto"
    _: KW_ONLY
    select: Select = "average"
    products: Products = "auto"
    categorical_features: Any = "auto"
    random_state: Any = None

    def fit(self, X: Any, y: Any) -> KANTransformer:
        """Learn the curves of a table for a target, or several, and return the transformer.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets; (n,) for one.

        Raises
        ------
        InputError
            For an unknown loss.
        ValueError
            Without y.
        """
        if self.loss not in _LOSSES:
            raise unknown("loss", self.loss, _LOSSES)
        options = {name: getattr(self, name) for name in _SHARED}
        self._encode(X, fitting=True)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        y = unmasked(y)
        classes = self.loss == "classes" or (self.loss == "auto" and _are_labels(y))
        if not classes and self.loss != "auto":
            options["loss"] = self.loss
        made = KANClassifier() if classes else KANRegressor()
        made.set_params(**options)
        self.estimator_ = made.fit(X, y)
        return self

    def transform(self, X: Any) -> Array:
        """Return the contribution of each column and product to each sum, (n, features).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        check_is_fitted(self, "estimator_")
        x = self._encode(X)
        parts = [each.of(x) for each in self.estimator_._parts()]
        return np.hstack([values[:, :, k] for values in parts for k in range(values.shape[2])])

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the features: columns and products, after the target or class if there are several.

        Parameters
        ----------
        input_features
            There for scikit-learn: names are those of `fit`.
        """
        check_is_fitted(self, "estimator_")
        found = [
            (label, name)
            for parts, labels in zip(self.estimator_._parts(), self.estimator_._sums(), strict=True)
            for label in labels
            for name in parts.names()
        ]
        several = len({label for label, _ in found}) > 1
        return np.array([f"{label}: {name}" if several else name for label, name in found], dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: a target is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _are_labels(y: Any) -> bool:
    """Return whether a target looks like labels: few distinct values, or no numbers."""
    most = 10  # distinct whole numbers that are labels
    values = np.asarray(y)
    few = values.dtype.kind not in "fiu" or len(np.unique(values)) <= most
    try:
        return few and type_of_target(values) in ("binary", "multiclass")
    except (TypeError, ValueError):  # cells of several types, or lists, which the classifier refuses
        return True
