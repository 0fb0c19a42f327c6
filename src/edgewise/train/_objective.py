"""The mean loss that training a network minimizes, and a quadratic penalty, as functions of its flat parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from edgewise.nn import KAN, Block, GaussNewtonMatrix, Layout, Pass
from edgewise.train._data import Rows, Table
from edgewise.train._loss import Curvature, Loss, Squared
from edgewise.train.optim import GaussNewtonOperator, NormalEquations


@dataclass(frozen=True)
class Quadratic:
    """A penalty theta' Q theta whose Q has one block for each spline edge of each layer: (E, width, width)."""

    blocks: list[Tensor] = field(default_factory=list)

    def value(self, model: KAN) -> Tensor:
        """Return the value at a network's parameters, differentiable in them."""
        total = model.layers[0].coefficients.new_zeros(())
        for layer, block, q in zip(model.layers, Layout(model).blocks, self.blocks, strict=False):
            c = layer.weights()[tuple(block.spline.T)]
            total = total + torch.einsum("ef,efg,eg->", c, q, c)
        return total

    def at(self, layout: Layout, vector: Tensor) -> float:
        """Return the value at a flat vector."""
        return float(vector @ self.times(layout, vector))

    def times(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return Q times a flat vector, half the penalty's gradient there."""
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            out[block.start : block.middle] = block.flat(torch.einsum("efg,eg->ef", q, block.edges(vector)))
        return out

    def diagonal(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return the diagonal of Q, with the vector's dtype and device."""
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            out[block.start : block.middle] = block.flat(q.diagonal(dim1=1, dim2=2))
        return out

    def add_to(self, layout: Layout, hessian: Tensor) -> None:
        """Add Q to a matrix, in place."""
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            square = hessian[block.start : block.middle, block.start : block.middle]
            if block.used is not None:
                _add_each(block, q, square)
            elif len(q):
                edges, width = len(q), block.widest
                size = square.stride()
                diagonal = square.as_strided((edges, width, width), (width * sum(size), *size), square.storage_offset())
                diagonal += q


def _add_each(block: Block, q: Tensor, square: Tensor) -> None:
    """Add the blocks of edges with different numbers of entries to a square of their size, in place."""
    start, edge, place = 0, block.used // block.widest, block.used % block.widest  # type: ignore[operator]
    for e, size in enumerate(block.sizes):
        own = place[edge == e]
        square[start : start + size, start : start + size] += q[e][own][:, own]
        start += size


_ENTRIES = 4_000_000  # of the features of a chunk of rows: 32 MB
_KEPT = 32_000_000  # of the features of all chunks, kept while conjugate gradients run: 256 MB


class Objective:
    """cost(theta) = mean_n w_n loss(f(x_n; theta), y_n) + theta' Q theta, for a network of fixed shape.

    Works on the network it is given; `network(theta)` returns it with parameters set. Memory: the matrix and one chunk
    of rows. `check` is called before each chunk, and may raise to stop in the middle of a pass. Sums over rows are sums
    over the rows of all ranks: that is all that the ranks of a fit tell each other while a solver runs.
    """

    def __init__(
        self, model: KAN, table: Rows, penalty: Quadratic | None = None, loss: Loss | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.model, self.table, self.check, self.ranks = model, table, check, table.ranks
        self.layout = Layout(model)
        self.penalty, self.loss = penalty or Quadratic(), loss or Squared()
        self.start = self.layout.read(model)
        self.matrix = GaussNewtonMatrix(model, self.layout)
        self.chunk = max(64, _ENTRIES // max(1, self.layout.size))
        self._last: tuple[Tensor, _Rows, Pass] | None = None
        self._memory: Tensor | None = None  # allocating the matrix at every step would cost more than filling it

    def network(self, vector: Tensor) -> KAN:
        self._last = None
        self.layout.write(self.model, vector)
        return self.model

    def _passes(self, vector: Tensor) -> Iterator[tuple[_Rows, Pass]]:
        """Yield each chunk with its forward pass; a single one is kept, as its derivatives follow the cost."""
        if self._last is not None and self._last[0] is vector:
            self.check()
            yield self._last[1:]
            return
        model = self.network(vector)
        for part in self.table.batches(self.chunk):
            forward = Pass(model, part.x)
            rows = _Rows(self.loss, part, forward.outputs)
            self._last = (vector, rows, forward) if len(part) == len(self.table) else None
            self.check()
            yield rows, forward

    def cost(self, vector: Tensor) -> float:
        total = weight = 0.0
        with torch.no_grad():
            for rows, _ in self._passes(vector):
                total += rows.value
                weight += rows.weight
        total, weight = self.ranks.total(total, weight)
        return total / weight + self.penalty.at(self.layout, vector)

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        """Return the normal equations; the next call overwrites their matrix."""
        if self._memory is None:
            self._memory = vector.new_empty(self.layout.size, self.layout.size)
        hessian = self._memory.zero_()

        def add(forward: Pass, curvature: Curvature) -> None:
            self.matrix.add(forward, curvature, hessian)

        weight, cost, gradient = self._summed(vector, self._passes(vector), add)
        self.ranks.add_lower(hessian)
        hessian /= weight
        self.penalty.add_to(self.layout, hessian)
        return NormalEquations(cost, gradient, hessian)

    def operator(self, vector: Tensor) -> GaussNewtonOperator:
        """Return the same without the matrix: each product with it is a pass over the rows."""
        features = sum(x.n_in * block.widest for x, block in zip(self.model.layers, self.layout.blocks, strict=True))
        kept = list(self._passes(vector)) if len(self.table) * features <= _KEPT else None

        def passes() -> Iterator[tuple[_Rows, Pass]]:
            for rows, forward in kept or self._passes(vector):
                self.check()
                yield rows, forward

        diagonal = torch.zeros_like(vector)

        def add(forward: Pass, curvature: Curvature) -> None:
            diagonal.add_(forward.diagonal(self.layout, curvature))

        weight, cost, gradient = self._summed(vector, passes(), add)

        def matvec(direction: Tensor) -> Tensor:
            out = torch.zeros_like(direction)
            with torch.no_grad():
                for rows, forward in passes():
                    change = forward.push(self.layout, direction).unsqueeze(-1)
                    out += forward.pull(self.layout, rows.curvature(change).squeeze(-1))
            self.ranks.add(out)
            return out / weight + self.penalty.times(self.layout, direction)

        self.ranks.add(diagonal)
        diagonal = diagonal / weight + self.penalty.diagonal(self.layout, vector)
        return GaussNewtonOperator(cost, gradient, diagonal, matvec)

    def _summed(
        self, vector: Tensor, passes: Iterator[tuple[_Rows, Pass]], add: Callable[[Pass, Curvature], None]
    ) -> tuple[float, float, Tensor]:
        """Return the weight of all rows, the cost and half its gradient; `add` takes in each chunk's curvature."""
        gradient, total, weight = torch.zeros_like(vector), 0.0, 0.0
        with torch.no_grad():
            for rows, forward in passes:
                total += rows.value
                weight += rows.weight
                gradient += forward.pull(self.layout, rows.gradient)
                add(forward, rows.curvature)
            total, weight = self.ranks.total(total, weight, tensors=[gradient])
            penalty = self.penalty.times(self.layout, vector)
            return weight, total / weight + float(vector @ penalty), gradient / weight + penalty


class _Rows:
    """The weighted loss of a chunk of rows, half its gradient, and half its curvature."""

    def __init__(self, loss: Loss, part: Table, outputs: Tensor) -> None:
        self.loss, self.part, self.outputs = loss, part, outputs

    @property
    def weight(self) -> float:
        return float(self.part.weights.sum())

    @property
    def value(self) -> float:
        return float(self.loss.value(self.outputs, self.part.y) @ self.part.weights)

    @property
    def gradient(self) -> Tensor:
        return self.loss.gradient(self.outputs, self.part.y) * (self.part.weights[:, None] / 2)

    @cached_property
    def curvature(self) -> Curvature:
        product, halves = self.loss.curvature(self.outputs, self.part.y), self.part.weights[:, None, None] / 2
        return lambda vectors: product(vectors) * halves
