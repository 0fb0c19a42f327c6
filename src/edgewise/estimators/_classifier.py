"""A classifier for ordinary tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from edgewise._typing import Array
from edgewise.estimators._additive import AdditiveEstimator, Products
from edgewise.estimators._table import TableClassifier, Training
from edgewise.tables.additive import Classes, Ordered, Select


@dataclass(eq=False, repr=False, kw_only=True)
class KANClassifier(TableClassifier, AdditiveEstimator):
    """Fit classes by a sum of curves of one, two and three columns: log-odds that can be read.

    P(y = k) = softmax_k( b_k + sum_i f_ki(x_i) + sum_ij f_kij(x_i, x_j) + sum_ijl f_kijl(x_i, x_j, x_l) )

    Two classes have one sum, the log-odds of the second. Everything else is as in `KANRegressor`, but there is no
    hidden node.

    Parameters
    ----------
    ordered
        Whether the labels have an order: sorted, or that of an ordered category of pandas. Then all classes share one
        sum (proportional odds), P(y <= k) = sigmoid(t_k - sum), with rising thresholds `thresholds_`.
    linear
        Columns whose effect is a straight line without a penalty, as in `KANRegressor`.
    groups
        Columns of labels that have a random intercept each, as in `KANRegressor`.
    class_weight
        None, "balanced", or a dict of labels and weights.
    select
        "average" of the candidates, the "best", or the "simplest" within one standard error of the best.
    products
        How many pairs may interact; "auto" compares several numbers.
    steps
        Whether sums of steps take part in the average, where the shape is left open: `select` "average" and `products`
        "auto". Columns of `monotonic_cst`, `linear` and `groups` make none.
    monotonic_cst
        1, 0 or -1 for each column, or a dict of names: curves of the probability of the second of two classes, or of
        higher classes, that must rise or fall. Such a column takes part in no product.
    interaction_cst
        "pairwise", "no_interactions", or lists of column numbers that may interact; None for any.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.
    random_state
        Seed of the folds, and of the rows that `partial_fit` remembers.
    warm_start
        Whether `fit` and `partial_fit` keep the shape of the fit before, as in `KANRegressor`.
    verbose
        Whether each stage is shown at once, also where stderr is no terminal; otherwise on a terminal after two
        seconds.

    Raises
    ------
    ValueError, NotFittedError, TypeError
        As scikit-learn's estimators raise them.

    References
    ----------
    Breslow and Clayton (1993), for smoothing; docs/design/tables.md for the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import KANClassifier
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = KANClassifier().fit(x, np.where(x[:, 0] ** 2 > 1, "out", "in"))
    >>> model.predict([[2.0, 0.0], [0.1, 0.0]]).tolist()
    ['out', 'in']
    """

    ordered: bool = False
    linear: Any = None
    groups: Any = None
    class_weight: Any = None
    select: Select = "average"
    products: Products = "auto"
    steps: bool = True
    monotonic_cst: Any = None
    interaction_cst: Any = None
    categorical_features: Any = "auto"
    random_state: Any = None
    warm_start: bool = False
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, process_group: Any = None) -> KANClassifier:
        """Fit a table to labels, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table; sparse data of scipy becomes an array, of at most 4 GB.
        y : (n,)
            The labels.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.
        process_group
            A group of torch.distributed whose ranks call `fit` with rows of their own: each fits the rows of all. Of
            more than 200,000 rows every rank holds a sample of that many, for all but coefficients and smoothing, which
            are those of all rows. None for one process.
        """
        self._fit_all(X, y, sample_weight, process_group)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> KANClassifier:
        """Fit the rows of all calls so far, and return the estimator: see `KANRegressor.partial_fit`.

        Parameters
        ----------
        X : (n, p)
            Further rows.
        y : (n,)
            Their labels.
        classes
            All labels, in the first call that no `fit` came before. One that no row has yet gets a probability near
            zero.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.

        Raises
        ------
        ValueError
            For batches of other columns, and labels that are not among the classes. Other errors are those of `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANClassifier
        >>> x = np.random.default_rng(0).normal(size=(300, 2))
        >>> y = np.where(x[:, 0] > 0, "right", "left")
        >>> model = KANClassifier().partial_fit(x[:100], y[:100], classes=["left", "right"])
        >>> model.partial_fit(x[100:], y[100:]).predict([[1.0, 0.0]]).tolist()
        ['right']
        """
        self._check_classes(classes, first=self._rows_so_far() is None)
        self._fit_batch(X, y, sample_weight)
        return self

    def _check_classes(self, classes: Any, *, first: bool) -> None:
        """Set `classes_` in the first call, and compare them with those of the first call later."""
        if classes is None:
            if first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return
        known = np.unique(column_or_1d(classes))
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"'classes' must be those of the first call: {self.classes_.tolist()}. Got {classes!r}.")
        if len(known) < 2:
            raise ValueError(f"'classes' must list at least two labels. Got {classes!r}.")
        self.classes_ = known

    def _fit_rows(self, rows: Training) -> None:
        if not isinstance(self.ordered, bool | np.bool_):
            raise ValueError(
                f"'ordered' must be True or False. Got {self.ordered!r}: another order of the labels than the sorted "
                "one is that of y, pandas.Categorical(y, categories=[...], ordered=True)."
            )
        if len(self.classes_) > 2 and not self.ordered and self.monotonic_cst is not None:
            raise ValueError("monotonic constraints are not supported for multiclass classification.")
        count = len(self.classes_)
        self._fit_each(rows, [rows.y.astype(float)], [Ordered(count) if self.ordered else Classes(count)])

    def _targets(self, y: Any, kept: Array) -> Array:
        """Return the number of each row's class, in the order of the categories if they have one."""
        codes = super()._targets(y, kept)
        order = getattr(getattr(y, "dtype", None), "categories", None)
        if not (self.ordered and order is not None and getattr(y.dtype, "ordered", False)):
            return codes
        place = np.array([self.classes_.tolist().index(label) for label in order if label in self.classes_])
        self.classes_ = self.classes_[place]
        return np.argsort(place)[codes]

    @property
    def thresholds_(self) -> Array:
        """The rising thresholds (classes - 1,) of ordered classes, on the scale of `decision_function`."""
        check_is_fitted(self, "fits_")
        family = self.fits_[0].family
        if not isinstance(family, Ordered):
            raise AttributeError("There are thresholds for ordered=True only.")
        return np.array(family.thresholds)

    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        anything: Any = None  # as dtype
        labels = column_or_1d(check_array(y, ensure_2d=False, dtype=anything, input_name="y", estimator=self))
        return self._codes(labels)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (n, classes).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        check_is_fitted(self, "fits_")
        return self.fits_[0].of(self._etas(X)[0])

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each row, (n,).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]

    def decision_function(self, X: Any) -> Array:
        """Return the log-odds of the second of two classes (n,), or the sum of curves of each class (n, classes).

        Ordered classes have one sum (n,): the higher, the higher the class.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        check_is_fitted(self, "fits_")
        eta = self._etas(X)[0]
        return eta[:, 0] if eta.shape[1] == 1 else eta

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probabilities, (n, classes).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        return np.log(self.predict_proba(X))

    def _sums(self) -> list[list[Any]]:
        if self.ordered:
            return [[0]]
        return [self.classes_[1:].tolist() if len(self.classes_) == 2 else self.classes_.tolist()]

    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        labels = column_or_1d(self._of_rows(x, y, None)[0])
        check_consistent_length(x, labels)
        return [self._codes(labels).astype(float)]

    def _codes(self, labels: Array) -> Array:
        """Return the number of each label. Errors: ValueError for labels that are not among the classes."""
        unknown = sorted(map(str, {*labels.tolist()} - {*self.classes_.tolist()}))
        if unknown:
            raise ValueError(f"y contains labels that were not fitted: {', '.join(unknown[:8])}.")
        order = np.argsort(self.classes_)
        return order[np.searchsorted(self.classes_[order], labels)]
