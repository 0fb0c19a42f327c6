"""The B-spline kernels on CPUs: machine code from `_cpu_dense` and `_cpu_sparse`, called on addresses."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from edgewise.kernels._compiled import compiled
from edgewise.kernels._threads import in_parts
from edgewise.kernels.bspline._table import Splines, splines

_DENSE, _SPARSE = (f"edgewise.kernels.bspline._cpu_{route}" for route in ("dense", "sparse"))
_DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_BLOCK = 16  # inputs that a kernel evaluates together
_CHUNK = 16384  # bytes of a column of values that it keeps
_VECTOR = 64  # bytes that packed coefficients are rounded up to, at the widest


def prepare(degree: int, dtype: torch.dtype) -> None:
    """Compile every kernel, or load it."""
    for source, names in ((_DENSE, ("expand", "reduce")), (_SPARSE, ("contract", "pull_x", "pull_c"))):
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
    table = splines(knots, degree, order, x.dtype)
    n, n_in, n_out = *x.shape, len(c)
    packed, out = pack(c, degree), x.new_empty(n, n_out)
    run = _Call(_SPARSE, "contract", x, v, table, degree)
    in_parts(lambda a, b: run(b - a, packed, out, a, b, n_out), n, _work(n, n_in, n_out, degree))
    return out


def pull_x(x: Tensor, c: Tensor, g: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
    """Gradients by points, (N, n_in), of outputs' gradients g (N, n_out)."""
    table = splines(knots, degree, order, x.dtype)
    n, n_in, n_out = *x.shape, len(c)
    packed, out = pack(c, degree), torch.empty_like(x)
    run = _Call(_SPARSE, "pull_x", x, None, table, degree)
    in_parts(lambda a, b: run(b - a, packed, g, out, a, b, n_out), n, _work(n, n_in, n_out, degree))
    return out


def pull_c(x: Tensor, g: Tensor, knots: Tensor, degree: int, order: int, v: Tensor | None = None) -> Tensor:
    """Gradients by coefficients, (n_out, n_in, K); threads share out the inputs."""
    table = splines(knots, degree, order, x.dtype)
    n, n_in, n_out = *x.shape, g.shape[1]
    count = table.grid + degree
    packed = x.new_empty(_packed_size(n_out, n_in * count, x.element_size()))
    run = _Call(_SPARSE, "pull_c", x, v, table, degree)

    def part(a: int, b: int) -> None:
        run(n, g, packed, a * _BLOCK, min(n_in, b * _BLOCK), n, n_out)

    in_parts(part, -(-n_in // _BLOCK), _work(n, n_in, n_out, degree))
    out = x.new_empty(n_out, n_in, count)
    _transpose(out, packed, n_out, back=True)
    return out


def pack(c: Tensor, degree: int) -> Tensor:
    """Coefficients tile by tile of outputs, as the kernels read them."""
    c = c.contiguous()
    packed = c.new_empty(_packed_size(len(c), c[0].numel(), c.element_size()))
    _transpose(c, packed, len(c), back=False)
    return packed


def _transpose(c: Tensor, packed: Tensor, n_out: int, *, back: bool) -> None:
    kernel = compiled(_SPARSE, "pack", _DTYPES[c.dtype], 0)
    kernel(_addresses([c.data_ptr(), packed.data_ptr(), n_out, c[0].numel(), back]))


def _packed_size(n_out: int, inner: int, size: int) -> int:
    lanes = _VECTOR // size
    return -(-n_out // lanes) * lanes * inner


def _work(n: int, n_in: int, n_out: int, degree: int) -> int:
    """Multiplications, roughly."""
    return n * n_in * (degree + 1) * (8 + n_out)


def _addresses(arguments: list[int]) -> Any:
    return (ctypes.c_int64 * len(arguments))(*arguments)


class _Call:
    """A kernel with its points and splines, ready to run on parts of the rows."""

    def __init__(self, source: str, name: str, x: Tensor, v: Tensor | None, table: Splines, degree: int) -> None:
        self.kernel, self.x, self.degree = compiled(source, name, _DTYPES[x.dtype], degree), x, degree
        weights = 0 if v is None else v.data_ptr()
        self.points = [x.data_ptr(), weights, v is not None, x.shape[1]]
        self.points += [part.data_ptr() if isinstance(part, Tensor) else part for part in table]
        self.alive = v, table

    def __call__(self, rows: int, *arguments: Tensor | int) -> None:
        """Run on some rows, with working memory of this thread's own."""
        chunk = max(1, min(rows, _CHUNK // (4 * self.x.element_size())))
        values = self.x.new_empty((self.degree + 1) * chunk * _BLOCK)
        cells = torch.empty(chunk * _BLOCK, dtype=torch.int32)
        scratch = [values.data_ptr(), cells.data_ptr(), chunk]
        given = [a.data_ptr() if isinstance(a, Tensor) else a for a in arguments]
        self.kernel(_addresses([*self.points, *scratch, *given]))
