"""A regressor for ordinary tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_consistent_length

from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.estimators._additive import AdditiveEstimator, Products
from edgewise.estimators._table import TableRegressor, Training
from edgewise.tables.additive import Family, Gamma, Gaussian, Huber, Poisson, Quantile, Select

LossName = Literal["squared", "absolute", "huber", "quantile", "poisson", "gamma"]
_FAMILIES: dict[str, Callable[[float], Family]] = {
    "squared": lambda level: Gaussian(),
    "absolute": Quantile,
    "huber": lambda level: Huber(),
    "quantile": Quantile,
    "poisson": lambda level: Poisson(),
    "gamma": lambda level: Gamma(),
}


@dataclass(eq=False, repr=False)
class KANRegressor(TableRegressor, AdditiveEstimator):
    """Fit tables of numbers, dates, text and missing values by a sum of curves of one, two and three columns.

    E y = h( b + sum_i f_i(x_i) + sum_ij f_ij(x_i, x_j) + sum_ijk f_ijk(x_i, x_j, x_k) + g(sum_i h_i(x_i)) )

    The shape is chosen by out-of-fold predictions: a line, curves, products of two inputs that a score test asks for,
    a hidden node that Tukey's test asks for, and sums of steps that boosting finds, averaged. Each smooth curve is as
    smooth as restricted maximum likelihood says; these are the network `network_`. Steps are tables of one to three
    columns, which are added to it: see `summary` for what they are worth, `steps=False` for the network alone.
    Categories have an effect for each level, shrunk to the mean; a missing value has its own effect. The target is
    mapped by a logarithm or square root (h is the inverse) if that lowers the error on the original scale.

    Parameters
    ----------
    loss
        "squared" (the mean of numbers), "huber" (the same with outliers), "absolute" (the median), "quantile",
        "poisson" (counts, logarithmic link), "gamma" (positive amounts whose standard deviation grows with their size,
        logarithmic link).
    quantile
        The level of the loss "quantile", between 0 and 1.
    select
        "average" of the candidates, the "best", or the "simplest" within one standard error of the best.
    products
        How many pairs may interact; "auto" compares several numbers.
    steps
        Whether sums of steps take part in the average, where the shape is left open: `select` "average" and `products`
        "auto". Columns under `monotonic_cst` make none.
    monotonic_cst
        1, 0 or -1 for each column, or a dict of names: curves that must rise or fall. Such a column takes part in no
        product, and there is no hidden node.
    interaction_cst
        "pairwise", "no_interactions", or lists of column numbers that may interact; None for any.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.
    random_state
        Seed of the folds, and of the rows that `partial_fit` remembers.
    warm_start
        Whether `fit` and `partial_fit` keep the shape of the fit before, if the table has the same columns: its
        products, and maps, a hidden node and effects of single values only if it has them. Curves and smoothing are
        refitted. That takes about 20 % less time.
    n_jobs
        How many targets to fit at a time, in processes of their own; -1 for one a core.
    verbose
        Whether each stage is shown at once, also where stderr is no terminal; otherwise on a terminal after two
        seconds.

    Raises
    ------
    ValueError, NotFittedError, TypeError
        As scikit-learn's estimators raise them.

    References
    ----------
    Wood, Generalized Additive Models (2017), for smoothing; docs/design/tables.md for the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import KANRegressor
    >>> x = np.random.default_rng(0).uniform(-2, 2, size=(200, 2))
    >>> model = KANRegressor().fit(x, np.sin(2 * x[:, 0]) + x[:, 1])
    >>> bool(model.score(x, np.sin(2 * x[:, 0]) + x[:, 1]) > 0.999)
    True
    """

    loss: LossName = "squared"
    _: KW_ONLY
    quantile: float | None = None
    select: Select = "average"
    products: Products = "auto"
    steps: bool = True
    monotonic_cst: Any = None
    interaction_cst: Any = None
    categorical_features: Any = "auto"
    random_state: Any = None
    warm_start: bool = False
    n_jobs: int | None = None
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANRegressor:
        """Fit a table to a target, or several, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets; (n,) for one.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.
        """
        self._level()
        self._fit_all(X, y, sample_weight)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANRegressor:
        """Fit the rows of all calls so far, and return the estimator.

        The estimator remembers the rows, also those of a `fit` before. So the result is that of `fit` on all rows, and
        each call costs as much as such a fit; `warm_start` makes it cheaper. Levels that were not seen before are
        added. Of more than 100,000 rows, or 20 million numbers, a uniform sample of that size is remembered and fitted.
        Clone an estimator to start over. Rows of `partial_fit` are saved with the estimator, those of `fit` are not.

        Parameters
        ----------
        X : (n, p)
            Further rows.
        y : (n, targets)
            Their targets; (n,) for one.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.

        Raises
        ------
        ValueError
            For batches of other columns or targets, and for an estimator that was loaded after a `fit`. Other errors
            are those of `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-2, 2, size=(200, 2))
        >>> y = np.sin(2 * x[:, 0]) + x[:, 1]
        >>> model = KANRegressor().partial_fit(x[:50], y[:50]).partial_fit(x[50:], y[50:])
        >>> bool((model.predict(x) == KANRegressor().fit(x, y).predict(x)).all())
        True
        """
        self._level()
        self._fit_batch(X, y, sample_weight)
        return self

    def _level(self) -> float:
        """Return the level of the quantile, 0.5 for other losses. Errors: ValueError for a wrong one, or loss."""
        if self.loss not in _FAMILIES:
            raise unknown("loss", self.loss, list(_FAMILIES))
        if (self.quantile is None) == (self.loss == "quantile"):
            raise ValueError(
                f"'quantile' is for loss='quantile', and needed there. Got {self.quantile!r} for {self.loss!r}."
            )
        level = 0.5 if self.quantile is None else self.quantile
        if not (isinstance(level, int | float) and 0 < level < 1):
            raise ValueError(f"'quantile' must be a number between 0 and 1. Got {level!r}.")
        return float(level)

    def _fit_rows(self, rows: Training) -> None:
        counts, amounts = 1e12, 1e37  # whose logarithms are within those that the families have means of
        least = float(rows.y.min())
        if self.loss == "poisson" and float(rows.y.max()) > counts:
            raise InputError(f"loss='poisson' takes y up to {counts:g}. Got {rows.y.max():g}: change its units.")
        if self.loss == "gamma" and not (least <= 0 or 1 / amounts <= least <= float(rows.y.max()) <= amounts):
            found = f"{least:g} to {rows.y.max():g}"
            raise InputError(
                f"loss='gamma' takes y from {1 / amounts:g} to {amounts:g}. Got {found}: change its units."
            )
        if (self.loss == "poisson" and least < 0) or (self.loss == "gamma" and least <= 0):
            sign = "non-negative" if self.loss == "poisson" else "positive"
            raise ValueError(f"loss={self.loss!r} requires {sign} y. Got {least:g}.")
        if self.loss == "poisson" and float(rows.y.max()) == 0:
            raise ValueError("loss='poisson' requires some y > 0. All are zero.")
        self._fit_each(rows, list(rows.y.T.copy()), _FAMILIES[self.loss](self._level()), intervals=True)

    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        values = self._numbers(y)
        matrix = values.reshape(len(values), -1)
        if not first and (matrix.shape[1] != self.n_outputs_ or (values.ndim == 1) != self._flat):
            raise ValueError(f"y had {self.n_outputs_} target(s) in the first batch. Got shape {values.shape}.")
        self.n_outputs_, self._flat = matrix.shape[1], values.ndim == 1
        return matrix

    def predict(self, X: Any, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Return the mean of the target at the rows of a table, (n,) or (n, targets).

        Parameters
        ----------
        X : (n, p)
            The table.
        return_std
            Whether to return also the standard deviation of a new row about the mean: noise and error of the fit
            together, from out-of-fold residuals, which may grow and shrink with X.
        """
        x = self._encode(X)
        means = np.column_stack([fit.predict(x)[:, 0] for fit in self.fits_])
        if not return_std:
            return self._as_target(means)
        deviations = np.column_stack([each.deviation(x) for each in self.intervals_])
        return self._as_target(means), self._as_target(deviations)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Return intervals (n, 2), or (n, targets, 2), that hold a new row's target with a given probability.

        They are pooled quantiles of out-of-fold residuals, divided by their expected size at x if that varies. They
        hold on average over the rows, about as often as asked for: of made tables of 40 to 1000 rows and 1 to 20
        columns, 90 % intervals held 88 to 92 %. No theorem guarantees it, as these intervals are about one fit.

        Parameters
        ----------
        X : (n, p)
            The table.
        coverage
            The probability.

        Raises
        ------
        ValueError
            For a coverage outside (0, 1).

        References
        ----------
        Vovk, Cross-conformal predictors (2015).

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.linspace(0, 1, 200)[:, None]
        >>> y = x[:, 0] + np.random.default_rng(0).normal(size=200)
        >>> low, high = KANRegressor().fit(x, y).predict_interval(x).T
        >>> bool(0.85 < ((low < y) & (y < high)).mean() < 0.95)
        True
        """
        if not (isinstance(coverage, int | float) and 0 < coverage < 1):
            raise ValueError(f"'coverage' must be a number between 0 and 1. Got {coverage!r}.")
        x = self._encode(X)
        found = np.stack([each.interval(x, float(coverage)) for each in self.intervals_], 1)
        return found[:, 0] if self._flat else found

    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        values = self._numbers(self._of_rows(x, y, None)[0])
        check_consistent_length(x, values)
        return list(values.reshape(len(values), -1).T)
