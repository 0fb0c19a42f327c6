"""The equations that symmetries are, between values and gradients of a model, and how nearly one holds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

_WIDE_TARGET, _WIDE_COLUMN = 10.0, 3.0  # ratio of the ends from which logarithms are tried too


@dataclass(frozen=True)
class Coordinates:
    """What a model sees of a table: logarithms of some columns, and the target, its logarithm or its square.

    Parameters
    ----------
    logs
        Of each column, whether its logarithm is taken.
    target_as
        What is seen of the target: "itself", "log" or "square".
    sign
        The sign of the target, where it has one.
    """

    logs: tuple[bool, ...]
    target_as: str = "itself"
    sign: float = 1.0

    def inputs(self, columns: Tensor) -> Tensor:
        """Return what is seen of the columns, (n, m).

        Parameters
        ----------
        columns : (n, m)
            The columns.
        """
        return torch.stack([c.log() if log else c for c, log in zip(columns.T, self.logs, strict=True)], dim=1)

    def target(self, t: Tensor) -> Tensor:
        """Return what is seen of the target.

        Parameters
        ----------
        t : (n, ...)
            The target.
        """
        if self.target_as == "log":
            return (self.sign * t).log()
        return t.square() if self.target_as == "square" else t

    def back(self, values: Tensor) -> Tensor:
        """Return the target from what is seen of it.

        Parameters
        ----------
        values : (n, ...)
            What is seen of the target.
        """
        if self.target_as == "log":
            return self.sign * values.exp()
        return self.sign * values.clamp_min(0).sqrt() if self.target_as == "square" else values

    def slope(self, t: Tensor) -> Tensor:
        """Return how fast the target changes with what is seen of it.

        Parameters
        ----------
        t : (n, ...)
            The target.
        """
        if self.target_as == "log":
            return t
        return 0.5 / t if self.target_as == "square" else torch.ones_like(t)

    def gradient(self, columns: Tensor, t: Tensor, seen: Tensor) -> Tensor:
        """Return the derivatives of the target by the columns, (n, m, ...).

        Parameters
        ----------
        columns : (n, m)
            The columns.
        t : (n, ...)
            The target.
        seen : (n, m, ...)
            The derivatives in these coordinates.
        """
        slope = self.slope(t)
        slope = torch.where(torch.isfinite(slope), slope, 0.0)
        divisors = torch.where(torch.tensor(self.logs), columns, 1.0)
        return seen * slope.unsqueeze(1) / divisors.reshape(*divisors.shape, *[1] * (seen.ndim - 2))


def choices(x: Tensor, y: Tensor) -> Iterator[Coordinates]:
    """Return which columns, and whether the target, may be taken as logarithms.

    Heavy-tailed columns are taken as logarithms always; those that span a wide range are too, as a second choice.

    Parameters
    ----------
    x : (n, m)
        The columns.
    y : (n,)
        The target.

    Examples
    --------
    >>> x, y = torch.linspace(0, 6, 50).exp().unsqueeze(1), torch.linspace(1, 2, 50)
    >>> [found.logs for found in choices(x, y)]
    [(True,)]
    """
    heavy, wide = tuple(heavy_tailed(column) for column in x.T), tuple(_ratio(column) > _WIDE_COLUMN for column in x.T)
    wide = tuple(a or b for a, b in zip(heavy, wide, strict=True))
    for target_as in ("itself", "log") if max(_ratio(y), _ratio(-y)) > _WIDE_TARGET else ("itself",):
        for logs in dict.fromkeys((heavy, wide)):
            yield Coordinates(logs, target_as, float(torch.sign(y[0])))


def _ratio(values: Tensor) -> float:
    """Of the largest to the least, 0 unless all are positive."""
    low = float(values.min())
    return float(values.max()) / low if low > 0 else 0.0


def heavy_tailed(column: Tensor) -> bool:
    """Return whether a positive column has its median in the lowest fifth of its range, but not of its logarithms.

    In logarithms the median lies above a quarter of the range.

    Parameters
    ----------
    column : (n,)
        The column.

    Examples
    --------
    >>> heavy_tailed(torch.linspace(0, 6, 50).exp()), heavy_tailed(torch.linspace(1, 2, 50))
    (True, False)
    """
    low, high, median = float(column.min()), float(column.max()), float(column.median())
    if low <= 0 or high <= low:
        return False
    inside = (math.log(median) - math.log(low)) / (math.log(high) - math.log(low))
    return (median - low) / (high - low) < 0.2 and inside > 0.25


_KEPT = 0.97  # share of the points with the smallest residuals that count


@dataclass(frozen=True)
class Measured:
    """A statistic, and what the error of the model alone would give.

    Parameters
    ----------
    statistic
        The statistic.
    error
        The root mean square of the statistic that the model's error alone would give; infinite where nothing is known.
    """

    statistic: float
    error: float


def measured(terms: Sequence[Tensor], size: Tensor | None = None) -> Measured:
    """Return how nearly terms add up to zero, over the sum of their sizes or over a given size.

    Points of large terms weigh less, so that a few do not decide; the worst 3 % do not count. Points where a term is
    not finite are left out; if these are more than half of all, nothing is known, and the error is infinite.

    Parameters
    ----------
    terms : (n, 1 + samples)
        The terms of an equation, a tensor each: the model's mean, then its samples.
    size : (n,)
        What the sum is compared with at each point; None takes the sum of the terms' sizes.

    Examples
    --------
    >>> x = torch.linspace(1, 2, 9).unsqueeze(1)
    >>> measured([x, -x]).statistic, measured([x, x]).statistic
    (0.0, 1.0)
    """
    total = torch.stack(list(terms)).sum(0)
    if size is None:
        size = torch.stack([term[:, 0].abs() for term in terms]).sum(0)
    known = torch.isfinite(total).all(1) & torch.isfinite(size)
    if 2 * int(known.sum()) < len(known):
        return Measured(0.0, math.inf)
    total, size = total[known], size[known]
    weight = 1 / (size + size.median()).clamp_min(1e-300)
    scale = _size(weight * size)
    if not scale > 0:
        return Measured(0.0, math.inf)
    parts = weight.unsqueeze(1) * total
    off = [_size(part - parts[:, 0]) for part in parts[:, 1:].unbind(1)]
    error = math.sqrt(sum(s * s for s in off) / len(off)) if off else 0.0
    return Measured(_size(parts[:, 0]) / scale, error / scale)


def _size(values: Tensor) -> float:
    """Root mean square of the values but the largest few."""
    kept = max(1, round(_KEPT * len(values)))
    return float(np.sqrt(np.partition(values.square().numpy(), kept - 1)[:kept].mean()))


POWERS = (2.0, -1.0, -2.0, 3.0, 0.5)
"""Exponents p of x^p + k y^p that are tried."""
_EDGE = 0.03  # fraction of each column's rows cut off at either end


@dataclass(frozen=True)
class Gradients:
    """Values f and derivatives f_i of a function at points.

    A symmetry is an equation between products of these, with constants to be found:

        irrelevant   f_i = 0                              F(rest)
        monomial     x_i f_i = p f                        x_i^p F(rest)
        exponential  f_i = c f                            exp(c x_i) F(rest)
        scaling      x_i f_i = sum_j a_j x_j f_j + p f    x_i^p F(x_j x_i^a_j, rest)
        translation  f_i = sum_j a_j f_j + c              c x_i + F(x_j + a_j x_i, rest)
        power sum    k r x_j^(r-1) f_i = p x_i^(p-1) f_j  F(x_i^p + k x_j^r, rest)

    Parameters
    ----------
    points : (n, m)
        The points x.
    values : (n, ...)
        The values f.
    slopes : (n, m, ...)
        The derivatives f_i.

    References
    ----------
    For the last three, Lie, Theorie der Transformationsgruppen (1888): what such a vector field leaves alone.
    """

    points: Tensor
    values: Tensor
    slopes: Tensor

    @cached_property
    def scaled(self) -> Tensor:
        """Products x_i f_i (n, m, ...)."""
        return self._like(self.points, self.slopes) * self.slopes

    def crossed(self, i: int, j: int, power: float) -> Tensor:
        """Return products p x_i^(p-1) f_j of a power p, (n, ...).

        They are made of the derivative of x_i^p, and that of f by another column.

        Parameters
        ----------
        i
            The column of the power.
        j
            The column by which f is differentiated.
        power
            The exponent p.
        """
        slope = self.slopes[:, j]
        return self._like(power * self.points[:, i] ** (power - 1), slope) * slope

    @staticmethod
    def _like(values: Tensor, other: Tensor) -> Tensor:
        """The values with as many dimensions as others, samples last."""
        return values.reshape(*values.shape, *[1] * (other.ndim - values.ndim))


def inner_rows(x: Tensor, least: int) -> Tensor:
    """Return which rows lie between the 3rd and the 97th percentile of every column, a mask (n,).

    Models and their gradients are worst at the ends.

    Parameters
    ----------
    x : (n, m)
        The columns.
    least
        All rows are kept where fewer would be.

    Examples
    --------
    >>> int(inner_rows(torch.arange(100.0).unsqueeze(1), least=10).sum())
    94
    """
    ends = torch.tensor([_EDGE, 1 - _EDGE], dtype=x.dtype)
    low, high = torch.quantile(x[:10_000], ends, dim=0)
    inner = ((x >= low) & (x <= high)).all(1)
    return inner if int(inner.sum()) >= least else torch.ones_like(inner)


def off_zero(column: Tensor) -> float:
    """Return the least size of a column over its largest.

    Parameters
    ----------
    column : (n,)
        The column.

    Examples
    --------
    >>> off_zero(torch.tensor([-2.0, 1.0, 4.0]))
    0.25
    """
    return float(column.abs().min() / column.abs().max().clamp_min(1e-300))


def has_power(column: Tensor, power: float | Fraction, touches: float) -> bool:
    """Return whether a power of a column is defined and tame.

    Parameters
    ----------
    column : (n,)
        The column.
    power
        The exponent. A root needs a positive column.
    touches
        A negative power needs a column that is further `off_zero` than this.

    Examples
    --------
    >>> column = torch.tensor([-2.0, 1.0, 4.0])
    >>> has_power(column, 3, 0.1), has_power(column, 0.5, 0.1), has_power(column, -1, 0.1), has_power(column, -1, 0.3)
    (True, False, True, False)
    """
    if power != int(power) and float(column.min()) <= 0:
        return False
    return power >= 0 or off_zero(column) > touches
