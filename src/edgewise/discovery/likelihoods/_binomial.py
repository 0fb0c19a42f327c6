"""Events of a number of trials."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.likelihoods._likelihood import OfValues, Summary


@dataclass(frozen=True)
class Binomial(OfValues):
    """Events (n,) of `trials` (n,), each with the probability that the formula gives.

    log L = sum k log p + (m - k) log(1 - p) + log binomial(m, k)

    The formula is the probability itself, as 1/(1 + exp(-(a + b*x))). Values outside 0 to 1 have a likelihood that goes
    on as a line from there, and are drawn back.

    Source: McCullagh and Nelder, Generalized Linear Models (1989), chapter 4.
    """

    events: Array
    trials: Array

    name = "events"
    measure = "root of the deviance"
    normal = True
    within = (0.0, 1.0)

    @property
    def measured(self) -> Array:
        return self.trials > 0

    @property
    def count(self) -> float:
        """The number of all trials, as if each had a row."""
        return float(self.trials.sum())

    def start(self, values: Array) -> Array:
        return np.zeros(0)

    def natural(self, theta: Array) -> Array:
        return theta

    def minus_log(self, values: Array, theta: Array) -> float:
        from scipy.special import gammaln

        k, m = self.events, self.trials
        ways = gammaln(m + 1) - gammaln(k + 1) - gammaln(m - k + 1)
        return float(-np.sum(k * _log(values) + (m - k) * _log(1 - values) + ways) + np.sum(m * _outside(values) ** 2))

    def slope(self, values: Array, theta: Array) -> Array:
        k, m = self.events, self.trials
        return -k / _inside(values) + (m - k) / _inside(1 - values) + 2 * m * _outside(values) * _PENALTY

    def rooted(self, columns: Array, values: Array, theta: Array) -> Array:
        variance = _inside(values) * _inside(1 - values)
        return np.sqrt(self.trials / variance)[:, None] * columns

    def residual(self, values: Array, theta: Array) -> Array:
        """Return numbers (n,) drawn between the probabilities P(k < K) and P(k <= K), as normal quantiles.

        Source: Dunn and Smyth, Randomized quantile residuals (1996).
        """
        from scipy.stats import binom, norm

        p = np.clip(values, _EDGE, 1 - _EDGE)
        ends = [binom.cdf(self.events - less, self.trials, p) for less in (1, 0)]
        drawn = np.random.default_rng(0).uniform(*ends)
        return norm.ppf(np.clip(drawn, 1e-300, 1 - 1e-16))

    def _pearson(self, values: Array) -> float:
        variance = self.trials * _inside(values) * _inside(1 - values)
        return float(np.sum((self.events - self.trials * values) ** 2 / variance))

    def log_odds(self, values: Array) -> tuple[Array, Array]:
        """Return working log-odds (n,) around probabilities (n,), and their weights."""
        p = np.clip(values, 1e-6, 1 - 1e-6)
        variance = p * (1 - p)
        return np.log(p / (1 - p)) + (self.events / self.trials - p) / variance, np.sqrt(self.trials * variance)

    def deviance(self, values: Array) -> float:
        """Return twice the log-likelihood that values (n,) lack to the rates of the rows."""
        rates = self.events / self.trials
        return 2 * (self.minus_log(values, np.zeros(0)) - self.minus_log(rates, np.zeros(0)))

    def rows(self, keep: Array) -> Binomial:
        return replace(self, events=self.events[keep], trials=self.trials[keep])

    def size(self, values: Array, theta: Array) -> float:
        """Return the deviance of a row, on the average."""
        return max(self.deviance(values), 0.0) / len(values)

    def is_doubtful(self, values: Array, constants: int) -> bool:
        seldom = 1e-3  # chance of residuals as large as that
        return self.disperses(values, constants) < seldom

    def disperses(self, values: Array, constants: int) -> float:
        """Return the chance that events vary as much, by Pearson's chi-squared; 1 where all trials are single."""
        from scipy.stats import chi2

        if float(self.trials.min()) <= 1:
            return 1.0
        return float(chi2.sf(self._pearson(values), max(len(values) - constants, 1)))

    def level(self, theta: Array) -> float:
        return 1 / math.sqrt(float(np.median(self.trials)))

    def deviation(self, values: Array, theta: Array) -> Array:
        """Return the standard deviation (n,) of a rate of the median number of trials."""
        return self.level(theta) * np.sqrt(_inside(values) * _inside(1 - values))

    def summary(self, values: Array, theta: Array, errors: Array, constants: int) -> Summary:
        seldom = 1e-3  # chance of residuals as large as that, by the binomial distribution, below which a note is made
        freedom = max(len(values) - constants, 1)
        left = self._pearson(values)
        total = f"{float(self.events.sum()):.12g} events of {float(self.trials.sum()):.12g} trials"
        notes = []
        if self.disperses(values, constants) < seldom:
            notes.append(
                f"Events vary more than binomially: Pearson's chi-squared is {left:.4g} with {freedom} degrees of "
                f"freedom. Standard errors are {math.sqrt(left / freedom):.2g} times as large if all rows do so."
            )
        beyond = int(((values < -_NEAR) | (values > 1 + _NEAR)).sum())
        if beyond:
            notes.append(f"The formula is no probability: it lies outside 0 to 1 in {beyond} rows.")
        return Summary(
            f"Deviance {self.deviance(values):.4g} with {freedom} degrees of freedom, {len(values)} rows: {total}",
            tuple(notes),
        )


def rates(events: Array, trials: Array, numbers: Array) -> Array:
    """Return events over trials (n,). Errors: InputError for what are no counts, with the numbers (n,) of the rows."""
    bad = ~(trials > 0) | (events < 0) | (events > trials) | (events != np.round(events))
    if bad.any():
        k = int(np.argmax(bad))
        raise InputError(
            "With 'trials', y counts events: whole numbers from 0 to the trials, which are positive. "
            f"Got {events[k]:g} of {trials[k]:g} in row {numbers[k]}."
        )
    return events / trials


_EDGE = 1e-10  # probabilities from which the logarithm goes on as a line
_PENALTY = 100.0  # how strongly values outside 0 to 1 are drawn back
_NEAR = 1e-3  # outside 0 to 1 that counts as the end


def _inside(p: Array) -> Array:
    return np.maximum(p, _EDGE)


def _log(p: Array) -> Array:
    """Return the logarithm (n,), which goes on as a line below the edge."""
    return np.log(_inside(p)) + np.minimum(p - _EDGE, 0.0) / _EDGE


def _outside(p: Array) -> Array:
    """Return how far (n,) values lie below 0 or above 1, times what draws them back."""
    return _PENALTY * (np.minimum(p, 0.0) + np.maximum(p - 1, 0.0))
