"""An estimator of times that may be censored, for ordinary tables."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.estimators._additive import AdditiveEstimator, Products
from edgewise.estimators._table import Training
from edgewise.estimators._times import Censoring, TimeTargets, concordance
from edgewise.tables.additive import Accelerated, Cox, Select, linear_inputs, survival_rows

SurvivalLoss = Literal["cox", "weibull", "lognormal", "loglogistic"]


@dataclass(eq=False, repr=False)
class KANSurvival(TimeTargets, AdditiveEstimator):
    """Fit times that may be censored by a sum of curves of one, two and three columns.

    hazard(t, x) = h(t) exp(s(x))                    loss="cox"
    log t = s(x) + sigma z                           "weibull", "lognormal", "loglogistic"
    s(x) = b + sum_i f_i(x_i) + sum_ij f_ij(x_i, x_j) + sum_ijk f_ijk(x_i, x_j, x_k)

    The shape is chosen as in `KANRegressor`, by the likelihood of rows left out. Columns of `linear` have a coefficient
    each, as in Cox's regression: `coefficients_` has their standard errors. With `linear="all"` this is the classical
    model.

    Parameters
    ----------
    loss
        "cox": the partial likelihood of proportional hazards, ties by Efron's rule. "weibull", "lognormal" or
        "loglogistic": accelerated failure times.
    strata
        Columns that divide the rows into strata, by name or position. Each stratum has its own baseline hazard, and the
        columns have no other effect. For "cox".
    linear
        Columns whose effect is a straight line without a penalty, by name or position; "all" of them. A category has a
        coefficient for each level but the first.
    groups
        Columns of labels that have a random intercept each, by name or position: `variance_components_`. For "cox" such
        a label has a frailty, whose logarithm is normal.
    select
        "average" of the candidates, the "best", or the "simplest" within one standard error of the best.
    products
        How many pairs may interact; "auto" compares several numbers.
    steps
        Whether sums of steps take part in the average, where the shape is left open: `select` "average" and `products`
        "auto". Columns of `monotonic_cst`, `linear` and `groups` make none.
    monotonic_cst
        1, 0 or -1 for each column, or a dict of names: curves of s that must rise or fall. Such a column takes part in
        no product.
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

    Attributes
    ----------
    event_times_
        Times of events, (T,), ascending.
    sigma_
        The sigma of accelerated failure times; from predictions of rows left out, if the model has curves.

    Raises
    ------
    ValueError, NotFittedError, TypeError
        As scikit-learn's estimators raise them.

    References
    ----------
    Cox, Regression models and life-tables (1972). Wood, Generalized Additive Models (2017), 3.15, for smoothing.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import KANSurvival
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, size=(300, 2))
    >>> lives, leaves = rng.exponential(np.exp(-3 * x[:, 0] ** 2)), rng.exponential(2.0, 300)
    >>> model = KANSurvival().fit(x, (lives <= leaves, np.minimum(lives, leaves)))
    >>> bool(model.score(x, (lives <= leaves, np.minimum(lives, leaves))) > 0.65)
    True
    >>> model.predict_survival_function([[0.0, 0.0], [1.0, 0.0]], times=[0.5]).round(1).tolist()
    [[0.4], [0.0]]
    """

    loss: SurvivalLoss = "cox"
    _: KW_ONLY
    strata: Any = None
    linear: Any = None
    groups: Any = None
    select: Select = "average"
    products: Products = "auto"
    steps: bool = True
    monotonic_cst: Any = None
    interaction_cst: Any = None
    categorical_features: Any = "auto"
    random_state: Any = None
    warm_start: bool = False
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANSurvival:
        """Fit a table to times, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table; sparse data of scipy becomes an array, of at most 4 GB.
        y : (n,)
            A structured array of an event (True where it happened, False for a censored row) and a time, as in
            scikit-survival; a DataFrame of these two columns; or a tuple (event, time).
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.
        """
        self._check_loss()
        self._fit_all(X, y, sample_weight)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANSurvival:
        """Fit the rows of all calls so far, and return the estimator: see `KANRegressor.partial_fit`.

        Parameters
        ----------
        X : (n, p)
            Further rows.
        y : (n,)
            Their events and times, as in `fit`.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.
        """
        self._check_loss()
        self._fit_batch(X, y, sample_weight)
        return self

    def _check_loss(self) -> None:
        if self.loss not in get_args(SurvivalLoss):
            raise unknown("loss", self.loss, get_args(SurvivalLoss))
        if self.strata is not None and self.loss != "cox":
            raise InputError(f"'strata' is for loss='cox'. Got it for {self.loss!r}: make the column a feature.")

    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        return y

    def _fit_rows(self, rows: Training) -> None:
        x, columns = rows.x.copy(), self._columns("strata", self.strata)
        if len(columns) == x.shape[1]:
            raise InputError(f"'strata' must leave a column to fit. Got all {len(columns)}.")
        self._strata_columns = columns
        self._strata = np.unique(self._labels(x), axis=0)
        weights = rows.weights / rows.weights.mean()
        y = survival_rows(rows.y["event"], rows.y["time"], self._numbers_of_strata(x), weights)
        if not y["event"].any():
            raise InputError(f"{type(self).__name__} needs an event. All {len(y)} rows are censored.")
        family: Cox | Accelerated = Cox()
        if self.loss != "cox":
            if y["time"].min() == 0:
                raise InputError(f"loss={self.loss!r} requires times above zero. Got 0: leave out these rows.")
            family = Accelerated(self.loss, float(np.log(y["time"]).std()) or 1.0)
        x[:, columns] = np.nan  # so that they have no effect
        self._fit_each(replace(rows, x=x, y=y), [y], [family])
        eta = self.fits_[0].model.eta(x)[:, 0]
        self.event_times_ = np.unique(y["time"][y["event"]])
        self._censoring = Censoring.of(y, y["weight"])
        if isinstance(family, Cox):
            self._baselines = [family.baseline(eta, y, k) for k in range(len(self._strata))]
        else:
            fit = self.fits_[0]
            if len(linear_inputs(fit)) < len(fit.design.inputs):  # curves have followed the noise of these rows
                eta, y = fit.held_out[:, 0], y[fit.rows]
            self.sigma_ = family.sigma(eta, y)

    def _labels(self, x: Array) -> Array:
        """Return the labels (n, columns) of strata: gaps are one more value."""
        return np.nan_to_num(x[:, self._strata_columns], nan=-np.inf)

    def _numbers_of_strata(self, x: Array) -> Array:
        """Return the number (n,) of each row's stratum. Errors: InputError for one that was not fitted."""
        same = (self._labels(x)[:, None] == self._strata).all(2)
        lost = np.flatnonzero(~same.any(1))
        if len(lost):
            names = ", ".join(self.encoder_.names[column] for column in self._strata_columns)
            raise InputError(
                f"Row {lost[0]} of X has a value of {names} that is none of the {len(self._strata)} strata of fit, so "
                "its baseline hazard is not known."
            )
        return same.argmax(1)

    def predict(self, X: Any) -> Array:
        """Return a risk for each row of a table, (n,): the higher, the earlier the event.

        It is the logarithm of the hazard relative to the baseline, s(x), for loss="cox"; -s(x) for accelerated failure
        times, whose s is the logarithm of a time. Risks of different strata cannot be compared.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        check_is_fitted(self, "fits_")
        return self.fits_[0].of(self._etas(X)[0])[:, 0]

    def predict_survival_function(self, X: Any, times: Any = None) -> Array:
        """Return the probability to live beyond each time, (n, T).

        Parameters
        ----------
        X : (n, p)
            The table.
        times : (T,)
            The times; None for `event_times_`.

        Raises
        ------
        InputError
            For times that are not finite or negative, and strata that were not fitted. Other errors are those of
            `predict`.
        """
        check_is_fitted(self, "fits_")
        times, family = self._checked_times(times), self.fits_[0].family
        if isinstance(family, Accelerated):
            least = np.finfo(float).tiny
            return family.survival(self._etas(X)[0][:, 0], self.sigma_, np.maximum(times, least))
        return np.exp(-self.predict_cumulative_hazard_function(X, times))

    def predict_cumulative_hazard_function(self, X: Any, times: Any = None) -> Array:
        """Return the cumulative hazard until each time, (n, T): -log of the survival function.

        Parameters
        ----------
        X : (n, p)
            The table.
        times : (T,)
            The times; None for `event_times_`.

        Raises
        ------
        InputError
            As `predict_survival_function` does.
        """
        check_is_fitted(self, "fits_")
        times = self._checked_times(times)
        if isinstance(self.fits_[0].family, Accelerated):
            return -np.log(np.maximum(self.predict_survival_function(X, times), np.finfo(float).tiny))
        x = self._encode(X)
        found = np.empty((len(x), len(times)))
        strata = self._numbers_of_strata(x)
        relative = np.exp(np.minimum(self.fits_[0].model.eta(x)[:, 0], 600.0))
        for k, (own, hazard) in enumerate(self._baselines):
            inside = strata == k
            at = np.append(0.0, hazard)[np.searchsorted(own, times, "right")]
            found[inside] = relative[inside, None] * at
        return found

    def predict_median(self, X: Any) -> Array:
        """Return the time that half of such rows live beyond, (n,); infinite where that is later than all events.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        check_is_fitted(self, "fits_")
        family = self.fits_[0].family
        if isinstance(family, Accelerated):
            return np.exp(self._etas(X)[0][:, 0] + self.sigma_ * family.middle)
        over = self.predict_survival_function(X) <= 0.5
        return np.append(self.event_times_, np.inf)[np.where(over.any(1), over.argmax(1), len(self.event_times_))]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return Harrell's concordance: the fraction of comparable pairs of rows whose risks have the right order.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n,)
            Events and times, as in `fit`.
        sample_weight : (n,)
            Weights of the rows; None for equal ones.

        Raises
        ------
        ValueError
            If no two rows can be compared. Other errors are those of `predict`.
        """
        risk = self.predict(X)
        known, weights = self._known(X, y, sample_weight)
        return concordance(known, risk, weights)

    def integrated_brier_score(self, X: Any, y: Any, times: Any = None) -> float:
        """Return the mean over times of the mean squared error of the survival function: the lower the better.

        Rows that were censored are made up for by inverse probability weights, from the censoring of the rows of `fit`.
        A constant probability of one half has 0.25.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n,)
            Events and times, as in `fit`.
        times : (T,)
            Ascending times; None for the events of y between their 10 % and 90 % quantiles.

        Raises
        ------
        InputError
            For fewer than two times, and as `predict_survival_function` does.

        References
        ----------
        Graf and others, Assessment and comparison of prognostic classification schemes for survival data (1999).
        """
        check_is_fitted(self, "fits_")
        known, weights = self._known(X, y, None)
        if times is None:
            events = np.unique(known["time"][known["event"]])
            low, high = np.quantile(events, [0.1, 0.9]) if len(events) else (0.0, 0.0)
            times = events[(events >= low) & (events <= high)]
        times = np.unique(self._checked_times(times))
        if len(times) < 2:
            raise InputError(f"The integrated Brier score needs at least two times. Got {len(times)}.")
        errors = self._censoring.brier(known, self.predict_survival_function(X, times), times, weights)
        return float(np.trapezoid(errors, times) / (times[-1] - times[0]))

    def _checked_times(self, times: Any) -> Array:
        if times is None:
            return self.event_times_
        found = np.asarray(times, float)
        if found.ndim != 1 or not (np.isfinite(found) & (found >= 0)).all():
            raise InputError(f"'times' must be a list of finite numbers >= 0. Got {times!r:.100}.")
        return found

    def _known(self, X: Any, y: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Return events and times with the strata of the rows, and weights."""
        y, sample_weight = self._of_rows(X, y, sample_weight)
        x = self._encode(X)
        weights = self._row_weights(x, y, sample_weight)
        return survival_rows(y["event"], y["time"], self._numbers_of_strata(x)), weights

    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        known = self._of_rows(x, y, None)[0]
        self._row_weights(x, known, None)
        return [survival_rows(known["event"], known["time"], self._numbers_of_strata(x))]
