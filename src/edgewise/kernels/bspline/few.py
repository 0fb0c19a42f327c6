"""B-splines at a few rows on CPUs, where calling costs more than computing: a layer, or a whole network, as one call.

Coefficients are read as they lie, once for all rows. `quick` also leaves the checks of knots and mask to the kernel. A
chain of layers keeps all its constants in one tensor.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from struct import Struct
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.bspline._splines import Splines, degree_of, splines
from edgewise.kernels.compiled import compiled
from edgewise.kernels.dense.cpu import DTYPES
from edgewise.kernels.runtime._memo import cached_on, last_known
from edgewise.kernels.runtime._threads import in_parts, is_small, working_memory

FEW = 8
"""Rows up to which packing coefficients takes longer than to multiply zeros with them."""
_KERNELS = "edgewise.kernels.bspline._cpu_few"
BLOCK = 16
"""Inputs that a kernel evaluates together, as `_cpu_points` says."""
_PACK_LAYER = Struct("31q").pack


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
        _run(plan, (n, n_in, x.element_size()), c, points, (out.data_ptr(), len(c), start, stop), more, (0,) * 6)

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
    wide = n * BLOCK
    values, cells, dense = working_memory(plan.width * wide * size, 4 * wide, n * n_in * c.shape[2] * size)
    linear = (0, 0, 0) if more is None else (more[1].data_ptr(), more[0].data_ptr(), 1)
    numbers = (values, cells, n, dense, n, c.data_ptr())
    plan.run(_PACK_LAYER(*points, n_in, *plan.table.numbers, *numbers, *outputs, *linear, *checks))


Base = Literal["silu", "identity"] | None
_PACK_CHAIN = Struct("4q").pack


@dataclass(frozen=True)
class Link:
    """One layer: the shapes of its constants, and what its nodes make of its outputs.

    The constants are lo, inverse, unit, table and slopes of `Splines`, coefficients (n_out, n_in, K), base weights
    (n_out, n_in) and knots, one after another.

    Parameters
    ----------
    shapes
        The shape of each of the constants.
    grid
        The number of cells.
    uneven
        Whether the knots are spaced unevenly.
    base
        The name of the base function; None for none.
    n_sum
        The number of sum nodes.
    arities
        The number of factors of each product node.
    """

    shapes: tuple[tuple[int, ...], ...]
    grid: int
    uneven: bool
    base: Base
    n_sum: int
    arities: tuple[int, ...]

    @classmethod
    def of(
        cls, coefficients: Tensor, weights: Tensor, knots: Tensor, degree: int, dtype: torch.dtype, base: Base,
        nodes: tuple[int, tuple[int, ...]],
    ) -> tuple[Link, list[Tensor]]:  # fmt: skip
        """Return a layer's link and its constants.

        Parameters
        ----------
        coefficients : (n_out, n_in, K)
            The coefficients of the edges.
        weights : (n_out, n_in)
            The weights of the base function.
        knots : (n_in, K + degree + 1)
            The knots of each input.
        degree
            The degree of the splines.
        dtype
            The dtype of the constants.
        base
            The name of the base function; None for none.
        nodes
            The number of sum nodes, and the number of factors of each product node.
        """
        table = splines(knots, degree, 0, dtype)
        parts = [*table[:5], coefficients, weights, knots]
        link = cls(tuple(tuple(part.shape) for part in parts), table.grid, table.uneven, base, *nodes)
        return link, [part.detach().to(dtype) for part in parts]

    @property
    def n_out(self) -> int:
        return self.shapes[5][0]

    @property
    def n_in(self) -> int:
        return self.shapes[5][1]

    @property
    def count(self) -> int:
        return self.shapes[5][2]


@dataclass(frozen=True)
class Chain:
    """Layers that follow one another, of one degree.

    Parameters
    ----------
    links
        The layers, the first one first.
    degree
        The degree of the splines.
    """

    links: tuple[Link, ...]
    degree: int

    @cached_property
    def starts(self) -> list[int]:
        """Where each part of the constants begins, each at a multiple of 16, and the last one ends."""
        sizes = [torch.Size(shape).numel() for link in self.links for shape in link.shapes]
        return list(accumulate((-(-size // 16) * 16 for size in sizes), initial=0))

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """Return all constants as one tensor.

        Parameters
        ----------
        parts
            The constants of each layer, one after another.
        """
        out = parts[0].new_zeros(self.starts[-1])
        for part, start in zip(parts, self.starts, strict=False):
            out[start : start + part.numel()] = part.flatten()
        return out

    def parts(self, constants: Tensor) -> list[list[Tensor]]:
        """Return the constants of each layer, as views.

        Parameters
        ----------
        constants : (size,)
            The constants of all layers, as `joined` returns them.
        """
        shapes = [shape for link in self.links for shape in link.shapes]
        views = [
            constants[start : start + torch.Size(shape).numel()].view(shape)
            for start, shape in zip(self.starts, shapes, strict=False)
        ]
        return [views[8 * k : 8 * k + 8] for k in range(len(self.links))]


class ChainCall:
    """A chain and its constants, for any number of threads, for as long as the constants stay where they lie.

    Parameters
    ----------
    chain
        The shapes of the layers.
    constants : (size,)
        The constants of all layers, as `Chain.joined` returns them.
    """

    def __init__(self, chain: Chain, constants: Tensor) -> None:
        self.chain, self.size, self.first = chain, constants.element_size(), constants.data_ptr()
        self.kernel: Callable[[bytes], object] = compiled(_KERNELS, "chain", DTYPES[constants.dtype], chain.degree)
        self.links, self.n_out = len(chain.links), chain.links[-1].n_sum + len(chain.links[-1].arities)
        self.memory: dict[int, tuple[int, ...]] = {}
        self.kept: dict[tuple[int, int], tuple[int, list[ctypes.Array[ctypes.c_int64]]]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        out, sizes = x.new_empty(n, self.n_out), self.memory.get(n) or self._sizes(n)
        places = working_memory(*sizes)
        key = (places[0], n)
        known = self.kept.get(key) or self._keep(key, places)
        self.kernel(_PACK_CHAIN(self.links, known[0], x.data_ptr(), out.data_ptr()))
        return out

    def _sizes(self, n: int) -> tuple[int, ...]:
        """Bytes for n rows: values, cells, dense values, base values, subnodes, and nodes of every other layer."""
        wide, links = n * BLOCK, self.chain.links
        dense = max(link.n_in * link.count for link in links)
        most, widest = max(link.n_in for link in links), max(link.n_out for link in links)
        counts = ((self.chain.degree + 1) * wide, n * dense, n * most, n * widest, n * widest, n * widest)
        values, *others = (count * self.size for count in counts)
        self.memory[n] = (values, 4 * wide, *others)
        return self.memory[n]

    def _keep(
        self, key: tuple[int, int], places: Sequence[int]
    ) -> tuple[int, list[ctypes.Array[ctypes.c_int64]]]:  # fmt: skip
        """The arguments of all layers in this thread's memory, which no other thread has."""
        if len(self.kept) >= 64:
            self.kept.clear()
        values, cells, dense, base_values, subnodes, *nodes = places
        n, numbers, alive, x = key[1], [], [], 0
        for k, link in enumerate(self.chain.links):
            lo, inverse, unit, table, slopes, c, weights, _ = (
                self.first + start * self.size for start in self.chain.starts[8 * k : 8 * k + 8]
            )
            arities = (ctypes.c_int64 * len(link.arities))(*link.arities)
            alive.append(arities)
            after, products = nodes[k % 2], bool(link.arities)
            base = {None: (0, 0, 0), "identity": (weights, x, 3), "silu": (weights, base_values, 2)}[link.base]
            numbers += [x, 0, 0, link.n_in, lo, inverse, unit, table, slopes, link.grid, 0, link.uneven]
            numbers += [values, cells, n, dense, n, c, subnodes if products else after, link.n_out, 0, link.n_out]
            numbers += [*base, after if products else 0, link.n_sum, len(link.arities), ctypes.addressof(arities)]
            x = after
        assert len(numbers) == 29 * len(self.chain.links)  # what the kernel reads of a layer
        alive.append((ctypes.c_int64 * len(numbers))(*numbers))
        self.kept[key] = (ctypes.addressof(alive[-1]), alive)
        return self.kept[key]
