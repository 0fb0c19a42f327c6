"""What the noise of a table looks like: how the standard deviation of a measurement depends on its value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgewise._typing import Array

NoiseKind = Literal["additive", "relative", "mixed", "counts", "given"]
Loss = Literal["squared", "huber"]

_LISTED = 8  # numbers of rows in a sentence
_LEAST_COUNT = 0.5  # a mean count below that has the variance of this one
_TRUSTED = 0.2  # of a measured value: a fitted one that is nearer to zero counts as this part


@dataclass(frozen=True)
class NoiseModel:
    """The standard deviation sigma(f) of a measurement whose noiseless value is f.

    additive: level. relative: share |f|. mixed: sqrt(level^2 + share^2 f^2). counts: level sqrt(f), of which level^2 is
    the dispersion, 1 for Poisson's distribution. given: level times the standard errors (or one over the square roots
    of the weights) that were given.

    Parameters
    ----------
    kind
        "additive", "relative", "mixed", "counts" or "given".
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

    Examples
    --------
    >>> NoiseModel("relative", share=0.051).text()
    'relative, 5.1 %'
    >>> NoiseModel("additive", 0.3, outliers=(16,), rows=200).text()
    'additive, 0.3, with outliers: 1 row of 200 set aside (number 16)'
    """

    kind: NoiseKind = "additive"
    level: float = 0.0
    share: float = 0.0
    known: bool = False
    loss: Loss = "squared"
    outliers: tuple[int, ...] = ()
    lessened: tuple[int, ...] = ()
    rows: int = 0

    @property
    def varies(self) -> bool:
        """Whether the noise depends on the value."""
        return self.kind in ("relative", "mixed", "counts")

    def sigma(self, values: Array) -> Array:
        """Return the standard deviations (n,) of measurements; a constant where they were given by row.

        Parameters
        ----------
        values : (n,)
            The noiseless values.
        """
        size = np.abs(values)
        if self.kind == "relative" or (self.kind == "given" and self.share):
            return self.share * size
        if self.kind == "mixed":
            return np.hypot(self.level, self.share * size)
        if self.kind == "counts":
            return self.level * np.sqrt(np.maximum(size, _LEAST_COUNT))
        return np.full(len(size), self.level)

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
        size = np.maximum(np.abs(fitted), _TRUSTED * np.abs(y))
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
        words = [self._kind_text()]
        if self.outliers:
            words.append(f"with outliers: {listed(self.outliers, self.rows)} set aside {_numbers(self.outliers)}")
        if self.loss == "huber":
            few = f", {listed(self.lessened, self.rows)} counts less than half {_numbers(self.lessened)}"
            words.append("Huber's loss" + (few if self.lessened else ""))
        return ", ".join(words)

    def _kind_text(self) -> str:
        percent = f"{100 * self.share:.2g} %"
        if self.kind == "given":
            return "as given by standard errors" if self.known else "as given by weights"
        if not self.level and not self.share:
            return "none seen" if self.kind == "additive" else self.kind
        if self.kind == "relative":
            return f"relative, {percent}"
        if self.kind == "mixed":
            return f"additive and relative, {_size(self.level)} and {percent}"
        if self.kind == "counts":
            return f"counts, variance {self.level**2:.2g} times the mean"
        return f"additive, {_size(self.level)}"


ADDITIVE = NoiseModel()


def listed(rows: tuple[int, ...], of: int) -> str:
    """Return how many rows of how many."""
    return f"{len(rows)} row{'s' * (len(rows) != 1)} of {of}"


def _size(level: float) -> str:
    """A standard deviation with two digits: 280, not 2.8e+02."""
    return f"{float(f'{level:.2g}'):g}"


def _numbers(rows: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, rows[:_LISTED])) + (", ..." if len(rows) > _LISTED else "")
    return f"(number{'s' * (len(rows) != 1)} {shown})"
