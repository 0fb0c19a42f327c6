"""The B-spline kernels on CPUs: machine code from `_cpu_sparse`, called on addresses."""

import ctypes

import torch
from torch import Tensor

from edgewise.kernels._backend import Family
from edgewise.kernels.bspline import few
from edgewise.kernels.bspline._splines import Splines, degree_of, splines
from edgewise.kernels.bspline.few import BLOCK, FEW
from edgewise.kernels.compiled import addresses, compiled
from edgewise.kernels.dense.cpu import DTYPES, WIDEST, NumbaBackend
from edgewise.kernels.runtime._threads import in_parts, working_memory

_KERNELS = "edgewise.kernels.bspline._cpu_sparse"


class SparseCPU(NumbaBackend):
    """Only the degree + 1 functions that live on a point's cell take part in sums, whatever the grid.

    A dense route, as other families have, was slower at every grid of three cells and more: see `routes.csv`.
    """

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        for name in ("evaluate", "reduce", "contract", "vjp_inputs", "vjp_coefficients", "vjps"):
            compiled(_KERNELS, name, DTYPES[dtype], degree_of(family))
        few.prepare(family, dtype)
        compiled(_KERNELS, "pack", DTYPES[dtype], 0)

    def evaluate(
        self, family: Family, x: Tensor, knots: Tensor, count: int, order: int, v: Tensor | None = None
    ) -> Tensor:
        n, n_in = x.shape
        out = x.new_empty(n, n_in, count)
        run = _Call("evaluate", family, x, v, knots, order)
        run.over_rows(n, n * n_in * 8, [out])
        return out

    def reduce(self, family: Family, x: Tensor, weights: Tensor, knots: Tensor, order: int) -> Tensor:
        out = torch.empty_like(x)
        run = _Call("reduce", family, x, None, knots, order)
        run.over_rows(len(x), weights.numel(), [weights.contiguous(), out])
        return out

    def contract(self, family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int) -> Tensor:
        n, n_in, n_out = *x.shape, c.shape[0]
        if n <= FEW:
            return few.contract(family, x, c, v, knots, order)
        out = x.new_empty(n, n_out)
        run = _Call("contract", family, x, v, knots, order)
        for first, last in _passes(c):
            data = [_pack(_part(c, first, last)), _address(out, first)]
            run.over_rows(n, _work(n, n_in, last - first, family), data, last - first, n_out)
        return out

    def affine(
        self, family: Family, x: Tensor, c: Tensor, knots: Tensor, order: int, more: tuple[Tensor, Tensor]
    ) -> Tensor:
        if len(x) <= FEW and more[0].shape == x.shape:
            return few.contract(family, x, c, None, knots, order, more)
        return super().affine(family, x, c, knots, order, more)

    def vjp_inputs(self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int) -> Tensor:
        n, n_in, n_out = *x.shape, c.shape[0]
        out = torch.empty_like(x)
        run = _Call("vjp_inputs", family, x, None, knots, order)
        for first, last in _passes(c):
            data = [_pack(_part(c, first, last)), _address(g, first), out]
            run.over_rows(n, _work(n, n_in, last - first, family), data, last - first, n_out, int(first == 0))
        return out

    def vjp_coefficients(
        self, family: Family, x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, count: int, order: int
    ) -> Tensor:
        """Threads share out the inputs."""
        n, n_in, n_out = *x.shape, g.shape[1]
        out = x.new_empty(n_out, n_in, count)
        run = _Call("vjp_coefficients", family, x, v, knots, order)
        for first, last in _passes(out):
            part_of, cotangents, wide = _part(out, first, last), _address(g, first), last - first
            packed = _packed(part_of)

            def part(a: int, b: int, packed: Tensor = packed, g: int = cotangents, wide: int = wide) -> None:
                run(n, g, packed, a * BLOCK, min(n_in, b * BLOCK), n, wide, n_out)

            in_parts(part, -(-n_in // BLOCK), _work(n, n_in, wide, family))
            _transpose(part_of, packed, back=True)
        return out

    def vjps(
        self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int
    ) -> tuple[Tensor, Tensor] | None:
        """None where the layer is too large to gain from it."""
        n, n_in, n_out = *x.shape, c.shape[0]
        small = 4_000_000  # multiplications
        if n_in > BLOCK or n_out * x.element_size() > WIDEST or _work(n, n_in, n_out, family) > small:
            return None
        out, back, packed, sums = torch.empty_like(x), torch.empty_like(c), _pack(c), _packed(c)
        run = _Call("vjps", family, x, None, knots, order)
        run.with_slopes(splines(knots, degree_of(family), order + 1, x.dtype), n, packed, out, sums, g)
        _transpose(back, sums, back=True)
        return out, back


def _passes(c: Tensor) -> list[tuple[int, int]]:
    """Ranges of outputs whose coefficients, packed, stay in a cache."""
    most = 8_000_000  # bytes
    if c.nbytes <= most:
        return [(0, c.shape[0])]
    tile = 4 * WIDEST // c.element_size()
    step = tile * max(1, most // (tile * (c.numel() // c.shape[0]) * c.element_size()))
    return [(first, min(c.shape[0], first + step)) for first in range(0, c.shape[0], step)]


def _part(c: Tensor, first: int, last: int) -> Tensor:
    return c if last - first == len(c) else c[first:last]


def _pack(c: Tensor) -> Tensor:
    """Coefficients tile by tile of outputs, as the kernels read them."""
    c = c.contiguous()
    packed = _packed(c)
    _transpose(c, packed, back=False)
    return packed


def _packed(c: Tensor) -> Tensor:
    lanes = WIDEST // c.element_size()
    return c.new_empty(-(-c.shape[0] // lanes) * lanes * (c.numel() // c.shape[0]))


def _transpose(c: Tensor, packed: Tensor, *, back: bool) -> None:
    n_out = c.shape[0]
    kernel = compiled(_KERNELS, "pack", DTYPES[c.dtype], 0)
    kernel(addresses([c.data_ptr(), packed.data_ptr(), n_out, c.numel() // n_out, back]))


def _address(y: Tensor, column: int) -> int:
    return y.data_ptr() + column * y.element_size()


def _work(n: int, n_in: int, n_out: int, family: Family) -> int:
    """Multiplications, roughly."""
    return n * n_in * (degree_of(family) + 1) * (8 + n_out)


class _Call:
    """A kernel with its points and splines, ready to run on parts of the rows."""

    def __init__(self, name: str, family: Family, x: Tensor, v: Tensor | None, knots: Tensor, order: int) -> None:
        degree = degree_of(family)
        table = splines(knots, degree, order, x.dtype)
        self.kernel, self.size = compiled(_KERNELS, name, DTYPES[x.dtype], degree), x.element_size()
        self.width, self.alive = degree + 1, (v, table)
        self.weighted = [x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, x.shape[1]]
        self.points = [*self.weighted, *table.numbers]

    def __call__(self, rows: int, *arguments: Tensor | int) -> None:
        """Run on some rows, with working memory of this thread's own."""
        self.kernel(addresses([*self.points, *self._scratch(rows), *map(_number, arguments)]))

    def over_rows(self, rows: int, work: int, data: list[Tensor | int], *sizes: int) -> None:
        """Run on all rows, shared out among threads."""
        in_parts(lambda start, stop: self(stop - start, *data, start, stop, *sizes), rows, work)

    def with_slopes(self, slopes: Splines, rows: int, *arguments: Tensor) -> None:
        """Run on all rows, with a second table for the same points."""
        values, cells, chunk, steep, same = self._scratch(rows, tables=2)
        second = (ctypes.c_int64 * 15)(*self.weighted, *slopes.numbers, steep, same, chunk)
        scratch, data = [values, cells, chunk, ctypes.addressof(second)], [a.data_ptr() for a in arguments]
        self.kernel(addresses([*self.points, *scratch, *data, rows, arguments[-1].shape[1]]))

    def _scratch(self, rows: int, tables: int = 1) -> list[int]:
        """Where values and cells go, and how many rows fit; then those of further tables."""
        column = 16384  # bytes of values that a kernel keeps
        chunk = max(1, min(rows, column // (4 * self.size)))
        sizes = (self.width * chunk * BLOCK * self.size, chunk * BLOCK * 4)
        values, cells, *more = working_memory(*sizes * tables)
        return [values, cells, chunk, *more]


def _number(argument: Tensor | int) -> int:
    return argument if type(argument) is int else argument.data_ptr()  # type: ignore[union-attr]
