"""A regressor for ordinary tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.estimators._additive import AdditiveEstimator, Products
from edgewise.estimators._table import TableRegressor, Training
from edgewise.tables.additive import (
    Family,
    Gamma,
    Gaussian,
    Huber,
    NegativeBinomial,
    Poisson,
    Quantile,
    Select,
    Tweedie,
)

LossName = Literal[
    "squared", "absolute", "huber", "quantile", "poisson", "negative_binomial", "gamma", "tweedie"
]  # fmt: skip
_FAMILIES: dict[str, Callable[[float], Family]] = {
    "squared": lambda number: Gaussian(),
    "absolute": lambda number: Quantile(0.5),
    "huber": lambda number: Huber(),
    "quantile": Quantile,
    "poisson": lambda number: Poisson(),
    "negative_binomial": lambda number: NegativeBinomial(),
    "gamma": lambda number: Gamma(),
    "tweedie": Tweedie,
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
        "poisson" (counts, logarithmic link), "negative_binomial" (counts that vary more, `dispersion_`), "gamma"
        (positive amounts whose standard deviation grows with their size, logarithmic link), "tweedie" (amounts that may
        be zero, logarithmic link).
    quantile
        The level of the loss "quantile", between 0 and 1; or a list of ascending levels, whose predictions never cross.
    power
        Of the loss "tweedie", whose variance is a multiple of mean^power: between 1 (counts) and 2 (gamma).
    linear
        Columns whose effect is a straight line without a penalty, by name or position; "all" of them. A category has a
        coefficient for each level but the first. `coefficients_` has their standard errors.
    groups
        Columns of labels that have a random intercept each, by name or position: `variance_components_`. Labels that
        were not fitted have the effect zero.
    select
        "average" of the candidates, the "best", or the "simplest" within one standard error of the best.
    products
        How many pairs may interact; "auto" compares several numbers.
    steps
        Whether sums of steps take part in the average, where the shape is left open: `select` "average" and `products`
        "auto". Columns of `monotonic_cst`, `linear` and `groups` make none.
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
    quantile: float | Sequence[float] | None = None
    power: float = 1.5
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
    n_jobs: int | None = None
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, process_group: Any = None) -> KANRegressor:
        """Fit a table to a target, or several, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table; sparse data of scipy becomes an array, of at most 4 GB.
        y : (n, targets)
            The targets; (n,) for one.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.
        process_group
            A group of torch.distributed whose ranks call `fit` with rows of their own: each fits the rows of all. Of
            more than 200,000 rows every rank holds a sample of that many, for all but coefficients and smoothing, which
            are those of all rows. None for one process.
        """
        self._families()
        self._fit_all(X, y, sample_weight, process_group)
        self._target = str(getattr(y, "name", None) or "target")
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
        self._families()
        self._fit_batch(X, y, sample_weight)
        self._target = str(getattr(y, "name", None) or "target")
        return self

    def _families(self) -> list[Family]:
        """Return the family of each quantile, or the one family. Errors: ValueError for wrong levels, power or loss."""
        if self.loss not in _FAMILIES:
            raise unknown("loss", self.loss, list(_FAMILIES))
        if (self.quantile is None) == (self.loss == "quantile"):
            raise ValueError(
                f"'quantile' is for loss='quantile', and needed there. Got {self.quantile!r} for {self.loss!r}."
            )
        if self.loss == "tweedie" and not (is_number(self.power) and 1 < self.power < 2):
            raise InputError(f"'power' must be a number between 1 and 2. Got {self.power!r}.")
        if self.loss != "quantile":
            return [_FAMILIES[self.loss](float(self.power))]
        several = self._has_quantiles
        levels: Any = list(np.asarray(self.quantile).tolist()) if several else [self.quantile]
        if not levels or not all(isinstance(level, int | float) and 0 < level < 1 for level in levels):
            what = "numbers" if several else "a number"
            raise ValueError(f"'quantile' must be {what} between 0 and 1. Got {self.quantile!r}.")
        if not (np.diff(levels) > 0).all():
            raise InputError(f"'quantile' must list ascending levels. Got {self.quantile!r}.")
        return [Quantile(float(level)) for level in levels]

    @property
    def _has_quantiles(self) -> bool:
        """Whether there is a list of quantiles."""
        levels: Any = self.quantile
        return self.loss == "quantile" and np.ndim(levels) == 1

    def _fit_rows(self, rows: Training) -> None:
        families, targets = self._families(), list(rows.y.T.copy())
        if self._has_quantiles and len(targets) > 1:
            raise InputError(f"Several quantiles are for one target. Got {len(targets)}: fit one after the other.")
        _check_range(self.loss, rows.y)
        targets = targets * len(families) if self._has_quantiles else targets
        self._fit_each(rows, targets, families, intervals=True)

    @property
    def dispersion_(self) -> Any:
        """The dispersion of the loss "negative_binomial", Var y = mean + dispersion mean^2; of each target."""
        check_is_fitted(self, "fits_")
        families = [fit.family for fit in self.fits_]
        found = [float(each.dispersion or 0.0) for each in families if isinstance(each, NegativeBinomial)]
        if not found:
            raise AttributeError(f"A dispersion is estimated for loss='negative_binomial'. This is {self.loss!r}.")
        return found[0] if self._flat else np.array(found)

    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        values = self._numbers(y)
        matrix = values.reshape(len(values), -1)
        if not first and (matrix.shape[1] != self.n_outputs_ or (values.ndim == 1) != self._flat):
            raise ValueError(f"y had {self.n_outputs_} target(s) in the first batch. Got shape {values.shape}.")
        self.n_outputs_, self._flat = matrix.shape[1], values.ndim == 1
        return matrix

    def predict(self, X: Any, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Return the mean of the target at the rows of a table, (n,) or (n, targets), or quantiles.

        Several quantiles (n, quantiles) are in ascending order in each row: sorted, which never makes them worse.

        Parameters
        ----------
        X : (n, p)
            The table.
        return_std
            Whether to return also the standard deviation of a new row about the mean: noise and error of the fit
            together, from out-of-fold residuals, which may grow and shrink with X.

        References
        ----------
        Chernozhukov, Fernandez-Val and Galichon, Quantile and probability curves without crossing (2010).
        """
        x = self._encode(X)
        means = np.column_stack([fit.predict(x)[:, 0] for fit in self.fits_])
        means = np.sort(means, axis=1) if self._has_quantiles else means
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
            For a coverage outside (0, 1), and several quantiles.

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
        if self._has_quantiles:
            raise InputError("predict_interval is for one loss. Several quantiles are bounds themselves: use predict.")
        x = self._encode(X)
        found = np.stack([each.interval(x, float(coverage)) for each in self.intervals_], 1)
        return found[:, 0] if self._flat else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions; of several quantiles their mean D^2, by which the pinball loss is less.

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
        if not self._has_quantiles:
            return super().score(X, y, sample_weight)
        known, weights = self._of_rows(X, y, sample_weight)
        levels, found = np.asarray(self.quantile, float), np.asarray(self.predict(X))
        each = [
            d2_pinball_score(known, own, sample_weight=weights, alpha=level)
            for level, own in zip(levels, found.T, strict=True)
        ]
        return float(np.mean(each))

    def _as_target(self, values: Array) -> Array:
        return values if self._has_quantiles else super()._as_target(values)

    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        values = self._numbers(self._of_rows(x, y, None)[0])
        check_consistent_length(x, values)
        targets = list(values.reshape(len(values), -1).T)
        return targets * len(self.fits_) if self._has_quantiles else targets


def _check_range(loss: str, y: Array) -> None:
    """Check that targets are ones that a loss is for: positive, not negative, within what its means are."""
    counts, amounts = 1e12, 1e37  # whose logarithms are within those that the families have means of
    least, most = float(y.min()), float(y.max())
    if loss == "gamma":
        if not (least <= 0 or 1 / amounts <= least <= most <= amounts):
            found = f"{least:g} to {most:g}"
            raise InputError(
                f"loss='gamma' takes y from {1 / amounts:g} to {amounts:g}. Got {found}: change its units."
            )
        if least <= 0:
            raise ValueError(f"loss='gamma' requires positive y. Got {least:g}.")
    if loss in ("poisson", "negative_binomial", "tweedie"):
        if most > counts:
            raise InputError(f"loss={loss!r} takes y up to {counts:g}. Got {most:g}: change its units.")
        if least < 0:
            raise ValueError(f"loss={loss!r} requires non-negative y. Got {least:g}.")
        if most == 0:
            raise ValueError(f"loss={loss!r} requires some y > 0. All are zero.")
