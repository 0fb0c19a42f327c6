"""What the noise of a table looks like: how the standard deviation of a measurement depends on its value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgewise._errors import unknown
from edgewise._typing import Array
from edgewise.discovery.tables._noise_kinds import KINDS, NoiseKind, Stated

Loss = Literal["squared", "huber"]


@dataclass(frozen=True)
class NoiseModel:
    """The standard deviation sigma(f) of a measurement whose noiseless value is f.

    additive: level. relative: share |f|. mixed: sqrt(level^2 + share^2 f^2). counts: level sqrt(f), of which level^2 is
    the dispersion, 1 for Poisson's distribution. given: level times the standard errors (or one over the square roots
    of the weights) that were given. censored, correlated: level. events: level sqrt(f (1 - f)).

    Parameters
    ----------
    kind
        "additive", "relative", "mixed", "counts", "given", "censored", "correlated" or "events".
    level
        As above. 0 means that no noise was seen.
    share
        As above; where standard errors were given, not 0 if these are in proportion to the values.
    known
        Whether standard errors were given.
    loss
        "squared" or "huber".
    outliers
        Numbers of the rows, from 0, that were set aside.
    lessened
        Numbers of those that count less than half by Huber's loss.
    rows
        How many rows there were.

    Raises
    ------
    InputError
        For an unknown kind.

    Examples
    --------
    >>> from edgewise.discovery import NoiseModel
    >>> NoiseModel("relative", share=0.051).text()
    'relative, 5.1 %'
    >>> NoiseModel("additive", 0.3, outliers=(16,), rows=200).text()
    'additive, 0.3, with outliers: 1 row of 200 set aside (number 16)'
    """

    kind: str = "additive"
    level: float = 0.0
    share: float = 0.0
    known: bool = False
    loss: Loss = "squared"
    outliers: tuple[int, ...] = ()
    lessened: tuple[int, ...] = ()
    rows: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of noise", self.kind, list(KINDS))

    @property
    def form(self) -> NoiseKind:
        """How the standard deviation depends on the value, of this kind."""
        return KINDS[self.kind]

    @property
    def varies(self) -> bool:
        """Whether the noise depends on the value."""
        return self.form.varies

    @property
    def given(self) -> bool:
        """Whether the rows came with their standard errors or weights."""
        return self.form is KINDS["given"]

    @property
    def stated(self) -> bool:
        """Whether the noise is that of a likelihood that was asked for."""
        return isinstance(self.form, Stated)

    @property
    def relative(self) -> bool:
        """Whether the noise is relative and nothing else."""
        return self.form is KINDS["relative"]

    def sigma(self, values: Array) -> Array:
        """Return the standard deviations (n,) of measurements; a constant where they were given by row.

        Parameters
        ----------
        values : (n,)
            The noiseless values.
        """
        return self.form.sigma(self.level, self.share, np.abs(values))

    def weights(self, fitted: Array, y: Array) -> Array:
        """Return what multiplies the residuals (n,) of rows: 1 / sigma.

        Parameters
        ----------
        fitted : (n,)
            The fitted values. One that is far nearer to zero than the measured one counts as a fifth of that: it is
            wrong.
        y : (n,)
            The measured values.
        """
        size = np.maximum(np.abs(fitted), 0.2 * np.abs(y))
        sigma = self.sigma(size)
        positive = sigma[sigma > 0]
        return 1 / np.maximum(sigma, max(1e-80 * positive.max(), 1e-150) if len(positive) else 1.0)

    def scaled(self, factor: float) -> NoiseModel:
        """Return the same noise, larger or smaller.

        Parameters
        ----------
        factor
            How many times as large.
        """
        return replace(self, level=factor * self.level, share=factor * self.share)

    def text(self) -> str:
        """Return the noise in words."""
        words = [self._size()]
        if self.outliers:
            words.append(f"with outliers: {listed(self.outliers, self.rows)} set aside {_numbers(self.outliers)}")
        if self.loss == "huber":
            few = f", {listed(self.lessened, self.rows)} counts less than half {_numbers(self.lessened)}"
            words.append("Huber's loss" + (few if self.lessened else ""))
        return ", ".join(words)

    def _size(self) -> str:
        if self.given:
            return f"as given by {'standard errors' if self.known else 'weights'}"
        if not self.level and not self.share:
            return self.kind if self.varies else "none seen"
        return self.form.text(self.level, self.share)


ADDITIVE = NoiseModel()


def listed(rows: tuple[int, ...], of: int) -> str:
    """Return how many rows of how many."""
    return f"{len(rows)} row{'s' * (len(rows) != 1)} of {of}"


def _numbers(rows: tuple[int, ...], most: int = 8) -> str:
    """Return the numbers of rows, or of the first ones if there are many."""
    shown = ", ".join(map(str, rows[:most])) + (", ..." if len(rows) > most else "")
    return f"(number{'s' * (len(rows) != 1)} {shown})"


def recognized(fitted: Array, y: Array) -> NoiseModel:
    """Return the kind of noise of measurements y (n,) around values (n,) that a model gives rows it was not fitted to.

    Additive unless another kind is more likely by 8 units of the log-likelihood, and its standard deviation changes
    by half over the rows, from its 10 % to its 90 % quantile; with fewer than 40 rows, additive. Counts are whole
    numbers that are not negative; two units are enough if they scatter about as Poisson's distribution has it.

    >>> rng = np.random.default_rng(0)
    >>> f = rng.uniform(1, 10, 300)
    >>> recognized(f, f * (1 + 0.1 * rng.standard_normal(300))).text(), recognized(f, 1.0 * rng.poisson(f)).kind
    ('relative, 8.8 %', 'counts')
    """
    residual = y - fitted
    plain = KINDS["additive"].likeliest(fitted, residual)
    additive, best, least = NoiseModel("additive", plain.level), None, -np.inf
    if len(y) < 40:
        return additive
    for kind in KINDS.values():
        if not kind.varies or not kind.is_possible(y):
            continue
        sized = kind.likeliest(fitted, residual)
        noise = NoiseModel(kind.name, sized.level, sized.share)
        if kind.is_likely(noise.level, noise.share) and sized.likelihood > least + kind.margin:
            if kind.is_expected(noise.level, noise.share) and sized.likelihood > plain.likelihood + 2.0:
                return noise
            best, least = noise, sized.likelihood
    if best is None or not least > plain.likelihood + 8.0:
        return additive
    low, high = np.quantile(best.sigma(fitted), [0.1, 0.9])
    return best if high > 1.5 * low else additive
