"""How CPU kernels of bases whose functions live on the whole range are called."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.kernels._compiled import addresses, compiled
from edgewise.kernels._memo import remembered
from edgewise.kernels._threads import in_parts

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_WORK = 6  # multiplications of one value, roughly


class Whole:
    """The two kernels of a family: its functions at points, and their products with slopes.

    `source` is the module that builds them, `count` the number of functions of a size.
    """

    def __init__(self, source: str, count: Callable[[int], int]) -> None:
        self.source, self.count = source, count

    def prepare(self, size: int, dtype: torch.dtype) -> None:
        """Compile the kernels, or load them; they serve every size."""
        for name in ("expand", "reduce"):
            compiled(self.source, name, _DTYPES[dtype], 0)

    def expand(self, x: Tensor, points: Tensor, size: int, order: int, v: Tensor | None = None) -> Tensor:
        """All functions at all points, each times its point's weight: (N, n_in, K)."""
        out = x.new_empty(*x.shape, self.count(size))
        self._run("expand", x, v, points, (size, order), [out])
        return out

    def reduce(self, x: Tensor, slopes: Tensor, points: Tensor, size: int, order: int) -> Tensor:
        """Sums over functions of their values times slopes (N, n_in, K): (N, n_in)."""
        slopes, out = slopes.contiguous(), torch.empty_like(x)
        self._run("reduce", x, None, points, (size, order), [slopes, out])
        return out

    def _run(
        self, name: str, x: Tensor, v: Tensor | None, points: Tensor, shape: tuple[int, int], data: list[Tensor]
    ) -> None:
        kernel, count = compiled(self.source, name, _DTYPES[x.dtype], 0), self.count(shape[0])
        ends = remembered(points, ("ends", x.dtype), lambda p: p.detach().T.to(x.dtype, copy=True).contiguous())
        head = [x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, x.shape[1]]
        head += [ends[0].data_ptr(), ends[1].data_ptr(), *shape, count]
        tail = [part.data_ptr() for part in data]

        def part(start: int, stop: int) -> None:
            scratch = x.new_empty(2 * count)  # of this thread's own
            arguments = [*head, scratch.data_ptr(), *tail, start, stop]
            kernel(addresses(arguments))

        in_parts(part, len(x), x.numel() * count * _WORK)
