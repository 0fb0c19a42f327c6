"""Positive definite systems by Cholesky's factor: in plain torch, and compiled for CPUs in double precision."""

from typing import final

import torch
from torch import Tensor

from edgewise.kernels.runtime._compiled import addresses, compiled
from edgewise.kernels.runtime._threads import in_parts, working_memory

_EVEN = 24  # what sizes are rounded up to: whole strips and groups of rows, whatever the width of vectors
_APART = 8  # numbers between rows: at powers of two they would meet in the same few places of a cache
_BLOCK, _DEPTH, _ROWS = 96, 128, 8
_KERNELS = "edgewise.kernels.gauss_newton._cpu_cholesky"


def prepare() -> None:
    """Compile every kernel, or load it."""
    for name in ("update", "panel", "solve"):
        compiled(_KERNELS, name, "float64")


class Factor:
    """Factors positive definite matrices one after the other, and solves systems with the last.

    Here in plain torch, on any device: the reference.
    """

    def take(self, matrix: Tensor, diagonal: Tensor) -> bool:
        """Factor A; whether it is positive definite.

        A has the given diagonal, and off it the symmetric matrix of which only the lower triangle is read. Shapes:
        matrix (P, P), diagonal (P,).
        """
        whole = matrix.clone()
        whole.diagonal().copy_(diagonal)
        self.lower, info = torch.linalg.cholesky_ex(whole)
        return not info

    def solve(self, right: Tensor) -> Tensor:
        """Return X with A X = right, for the last A that was positive definite. Shapes: (P,) or (P, m).

        >>> import torch
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
        even = -(-size // _EVEN) * _EVEN
        self.size = size
        self.memory = torch.zeros(even, even + _APART, dtype=torch.float64)
        self.memory.diagonal()[size:] = 1
        self.where = [self.memory.data_ptr(), even + _APART]

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
