"""A penalty that is a quadratic form of each spline edge's coefficients."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from edgewise.nn import KAN, Layout


@dataclass(frozen=True)
class Quadratic:
    """A penalty theta' Q theta whose Q has one block for each spline edge of each layer: (E, width, width)."""

    blocks: list[Tensor] = field(default_factory=list)

    def value(self, model: KAN) -> Tensor:
        """Return the value at a network's parameters, differentiable in them."""
        total = model.layers[0].coefficients.new_zeros(())  # type: ignore[union-attr,operator]
        for layer, block, q in zip(model.layers, Layout(model).blocks, self.blocks, strict=False):
            c = layer.weights()[tuple(block.spline.T)]  # type: ignore[operator]
            total = total + torch.einsum("ef,efg,eg->", c, q, c)
        return total

    def at(self, layout: Layout, vector: Tensor) -> float:
        """Return the value at a flat vector."""
        return float(vector @ self.times(layout, vector))

    def times(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return Q times a flat vector, half the penalty's gradient there."""
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            c = vector[block.start : block.middle].reshape(-1, block.width)
            out[block.start : block.middle] = torch.einsum("efg,eg->ef", q, c).flatten()
        return out

    def diagonal(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return the diagonal of Q, with the vector's dtype and device."""
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            out[block.start : block.middle] = q.diagonal(dim1=1, dim2=2).flatten()
        return out

    def add_to(self, layout: Layout, hessian: Tensor) -> None:
        """Add Q to a matrix, in place."""
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            if len(q):
                edges, width = len(q), block.width
                square = hessian[block.start : block.middle, block.start : block.middle]
                size = square.stride()
                diagonal = square.as_strided((edges, width, width), (width * sum(size), *size), square.storage_offset())
                diagonal += q
