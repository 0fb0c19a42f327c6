"""Dense kernels on GPUs, and what all GPU kernels start with. Triton is imported with the first call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Backend, Family, Sizes

_PRODUCTS = "edgewise.kernels.dense._triton_products"


class Tile(NamedTuple):
    """What one program holds at a time: rows x outputs, and pairs (input, basis function); and how it runs."""

    rows: int = 64
    outputs: int = 64
    pairs: int = 32
    warps: int = 8
    stages: int = 1


class DenseGPU(Backend):
    """Every function at every point, fused into a matrix product: a tensor (N, n_in, K) is never written.

    `tile` is the name of the kernel function in `module` that gives values at points. They are computed in float32,
    or in float64 where x is; products run in the type of the coefficients (of the cotangent in `vjp_coefficients`),
    summed in float32 or float64. No sum depends on the order in which programs run.
    """

    name = "triton"
    mixed = True
    sums: ClassVar[str] = _PRODUCTS  # module of the kernels of `contract` and its derivatives

    def __init__(self, module: str, tile: str = "tile") -> None:
        self.values = module, tile

    def unavailable(self, dtype: torch.dtype) -> str | None:
        return unavailable() if dtype.is_floating_point else f"no triton kernels for {dtype}"

    def milliseconds(self, operation: str, family: Family, sizes: Sizes) -> float:
        return 1e-10 * sizes.count * sizes.rows * sizes.n_in * sizes.n_out

    def evaluate(
        self, family: Family, x: Tensor, knots: Tensor, count: int, order: int, v: Tensor | None = None
    ) -> Tensor:
        if vanishes(family, order):
            return x.new_zeros(*x.shape, count)
        out = x.new_empty(*x.shape, count)
        if out.numel():
            columns = min(power(count), 32)
            rows, inputs = 32, min(power(x.shape[1]), max(1, 64 // columns))
            grid = ceil(len(x), rows), ceil(x.shape[1], inputs), ceil(count, columns)
            with on_device(x, knots, v):
                import_module(_PRODUCTS).evaluate[grid](
                    x.contiguous(), knots_of(knots, x), x if v is None else v.contiguous(), out,
                    *x.shape, knots.shape[1], **self._constants(family, count, order), SCALED=v is not None,
                    ROWS=rows, INPUTS=inputs, COLUMNS=columns, enable_fp_fusion=True,
                )  # fmt: skip
        return out

    def contract(
        self, family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        (n, n_in), (n_out, _, count) = x.shape, c.shape
        if vanishes(family, order) or not (n and n_in and n_out):
            return c.new_zeros(n, n_out)
        tile = tile or self._tile(n, n_out, c.dtype)
        settings = self._settings(family, count, order, c, tile)
        shape = ceil(n, tile.rows), ceil(n_out, tile.outputs)
        each, parts = split(n_in, settings.get("INPUTS", 1), shape, tile, x.device)
        out = parted(parts, c, n, n_out)
        with on_device(x, c, knots, v):
            import_module(self.sums).contract[(*shape, parts)](
                x.contiguous(), in_memory(c), knots_of(knots, x), x if v is None else v.contiguous(), out,
                n, n_in, n_out, knots.shape[1], each, SCALED=v is not None, **settings,
            )  # fmt: skip
        return summed(out, c.dtype)

    def vjp_inputs(
        self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        (n, n_in), (n_out, _, count) = x.shape, c.shape
        if vanishes(family, order) or not (n and n_in and n_out):
            return torch.zeros_like(x)
        # The loop over outputs loads what its products take and nothing else: here loads ahead of time pay.
        tile = tile or self._tile(n, n_out, c.dtype)._replace(stages=2)
        settings = self._settings(family, count, order, c, tile)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        with on_device(x, c, g, knots):
            import_module(self.sums).vjp_inputs[(ceil(n, tile.rows), ceil(n_in, settings["INPUTS"]))](
                x.contiguous(), in_memory(c), g.contiguous(), knots_of(knots, x), out, n, n_in, n_out, knots.shape[1],
                **settings,
            )  # fmt: skip
        return out

    def vjp_coefficients(
        self, family: Family, x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, count: int, order: int,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        (n, n_in), n_out = x.shape, g.shape[-1]
        if vanishes(family, order) or not (n and n_in and n_out):
            return g.new_zeros(n_out, n_in, count)
        tile = tile or self._tile(n, n_out, g.dtype)._replace(rows=32, pairs=64)
        settings = self._settings(family, count, order, g, tile)
        shape = ceil(n_in, settings["INPUTS"]) * ceil(count, settings["COLUMNS"]), ceil(n_out, tile.outputs)
        each, parts = split(n, tile.rows, shape, tile, x.device)
        out = parted(parts, g, n_in, count, n_out)
        with on_device(x, g, knots, v):
            import_module(self.sums).vjp_coefficients[(*shape, parts)](
                x.contiguous(), g.contiguous(), knots_of(knots, x), x if v is None else v.contiguous(), out,
                n, n_in, n_out, knots.shape[1], each, SCALED=v is not None, **settings,
            )  # fmt: skip
        return summed(out, g.dtype).permute(2, 0, 1)

    def _constants(self, family: Family, count: int, order: int) -> dict[str, Any]:
        tile = getattr(import_module(self.values[0]), self.values[1])
        return {"BASIS": tile, "COUNT": count, "DEGREE": family.degree or 0, "ORDER": order}

    def _settings(self, family: Family, count: int, order: int, right: Tensor, tile: Tile) -> dict[str, Any]:
        """What a sum is compiled for; `right` is the factor that the basis is multiplied by."""
        inputs, columns = _chunk(count, tile.pairs)
        constants = self._constants(family, count, order)
        return {**constants, **product(right, tile), "INPUTS": inputs, "COLUMNS": columns}

    def _tile(self, n: int, n_out: int, dtype: torch.dtype) -> Tile:
        """The default tile, smaller in double precision and where there is less to do."""
        most = 32 if dtype == torch.float64 else 64
        rows, outputs = min(most, max(16, power(n))), min(most, max(16, power(n_out)))
        return Tile(rows, outputs, warps=8 if rows * outputs == 4096 else 4)


def unavailable() -> str | None:
    """Return why GPU kernels cannot run here, or None where they can."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    from edgewise.kernels.runtime._triton import missing

    return missing()


def vanishes(family: Family, order: int) -> bool:
    """Return whether derivatives of this order are zero, since pieces are polynomials of a lower degree."""
    return family.degree is not None and order > family.degree


def in_memory(c: Tensor) -> Tensor:
    """Return coefficients as the kernels read them, (n_in, K, n_out)."""
    return c.permute(1, 2, 0).contiguous()


def on_device(*tensors: Tensor | None) -> AbstractContextManager[Any]:
    """Return the context in which kernels start on the device that holds all the tensors; they are never moved."""
    devices = {tensor.device for tensor in tensors if tensor is not None}
    if len(devices) > 1:
        found = ", ".join(sorted(map(str, devices)))
        raise InputError(f"Tensors on several devices: {found}. Move them to one device first, as by x.to(device).")
    (device,) = devices
    if device.type == "cuda":
        return torch.cuda.device(device)
    from edgewise.kernels.runtime._triton import interpreted

    if not interpreted():
        raise InputError(f"GPU kernels were given tensors on {device}. Move them to a CUDA device first.")
    return nullcontext()


def product(right: Tensor, tile: Tile) -> dict[str, Any]:
    """What a kernel with a matrix product takes: tile, types of factors and sums, TF32 only where torch allows it."""
    from edgewise.kernels.runtime._triton import interpreted, tl

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


def _chunk(count: int, pairs: int) -> tuple[int, int]:
    """Return the inputs and basis functions in a tile of that many pairs, both powers of two.

    Chunks of K / 8 functions, at least 8, waste little of the products on padding, and few of them are unrolled.
    """
    columns = min(max(8, power(ceil(count, 8))), power(count))
    return max(1, pairs // columns), columns


def _processors(device: torch.device) -> int:
    """How many multiprocessors a device has; the interpreter pretends to have a few."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 4
