"""Correlation of residuals that follow one another."""

import math
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array

_MOST = 0.99
_LAGS, _EACH, _SELDOM = 24, 5, 0.01  # lags at most, rows for each, and the chance below which a series is not white


@dataclass(frozen=True)
class Correlation:
    """The correlation of neighboring residuals, and the chance that independent ones correlate as much.

    effective = n (1 - rho) / (1 + rho) is the number of independent rows that n rows are worth, at most n;
    inflation = sqrt(n / effective) is the factor by which standard errors for independent rows are too small.
    """

    rho: float
    chance: float
    rows: int

    @property
    def effective(self) -> float:
        return self.rows * (1 - max(self.rho, 0.0)) / (1 + max(self.rho, 0.0))

    @property
    def inflation(self) -> float:
        return math.sqrt(self.rows / self.effective) if self.rows else 1.0


def serial(residual: Array) -> Correlation:
    """Return the correlation of neighbors in a series (n,), corrected for its bias, with a one-sided test.

        r = sum(e_k e_(k+1)) / sum(e_k^2),  rho = r + (1 + 4 r) / n,  sqrt(n) (r + 1 / n) is about normal if independent

    >>> rng = np.random.default_rng(0)
    >>> white = rng.normal(size=400)
    >>> lasting = np.convolve(white, 0.8 ** np.arange(60), "valid")
    >>> serial(white).chance > 0.05, serial(lasting).chance < 1e-9, round(serial(lasting).rho, 1)
    (True, True, 0.8)

    Source: Box, Jenkins, Reinsel and Ljung, Time Series Analysis (2015), chapter 2; Kendall, Note on bias in the
    estimation of autocorrelation (1954).
    """
    from scipy.stats import norm

    e = residual - residual.mean()
    n, total = len(e), float(e @ e)
    if n < 4 or total <= 0 or not math.isfinite(total):
        return Correlation(0.0, 1.0, n)
    r = float(e[1:] @ e[:-1]) / total
    chance = float(norm.sf(math.sqrt(n) * (r + 1 / n)))
    return Correlation(float(np.clip(r + (1 + 4 * r) / n, -_MOST, _MOST)), chance, n)


def white(series: Array) -> bool:
    """Return whether a series (n,) may be white noise: the test of Ljung and Box at one percent.

        Q = n (n + 2) sum of r_k^2 / (n - k) over lags k, about chi-squared with as many degrees of freedom

    >>> rng = np.random.default_rng(0)
    >>> white(rng.normal(size=120)), white(np.sin(np.arange(120) / 2) + rng.normal(size=120))
    (True, False)

    Source: Ljung and Box, On a measure of lack of fit in time series models, Biometrika 65 (1978).
    """
    from scipy.stats import chi2

    e = series - series.mean()
    n, total = len(e), float(e @ e)
    lags = min(_LAGS, n // _EACH)
    if lags < 1 or not total > 0:
        return True
    r = np.array([float(e[k:] @ e[:-k]) / total for k in range(1, lags + 1)])
    statistic = n * (n + 2) * float(np.sum(r**2 / (n - np.arange(1, lags + 1))))
    return bool(chi2.sf(statistic, lags) >= _SELDOM)
