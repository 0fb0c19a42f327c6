"""The tests of residuals: order, inputs, groups, size, outliers; and sentences about what was found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._robust import NORMAL
from edgewise._typing import Array


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
    most_correlated = 0.99
    from scipy.special import ndtr

    e = residual - residual.mean()
    n, total = len(e), float(e @ e)
    if n < 4 or total <= 0 or not math.isfinite(total):
        return Correlation(0.0, 1.0, n)
    r = float(e[1:] @ e[:-1]) / total
    chance = float(ndtr(-math.sqrt(n) * (r + 1 / n)))
    return Correlation(float(np.clip(r + (1 + 4 * r) / n, -most_correlated, most_correlated)), chance, n)


def white(series: Array) -> bool:
    """Return whether a series (n,) may be white noise: the test of Ljung and Box at one percent.

        Q = n (n + 2) sum of r_k^2 / (n - k) over lags k, about chi-squared with as many degrees of freedom

    >>> rng = np.random.default_rng(0)
    >>> white(rng.normal(size=120)), white(np.sin(np.arange(120) / 2) + rng.normal(size=120))
    (True, False)

    Source: Ljung and Box, On a measure of lack of fit in time series models, Biometrika 65 (1978).
    """
    most_lags, rows_each = 24, 5  # lags at most, and rows for each
    seldom = 0.01  # the chance below which a series is not white
    from scipy.special import chdtrc

    e = series - series.mean()
    n, total = len(e), float(e @ e)
    lags = min(most_lags, n // rows_each)
    if lags < 1 or not total > 0:
        return True
    r = np.array([float(e[k:] @ e[:-k]) / total for k in range(1, lags + 1)])
    statistic = n * (n + 2) * float(np.sum(r**2 / (n - np.arange(1, lags + 1))))
    return bool(chdtrc(lags, statistic) >= seldom)


@dataclass(frozen=True)
class Findings:
    """What the tests of residuals found; an empty tuple or None stands for nothing.

    order: correlation of neighboring rows, as they stand in the table, if it is not chance. depends: inputs along
    which residuals still vary. jointly: whether they depend on products of inputs. groups: the fraction of the
    residuals' variance that lies between groups, if it is not chance. repeated: a column of labels within which
    residuals correlate, and the intraclass correlation (`within_labels`). varies: what the size of the residuals
    depends on. outliers: numbers of rows far from the formula. tested: the tests that the rows allowed, in words.
    """

    order: Correlation | None = None
    depends: tuple[str, ...] = ()
    jointly: bool = False
    groups: float | None = None
    repeated: tuple[str, float] | None = None
    varies: tuple[str, ...] = ()
    outliers: tuple[int, ...] = ()
    tested: tuple[str, ...] = ()

    @property
    def misfit(self) -> bool:
        """Whether the residuals depend on the inputs, so that the form is wrong."""
        return bool(self.depends) or self.jointly

    @property
    def dependent(self) -> bool:
        """Whether rows are not independent, so that standard errors for independent rows are too small."""
        return self.order is not None or self.groups is not None or self.repeated is not None

    def sentences(self) -> list[str]:
        """Return what was found, a sentence for each finding, or one that says what was tested without a finding.

        >>> print(*Findings(order=Correlation(0.8, 1e-9, 90), outliers=(3, 7)).sentences(), sep="\\n")
        Neighboring rows are correlated (0.80): standard errors for independent rows are too small by a factor of 3.0.
        Rows far from the formula: 3, 7.
        >>> print(*Findings(tested=("order of rows", "x")).sentences())
        Residuals show no dependence on: order of rows, x.
        """
        named = 5  # outliers that a sentence names
        found = []
        if self.depends:
            found.append(f"Residuals still depend on {_listed(self.depends)}.")
        elif self.jointly:
            found.append("Residuals still depend on products of the inputs.")
        if self.order is not None:
            found.append(
                f"Neighboring rows are correlated ({self.order.rho:.2f}): standard errors for independent rows are "
                f"too small by a factor of {self.order.inflation:.1f}."
            )
        if self.groups is not None:
            found.append(f"Groups differ: {self.groups:.0%} of the variance of the residuals lies between them.")
        if self.repeated is not None:
            name, correlation = self.repeated
            found.append(
                f"Rows of one {name} have correlated residuals (intraclass correlation {correlation:.2g}): error bars "
                f"take rows as independent; groups={name!r} models it."
            )
        if self.varies:
            found.append(f"The size of the residuals varies with {_listed(self.varies)}.")
        if self.outliers:
            more = len(self.outliers) - named
            rows = ", ".join(map(str, self.outliers[:named])) + (f" and {more} more" if more > 0 else "")
            found.append(f"Rows far from the formula: {rows}.")
        if not found and self.tested:
            found.append(f"Residuals show no dependence on: {', '.join(self.tested)}.")
        return found


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def lack_of_fit(x: Array, residual: Array) -> float:
    """Return the chance that noise lets a quadratic polynomial explain as much of residuals: an F test.

        F = (explained / k) / (left / (n - k - 1))

    Columns are ranked first, so that far rows do not rule it. Without rows enough for all products of two columns,
    or with over 200 terms, these are left out; without enough for squares, the chance is 1. x: (n, m). residual: (n,),
    weighted.

    >>> x = np.linspace(0, 1, 50)[:, None]
    >>> noise = np.random.default_rng(1).normal(0, 0.1, 50)
    >>> lack_of_fit(x, noise) > 0.05, lack_of_fit(x, noise + x[:, 0] ** 2) < 1e-6
    (True, True)

    Source: Draper and Smith, Applied Regression Analysis (1998), chapter 2.
    """
    rows_each = 4  # rows for each term of the quadratic polynomial, at least
    most_terms = 200  # terms
    rank = 1e-9
    from scipy.special import fdtrc

    n, m = x.shape
    ranks = np.argsort(np.argsort(x, axis=0, kind="stable"), axis=0, kind="stable") / (n - 1) - 0.5
    ranks = np.where(np.ptp(x, axis=0) > 0, ranks, 0.0)
    terms = [ranks, ranks**2]
    pairs = [(i, j) for i in range(m) for j in range(i)]
    if 2 * m + len(pairs) <= min(n / rows_each, most_terms):
        terms += [ranks[:, [i]] * ranks[:, [j]] for i, j in pairs]
    elif rows_each * 2 * m > n:
        return 1.0
    matrix = np.hstack(terms)
    centered = residual - residual.mean()
    left, s, _ = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
    left = left[:, s > rank * s[0]]
    k = left.shape[1]
    explained, total = float(np.sum((left.T @ centered) ** 2)), float(centered @ centered)
    if total <= 0 or not 0 < k < n - 1:
        return 1.0
    ratio = (explained / k) / max((total - explained) / (n - k - 1), 1e-300)
    return float(fdtrc(k, n - k - 1, ratio))


_INSPECT_SELDOM = 1e-3  # chance below which a test has found something
_ROWS = 12  # with fewer, nothing is tested


def inspect(
    x: Array, residual: Array, *, names: Sequence[str] = (), fitted: Array | None = None, groups: Array | None = None,
    ordered: bool = True,
) -> Findings:  # fmt: skip
    """Return what residuals depend on, by tests that are each wrong on one table in a thousand.

    x: (n, m), the inputs. residual: (n,), weighted so that they should be alike. names: of the columns. fitted: (n,),
    the values of the formula. groups: (n,), labels of rows that belong together. ordered: whether rows stand in an
    order that may mean something, such as that of time.

    The tests: correlation of neighboring rows (`serial`), along the table and along each input; an F test of a
    quadratic polynomial of the inputs (`lack_of_fit`); one-way analysis of variance between groups; rank correlation
    (Spearman) of the residuals' size with each input and with the fitted values; residuals beyond 4.5 standard
    deviations by the median.

    >>> rng = np.random.default_rng(0)
    >>> t = np.sort(rng.uniform(0, 3, 80))[:, None]
    >>> noise = rng.normal(0, 0.1, 80)
    >>> inspect(t, noise, names=["t"]).sentences()
    ['Residuals show no dependence on: order of rows, t, size of residuals.']
    >>> inspect(t, noise + np.sin(3 * t[:, 0]), names=["t"]).depends
    ('t',)
    """
    n, m = x.shape
    if n < _ROWS or not np.isfinite(residual).all() or not np.ptp(residual) > 0:
        return Findings()
    named = list(names) or [f"x{k + 1}" for k in range(m)]
    moving = [k for k in range(m) if np.ptp(x[:, k]) > 0]
    depends = tuple(named[k] for k in moving if _along(x[:, k], residual))
    order = serial(residual) if ordered else Correlation(0.0, 1.0, n)
    return Findings(
        order=order if order.chance < _INSPECT_SELDOM else None,
        depends=depends,
        jointly=not depends and lack_of_fit(x, residual) < _INSPECT_SELDOM,
        groups=None if groups is None else between_groups(residual, groups),
        varies=_varies(residual, {named[k]: x[:, k] for k in moving}, fitted),
        outliers=_outliers(residual),
        tested=(*(["order of rows"] if ordered else []), *(named[k] for k in moving), "size of residuals"),
    )


def _along(column: Array, residual: Array) -> bool:
    """Return whether residuals vary with one input: as a curve of second degree, or as neighbors along it."""
    if lack_of_fit(column[:, None], residual) < _INSPECT_SELDOM:
        return True
    values, place = np.unique(column, return_inverse=True)
    if len(values) < _ROWS:  # means at repeated values
        return len(values) > 1 and between_groups(residual, place) is not None
    means = np.bincount(place, residual) / np.sqrt(np.bincount(place))  # alike in variance if independent
    return serial(means).chance < _INSPECT_SELDOM


def between_groups(residual: Array, groups: Array) -> float | None:
    """Return the fraction of the variance of residuals that lies between groups; None where that may be chance.

        F = between / within mean squares,  fraction = (F - 1) / (F - 1 + n / k)  for k groups of about n / k rows

    Source: Searle, Casella and McCulloch, Variance Components (1992), chapter 3.
    """
    from scipy.special import fdtrc

    _, place = np.unique(groups, return_inverse=True)
    n, counts = len(residual), np.bincount(place)
    k = len(counts)
    if not 1 < k < n - 1:
        return None
    means = np.bincount(place, residual) / counts
    between = float(counts @ (means - residual.mean()) ** 2) / (k - 1)
    within = float(np.sum((residual - means[place]) ** 2)) / (n - k)
    if within <= 0:
        return 1.0 if between > 0 else None
    ratio = between / within
    if fdtrc(k - 1, n - k, ratio) >= _INSPECT_SELDOM:
        return None
    return (ratio - 1) / (ratio - 1 + n / k)


def _varies(residual: Array, columns: dict[str, Array], fitted: Array | None) -> tuple[str, ...]:
    """Return what the size of the residuals goes up or down with."""
    size = np.abs(residual - np.median(residual))
    what = {"the value of the formula": fitted} if fitted is not None else {}
    found = []
    for name, column in {**what, **columns}.items():
        if column is not None and np.ptp(column) > 0 and _rank_chance(column, size) < _INSPECT_SELDOM:
            found.append(name)
    return tuple(found)


def _rank_chance(one: Array, other: Array) -> float:
    """Return the chance that independent values (n,) have a rank correlation of that size (Spearman)."""
    from scipy.special import stdtr  # as `scipy.stats.spearmanr` does, whose import takes a third of a second

    freedom = len(one) - 2
    r = float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])
    ratio = abs(r) * math.sqrt(freedom / max((1 + r) * (1 - r), 1e-300))
    return 2 * float(stdtr(freedom, -ratio))


def _ranks(values: Array) -> Array:
    """Return the ranks of values (n,), equal ones with their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _outliers(residual: Array) -> tuple[int, ...]:
    """Return the rows that are far from the formula, the furthest first, unless there are too many of them."""
    far_away = 4.5  # standard deviations by the median: rows that are named
    most_outliers = 0.1  # of the rows may be outliers
    size = np.abs(residual - np.median(residual))
    unit = NORMAL * float(np.median(size))
    if not unit > 0:
        return ()
    far = np.flatnonzero(size > far_away * unit)
    return tuple(int(k) for k in far[np.argsort(-size[far])]) if len(far) <= most_outliers * len(residual) else ()
