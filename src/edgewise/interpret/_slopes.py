"""Derivatives of every edge's function by its own input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise import functions
from edgewise.bases import base_function
from edgewise.nn import KANLayer


def edge_derivatives(layer: KANLayer, h: Tensor, order: int) -> Tensor:
    """The derivative of some order >= 1 of every edge, phi_ji^(order)(h_i): (n, n_out, n_in), zero where masked.

    Beyond the knots a spline is its tangent, so that the second derivative is zero there.
    """
    weights, count = layer.weights().detach(), layer.coefficients.shape[-1]
    basis = layer.basis.evaluate(h, layer.knots, count, order)
    out = torch.einsum("nif,jif->nji", basis, weights[..., :count])
    if layer.base is not None:
        own = elementwise(base_function(layer.base)[0], h, order)
        out += own.unsqueeze(1) * weights[..., count]
    for name, edges in layer.active_symbols().items():
        j, i = torch.tensor(edges, device=h.device).T
        a, b, c, _ = layer.affine.detach()[j, i].unbind(-1)
        out[:, j, i] = c * a**order * elementwise(functions.get(name).torch, a * h[:, i] + b, order)
    return out


def elementwise(function: Callable[[Tensor], Tensor], z: Tensor, order: int) -> Tensor:
    """The derivative of some order >= 1 of a function of one variable, at every entry of z."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = function(z)
        for _ in range(order):
            if not value.requires_grad:  # a constant, such as the slope of a line
                return torch.zeros_like(z)
            (value,) = torch.autograd.grad(value.sum(), z, create_graph=True, materialize_grads=True)
    return value.detach()
