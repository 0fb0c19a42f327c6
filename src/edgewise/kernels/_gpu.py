"""Starts GPU kernels: checks devices, makes outputs, chooses the sizes of tiles. Triton loads with the first call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError


class Tile(NamedTuple):
    """What one program holds at a time: rows x outputs, and pairs (input, basis function); and how it runs."""

    rows: int = 64
    outputs: int = 64
    pairs: int = 32
    warps: int = 8
    stages: int = 1


class Basis(NamedTuple):
    """The values of one basis on a GPU: its kernel function, its number of functions K, its size, its derivative."""

    function: Any
    count: int
    size: int
    order: int

    def chunk(self, pairs: int) -> tuple[int, int]:
        """Inputs and basis functions in a tile of that many pairs, both powers of two.

        Chunks of K / 8 functions, at least 8, waste little of the products on padding, and few of them are unrolled.
        """
        columns = min(max(8, power(ceil(self.count, 8))), power(self.count))
        return max(1, pairs // columns), columns

    def constants(self) -> dict[str, Any]:
        return {"BASIS": self.function, "COUNT": self.count, "SIZE": self.size, "ORDER": self.order}


class Operations(NamedTuple):
    """The operations of a family that has one route: every function at every point, fused into a matrix product.

    module: holds the kernel function `tile`. count: the number of functions K of a size. Shapes: x (N, n_in), points
    (n_in, 2), coefficients (n_in, K, n_out) contiguous, grad (N, n_out), scale (N, n_in).
    """

    module: str
    count: Callable[[int], int]

    def expand(self, x: Tensor, points: Tensor, size: int, order: int = 0, scale: Tensor | None = None) -> Tensor:
        return expand(self._basis(size, order), x, points, scale)

    def contract(
        self, x: Tensor, coefficients: Tensor, points: Tensor, size: int, order: int = 0, scale: Tensor | None = None,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        return contract(self._basis(size, order), x, coefficients, points, scale, tile)

    def pull_x(
        self, x: Tensor, coefficients: Tensor, grad: Tensor, points: Tensor, size: int, order: int = 0,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        return pull_x(self._basis(size, order), x, coefficients, grad, points, tile)

    def pull_c(
        self, x: Tensor, grad: Tensor, points: Tensor, size: int, order: int = 0, scale: Tensor | None = None,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        return pull_c(self._basis(size, order), x, grad, points, scale, tile)

    def _basis(self, size: int, order: int) -> Basis:
        return Basis(import_module(self.module).tile, self.count(size), size, order)


def unavailable() -> str | None:
    """Return why GPU kernels cannot run here, or None where they can."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    from edgewise.kernels._triton import missing

    return missing()


def expand(basis: Basis, x: Tensor, points: Tensor, scale: Tensor | None = None) -> Tensor:
    """out[n, i, m] = v_ni B_m(x_ni)."""
    out = x.new_empty(*x.shape, basis.count)
    if out.numel():
        columns = min(power(basis.count), 32)
        rows, inputs = 32, min(power(x.shape[1]), max(1, 64 // columns))
        grid = ceil(len(x), rows), ceil(x.shape[1], inputs), ceil(basis.count, columns)
        with on_device(x, points, scale):
            _kernels().expand[grid](
                x.contiguous(), knots_of(points, x), x if scale is None else scale.contiguous(), out,
                *x.shape, points.shape[1], **basis.constants(), SCALED=scale is not None,
                ROWS=rows, INPUTS=inputs, COLUMNS=columns, enable_fp_fusion=True,
            )  # fmt: skip
    return out


def contract(
    basis: Basis, x: Tensor, coefficients: Tensor, points: Tensor, scale: Tensor | None, tile: Tile | None = None
) -> Tensor:
    """out[n, j] = sum_i v_ni sum_m C[i, m, j] B_m(x_ni), in the type of the coefficients."""
    (n, n_in), n_out = x.shape, coefficients.shape[-1]
    if not (n and n_in and n_out):
        return coefficients.new_zeros(n, n_out)
    tile = tile or _chosen(n, n_out, coefficients.dtype)
    inputs, columns = basis.chunk(tile.pairs)
    shape = ceil(n, tile.rows), ceil(n_out, tile.outputs)
    each, parts = split(n_in, inputs, shape, tile, x.device)
    out = parted(parts, coefficients, n, n_out)
    with on_device(x, coefficients, points, scale):
        _kernels().contract[(*shape, parts)](
            x.contiguous(), coefficients, knots_of(points, x), x if scale is None else scale.contiguous(), out,
            n, n_in, n_out, points.shape[1], each, **basis.constants(), SCALED=scale is not None,
            **product(coefficients, tile), INPUTS=inputs, COLUMNS=columns,
        )  # fmt: skip
    return summed(out, coefficients.dtype)


def pull_x(
    basis: Basis, x: Tensor, coefficients: Tensor, grad: Tensor, points: Tensor, tile: Tile | None = None
) -> Tensor:
    """out[n, i] = sum_m B_m(x_ni) sum_j g_nj C[i, m, j], in the type of x."""
    (n, n_in), n_out = x.shape, coefficients.shape[-1]
    if not (n and n_in and n_out):
        return torch.zeros_like(x)
    # The loop over outputs loads what its products take and nothing else: here loads ahead of time pay.
    tile = tile or _chosen(n, n_out, coefficients.dtype)._replace(stages=2)
    inputs, columns = basis.chunk(tile.pairs)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    with on_device(x, coefficients, grad, points):
        _kernels().pull_x[(ceil(n, tile.rows), ceil(n_in, inputs))](
            x.contiguous(), coefficients, grad.contiguous(), knots_of(points, x), out, n, n_in, n_out, points.shape[1],
            **basis.constants(), **product(coefficients, tile), INPUTS=inputs, COLUMNS=columns,
        )  # fmt: skip
    return out


def pull_c(
    basis: Basis, x: Tensor, grad: Tensor, points: Tensor, scale: Tensor | None, tile: Tile | None = None
) -> Tensor:
    """out[i, m, j] = sum_n g_nj v_ni B_m(x_ni), in the type of the gradient."""
    (n, n_in), n_out = x.shape, grad.shape[-1]
    if not (n and n_in and n_out):
        return grad.new_zeros(n_in, basis.count, n_out)
    tile = tile or _chosen(n, n_out, grad.dtype)._replace(rows=32, pairs=64)
    inputs, columns = basis.chunk(tile.pairs)
    shape = ceil(n_in, inputs) * ceil(basis.count, columns), ceil(n_out, tile.outputs)
    each, parts = split(n, tile.rows, shape, tile, x.device)
    out = parted(parts, grad, n_in, basis.count, n_out)
    with on_device(x, grad, points, scale):
        _kernels().pull_c[(*shape, parts)](
            x.contiguous(), grad.contiguous(), knots_of(points, x), x if scale is None else scale.contiguous(), out,
            n, n_in, n_out, points.shape[1], each, **basis.constants(), SCALED=scale is not None,
            **product(grad, tile), INPUTS=inputs, COLUMNS=columns,
        )  # fmt: skip
    return summed(out, grad.dtype)


def on_device(*tensors: Tensor | None) -> AbstractContextManager[Any]:
    """Return the context in which kernels start on the device that holds all the tensors; they are never moved."""
    devices = {tensor.device for tensor in tensors if tensor is not None}
    if len(devices) > 1:
        found = ", ".join(sorted(map(str, devices)))
        raise InputError(f"Tensors on several devices: {found}. Move them to one device first, as by x.to(device).")
    (device,) = devices
    if device.type == "cuda":
        return torch.cuda.device(device)
    from edgewise.kernels._triton import interpreted

    if not interpreted():
        raise InputError(f"GPU kernels were given tensors on {device}. Move them to a CUDA device first.")
    return nullcontext()


def product(right: Tensor, tile: Tile) -> dict[str, Any]:
    """What a kernel with a matrix product takes: tile, types of factors and sums, TF32 only where torch allows it."""
    from edgewise.kernels._triton import interpreted, tl

    types = {torch.float64: tl.float64, torch.float32: tl.float32, torch.float16: tl.float16}
    if not interpreted():  # the interpreter multiplies the bits of bfloat16 numbers, not the numbers
        types[torch.bfloat16] = tl.bfloat16
    fast = right.dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest"
    return {
        "ROWS": tile.rows,
        "OUTPUTS": tile.outputs,
        "PRECISION": "tf32" if fast else "ieee",
        "SUM": tl.float64 if right.dtype == torch.float64 else tl.float32,
        "PRODUCT": types.get(right.dtype, tl.float32),
        "num_warps": tile.warps,
        "num_stages": tile.stages,
        "enable_fp_fusion": True,
    }


def split(length: int, step: int, shape: Sequence[int], tile: Tile, device: torch.device) -> tuple[int, int]:
    """How much of a sum each part takes, a multiple of the step, and how many parts give the device enough to do."""
    wanted = max(1, 16 * _processors(device) // (shape[0] * shape[1] * tile.warps))
    each = ceil(ceil(length, wanted), step) * step
    return each, ceil(length, each)


def parted(parts: int, like: Tensor, *shape: int) -> Tensor:
    """Room for the parts of a sum; several parts are kept in at least float32."""
    dtype = like.dtype if parts == 1 else torch.promote_types(like.dtype, torch.float32)
    return like.new_empty(parts, *shape, dtype=dtype)


def summed(out: Tensor, dtype: torch.dtype) -> Tensor:
    return out[0] if len(out) == 1 else out.sum(0).to(dtype)


def knots_of(points: Tensor, x: Tensor) -> Tensor:
    """The per-input tensor in the type that values are computed in."""
    return points.to(torch.promote_types(x.dtype, torch.float32)).contiguous()


def power(number: int) -> int:
    """The least power of two that is not below a number."""
    return 1 << max(0, number - 1).bit_length()


def ceil(length: int, step: int) -> int:
    return -(-length // step)


def _chosen(n: int, n_out: int, dtype: torch.dtype) -> Tile:
    """The default tile, smaller in double precision and where there is less to do."""
    most = 32 if dtype == torch.float64 else 64
    rows, outputs = min(most, max(16, power(n))), min(most, max(16, power(n_out)))
    return Tile(rows, outputs, warps=8 if rows * outputs == 4096 else 4)


def _processors(device: torch.device) -> int:
    """How many multiprocessors a device has; the interpreter pretends to have a few."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 4


def _kernels() -> Any:
    from edgewise.kernels import _triton_dense

    return _triton_dense
