"""CPU kernels of families whose functions all live on the whole range."""

from importlib.util import find_spec

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Backend, Family
from edgewise.kernels.compiled import addresses, compiled
from edgewise.kernels.runtime._memo import cached_on
from edgewise.kernels.runtime._threads import in_parts, scratch

DTYPES = {torch.float32: "float32", torch.float64: "float64"}
WIDEST = 64  # bytes of a vector: what packed data is rounded up to
_KERNELS = "edgewise.kernels.dense._cpu_families"


class NumbaBackend(Backend):
    """A backend of kernels that Numba compiles."""

    name = "numba"

    def unavailable(self, dtype: torch.dtype) -> str | None:
        if not dtype.is_floating_point:
            return f"no numba kernels for {dtype}"
        return None if find_spec("numba") else "numba is not installed"


class DenseCPU(NumbaBackend):
    """Two kernels of the functions of a name: their values at points, and products of these with weights."""

    def __init__(self, functions: str) -> None:
        self.functions = functions

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        for name in ("evaluate", "reduce"):
            compiled(_KERNELS, f"{self.functions}_{name}", DTYPES[dtype])

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
        kernel = compiled(_KERNELS, f"{self.functions}_{name}", DTYPES[x.dtype])
        ends = _ends(knots, x.dtype)
        head = [x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, x.shape[1]]
        head += [ends[0].data_ptr(), ends[1].data_ptr(), order, count]
        tail = [part.data_ptr() for part in data]

        def part(start: int, stop: int) -> None:
            scratch = x.new_empty(2 * count)  # of this thread's own
            kernel(addresses([*head, scratch.data_ptr(), *tail, start, stop]))

        in_parts(part, len(x), 6 * x.numel() * count)  # multiplications of a value, roughly


class LanesCPU(DenseCPU):
    """Kernels that take whole vectors of inputs; derivatives of second order and more take those of one point.

    Values lie as (rows, K, n_in), and coefficients
    are transposed for the products. Gradients are those of the operators above, so products may be written in place.
    """

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        super().prepare(family, dtype)
        for name in ("values", "sums"):
            for order in (0, 1):
                compiled(_KERNELS, f"{self.functions}_{name}", DTYPES[dtype], order)

    @torch.no_grad()
    def contract(self, family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int) -> Tensor:
        if order > 1:
            return super().contract(family, x, c, v, knots, order)
        matrix, out = _transposed(c).T, x.new_empty(x.shape[0], c.shape[0])
        for rows in self._chunks(x, c.shape[2]):
            values = self._values(x[rows], knots, c.shape[2], order, None if v is None else v[rows])
            torch.mm(values.flatten(1), matrix, out=out[rows])
        return out

    @torch.no_grad()
    def vjp_inputs(self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int) -> Tensor:
        if order > 1:
            return super().vjp_inputs(family, x, c, g, knots, order)
        matrix, out, count = _transposed(c), torch.empty_like(x), c.shape[2]
        for rows in self._chunks(x, count):
            weights = torch.mm(g[rows], matrix, out=scratch(x, len(x[rows]), matrix.shape[1]))
            self._vectors("sums", x[rows], knots, count, order, [out[rows], weights])
        return out

    @torch.no_grad()
    def vjp_coefficients(
        self, family: Family, x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, count: int, order: int
    ) -> Tensor:
        if order > 1:
            return super().vjp_coefficients(family, x, g, v, knots, count, order)
        total = g.new_zeros(g.shape[1], count * x.shape[1])
        for rows in self._chunks(x, count):
            values = self._values(x[rows], knots, count, order, None if v is None else v[rows])
            total.addmm_(g[rows].T, values.flatten(1))
        return total.unflatten(1, (count, x.shape[1])).transpose(1, 2).contiguous()

    def _values(self, x: Tensor, knots: Tensor, count: int, order: int, v: Tensor | None) -> Tensor:
        """All functions of all inputs, (N, K, n_in), in this thread's memory: until it asks again."""
        out = scratch(x, len(x), count, x.shape[1])
        self._vectors("values", x, knots, count, order, [out])
        return out if v is None else out.mul_(v.unsqueeze(1))

    def _vectors(self, name: str, x: Tensor, knots: Tensor, count: int, order: int, data: list[Tensor]) -> None:
        kernel, ends = compiled(_KERNELS, f"{self.functions}_{name}", DTYPES[x.dtype], order), _ends(knots, x.dtype)
        head = [x.data_ptr(), x.shape[1], ends[0].data_ptr(), ends[1].data_ptr(), count, data[0].data_ptr()]
        tail = [part.data_ptr() for part in data[1:]]

        def part(start: int, stop: int) -> None:
            kernel(addresses([*head, start, stop, *tail]))

        in_parts(part, len(x), x.numel() * count)


def _ends(knots: Tensor, dtype: torch.dtype) -> Tensor:
    """The lower ends of the ranges and the upper ones, (2, n_in), checked once for the knots as they are."""
    return cached_on(knots, ("ends", dtype), lambda p: _ascending(p.detach().T.to(dtype, copy=True)))


def _ascending(ends: Tensor) -> Tensor:
    width = ends[1] - ends[0]
    if not bool(((width > 0) & (width < torch.inf)).all()):
        raise InputError("The knots of a layer must be finite, and ascend.")
    return ends.contiguous()


def _transposed(c: Tensor) -> Tensor:
    """Coefficients (n_out, K n_in), as values lie."""
    return c.transpose(1, 2).reshape(len(c), -1)
