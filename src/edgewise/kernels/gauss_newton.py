"""Second-order steps: the normal equations of spline edges, and positive definite systems by Cholesky's factor.

Both in plain torch, and compiled for CPUs in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from edgewise.kernels.compiled import addresses, compiled
from edgewise.kernels.runtime._threads import in_parts, working_memory

_BLOCK, _DEPTH, _ROWS = 96, 128, 8
_KERNELS = "edgewise.kernels._cpu_gauss_newton"


def factor_for(vector: Tensor) -> Factor:
    """Return what factors matrices of a vector's size, device and precision.

    Parameters
    ----------
    vector : (P,)
        A vector of the size, device and precision of the matrices.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import factor_for
    >>> factor = factor_for(torch.ones(3))
    >>> factor.take(torch.eye(3), torch.full((3,), 2.0)), factor.solve(torch.ones(3))
    (True, tensor([0.5000, 0.5000, 0.5000]))
    """
    if vector.device.type == "cpu" and vector.dtype == torch.float64:
        return CompiledFactor(len(vector))
    return Factor()


def prepare(degree: int | None) -> None:
    """Compile the kernels for splines of a degree, or load them."""
    for name in ("update", "panel", "solve"):
        compiled(_KERNELS, name, "float64")
    if degree is not None:
        for name in ("local", "gram"):
            _kernel(name, degree)


class Factor:
    """Factors positive definite matrices one after the other, and solves systems with the last.

    Here in plain torch, on any device: the reference.
    """

    def take(self, matrix: Tensor, diagonal: Tensor) -> bool:
        """Factor a matrix A, and return whether it is positive definite.

        Parameters
        ----------
        matrix : (P, P)
            What A is off its diagonal: symmetric, of which only the lower triangle is read.
        diagonal : (P,)
            The diagonal of A.
        """
        whole = matrix.clone()
        whole.diagonal().copy_(diagonal)
        self.lower, info = torch.linalg.cholesky_ex(whole)
        return not info

    def solve(self, right: Tensor) -> Tensor:
        """Return X with A X = right, for the last A that was positive definite: (P,) or (P, m).

        Parameters
        ----------
        right : (P,) or (P, m)
            The right-hand sides.

        Examples
        --------
        >>> import torch
        >>> from edgewise.kernels import Factor
        >>> factor = Factor()
        >>> factor.take(torch.eye(2), torch.tensor([2.0, 4.0]))
        True
        >>> factor.solve(torch.ones(2))
        tensor([0.5000, 0.2500])
        """
        if right.dim() == 2:
            return torch.cholesky_solve(right, self.lower)
        return torch.cholesky_solve(right.unsqueeze(1), self.lower).squeeze(1)


@final
class CompiledFactor(Factor):
    """Factors matrices of one size in blocks of columns, from left to right.

    They take the same place in memory: new memory would cost as much as the factor.
    """

    def __init__(self, size: int) -> None:
        strips = 24  # whole strips and groups of rows, whatever the width of vectors
        even = -(-size // strips) * strips
        wide = even + 8  # at powers of two, rows would meet in the same few places of a cache
        self.size = size
        self.memory = torch.zeros(even, wide, dtype=torch.float64)
        self.memory.diagonal()[size:] = 1
        self.where = [self.memory.data_ptr(), wide]

    def take(self, matrix: Tensor, diagonal: Tensor) -> bool:
        square = self.memory[: self.size, : self.size]
        square.copy_(matrix)
        square.diagonal().copy_(diagonal)
        update, panel = (compiled(_KERNELS, name, "float64") for name in ("update", "panel"))
        rows, failed = len(self.memory), torch.zeros(1, dtype=torch.int64)
        for first in range(0, rows, _BLOCK):
            last = min(rows, first + _BLOCK)

            def part(start: int, stop: int, first: int = first, last: int = last) -> None:
                below = [first + _ROWS * start, first + _ROWS * stop]
                update(addresses([*self.where, *_packed(), first, last, *below]))

            if first:
                in_parts(part, (rows - first) // _ROWS, (rows - first) * (last - first) * first)
            panel(addresses([*self.where, *_packed(), first, last, rows, failed.data_ptr()]))
            if failed:
                return False
        return True

    def solve(self, right: Tensor) -> Tensor:
        x = right.clone(memory_format=torch.contiguous_format)
        sizes = [self.size, x.numel() // self.size]
        compiled(_KERNELS, "solve", "float64")(addresses([*self.where, x.data_ptr(), *sizes]))
        return x


def _packed() -> list[int]:
    """Where columns lie turned over while they are used, each thread's own."""
    return working_memory(_BLOCK * _DEPTH * 8)


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
    tiled = 4 * edges.grid**2 <= rows  # with fewer, clearing the squares costs more than they save
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
