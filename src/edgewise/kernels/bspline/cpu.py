"""The B-spline kernels on CPUs: machine code from `_cpu_dense` and `_cpu_sparse`, called on addresses."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from edgewise.kernels._compiled import addresses, compiled
from edgewise.kernels._threads import in_parts, working_memory
from edgewise.kernels.bspline._table import Splines, splines

_DENSE, _SPARSE = (f"edgewise.kernels.bspline._cpu_{route}" for route in ("dense", "sparse"))
_DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_BLOCK = 16  # inputs that a kernel evaluates together
_CHUNK = 16384  # bytes of a column of values that it keeps
_PASS = 8_000_000  # bytes of packed coefficients
_SMALL = 4_000_000  # multiplications below which both pull-backs are one call
_VECTOR = 64  # bytes that packed coefficients are rounded up to, at the widest


def prepare(degree: int, dtype: torch.dtype) -> None:
    """Compile every kernel, or load it."""
    for source, names in ((_DENSE, ("expand", "reduce")), (_SPARSE, ("contract", "pull_x", "pull_c", "pulls"))):
        for name in names:
            compiled(source, name, _DTYPES[dtype], degree)
    compiled(_SPARSE, "pack", _DTYPES[dtype], 0)


def expand(x: Tensor, knots: Tensor, degree: int, order: int, v: Tensor | None = None) -> Tensor:
    """All functions at all points, each times its point's weight: (N, n_in, K)."""
    table = splines(knots, degree, order, x.dtype)
    n, n_in = x.shape
    out = x.new_empty(n, n_in, table.grid + degree)
    run = _Call(_DENSE, "expand", x, v, table, degree)
    in_parts(lambda a, b: run(b - a, out, a, b), n, n * n_in * 8)
    return out


def reduce(x: Tensor, slopes: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
    """Sums over functions of their values times slopes (N, n_in, K): (N, n_in)."""
    table = splines(knots, degree, order, x.dtype)
    n, n_in = x.shape
    slopes, out = slopes.contiguous(), torch.empty_like(x)
    run = _Call(_DENSE, "reduce", x, None, table, degree)
    in_parts(lambda a, b: run(b - a, slopes, out, a, b), n, n * n_in * 8)
    return out


def contract(x: Tensor, c: Tensor, knots: Tensor, degree: int, order: int, v: Tensor | None = None) -> Tensor:
    """Sums over inputs: (N, n_out)."""
    n, n_in, n_out = *x.shape, c.shape[0]
    out = x.new_empty(n, n_out)
    run = _Call(_SPARSE, "contract", x, v, splines(knots, degree, order, x.dtype), degree)
    for first, last in _passes(c):
        packed, y, count = _pack(_part(c, first, last)), _address(out, first), last - first

        def part(a: int, b: int, packed: Tensor = packed, y: int = y, count: int = count) -> None:
            run(b - a, packed, y, a, b, count, n_out)

        in_parts(part, n, _work(n, n_in, count, degree))
    return out


def pull_x(x: Tensor, c: Tensor, g: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
    """Gradients by points, (N, n_in), of outputs' gradients g (N, n_out)."""
    n, n_in, n_out = *x.shape, c.shape[0]
    out = torch.empty_like(x)
    run = _Call(_SPARSE, "pull_x", x, None, splines(knots, degree, order, x.dtype), degree)
    for first, last in _passes(c):
        packed, slopes = _pack(_part(c, first, last)), _address(g, first)
        sizes = (last - first, n_out, int(first == 0))

        def part(a: int, b: int, packed: Tensor = packed, slopes: int = slopes, sizes: tuple[int, ...] = sizes) -> None:
            run(b - a, packed, slopes, out, a, b, *sizes)

        in_parts(part, n, _work(n, n_in, last - first, degree))
    return out


def pull_c(x: Tensor, g: Tensor, knots: Tensor, degree: int, order: int, v: Tensor | None = None) -> Tensor:
    """Gradients by coefficients, (n_out, n_in, K); threads share out the inputs."""
    table = splines(knots, degree, order, x.dtype)
    n, n_in, n_out = *x.shape, g.shape[1]
    out = x.new_empty(n_out, n_in, table.grid + degree)
    run = _Call(_SPARSE, "pull_c", x, v, table, degree)
    for first, last in _passes(out):
        part_of, slopes, count = _part(out, first, last), _address(g, first), last - first
        packed = _packed(part_of)

        def part(a: int, b: int, packed: Tensor = packed, slopes: int = slopes, count: int = count) -> None:
            run(n, slopes, packed, a * _BLOCK, min(n_in, b * _BLOCK), n, count, n_out)

        in_parts(part, -(-n_in // _BLOCK), _work(n, n_in, count, degree))
        _transpose(part_of, packed, back=True)
    return out


def pulls(
    x: Tensor, c: Tensor, g: Tensor, knots: Tensor, degree: int, order: int
) -> tuple[Tensor, Tensor] | None:  # fmt: skip
    """Both at once, `pull_x` one derivative higher; None where the layer is too large to gain from that."""
    n, n_in, n_out = *x.shape, c.shape[0]
    if n_in > _BLOCK or n_out * x.element_size() > _VECTOR or _work(n, n_in, n_out, degree) > _SMALL:
        return None
    out, back, packed, sums = torch.empty_like(x), torch.empty_like(c), _pack(c), _packed(c)
    run = _Call(_SPARSE, "pulls", x, None, splines(knots, degree, order, x.dtype), degree)
    run.with_slopes(splines(knots, degree, order + 1, x.dtype), n, packed, out, sums, g)
    _transpose(back, sums, back=True)
    return out, back


def _passes(c: Tensor) -> list[tuple[int, int]]:
    """Ranges of outputs whose coefficients, packed, stay in a cache."""
    if c.nbytes <= _PASS:
        return [(0, c.shape[0])]
    tile = 4 * _VECTOR // c.element_size()
    step = tile * max(1, _PASS // (tile * (c.numel() // c.shape[0]) * c.element_size()))
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
    lanes = _VECTOR // c.element_size()
    return c.new_empty(-(-c.shape[0] // lanes) * lanes * (c.numel() // c.shape[0]))


def _transpose(c: Tensor, packed: Tensor, *, back: bool) -> None:
    n_out = c.shape[0]
    kernel = compiled(_SPARSE, "pack", _DTYPES[c.dtype], 0)
    kernel(addresses([c.data_ptr(), packed.data_ptr(), n_out, c.numel() // n_out, back]))


def _address(y: Tensor, column: int) -> int:
    return y.data_ptr() + column * y.element_size()


def _work(n: int, n_in: int, n_out: int, degree: int) -> int:
    """Multiplications, roughly."""
    return n * n_in * (degree + 1) * (8 + n_out)


class _Call:
    """A kernel with its points and splines, ready to run on parts of the rows."""

    def __init__(self, source: str, name: str, x: Tensor, v: Tensor | None, table: Splines, degree: int) -> None:
        self.kernel, self.size = compiled(source, name, _DTYPES[x.dtype], degree), x.element_size()
        self.width, self.alive = degree + 1, (v, table)
        self.weighed = [x.data_ptr(), 0 if v is None else v.data_ptr(), v is not None, x.shape[1]]
        self.points = [*self.weighed, *table.numbers]

    def __call__(self, rows: int, *arguments: Tensor | int) -> None:
        """Run on some rows, with working memory of this thread's own."""
        self.kernel(addresses([*self.points, *self._scratch(rows), *map(_number, arguments)]))

    def with_slopes(self, slopes: Splines, rows: int, *arguments: Tensor) -> None:
        """Run on all rows, with a second table for the same points."""
        values, cells, chunk, steep, same = self._scratch(rows, tables=2)
        second = (ctypes.c_int64 * 15)(*self.weighed, *slopes.numbers, steep, same, chunk)
        scratch, data = [values, cells, chunk, ctypes.addressof(second)], [a.data_ptr() for a in arguments]
        self.kernel(addresses([*self.points, *scratch, *data, rows, arguments[-1].shape[1]]))

    def _scratch(self, rows: int, tables: int = 1) -> list[int]:
        """Where values and cells go, and how many rows fit; then those of further tables."""
        chunk = max(1, min(rows, _CHUNK // (4 * self.size)))
        sizes = (self.width * chunk * _BLOCK * self.size, chunk * _BLOCK * 4)
        values, cells, *more = working_memory(*sizes * tables)
        return [values, cells, chunk, *more]


def _number(argument: Tensor | int) -> int:
    return argument if type(argument) is int else argument.data_ptr()  # type: ignore[union-attr]
