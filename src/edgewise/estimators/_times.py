"""Times that may be censored, in the forms that people have them in, and how well risks order them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._errors import InputError, first_line
from edgewise._typing import Array
from edgewise.estimators._table import SupervisedEstimator, unmasked
from edgewise.tables.additive import survival_rows
from edgewise.tables.encoding import is_frame, warn_of_index

_FORMS = (
    "y must be a structured array of an event and a time, a DataFrame of these two columns, or a tuple (event, time), "
    "where the event is True or 1 if it happened at the time, and False or 0 if the row was censored then"
)


def survival_times(y: Any) -> Array:
    """Return a target as rows (n,) with the fields event and time.

    Of two columns the event is the first, as in scikit-survival, unless only the second one holds truth values.

    >>> survival_times(([1, 0], [2.0, 3.0]))["event"]
    array([ True, False])
    """
    event, time = (np.ma.filled(np.ma.asarray(each), np.nan) for each in _two_columns(y))
    if event.dtype != bool and time.dtype == bool:
        event, time = time, event
    try:
        happened, lasted = np.asarray(event, float), np.asarray(time, float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{_FORMS}. {first_line(error)}.") from None
    if happened.ndim != 1 or happened.shape != lasted.shape:
        raise InputError(f"{_FORMS}, all of one length. Got shapes {happened.shape} and {lasted.shape}.")
    wrong = happened[~np.isin(happened, (0.0, 1.0))]
    if len(wrong):
        raise InputError(f"{_FORMS}. Got {wrong[0]:g} among the events: compare it with the code of the event first.")
    wrong = lasted[~(np.isfinite(lasted) & (lasted >= 0))]
    if len(wrong):
        raise InputError(f"Times in y must be finite and not negative. Got {wrong[0]:g}: leave out these rows.")
    return survival_rows(happened == 1, lasted)


def _two_columns(y: Any) -> tuple[Any, Any]:
    if is_frame(y):
        if len(y.columns) != 2:
            raise InputError(f"{_FORMS}. Got a DataFrame with {len(y.columns)} columns.")
        first, second = y.columns
        return unmasked(y[[first]])[:, 0], unmasked(y[[second]])[:, 0]
    if isinstance(y, tuple):
        if len(y) != 2:
            raise InputError(f"{_FORMS}. Got a tuple of {len(y)}.")
        return y
    y = np.asarray(unmasked(y))
    names = y.dtype.names
    if names is not None and {"event", "time"} <= {*names}:
        return y["event"], y["time"]
    if names is not None and len(names) == 2:
        return y[names[0]], y[names[1]]
    if names is None and y.ndim == 2 and y.shape[1] == 2:
        return y[:, 0], y[:, 1]
    raise InputError(f"{_FORMS}. Got {f'the fields {names}' if names else f'an array of shape {y.shape}'}.")


class TimeTargets(SupervisedEstimator):
    """Base of estimators of times that may be censored."""

    def _of_rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
        if y is not None:
            warn_of_index(X, y=y)
            y = survival_times(y)
        return super()._of_rows(X, y, sample_weight)

    def _targets(self, y: Any, kept: Array) -> Array:
        return y[kept]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: there is a target."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def concordance(y: Array, risk: Array, weights: Array) -> float:
    """Return the fraction of comparable pairs of rows whose risks are in the order of their events; ties count half.

    Two rows of one stratum are comparable if the earlier time is an event, at equal times if only one is.

    >>> concordance(survival_times(([1, 1, 0], [1.0, 2.0, 3.0])), np.array([2.0, 1.0, 0.0]), np.ones(3))
    1.0

    Source: Harrell and others, Evaluating the yield of medical tests (1982).
    """
    same = 1e-8  # difference of risks that count as equal
    right, total = 0.0, 0.0
    events = np.flatnonzero(y["event"])
    for part in np.array_split(events, max(1, len(events) * len(y) // 4_000_000)):
        own = y[part][:, None]
        later = (own["time"] < y["time"]) | ((own["time"] == y["time"]) & ~y["event"])
        pairs = (later & (own["stratum"] == y["stratum"])) * (weights[part][:, None] * weights)
        above = risk[part][:, None] - risk
        right += float((pairs * ((above > same) + 0.5 * (np.abs(above) <= same))).sum())
        total += float(pairs.sum())
    if total == 0:
        raise ValueError("The concordance needs two rows, the earlier with an event. There are none such.")
    return right / total


@dataclass(frozen=True)
class Censoring:
    """The probability of not being censored before a time, by Kaplan and Meier: 1 until times[0], then left[0], ...

    >>> y = survival_times(([1, 0, 1, 1], [1.0, 2.0, 3.0, 4.0]))
    >>> Censoring.of(y, np.ones(4)).beyond(np.array([1.5, 2.5])).round(2)
    array([1.  , 0.67])
    """

    times: Array
    left: Array

    @classmethod
    def of(cls, y: Array, weights: Array) -> Censoring:
        """Return the estimate from rows; at equal times events come first."""
        times, place = np.unique(y["time"], return_inverse=True)
        total = np.bincount(place, weights)
        events = np.bincount(place, weights * y["event"], len(times))
        at_risk = np.cumsum(total[::-1])[::-1] - events
        share = np.divide(total - events, at_risk, out=np.zeros(len(times)), where=at_risk > 0)
        return cls(times, np.cumprod(1 - share))

    def beyond(self, times: Array) -> Array:
        """Return the probability of being censored only after some times."""
        return np.append(1.0, self.left)[np.searchsorted(self.times, times, "right")]

    def until(self, times: Array) -> Array:
        """Return the probability of not being censored before some times."""
        return np.append(1.0, self.left)[np.searchsorted(self.times, times, "left")]

    def brier(self, y: Array, survival: Array, times: Array, weights: Array) -> Array:
        """Return the mean squared error (T,) of probabilities (n, T) to live beyond times (T,).

        Rows that were censored are made up for by the weights of others, one over their chance of not being censored.

        Source: Graf and others, Assessment and comparison of prognostic classification schemes (1999).
        """
        time, event = y["time"][:, None], y["event"][:, None]
        own, then = np.maximum(self.until(y["time"]), 1e-12)[:, None], np.maximum(self.beyond(times), 1e-12)
        died, lives = (time <= times) & event, time > times
        squares = survival**2 * died / own + (1 - survival) ** 2 * lives / then
        return weights @ squares / weights.sum()
