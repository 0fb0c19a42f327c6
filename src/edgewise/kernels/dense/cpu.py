"""CPU kernels of families whose functions all live on the whole range."""

from importlib.util import find_spec

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Backend, Family
from edgewise.kernels.runtime._compiled import addresses, compiled
from edgewise.kernels.runtime._memo import cached_on
from edgewise.kernels.runtime._threads import in_parts

DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_WORK = 6  # multiplications of one value, roughly


class NumbaBackend(Backend):
    """A backend of kernels that Numba compiles."""

    name = "numba"

    def unavailable(self, dtype: torch.dtype) -> str | None:
        if not dtype.is_floating_point:
            return f"no numba kernels for {dtype}"
        return None if find_spec("numba") else "numba is not installed"


class DenseCPU(NumbaBackend):
    """Two kernels, the functions at points and their products with weights; the module `source` has them."""

    def __init__(self, source: str) -> None:
        self.source = source

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        for name in ("evaluate", "reduce"):
            compiled(self.source, name, DTYPES[dtype])

    def evaluate(
        self, family: Family, x: Tensor, knots: Tensor, count: int, order: int, v: Tensor | None = None
    ) -> Tensor:
        out = x.new_empty(*x.shape, count)
        self._run("evaluate", x, v, knots, order, count, [out])
        return out

    def reduce(self, family: Family, x: Tensor, weights: Tensor, knots: Tensor, order: int) -> Tensor:
        weights, out = weights.contiguous(), torch.empty_like(x)
        self._run("reduce", x, None, knots, order, weights.shape[-1], [weights, out])
        return out

    def _run(
        self, name: str, x: Tensor, v: Tensor | None, knots: Tensor, order: int, count: int, data: list[Tensor]
    ) -> None:
        kernel = compiled(self.source, name, DTYPES[x.dtype])
        ends = cached_on(knots, ("ends", x.dtype), lambda p: _ends(p.detach().T.to(x.dtype, copy=True)))
        head = [x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, x.shape[1]]
        head += [ends[0].data_ptr(), ends[1].data_ptr(), order, count]
        tail = [part.data_ptr() for part in data]

        def part(start: int, stop: int) -> None:
            scratch = x.new_empty(2 * count)  # of this thread's own
            kernel(addresses([*head, scratch.data_ptr(), *tail, start, stop]))

        in_parts(part, len(x), x.numel() * count * _WORK)


def _ends(ends: Tensor) -> Tensor:
    """The lower ends of the ranges and the upper ones, (2, n_in), checked once for the knots as they are."""
    width = ends[1] - ends[0]
    if not bool(((width > 0) & (width < torch.inf)).all()):
        raise InputError("The knots of a layer must be finite, and ascend.")
    return ends.contiguous()
