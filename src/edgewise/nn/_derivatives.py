"""Derivatives of every edge's function by its own input."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from edgewise.formulas import functions
from edgewise.nn._layer import KANLayer
from edgewise.nn.bases import base_function


def edge_derivatives(layer: KANLayer, h: Tensor, order: int) -> Tensor:
    """Return the derivative of some order >= 1 of every edge, phi_ji^(order)(h_i): (n, n_out, n_in), zero where masked.

    Beyond the knots a spline is its tangent, so that the second derivative is zero there.

    >>> layer = KANLayer(2, 1)
    >>> edge_derivatives(layer, torch.zeros(5, 2), 1).shape
    torch.Size([5, 1, 2])
    """
    weights, count = layer.weights().detach(), layer.coefficients.shape[-1]
    basis = layer.basis.evaluate(h, layer.knots, count, order)
    out = torch.einsum("nif,jif->nji", basis, weights[..., :count])
    if layer.base is not None:
        own = derivatives(base_function(layer.base)[0], h, order)[-1]
        out += own.unsqueeze(1) * weights[..., count]
    for j, i, values in symbolic_derivatives(layer, h, order):
        out[:, j, i] = values
    return out


def symbolic_derivatives(layer: KANLayer, h: Tensor, order: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For each function name, the active edges' j and i, and their derivatives, or values for order 0: (n, edges)."""
    for name, edges in layer.active_symbols().items():
        j, i = torch.tensor(edges, device=h.device).T
        a, b, c, d = layer.affine.detach()[j, i].unbind(-1)
        values = c * a**order * derivatives(functions.get(name).torch, a * h[:, i] + b, order)[-1]
        yield j, i, values if order else values + d


def derivatives(function: Callable[[Tensor], Tensor], z: Tensor, order: int, attached: bool = False) -> list[Tensor]:
    """Return a function of one variable and its derivatives up to some order, at every entry of z.

    With `attached` they can be differentiated by what z was made of.

    >>> [float(part) for part in derivatives(torch.exp, torch.zeros(()), 2)]
    [1.0, 1.0, 1.0]
    """
    attached = attached and z.requires_grad
    with torch.enable_grad():
        z = z if attached else z.detach().requires_grad_()
        found = [function(z)]
        for k in range(order):
            if not found[-1].requires_grad:  # a constant, such as the slope of a line
                found.append(torch.zeros_like(z))
                continue
            graph = attached or k + 1 < order
            ones = torch.ones_like(found[-1])
            (slope,) = torch.autograd.grad(found[-1], z, ones, create_graph=graph, materialize_grads=True)
            found.append(slope.conj() if z.is_complex() else slope)  # torch gives the conjugate of f'
    return found if attached else [part.detach() for part in found]
