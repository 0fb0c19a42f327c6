"""What every basis does beyond the ends of its range: go on along its tangent."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Evaluate = Callable[[Tensor, int], Tensor]
"""Points (..., n_in) inside the range and an order to values (..., n_in, K)."""


def along_tangents(evaluate: Evaluate, x: Tensor, lo: Tensor, hi: Tensor, order: int) -> Tensor:
    """Return the `order`-th derivatives of functions that are given on [lo, hi] and straight beyond.

    Outside, at the nearer end e:  B(x) = B(e) + B'(e) (x - e),  B'(x) = B'(e),  higher derivatives 0.

    Shapes: x (..., n_in), lo and hi (n_in,), result (..., n_in, K).
    """
    inside = torch.minimum(torch.maximum(x, lo), hi)
    values = evaluate(inside, order)
    if order == 0:
        # The tangent term is zero inside, where x equals its clamped value.
        return values + evaluate(inside, 1) * (x - inside).unsqueeze(-1)
    if order == 1:
        return values
    beyond = (x < lo) | (x > hi)
    return torch.where(beyond.unsqueeze(-1), 0.0, values)
