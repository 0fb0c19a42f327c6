"""Normal equations of spline edges from the few functions that each row touches, on one core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise.kernels.runtime._compiled import addresses, compiled

_ROWS_PER_TILE = 4  # below, clearing the squares costs more than they save
_KERNELS = "edgewise.kernels.gauss_newton._cpu_gram"


def prepare(degree: int) -> None:
    """Compile every kernel, or load it."""
    for name in ("local", "gram"):
        _kernel(name, degree)


@dataclass(frozen=True)
class Edges:
    """Spline edges in the order of their columns, as rows (subnode, input, first column, column of the base function or
    -1), the most cells that an input has, and the cells of each edge's (edges,), all as many where left out."""

    table: Tensor
    grid: int
    cells: Tensor | None = None

    def rows(self) -> Tensor:
        """The table as the kernel reads it, with the cells in the last column."""
        cells = torch.full((len(self.table),), self.grid) if self.cells is None else self.cells
        return torch.cat([self.table, cells.to(self.table).unsqueeze(1)], 1)


@dataclass(frozen=True)
class Local:
    """Of each input and row the cell, (inputs, n), and the values that live there, (inputs, n, stride)."""

    cells: Tensor
    values: Tensor

    @classmethod
    def of(cls, inputs: list[Tensor], knots: list[Tensor], degree: int) -> Local:
        """For layers of inputs (n, n_in) and knots (n_in, K + degree + 1)."""
        rows, total = len(inputs[0]), sum(x.shape[1] for x in inputs)
        cells = torch.empty(total, rows, dtype=torch.int32)
        values = torch.zeros(total, rows, stride_of(degree), dtype=torch.float64)
        call = _kernel("local", degree)
        first = 0
        for x, t in zip(inputs, knots, strict=True):
            x, t = x.contiguous(), t.contiguous()
            count = t.shape[1] - degree - 1
            call(addresses([*_places(x, t, values, cells), rows, first, x.shape[1], count]))
            first += x.shape[1]
        return cls(cells, values)


def add_splines(
    edges: Edges, local: Local, base: Tensor | None, left: Tensor, right: Tensor, degree: int, hessian: Tensor
) -> None:  # fmt: skip
    """Add sum_n (sum_o left[a, o, n] right[b, o, n]) phi_a(x_n) phi_b(x_n)' to the lower triangle of `hessian`.

    a and b run over the edges' subnodes; phi are the functions of an edge: splines, and the base function where
    `base` (inputs, n) is given. Shapes: left and right (subnodes, n_out, n), hessian (P, P), all contiguous.
    """
    rows = local.cells.shape[1]
    tiled = _ROWS_PER_TILE * edges.grid**2 <= rows
    stride = stride_of(degree)
    sizes = (rows, edges.grid**2 * (degree + 1) * stride if tiled else 0, edges.grid + degree + stride)
    work = [torch.zeros(size, dtype=torch.float64) for size in sizes]
    extra = work[0] if base is None else base
    table = edges.rows()
    arguments = [table.data_ptr(), len(table), rows]
    arguments += _places(local.cells, local.values, extra, left, right)
    arguments += [left.shape[1], hessian.data_ptr(), len(hessian), *_places(*work), tiled, base is not None]
    _kernel("gram", degree)(addresses(arguments))


def stride_of(degree: int) -> int:
    """Return how many numbers are kept for each input and row: degree + 1 values, then zeros to whole vectors."""
    return 8 if degree < 8 else 16


def _kernel(name: str, degree: int) -> Callable[[Any], object]:
    return compiled(_KERNELS, name, "float64", degree, stride_of(degree))


def _places(*tensors: Tensor) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]
