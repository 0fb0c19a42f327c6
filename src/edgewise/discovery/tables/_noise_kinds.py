"""The kinds of noise: how the standard deviation of a measurement depends on its value. A new kind is a class here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from edgewise._robust import NORMAL
from edgewise._typing import Array


class Sized(NamedTuple):
    """The size of noise of a kind, and the log-likelihood of residuals under it."""

    level: float
    share: float
    likelihood: float


class NoiseKind(ABC):
    """A kind of noise: how the standard deviation depends on the value, its words, and when it is recognized.

    `rows` says how rows are weighted by it, with {} for the target; `looks` what it looks like, where that is worth
    saying; `margin` by how much log-likelihood it must be better than the kinds before it in the table.
    """

    name: ClassVar[str]
    varies: ClassVar[bool] = True
    looks: ClassVar[str] = ""
    rows: ClassVar[str] = ""
    margin: ClassVar[float] = 0.0

    @abstractmethod
    def sigma(self, level: float, share: float, size: Array) -> Array:
        """Return the standard deviation (n,) of measurements whose values have these sizes (n,)."""

    @abstractmethod
    def text(self, level: float, share: float) -> str:
        """Return noise that is not zero in words."""

    @abstractmethod
    def trials(self, fitted: Array) -> Iterator[tuple[float, float]]:
        """Yield level and share, up to a factor, of the noise whose likelihood is compared."""

    def is_possible(self, y: Array) -> bool:
        """Return whether measurements y (n,) can have such noise."""
        return True

    def around(self, fitted: Array) -> Array:
        """Return the values (n,) that measurements can scatter around, from those of a model."""
        return fitted

    def is_likely(self, level: float, share: float) -> bool:
        """Return whether noise of that size is called so at all."""
        return True

    def is_expected(self, level: float, share: float) -> bool:
        """Return whether little evidence is enough for noise of that size."""
        return False

    def likeliest(self, fitted: Array, residual: Array) -> Sized:
        """Return the size of the noise by which residuals (n,) around values (n,) are most likely."""
        around = self.around(fitted)
        every = [self._scaled(level, share, around, residual) for level, share in self.trials(fitted)]
        return max(every, key=lambda each: each.likelihood)

    def _scaled(self, level: float, share: float, fitted: Array, residual: Array) -> Sized:
        """Return noise in proportion to what is given that makes residuals (n,) around values (n,) most likely.

        log L = sum log t_nu(r / (s g)) - log(s g),  g = sigma(f) of the noise given

        s is the maximum, nu the best of 4, 10 and 100; the standard deviation is that of nearly all rows: s for 4.
        Values below a millionth of the median size have the noise of that.
        """
        from scipy.special import gammaln

        size = np.maximum(np.abs(fitted), 1e-6 * float(np.median(np.abs(fitted))) or 1e-300)
        shape = np.maximum(self.sigma(level, share, size), 1e-300)
        ratio = residual / shape
        start = max(NORMAL * float(np.median(np.abs(ratio))), 1e-300)
        best = Sized(level, share, -np.inf)
        for freedom in (4.0, 10.0, 100.0):
            scale = start
            for _ in range(25):
                weight = (freedom + 1) / (freedom + (ratio / scale) ** 2)
                scale = max(float(np.sqrt(np.mean(weight * ratio**2))), 1e-300)
            constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi)
            with np.errstate(over="ignore"):
                density = constant - (freedom + 1) / 2 * np.log1p((ratio / scale) ** 2 / freedom)
            likelihood = float(np.sum(density - np.log(scale) - np.log(shape)))
            if likelihood > best.likelihood:
                best = Sized(scale * level, scale * share, likelihood)
        return best


class Additive(NoiseKind):
    """Noise of one size: sigma(f) = level."""

    name, varies = "additive", False

    def sigma(self, level: float, share: float, size: Array) -> Array:
        return np.full(len(size), level)

    def text(self, level: float, share: float) -> str:
        return f"additive, {size_text(level)}"

    def trials(self, fitted: Array) -> Iterator[tuple[float, float]]:
        yield 1.0, 0.0


class Relative(NoiseKind):
    """Noise in proportion to the value: sigma(f) = share |f|."""

    name, looks, rows = "relative", "relative", "by 1/{}^2"

    def sigma(self, level: float, share: float, size: Array) -> Array:
        return share * size

    def text(self, level: float, share: float) -> str:
        return f"relative, {percent_text(share)}"

    def trials(self, fitted: Array) -> Iterator[tuple[float, float]]:
        yield 0.0, 1.0


class Mixed(NoiseKind):
    """Additive and relative noise: sigma(f) = sqrt(level^2 + share^2 f^2)."""

    name, looks, rows, margin = "mixed", "additive and relative", "by 1/variance", 4.0

    def sigma(self, level: float, share: float, size: Array) -> Array:
        return np.hypot(level, share * size)

    def text(self, level: float, share: float) -> str:
        return f"additive and relative, {size_text(level)} and {percent_text(share)}"

    def trials(self, fitted: Array) -> Iterator[tuple[float, float]]:
        """Yield eleven ratios of the level to the share of the median value."""
        median = float(np.median(np.abs(fitted))) or 1.0
        yield from ((ratio * median, 1.0) for ratio in 10.0 ** np.linspace(-2, 0.5, 11))


class Counts(NoiseKind):
    """Noise of counts, whole numbers that are not negative: sigma(f) = level sqrt(f).

    level^2 is the dispersion, 1 for Poisson's distribution. Counts scatter at most 2.5 times as much, and where they do
    so up to 1.5 times, two units of the log-likelihood are enough. They may be worse described by two units.
    """

    name, looks, rows, margin = "counts", "like that of counts", "by 1/{}", -2.0

    def sigma(self, level: float, share: float, size: Array) -> Array:
        """Return the standard deviation (n,); a mean count below a half has that of a half."""
        return level * np.sqrt(np.maximum(size, 0.5))

    def text(self, level: float, share: float) -> str:
        return f"counts, variance {level**2:.2g} times the mean"

    def trials(self, fitted: Array) -> Iterator[tuple[float, float]]:
        yield 1.0, 0.0

    def is_possible(self, y: Array) -> bool:
        return bool((y >= 0).all() and (y == np.round(y)).all())

    def around(self, fitted: Array) -> Array:
        return np.maximum(fitted, 0.0)

    def is_likely(self, level: float, share: float) -> bool:
        return level < 2.5

    def is_expected(self, level: float, share: float) -> bool:
        return level < 1.5


class Given(Additive):
    """Noise of rows whose standard errors or weights were given: level times these; share |f| if in proportion."""

    name, rows = "given", "as given"

    def sigma(self, level: float, share: float, size: Array) -> Array:
        return share * size if share else super().sigma(level, share, size)


class Stated(Additive):
    """Noise of a likelihood that was asked for, never recognized: normal errors of one size, their rows as it says."""

    def is_possible(self, y: Array) -> bool:
        return False


class Limited(Stated):
    """Noise of values that are known only to lie beyond a limit in some rows: sigma(f) = level."""

    name, rows = "censored", "by the likelihood of censored values"

    def text(self, level: float, share: float) -> str:
        return f"normal, {size_text(level)}, values beyond limits censored"


class Correlated(Stated):
    """Noise that is correlated with that of the row before: sigma(f) = level."""

    name, rows = "correlated", "as correlated rows"

    def text(self, level: float, share: float) -> str:
        return f"correlated from row to row, {size_text(level)}"


class Events(Stated):
    """Noise of the rate of events: sigma(f) = level sqrt(f (1 - f)), level one over the root of the trials."""

    name, varies, rows = "events", True, "by the binomial likelihood"

    def sigma(self, level: float, share: float, size: Array) -> Array:
        return level * np.sqrt(np.clip(size * (1 - size), 0.0, None))

    def text(self, level: float, share: float) -> str:
        return f"binomial, of {1 / level**2:.3g} trials in the median row"


def size_text(level: float) -> str:
    """Return a standard deviation with two digits: 280, not 2.8e+02."""
    return f"{float(f'{level:.2g}'):g}"


def percent_text(share: float) -> str:
    """Return a fraction as a percentage with two digits."""
    return f"{100 * share:.2g} %"


KINDS: dict[str, NoiseKind] = {kind.name: kind for kind in (
    Additive(), Relative(), Mixed(), Counts(), Given(), Limited(), Correlated(), Events()
)}  # fmt: skip
"""All kinds by name. Those that vary with the value are recognized, each compared with those before it."""
