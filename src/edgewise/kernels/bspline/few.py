"""B-spline layers at a few rows on CPUs, where calling costs more than computing.

Coefficients are read as they lie, once for all rows. `quick` also leaves the checks of knots and mask to the kernel.
"""

import ctypes
from struct import Struct

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.bspline._table import Splines, degree_of, splines
from edgewise.kernels.dense.cpu import DTYPES
from edgewise.kernels.runtime._compiled import compiled
from edgewise.kernels.runtime._memo import last_known
from edgewise.kernels.runtime._threads import in_parts, is_small, working_memory

FEW = 8
"""Rows up to which packing coefficients takes longer than to multiply zeros with them."""
_KERNELS = "edgewise.kernels.bspline._cpu_few"
_BLOCK = 16  # inputs that the kernel evaluates together
_PACK = Struct("31q").pack
_UNCHECKED = (0, 0, 0, 0, 0, 0)


def prepare(family: Family, dtype: torch.dtype) -> None:
    """Compile the kernel, or load it."""
    compiled(_KERNELS, "few", DTYPES[dtype], degree_of(family))


def contract(
    family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int,
    more: tuple[Tensor, Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Return the contraction, plus values times weights, transposed. Threads share out the outputs."""
    table, out = splines(knots, degree_of(family), order, x.dtype), x.new_empty(len(x), len(c))

    def part(start: int, stop: int) -> None:
        _run(family, x, c, v, table, out, more, (start, stop), _UNCHECKED)

    in_parts(part, len(c), len(x) * c.numel())
    return out


def quick(
    family: Family, x: Tensor, c: Tensor, knots: Tensor, mask: Tensor, more: tuple[Tensor, Tensor] | None
) -> Tensor | None:  # fmt: skip
    """Return the same for the knots last seen, on one thread; None if they or the mask have changed, or work is much.

    All tensors are contiguous, of one dtype and on the CPU.
    """
    known = last_known(knots, (family.degree, 0, x.dtype))
    if known is None or not is_small(len(x) * c.numel()):
        return None
    (values, table), changed = known, ctypes.c_int64()
    out = x.new_empty(len(x), len(c))
    sizes = knots.data_ptr(), values.data_ptr(), knots.numel(), mask.data_ptr(), mask.numel()
    _run(family, x, c, None, table, out, more, (0, len(c)), (*sizes, ctypes.addressof(changed)))
    return None if changed.value else out


def _run(
    family: Family, x: Tensor, c: Tensor, v: Tensor | None, table: Splines, out: Tensor,
    more: tuple[Tensor, Tensor] | None, outputs: tuple[int, int], checks: tuple[int, int, int, int, int, int],
) -> None:  # fmt: skip
    (n, n_in), degree, size = x.shape, family.degree, x.element_size()
    n_out, _, count = c.shape
    kernel = compiled(_KERNELS, "few", DTYPES[x.dtype], degree)
    wide = n * _BLOCK
    values, cells, dense = working_memory((degree + 1) * wide * size, 4 * wide, n * n_in * count * size)
    weight, others, linear = (0, 0, 0) if more is None else (more[1].data_ptr(), more[0].data_ptr(), 1)
    kernel(
        _PACK(
            x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, n_in, *table.numbers, values, cells, n,
            dense, n, c.data_ptr(), out.data_ptr(), n_out, *outputs, weight, others, linear, *checks,
        )
    )  # fmt: skip
