"""What every estimator does with the tables, targets and weights it is given."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
    compute_sample_weight,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,  # pyright: ignore[reportAttributeAccessIssue]
    check_is_fitted,
    validate_data,
)

from edgewise._errors import InputError, first_line
from edgewise._typing import Array
from edgewise.tables.encoding import Encoder, as_array, check_names, is_frame, warn_of_index
from edgewise.tables.io import LARGEST

_LARGEST_DENSE = 4.0  # GB of the array that is made of sparse data


@dataclass(frozen=True)
class Training:
    """The rows to fit.

    Parameters
    ----------
    x : (n, p)
        The inputs as numbers.
    y : (n, k)
        The targets; for classes (n,), the numbers of the classes.
    weights : (n,)
        Weights of the rows, positive.
    sample_weights : (n,)
        The weights without those of the classes.
    shared
        The rows of several processes that these are a sample of, None where they are all.
    """

    x: Array
    y: Array
    weights: Array
    sample_weights: Array
    shared: SharedRows | None = None


@dataclass(frozen=True)
class SharedRows:
    """The rows of this process, of which those to fit are a sample, and how sums over all processes are made.

    Parameters
    ----------
    x : (n, p)
        The inputs as numbers.
    y : (n, k)
        The targets; for classes (n,), the numbers of the classes.
    weights : (n,)
        Weights of the rows, of mean one over all processes.
    total
        Returns the sums (m,) over all processes.
    """

    x: Array
    y: Array
    weights: Array
    total: Callable[[Array], Array]


class TableEstimator(BaseEstimator):
    """Base of estimators that take tables of numbers, dates and text, with gaps.

    X is a DataFrame of pandas or polars, an array, a tensor, or a list of rows. `edgewise.encoding.Encoder` makes it
    numbers; its docstring says how. A subclass stores its parameters in `__init__`, among them
    `categorical_features`, and calls `_encode` or `_training` in its methods.

    Attributes
    ----------
    encoder_
        Makes the table numbers.
    n_features_in_
        Number of columns.
    feature_names_in_
        Names of the columns, if X is a DataFrame.
    """

    #: "auto": text is a category; else the columns that are categories besides text, by name, position, or a mask
    categorical_features: Any = "auto"
    encoder_: Encoder
    n_features_in_: int

    def _encode(self, X: Any, *, fitting: bool = False) -> Array:
        """Return X as numbers, (n, p) float64, NaN for gaps; learn how if `fitting`.

        Errors: those of scikit-learn for an estimator that is not fitted, wrong shapes, complex or sparse X, and
        names or a number of columns that differ from those in `fit`; those of `Encoder`.
        """
        if fitting:
            X = self._checked(X, reset=True, least=2)
            self.encoder_ = Encoder.learn(X, self._categories())
        else:
            check_is_fitted(self, "encoder_")
            X = self._checked(X, reset=False, least=1)
        return self.encoder_.encode(X)

    def _categories(self) -> Any:
        """Return the columns that are categories besides text."""
        return self.categorical_features

    def _checked(self, X: Any, *, reset: bool, least: int) -> Any:
        """Return X as a DataFrame or an array of `least` rows; with `reset` its columns are those to expect."""
        if is_frame(X):
            _check_frame(X, type(self).__name__, least)
            return validate_data(self, X, reset=reset, skip_check_array=True)
        return validate_data(
            self, as_array(X), reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=least
        )

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: gaps and categories are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        # Text is as well, but scikit-learn requires of estimators with the tag `string` that they take any object.
        return tags


class SupervisedEstimator(TableEstimator, ABC):
    """An estimator that is fitted to a target."""

    def _training(self, X: Any, y: Any, sample_weight: Any = None) -> Training:
        """Return the rows to fit, without those of weight zero.

        Errors: those of `_encode`, and of scikit-learn for y and weights that do not fit X, are not finite, negative
        or all zero.
        """
        y, sample_weight = self._of_rows(X, y, sample_weight)
        x = self._encode(X, fitting=True)
        weights = self._row_weights(x, y, sample_weight)
        kept = weights > 0
        targets = self._targets(y, kept)
        return Training(x[kept], targets, self._weighted(weights[kept], targets), weights[kept])

    def _of_rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return a target and weights, masked cells as gaps; warn of an index that is that of X in another order.

        Errors: ValueError, in scikit-learn's words, where there is no target.
        """
        if y is None:  # scikit-learn says so; it would warn of names where an estimator is fitted again
            nothing: Any = None
            validate_data(self, y=nothing, skip_check_array=True, reset=False)
        warn_of_index(X, y=y, sample_weight=sample_weight)
        return unmasked(y), unmasked(sample_weight)

    def _row_weights(self, x: Array, y: Any, sample_weight: Any) -> Array:
        """Return the weights (n,), of which some are positive, of rows x and a target as long."""
        check_consistent_length(x, y)
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        if not (weights > 0).any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return weights

    @abstractmethod
    def _targets(self, y: Any, kept: Array) -> Array:
        """Return the targets of the rows that are kept."""

    def _weighted(self, weights: Array, targets: Array) -> Array:
        return weights


class NumericTargets(SupervisedEstimator):
    """Base of estimators with one or several targets that are numbers.

    Attributes
    ----------
    n_outputs_
        Number of targets.
    """

    n_outputs_: int
    _flat: bool

    def _targets(self, y: Any, kept: Array) -> Array:
        """Return the targets (n, k) of the rows that are kept, and note their shape."""
        values = self._numbers(y)
        self._flat = values.ndim == 1
        matrix = values.reshape(len(values), -1)[kept]
        self.n_outputs_ = matrix.shape[1]
        return matrix

    def _numbers(self, y: Any) -> Array:
        """Return the numbers of a target. Errors: those of scikit-learn; InputError for squares that overflow."""
        try:
            values = check_array(y, ensure_2d=False, dtype="float64", input_name="y", estimator=self)
        except (TypeError, OverflowError) as error:
            raise InputError(f"y must hold numbers: {first_line(error)}.") from None
        if np.abs(values).max(initial=0.0) > LARGEST:
            raise InputError(
                f"y has values beyond {LARGEST:g}, whose squares overflow. Rescale it, for example its units."
            )
        return values

    def _as_target(self, values: Array) -> Array:
        """Return predictions (n, k) in the shape of the y that was fitted."""
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class TableRegressor(RegressorMixin, NumericTargets):
    """Base of regressors with one or several targets."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets; (n,) for one.
        sample_weight : (n,)
            Weights of the rows; None for equal ones.

        Raises
        ------
        ValueError
            For targets that are not finite. Other errors are those of `predict`.
        """
        return super().score(X, *self._of_rows(X, y, sample_weight))


class TableClassifier(ClassifierMixin, SupervisedEstimator):
    """Base of classifiers with one label for each row.

    A subclass may have the parameter `class_weight`: None, "balanced", or a dict of labels and weights.

    Attributes
    ----------
    classes_
        The labels in ascending order.
    """

    classes_: Array

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the fraction of rows whose label is predicted.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n,)
            The labels.
        sample_weight : (n,)
            Weights of the rows; None for equal ones.

        Raises
        ------
        ValueError
            As `predict` does.
        """
        return super().score(X, *self._of_rows(X, y, sample_weight))

    def _targets(self, y: Any, kept: Array) -> Array:
        """Return the number of each row's class, (n,), and set `classes_`.

        Errors: ValueError for targets that are continuous, and for fewer than two classes.
        """
        anything: Any = None  # as dtype
        y = check_array(y, ensure_2d=False, dtype=anything, input_name="y", estimator=self)
        encoder: Any = LabelEncoder()
        try:
            check_classification_targets(y)
            codes = encoder.fit_transform(column_or_1d(y, warn=True)[kept])
        except TypeError as error:  # labels that have no order
            raise InputError(f"y must hold labels of one type, without gaps: {first_line(error)}.") from None
        if len(encoder.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes. y has 1 class: {encoder.classes_[0]!r}."
            )
        self.classes_ = encoder.classes_
        return np.asarray(codes)

    def _weighted(self, weights: Array, targets: Array) -> Array:
        """Return the weights times those of the classes."""
        chosen = getattr(self, "class_weight", None)
        if chosen is None:
            return weights
        return weights * compute_sample_weight(chosen, self.classes_[targets])


def unmasked(values: Any) -> Any:
    """Return a tensor, a frame or a masked array as an array, NaN where it is masked, and anything else as it is."""
    if is_frame(values):
        return values.to_numpy()
    return as_array(values) if isinstance(values, np.ma.MaskedArray) or hasattr(values, "detach") else values


def dense(X: Any) -> Any:
    """Return sparse data of scipy as an array, and anything else as it is.

    Errors: InputError for sparse data whose array of float64 would have more than 4 GB.
    """
    if not issparse(X):
        return X
    size = 8e-9 * math.prod(X.shape)
    if size > _LARGEST_DENSE:
        raise InputError(
            f"Sparse data of shape {X.shape} would need {size:.1f} GB as an array, and at most {_LARGEST_DENSE:.0f} GB "
            "are allowed. Select columns first, for example with sklearn.feature_selection, or pass fewer rows."
        )
    return X.toarray()


def seed_of(random_state: Any) -> int:
    """Return the seed for scikit-learn's `random_state`; 0 for None, so that the same rows give the same fit."""
    return 0 if random_state is None else int(check_random_state(random_state).randint(2**31 - 1))


def _check_frame(X: Any, name: str, least: int) -> None:
    """Check that a DataFrame has rows, columns and one name for each, in scikit-learn's words."""
    for axis, what, count in ((0, "sample(s)", least), (1, "feature(s)", 1)):
        if X.shape[axis] < count:
            raise ValueError(
                f"Found array with {X.shape[axis]} {what} (shape={X.shape}) while a minimum of {count} is required "
                f"by {name}."
            )
    check_names([str(column) for column in X.columns])
