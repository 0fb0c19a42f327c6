"""Normal equations of spline edges in plain torch: the reference implementation, which the kernel must match."""

from __future__ import annotations

import torch
from torch import Tensor


def square(edges: Tensor, features: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return sum_n (sum_o left[a, o, n] right[b, o, n]) phi_a(x_n) phi_b(x_n)' for all pairs of edges a, b.

    Shapes: edges (E, 4) as in `Edges`, in the order of their columns; features (n, inputs, width), all functions of
    each input; left and right (subnodes, n_out, n); result (E width, E width).
    """
    subnodes, inputs = edges[:, 0].long(), edges[:, 1].long()
    weights = torch.einsum("aon,bon->nab", left[subnodes], right[subnodes])
    values = features[:, inputs]
    return torch.einsum("nab,nap,nbq->apbq", weights, values, values).flatten(2).flatten(0, 1)
