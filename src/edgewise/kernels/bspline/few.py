"""B-spline layers at a few rows on CPUs, where calling costs more than computing.

Coefficients are read as they lie, once for all rows. `quick` also leaves the checks of knots and mask to the kernel.
"""

import ctypes
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.bspline._table import Splines, degree_of, splines
from edgewise.kernels.dense.cpu import DTYPES
from edgewise.kernels.runtime._compiled import compiled
from edgewise.kernels.runtime._memo import cached_on, last_known
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


class _Plan(NamedTuple):
    """What a call needs to know of knots: the kernel, functions on a cell, and the tables."""

    run: Callable[[bytes], object]
    width: int
    table: Splines


def contract(
    family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int,
    more: tuple[Tensor, Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Return the contraction, plus values times weights, transposed. Threads share out the outputs."""
    (n, n_in), degree, dtype = x.shape, degree_of(family), x.dtype
    out = x.new_empty(n, len(c))
    kernel, table = compiled(_KERNELS, "few", DTYPES[dtype], degree), splines(knots, degree, order, dtype)
    plan = _Plan(kernel, degree + 1, table)
    if order == 0:
        cached_on(knots, ("few", degree, dtype), lambda _: plan)
    points = (x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None)

    def part(start: int, stop: int) -> None:
        _run(plan, (n, n_in, x.element_size()), c, points, (out.data_ptr(), len(c), start, stop), more, _UNCHECKED)

    in_parts(part, len(c), n * c.numel())
    return out


def quick(
    family: Family, x: Tensor, c: Tensor, knots: Tensor, mask: Tensor, more: tuple[Tensor, Tensor] | None
) -> Tensor | None:  # fmt: skip
    """Return the same for the knots last seen, on one thread; None if they or the mask have changed, or work is much.

    All tensors are contiguous, of one dtype and on the CPU.
    """
    known = last_known(knots, ("few", family.degree, x.dtype))
    (n, n_in), n_out = x.shape, c.shape[0]
    if known is None or not is_small(n * c.numel()):
        return None
    (values, plan), changed, out = known, ctypes.c_int64(), x.new_empty(n, n_out)
    checks = (
        knots.data_ptr(), values.data_ptr(), values.numel(), mask.data_ptr(), n_in * n_out, ctypes.addressof(changed)
    )  # fmt: skip
    _run(
        plan, (n, n_in, x.element_size()), c, (x.data_ptr(), 0, False), (out.data_ptr(), n_out, 0, n_out), more, checks
    )
    return None if changed.value else out


def _run(
    plan: _Plan, shape: tuple[int, int, int], c: Tensor, points: tuple[int, int, bool],
    outputs: tuple[int, int, int, int], more: tuple[Tensor, Tensor] | None, checks: tuple[int, ...],
) -> None:  # fmt: skip
    n, n_in, size = shape
    wide = n * _BLOCK
    values, cells, dense = working_memory(plan.width * wide * size, 4 * wide, n * n_in * c.shape[2] * size)
    linear = (0, 0, 0) if more is None else (more[1].data_ptr(), more[0].data_ptr(), 1)
    numbers = (values, cells, n, dense, n, c.data_ptr())
    plan.run(_PACK(*points, n_in, *plan.table.numbers, *numbers, *outputs, *linear, *checks))
