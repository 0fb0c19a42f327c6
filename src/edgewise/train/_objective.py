"""The mean loss that training a network minimises, as a function of its flat parameter vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from edgewise.nn import KAN, Gram, Layout, Pass
from edgewise.optim import Linear, Normal
from edgewise.train._loss import Bend, Loss, Squared
from edgewise.train._quadratic import Quadratic
from edgewise.train._rows import Rows
from edgewise.train._table import Table

_ENTRIES = 4_000_000  # of the features of a chunk of rows: 32 MB
_KEPT = 32_000_000  # of the features of all chunks, kept while a linear system is solved: 256 MB


class Objective:
    """cost(theta) = mean_n w_n loss(f(x_n; theta), y_n) + theta' Q theta, for a network of fixed shape.

    Owns a working copy of the network; `network(theta)` returns it with parameters set. Memory: the matrix and one
    chunk of rows. `check` is called before each chunk, and may raise to leave off amid the rows.
    """

    def __init__(
        self, model: KAN, table: Rows, penalty: Quadratic | None = None, loss: Loss | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.model, self.table, self.check = model, table, check
        self.layout = Layout(model)
        self.penalty, self.loss = penalty or Quadratic(), loss or Squared()
        self.start = self.layout.read(model)
        self.gram = Gram(model, self.layout)
        self.chunk = max(64, _ENTRIES // max(1, self.layout.size))
        self._last: tuple[Tensor, Table, Pass] | None = None
        self._matrix: Tensor | None = None  # new memory at every step would cost more than what fills it

    def network(self, vector: Tensor) -> KAN:
        self._last = None
        self.layout.write(self.model, vector)
        return self.model

    def _passes(self, vector: Tensor) -> Iterator[tuple[Table, Pass]]:
        """The forward pass of each chunk."""
        for part, forward in self._made(vector):
            self.check()
            yield part, forward

    def _lossy(self, vector: Tensor) -> Iterator[tuple[_Losses, Pass]]:
        for part, forward in self._passes(vector):
            yield _Losses(self.loss, part, forward), forward

    def _made(self, vector: Tensor) -> Iterator[tuple[Table, Pass]]:
        """A single one is remembered, as its derivatives are asked for after the cost."""
        if self._last is not None and self._last[0] is vector:
            yield self._last[1:]
            return
        model = self.network(vector)
        for part in self.table.batches(self.chunk):
            forward = Pass(model, part.x)
            self._last = (vector, part, forward) if len(part) == len(self.table) else None
            yield part, forward

    def cost(self, vector: Tensor) -> float:
        total = weight = 0.0
        with torch.no_grad():
            for part, forward in self._passes(vector):
                total += float(self.loss.value(forward.outputs, part.y) @ part.weights)
                weight += float(part.weights.sum())
        return total / weight + self.penalty.at(self.layout, vector)

    def normal(self, vector: Tensor) -> Normal:
        """The normal equations; their matrix lies where the last call's was."""
        if self._matrix is None:
            self._matrix = vector.new_empty(self.layout.size, self.layout.size)
        hessian, gradient = self._matrix.zero_(), torch.zeros_like(vector)
        total = weight = 0.0
        with torch.no_grad():
            for part, forward in self._passes(vector):
                rows = _Losses(self.loss, part, forward)
                total += rows.value
                weight += float(part.weights.sum())
                gradient += forward.pull(self.layout, rows.slope)
                self.gram.add(forward, rows.bend, hessian)
            hessian /= weight
            slope = self.penalty.times(self.layout, vector)
            self.penalty.add_to(self.layout, hessian)
            cost = total / weight + float(vector @ slope)
        return Normal(cost, gradient / weight + slope, hessian)

    def linear(self, vector: Tensor) -> Linear:
        """The same without the matrix: its diagonal, and its product with any vector, by passes over the rows."""
        kept = list(self._lossy(vector)) if len(self.table) * self._width() <= _KEPT else None

        def passes() -> Iterator[tuple[_Losses, Pass]]:
            for rows, forward in kept or self._lossy(vector):
                self.check()
                yield rows, forward

        gradient, diagonal = torch.zeros_like(vector), torch.zeros_like(vector)
        total = weight = 0.0
        with torch.no_grad():
            for rows, forward in passes():
                total += rows.value
                weight += float(rows.part.weights.sum())
                gradient += forward.pull(self.layout, rows.slope)
                diagonal += forward.diagonal(self.layout, rows.bend)
            slope = self.penalty.times(self.layout, vector)

        def times(direction: Tensor) -> Tensor:
            out = torch.zeros_like(direction)
            with torch.no_grad():
                for rows, forward in passes():
                    change = forward.push(self.layout, direction).unsqueeze(-1)
                    out += forward.pull(self.layout, rows.bend(change).squeeze(-1))
            return out / weight + self.penalty.times(self.layout, direction)

        cost = total / weight + float(vector @ slope)
        diagonal = diagonal / weight + self.penalty.diagonal(self.layout, vector)
        return Linear(cost, gradient / weight + slope, diagonal, times)

    def _width(self) -> int:
        """Numbers that a pass keeps for each row."""
        layers = self.model.layers
        return sum(layer.n_in * block.width for layer, block in zip(layers, self.layout.blocks, strict=True))  # type: ignore[operator,misc]


class _Losses:
    """The weighted loss of the rows of one pass."""

    def __init__(self, loss: Loss, part: Table, forward: Pass) -> None:
        self.loss, self.part, self.outputs = loss, part, forward.outputs

    @property
    def value(self) -> float:
        return float(self.loss.value(self.outputs, self.part.y) @ self.part.weights)

    @property
    def slope(self) -> Tensor:
        return self.loss.slope(self.outputs, self.part.y) * self.part.weights[:, None]

    @cached_property
    def bend(self) -> Bend:
        half, weights = self.loss.bend(self.outputs, self.part.y), self.part.weights[:, None, None]
        return lambda vectors: half(vectors) * weights
