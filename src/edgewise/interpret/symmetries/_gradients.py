"""The equations that symmetries are, between the values and the gradient of a function."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
from torch import Tensor

POWERS = (2.0, -1.0, -2.0, 3.0, 0.5)
"""Exponents p of x^p + k y^p that are tried."""
_EDGE = 0.03  # fraction of each column's rows cut off at either end


@dataclass(frozen=True)
class Gradients:
    """Values f (n, ...) and derivatives f_i (n, m, ...) of a function at points x (n, m).

    A symmetry is an equation between products of these, with constants to be found:

        irrelevant   f_i = 0                              F(rest)
        monomial     x_i f_i = p f                        x_i^p F(rest)
        exponential  f_i = c f                            exp(c x_i) F(rest)
        scaling      x_i f_i = sum_j a_j x_j f_j + p f    x_i^p F(x_j x_i^a_j, rest)
        translation  f_i = sum_j a_j f_j + c              c x_i + F(x_j + a_j x_i, rest)
        power sum    k r x_j^(r-1) f_i = p x_i^(p-1) f_j  F(x_i^p + k x_j^r, rest)

    Source: for the last three, Lie, Theorie der Transformationsgruppen (1888): what such a vector field leaves alone.
    """

    points: Tensor
    values: Tensor
    slopes: Tensor

    @cached_property
    def scaled(self) -> Tensor:
        """Products x_i f_i (n, m, ...)."""
        return self._like(self.points, self.slopes) * self.slopes

    def crossed(self, i: int, j: int, power: float) -> Tensor:
        """Products p x_i^(p-1) f_j (n, ...) of a power p: the derivative of x_i^p, and that of f by another column."""
        slope = self.slopes[:, j]
        return self._like(power * self.points[:, i] ** (power - 1), slope) * slope

    @staticmethod
    def _like(values: Tensor, other: Tensor) -> Tensor:
        """The values with as many dimensions as others, samples last."""
        return values.reshape(*values.shape, *[1] * (other.ndim - values.ndim))


def inner_rows(x: Tensor, least: int) -> Tensor:
    """Return which rows of x (n, m) lie between the 3rd and the 97th percentile of every column, a mask (n,).

    Models and their gradients are worst at the ends. All rows are kept where fewer than `least` would be.

    >>> int(inner_rows(torch.arange(100.0).unsqueeze(1), least=10).sum())
    94
    """
    ends = torch.tensor([_EDGE, 1 - _EDGE], dtype=x.dtype)
    low, high = torch.quantile(x[:10_000], ends, dim=0)
    inner = ((x >= low) & (x <= high)).all(1)
    return inner if int(inner.sum()) >= least else torch.ones_like(inner)


def off_zero(column: Tensor) -> float:
    """Return the least size of a column over its largest.

    >>> off_zero(torch.tensor([-2.0, 1.0, 4.0]))
    0.25
    """
    return float(column.abs().min() / column.abs().max().clamp_min(1e-300))


def has_power(column: Tensor, power: float | Fraction, touches: float) -> bool:
    """Return whether a power of a column is defined and tame.

    A root needs a positive column, a negative power one that is further `off_zero` than `touches`.

    >>> column = torch.tensor([-2.0, 1.0, 4.0])
    >>> has_power(column, 3, 0.1), has_power(column, 0.5, 0.1), has_power(column, -1, 0.1), has_power(column, -1, 0.3)
    (True, False, True, False)
    """
    if power != int(power) and float(column.min()) <= 0:
        return False
    return power >= 0 or off_zero(column) > touches
