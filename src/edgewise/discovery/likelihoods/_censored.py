"""Values known only to lie below, above, or between limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.likelihoods._likelihood import OfValues, Summary


@dataclass(frozen=True, eq=False)
class Censored:
    """A target of which some values are known only to lie below or above a limit, or between two.

    A value at or below `below` is read as "not above this limit", one at or above `above` as "not below that limit":
    a rate of 0 that cannot be measured, a scale that ends. Pass it as the target of `edgewise.fit_formula` or
    `edgewise.discover`. Text cells as "<0.05" and ">100" are read in the same way without it.

    Parameters
    ----------
    values : (n,)
        The values, censored ones at their limits, or the name of a column.
    below : (n,)
        The limit below which nothing is measured, one number or one for each row; None for no such limit.
    above : (n,)
        The limit above which nothing is measured.
    upper : (n,)
        The upper ends of intervals, of which `values` are the lower ones; equal where a value was measured.

    Raises
    ------
    InputError
        For limits of which the lower is not below the upper, and a target without a limit.

    References
    ----------
    Tobin, Estimation of relationships for limited dependent variables, Econometrica 26 (1958).

    Examples
    --------
    >>> import edgewise as ew
    >>> x = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9.0]
    >>> y = [0, 0, 0, 1.1, 1.8, 3.2, 3.9, 5.1, 6, 6.9]
    >>> fit = ew.fit_formula("a + b*x", {"x": x}, ew.Censored(y, below=0))
    >>> print(fit.constants["b"])
    1.002 ± 0.022
    """

    values: Any
    below: Any = None
    above: Any = None
    upper: Any = None

    def __post_init__(self) -> None:
        if self.below is None and self.above is None and self.upper is None:
            raise InputError("Censored needs a limit: 'below', 'above', or the 'upper' ends of intervals.")

    @classmethod
    def between(cls, low: Array, high: Array) -> Censored:
        """Return values that lie between ends (n,) and (n,), of which one is infinite or both are equal.

        Parameters
        ----------
        low : (n,)
            The lower ends.
        high : (n,)
            The upper ends.
        """
        below, above = np.where(np.isneginf(low), high, np.nan), np.where(np.isposinf(high), low, np.nan)
        return cls(np.where(np.isneginf(low), high, low), below, above)

    def limits(self, count: int) -> tuple[Array, Array]:
        """Return the lower and the upper limit of each of the rows, (count,) and (count,); infinite without one.

        Parameters
        ----------
        count
            The number of rows.

        Raises
        ------
        InputError
            For limits of another length, and a lower one that is not below the upper one.
        """
        below = _limit(self.below, -math.inf, count, "below")
        above = _limit(self.above, math.inf, count, "above")
        if not (below < above).all():
            bad = int(np.argmax(~(below < above)))
            raise InputError(
                f"'below' must be less than 'above': nothing lies below {below[bad]:g} and above {above[bad]:g}."
            )
        return below, above

    @staticmethod
    def ends(values: Array, upper: Array, below: Array, above: Array) -> tuple[Array, Array]:
        """Return what each value lies between, (n,) and (n,): equal where it was measured, infinite without a limit.

        Parameters
        ----------
        values : (n,)
            The values.
        upper : (n,)
            The upper ends of intervals.
        below : (n,)
            The limits below which nothing is measured.
        above : (n,)
            Those above.

        Raises
        ------
        InputError
            For upper ends below the values.
        """
        if (values > upper).any():
            bad = int(np.argmax(values > upper))
            raise InputError(
                f"'upper' must not lie below the values. Got {values[bad]:g} to {upper[bad]:g} in row {bad}."
            )
        under, over = upper <= below, values >= above
        low, high = np.where(under, -math.inf, values), np.where(under, below, upper)
        return np.where(over, above, low), np.where(over, math.inf, high)


def imputed(low: Array, high: Array) -> Array:
    """Return values (n,) to start from: between two limits the middle, half of an upper one, else the limit.

    >>> imputed(np.array([-np.inf, -np.inf, 3.0, 1.0]), np.array([4.0, 0.0, np.inf, 2.0]))
    array([2. , 0. , 3. , 1.5])
    """
    below = np.where(high > 0, high / 2, high)
    with np.errstate(invalid="ignore"):
        middle = (low + high) / 2
    return np.where(np.isinf(low), below, np.where(np.isinf(high), low, middle))


def _limit(given: Any, otherwise: float, count: int, name: str) -> Array:
    """Return a limit for each row, (n,)."""
    if given is None:
        return np.full(count, otherwise)
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.full(2, math.nan)
    if found.shape not in ((), (1,), (count,)):
        raise InputError(f"{name!r} must be a number, or one for each of the {count} rows. Got {given!r}.")
    return np.where(np.isnan(found), otherwise, found) * np.ones(count)


@dataclass(frozen=True)
class CensoredNormal(OfValues):
    """Normal errors of standard deviation s / weight, of values between limits `low` (n,) and `high` (n,).

    log L = sum over measured rows log phi(z) - log(s / w), over others log(Phi(z_high) - Phi(z_low))

    z = w (y - f) / s. `known` says that s is 1.

    Source: Tobin (1958); Amemiya, Tobit models: a survey, Journal of Econometrics 24 (1984).
    """

    low: Array
    high: Array
    weight: Array
    known: bool = False

    name = "censored"
    measure = "root of exp(-2 log-likelihood / rows)"
    observed = True
    normal = True

    @property
    def measured(self) -> Array:
        """Which rows are not censored, (n,)."""
        return self.low == self.high

    @property
    def parameters(self) -> tuple[str, ...]:
        return () if self.known else ("standard deviation",)

    def start(self, values: Array) -> Array:
        if self.known:
            return np.zeros(0)
        measured = self.measured
        left = (self.weight * (self.low - values))[measured]
        return np.array([math.log(max(float(np.sqrt(np.mean(left**2))), 1e-10 * float(np.abs(left).max()), 1e-300))])

    def natural(self, theta: Array) -> Array:
        return np.exp(theta)

    def _size(self, theta: Array) -> float:
        return 1.0 if self.known else math.exp(min(float(theta[0]), 600.0))

    def _ends(self, values: Array, theta: Array) -> tuple[Array, Array]:
        unit = self.weight / self._size(theta)
        return unit * (self.low - values), unit * (self.high - values)

    def minus_log(self, values: Array, theta: Array) -> float:
        low, high = self._ends(values, theta)
        measured = self.measured
        sizes = np.log(self._size(theta) / self.weight[measured]) + 0.5 * math.log(2 * math.pi)
        return float(np.sum(0.5 * low[measured] ** 2 + sizes) - np.sum(log_between(low[~measured], high[~measured])))

    def residual(self, values: Array, theta: Array) -> Array:
        """Return z (n,), of censored rows a number drawn between its ends: all are normal if the formula is right.

        Source: Dunn and Smyth, Randomized quantile residuals (1996).
        """
        from scipy.stats import truncnorm

        found, censored = self._ends(values, theta)[0], ~self.measured
        if censored.any():
            ends = [end[censored] for end in self._ends(values, theta)]
            found[censored] = truncnorm.rvs(*ends, random_state=np.random.default_rng(0))
        return found

    def _moments(self, values: Array, theta: Array) -> tuple[Array, Array]:
        """Return the mean (n,) of z between its ends, and one less its variance there; z and 1 where measured."""
        low, high = self._ends(values, theta)
        censored = ~self.measured
        mean, bent = low.copy(), np.ones(len(low))
        a, b = low[censored], high[censored]
        log = log_between(a, b)
        inside, outside = _density(a, log), _density(b, log)
        mean[censored] = inside - outside
        with np.errstate(invalid="ignore"):
            ends = np.where(np.isfinite(b), b * outside, 0.0) - np.where(np.isfinite(a), a * inside, 0.0)
        bent[censored] = np.clip((inside - outside) ** 2 + ends, 0.0, 1.0)
        return mean, bent

    def slope(self, values: Array, theta: Array) -> Array:
        return -self.weight / self._size(theta) * self._moments(values, theta)[0]

    def rooted(self, columns: Array, values: Array, theta: Array) -> Array:
        unit = self.weight / self._size(theta)
        return (unit * np.sqrt(self._moments(values, theta)[1]))[:, None] * columns

    def rows(self, keep: Array) -> CensoredNormal:
        return replace(self, low=self.low[keep], high=self.high[keep], weight=self.weight[keep])

    def size(self, values: Array, theta: Array) -> float:
        """Return exp(2 loss / n): the mean square, up to a factor, where no row is censored.

        Source: Magee, R2 measures based on Wald and likelihood ratio joint significance tests (1990).
        """
        return math.exp(min(2 * self.minus_log(values, theta) / len(values), 600.0))

    def level(self, theta: Array) -> float:
        return self._size(theta) / float(np.median(self.weight))

    def deviation(self, values: Array, theta: Array) -> Array:
        return np.full(len(values), self.level(theta))

    def summary(self, values: Array, theta: Array, errors: Array, constants: int) -> Summary:
        size = "as given" if self.known else f"{self._size(theta):.4g} ± {errors[0]:.2g}"
        return Summary(f"Standard deviation {size}, {self.text()}")

    def text(self) -> str:
        """Return how many rows there are, and how many are censored."""
        below, above = int((self.low == -np.inf).sum()), int((self.high == np.inf).sum())
        between = int((~self.measured).sum()) - below - above
        parts = ((below, "below a limit"), (above, "above a limit"), (between, "between two limits"))
        listed = ", ".join(f"{count} {what}" for count, what in parts if count)
        return f"{len(self.low)} rows, of which {listed or 'none'} (judged by the Tobit likelihood)"


def log_between(low: Array, high: Array) -> Array:
    """Return the logarithm of the probability (n,) that a standard normal number lies between two ends.

    >>> bool(np.allclose(log_between(np.array([-np.inf, 30.0]), np.array([0.0, np.inf])), [-0.69315, -454.32124]))
    True
    """
    from scipy.special import log_ndtr

    turned = low > 0
    a, b = np.where(turned, -high, low), np.where(turned, -low, high)
    upper, lower = log_ndtr(b), log_ndtr(a)
    with np.errstate(all="ignore"):
        return np.where(np.isneginf(lower), upper, upper + np.log1p(-np.exp(np.minimum(lower - upper, 0.0))))


def _density(at: Array, log: Array) -> Array:
    """Return the normal density (n,) over a probability that is given by its logarithm; 0 at infinity."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(at), np.exp(-0.5 * at**2 - 0.5 * math.log(2 * math.pi) - log), 0.0)
