"""Grouped rational functions in plain torch: the law that every faster implementation must match."""

from __future__ import annotations

import torch
from torch import Tensor


def rational(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return R(x) with the coefficients of each channel's group.

        R(x) = (a_0 + a_1 x + .. + a_p x^p)/(1 + |b_1 x + .. + b_q x^q|)

    Channel i belongs to group i // (channels / groups). The absolute value keeps the denominator from zero; where its
    argument changes sign, R has a corner, and the derivative there is that of the denominator 1.

    Shapes: x (..., channels), numerator (groups, p + 1), denominator (groups, q), result as x.

    Source: Molina, Schramowski, Kersting, Padé Activation Units (2020), equation 3; groups: Yang and Wang,
    Kolmogorov-Arnold Transformer (2024), section 4.
    """
    grouped = x.unflatten(-1, (len(numerator), -1))
    bottom = grouped * _horner(grouped, denominator)
    return (_horner(grouped, numerator) / (1 + bottom.abs())).flatten(-2)


def _horner(x: Tensor, coefficients: Tensor) -> Tensor:
    """sum_k c_k x^k of each group: x (..., groups, channels), coefficients (groups, k)."""
    *rest, value = coefficients.unsqueeze(-1).unbind(1)
    total = torch.zeros_like(x) + value
    for c in reversed(rest):
        total = total * x + c
    return total
