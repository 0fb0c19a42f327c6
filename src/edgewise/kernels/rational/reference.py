"""Grouped rational functions in plain torch: the reference implementation, which faster ones must match."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


def rational(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return R(x) = (a_0 + .. + a_p x^p)/(1 + |b_1 x + .. + b_q x^q|) with the coefficients of each channel's group.

    Channel i belongs to group i // (channels / groups). The absolute value keeps the denominator from zero; where its
    argument changes sign R has a corner.

    Shapes: x (..., channels), a (groups, p + 1), b (groups, q), result as x.

    Source: Molina, Schramowski, Kersting, Padé Activation Units (2020), equation 3; groups: Yang and Wang,
    Kolmogorov-Arnold Transformer (2024), section 4.
    """
    return _parts(x, a, b).value.reshape(x.shape)


def vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients by x, a and b of sum(g R(x)), as compositions that can be differentiated again.

    With D the denominator and s the sign of its argument A,

        R' = (P' - s A' R)/D,  dR/da_k = x^k/D,  dR/db_k = -s R x^k/D
    """
    grouped, value, below, sign = _parts(x, a, b)
    g = g.reshape(grouped.shape) / below
    slope = _horner(grouped, _derivative(a)) - sign * value * _horner(grouped, _derivative(_from_zero(b)))
    for_a = _moments(grouped, g, a.shape[1])
    for_b = _moments(grouped, -g * sign * value, b.shape[1] + 1)[:, 1:]
    return (g * slope).reshape(x.shape), for_a, for_b


def jvp(x: Tensor, a: Tensor, b: Tensor, along: tuple[Tensor | None, ...]) -> Tensor:
    """Return the change of R(x) along changes (dx, da, db), each None where there is none."""
    dx, da, db = along
    grouped, value, below, sign = _parts(x, a, b)
    total = torch.zeros_like(grouped)
    if dx is not None:
        slope = _horner(grouped, _derivative(a)) - sign * value * _horner(grouped, _derivative(_from_zero(b)))
        total = total + slope * dx.reshape(grouped.shape)
    if da is not None:
        total = total + _horner(grouped, da)
    if db is not None:
        total = total - sign * value * _horner(grouped, _from_zero(db))
    return (total / below).reshape(x.shape)


class _Parts(NamedTuple):
    """x by groups (..., groups, channels of one), and there R, its denominator, and the sign of A."""

    x: Tensor
    value: Tensor
    below: Tensor
    sign: Tensor


def _parts(x: Tensor, a: Tensor, b: Tensor) -> _Parts:
    grouped = x.unflatten(-1, (len(a), -1))
    argument = grouped * _horner(grouped, b)
    below = 1 + argument.abs()
    return _Parts(grouped, _horner(grouped, a) / below, below, argument.sign())


def _horner(x: Tensor, coefficients: Tensor) -> Tensor:
    """sum_k c_k x^k of each group: x (..., groups, channels), coefficients (groups, k)."""
    *rest, value = coefficients.unsqueeze(-1).unbind(1)
    total = torch.zeros_like(x) + value
    for c in reversed(rest):
        total = total * x + c
    return total


def _moments(x: Tensor, weights: Tensor, count: int) -> Tensor:
    """sum over rows and channels of weights x^k for k below `count`: (groups, count)."""
    sums = []
    for _ in range(count):
        sums.append(weights.sum((*range(x.dim() - 2), -1)))
        weights = weights * x
    return torch.stack(sums, dim=1)


def _derivative(coefficients: Tensor) -> Tensor:
    powers = torch.arange(1, coefficients.shape[1], dtype=coefficients.dtype, device=coefficients.device)
    return coefficients[:, 1:] * powers


def _from_zero(b: Tensor) -> Tensor:
    """Coefficients of x^0 .. x^q from those of x^1 .. x^q."""
    return torch.cat([torch.zeros_like(b[:, :1]), b], dim=1)
