"""Grouped rational functions in plain torch: the reference implementation, which faster ones must match."""

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
    grouped = x.unflatten(-1, (len(a), -1))
    below = 1 + (grouped * _horner(grouped, b)).abs()
    return (_horner(grouped, a) / below).reshape(x.shape)


def vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients by x, a and b of sum(g R(x)), which can be differentiated again where gradients are on."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        parts = [part if again and part.requires_grad else part.detach().requires_grad_() for part in (x, a, b)]
        return torch.autograd.grad(rational(*parts), parts, g, create_graph=again)


def _horner(x: Tensor, coefficients: Tensor) -> Tensor:
    """sum_k c_k x^k of each group: x (..., groups, channels), coefficients (groups, k)."""
    *rest, value = coefficients.unsqueeze(-1).unbind(1)
    total = value if rest else torch.zeros_like(x) + value
    for c in reversed(rest):
        total = total * x + c
    return total
