"""The sum of squares that training a network minimises, as a function of its flat parameter vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from edgewise.nn import KAN, Layout, Pass
from edgewise.optim import Normal

_ENTRIES = 4_000_000  # of a Jacobian chunk: 32 MB


@dataclass(frozen=True)
class Table:
    """Rows to fit: x (n, n_in), y (n, n_out), weights (n,) of mean one, all float64 on one device."""

    x: Tensor
    y: Tensor
    weights: Tensor

    def rows(self, index: Tensor) -> Table:
        weights = self.weights[index]
        return Table(self.x[index], self.y[index], weights / weights.mean())

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Quadratic:
    """A penalty theta' Q theta whose Q has one block for each spline edge of each layer: (E, width, width)."""

    blocks: list[Tensor] = field(default_factory=list)

    def value(self, model: KAN) -> Tensor:
        """Its value at a network's parameters, differentiable in them."""
        total = model.layers[0].coefficients.new_zeros(())  # type: ignore[union-attr,operator]
        for layer, block, q in zip(model.layers, Layout(model).blocks, self.blocks, strict=False):
            c = layer.weights()[tuple(block.spline.T)]  # type: ignore[operator]
            total = total + torch.einsum("ef,efg,eg->", c, q, c)
        return total

    def add(
        self, layout: Layout, vector: Tensor, gradient: Tensor | None = None, hessian: Tensor | None = None
    ) -> float:
        """Its value; adds half its derivatives to `gradient` and `hessian` where given."""
        total = 0.0
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            if not len(q):
                continue
            c = vector[block.start : block.middle].reshape(-1, block.width)
            slope = torch.einsum("efg,eg->ef", q, c)
            total += float((c * slope).sum())
            if gradient is not None and hessian is not None:
                gradient[block.start : block.middle] += slope.flatten()
                for e, part in enumerate(q):
                    cut = slice(block.start + e * block.width, block.start + (e + 1) * block.width)
                    hessian[cut, cut] += part
        return total


class LeastSquares:
    """cost(theta) = mean_n w_n mean_o (f_o(x_n; theta) - y_no)^2 + theta' Q theta, for a network of fixed shape.

    Owns a working copy of the network; `network(theta)` returns it with parameters set.
    """

    def __init__(self, model: KAN, table: Table, penalty: Quadratic | None = None) -> None:
        self.model, self.table = model, table
        self.layout = Layout(model)
        self.penalty = penalty or Quadratic()
        self.start = self.layout.read(model)
        rows = max(64, _ENTRIES // max(1, self.layout.size * model.n_out))
        self._last: tuple[Tensor, Pass] | None = None
        self._chunks = [slice(k, k + rows) for k in range(0, len(table), rows)]
        first = model.layers[0]
        small = len(table) * first.n_in * (first.grid + 10) <= 2 * _ENTRIES  # type: ignore[operator]
        with torch.no_grad():
            self._first = [first.basis(table.x[c]) for c in self._chunks] if small else None  # type: ignore[operator]

    def network(self, vector: Tensor) -> KAN:
        self._last = None
        self.layout.write(self.model, vector)
        return self.model

    def _passes(self, vector: Tensor) -> Iterator[tuple[slice, Pass]]:
        """The forward pass of each chunk; a single one is kept, as a Jacobian is asked for right after the cost."""
        if self._last is not None and self._last[0] is vector:
            yield self._chunks[0], self._last[1]
            return
        model = self.network(vector)
        for k, chunk in enumerate(self._chunks):
            forward = Pass(model, self.table.x[chunk], self._first[k] if self._first else None)
            self._last = (vector, forward) if len(self._chunks) == 1 else None
            yield chunk, forward

    def cost(self, vector: Tensor) -> float:
        total = 0.0
        with torch.no_grad():
            for chunk, forward in self._passes(vector):
                error = (forward.outputs - self.table.y[chunk]).square().mean(1)
                total += float(error @ self.table.weights[chunk])
        return total / len(self.table) + self.penalty.add(self.layout, vector)

    def normal(self, vector: Tensor) -> Normal:
        size, scale = self.layout.size, 1 / (len(self.table) * self.model.n_out)
        hessian, gradient = vector.new_zeros(size, size), vector.new_zeros(size)
        total = 0.0
        with torch.no_grad():
            for chunk, forward in self._passes(vector):
                root = (self.table.weights[chunk] * scale).sqrt()[:, None]
                error = ((forward.outputs - self.table.y[chunk]) * root).flatten()
                jacobian = (forward.jacobian(self.layout) * root.unsqueeze(-1)).flatten(0, 1)
                hessian.addmm_(jacobian.T, jacobian)
                gradient.addmv_(jacobian.T, error)
                total += float(error @ error)
            total += self.penalty.add(self.layout, vector, gradient, hessian)
        return Normal(total, gradient, hessian)
