"""Value, gradient and second derivatives carried through a network's layers, and what its parameters do to them."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise import functions
from edgewise.nn import KAN, Jets, KANLayer, Layout, Nodes, derivatives, edge_derivatives


class _Level:
    """One layer at points: its inputs as jets, and each edge's function and derivatives, orders 0 to 3 (n, out, in)."""

    def __init__(self, layer: KANLayer, nodes: Nodes, inputs: Jets) -> None:
        self.layer, self.nodes, self.inputs = layer, nodes, inputs
        x, gradient, bend = inputs
        self.edges = [layer.edges(x), *(edge_derivatives(layer, x, order) for order in (1, 2, 3))]
        value, first, second, _ = self.edges
        outer = gradient.unsqueeze(-1) * gradient.unsqueeze(-2)
        curved = torch.einsum("nji,nikl->njkl", second, outer) + torch.einsum("nji,nikl->njkl", first, bend)
        self.subnodes: Jets = value.sum(2), first @ gradient, curved

    def pulled(self, by: Jets) -> Jets:
        """Derivatives of a number a point by the subnodes' jets -> by the inputs'."""
        v, g, h = by
        _, gradient, bend = self.inputs
        _, first, second, third = (edge.transpose(1, 2) for edge in self.edges)  # (n, in, out)
        both = h + h.transpose(2, 3)
        by_bend = torch.einsum("nij,njkl->nikl", first, h)
        by_gradient = first @ g + torch.einsum("nij,njkl,nil->nik", second, both, gradient)
        own = torch.einsum("njkl,nik,nil->nij", h, gradient, gradient)
        by_value = (first @ v.unsqueeze(2)).squeeze(2)
        by_value = by_value + torch.einsum("nij,njk,nik->ni", second, g, gradient)
        by_value = by_value + (third * own).sum(2) + torch.einsum("nij,njkl,nikl->ni", second, h, bend)
        return by_value, by_gradient, by_bend

    def weights_of(self, by: Jets) -> tuple[Tensor, Tensor, Tensor]:
        """What a number's derivatives by the subnodes make of phi, phi' and phi'' of each edge: each (n, out, in)."""
        v, g, h = by
        _, gradient, bend = self.inputs
        slope = g @ gradient.transpose(1, 2) + torch.einsum("njkl,nikl->nji", h, bend)
        return v.unsqueeze(2).expand_as(slope), slope, torch.einsum("njkl,nik,nil->nji", h, gradient, gradient)


class JetPass:
    """A forward pass of value, gradient and second derivatives by the inputs, and its derivatives by parameters."""

    def __init__(self, model: KAN, x: Tensor) -> None:
        n, d = x.shape
        self.model = model
        jets: Jets = (x, torch.eye(d, dtype=x.dtype).expand(n, -1, -1), x.new_zeros(n, d, d, d))
        self.levels: list[_Level] = []
        for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
            self.levels.append(_Level(layer, nodes, jets))
            jets = nodes.jets(self.levels[-1].subnodes)
        self.outputs = jets

    def jacobian(self, layout: Layout, by: Jets) -> Tensor:
        """Derivatives (n, layout.size) of a number a point by the free parameters, given those by the outputs' jets."""
        out = self.outputs[0].new_zeros(len(self.outputs[0]), layout.size)
        for level, block in zip(reversed(self.levels), reversed(layout.blocks), strict=True):
            by = _pulled(level.nodes, level.subnodes, by)
            weights = level.weights_of(by)
            if len(block.spline):
                j, i = block.spline.T
                part = out[:, block.start : block.middle].unflatten(1, (len(block.spline), block.width))
                for order, weight in enumerate(weights):
                    part += weight[:, j, i, None] * level.layer.evaluate_basis(level.inputs[0], order)[:, i]
            if len(block.affine):
                out[:, block.middle : block.stop] = _affine(level.layer, level.inputs[0], block.affine, weights)
            by = level.pulled(by)
        return out


def _affine(layer: KANLayer, x: Tensor, entries: Tensor, weights: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Derivatives of w0 phi + w1 phi' + w2 phi'', phi = c f(a x + b) + d, by the listed constants: (n, A)."""
    out = x.new_zeros(len(x), len(entries))
    for column, (j, i, which) in enumerate(entries.tolist()):
        a, b, c, _ = layer.affine[j, i]
        u, (w0, w1, w2) = x[:, i], (w[:, j, i] for w in weights)
        f0, f1, f2, f3 = derivatives(functions.get(layer.symbols[j, i]).torch, a * u + b, 3)
        by = (
            c * (w0 * f1 * u + w1 * (f1 + a * u * f2) + w2 * (2 * a * f2 + a**2 * u * f3)),
            c * (w0 * f1 + w1 * a * f2 + w2 * a**2 * f3),
            w0 * f0 + w1 * a * f1 + w2 * a**2 * f2,
            w0,
        )
        out[:, column] = by[which]
    return out


def _pulled(nodes: Nodes, subnodes: Jets, by: Jets) -> Jets:
    """Derivatives by the nodes' jets -> by the subnodes'."""
    if not nodes.arities:
        return by
    with torch.enable_grad():
        value, gradient, bend = (part.detach().requires_grad_() for part in subnodes)
        found = torch.autograd.grad(nodes.jets((value, gradient, bend)), (value, gradient, bend), by)
    return found[0], found[1], found[2]
