"""The sparse kernels of B-splines on GPUs, by Triton: only the functions on a point's cell are touched."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from edgewise.kernels._backend import Family, Sizes
from edgewise.kernels.bspline._splines import degree_of
from edgewise.kernels.dense import gpu
from edgewise.kernels.dense.gpu import DenseGPU, Tile

_BAND = 16  # functions that one program of `vjp_coefficients` sums: the least that a matrix product takes
VALUES = "edgewise.kernels.bspline._triton_kernels"


class SparseGPU(DenseGPU):
    """The three sums gather what a point touches; types and sums as on the dense route."""

    sums = "edgewise.kernels.bspline._triton_kernels"

    def milliseconds(self, operation: str, family: Family, sizes: Sizes) -> float:
        # A product takes as long as eight of the dense route. Not measured yet: see `edgewise bench gpu`.
        return super().milliseconds(operation, family, sizes._replace(count=1)) * 8.0 * (degree_of(family) + 1)

    def vjp_inputs(
        self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        (n, n_in), (n_out, _, count) = x.shape, c.shape
        if gpu.vanishes(family, order) or not (n and n_in and n_out):
            return torch.zeros_like(x)
        tile = tile or _narrow(16, n_out, c.dtype)
        each, parts = gpu.split(n_in, 1, (gpu.ceil(n, tile.rows), 1), tile, x.device)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        with gpu.on_device(x, c, g, knots):
            import_module(self.sums).vjp_inputs[(gpu.ceil(n, tile.rows), parts)](
                x.contiguous(), gpu.in_memory(c), g.contiguous(), gpu.knots_of(knots, x), out,
                n, n_in, n_out, knots.shape[1], each, **self._settings(family, count, order, c, tile),
            )  # fmt: skip
        return out

    def vjp_coefficients(
        self, family: Family, x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, count: int, order: int,
        *, tile: Tile | None = None,
    ) -> Tensor:  # fmt: skip
        (n, n_in), n_out = x.shape, g.shape[-1]
        if gpu.vanishes(family, order) or not (n and n_in and n_out):
            return g.new_zeros(n_out, n_in, count)
        tile = tile or _narrow(64, n_out, g.dtype)
        shape = n_in * gpu.ceil(count, _BAND), gpu.ceil(n_out, tile.outputs)
        _, parts = gpu.split(gpu.ceil(n, gpu.ceil(count, _BAND)), tile.rows, shape, tile, x.device)
        out = gpu.parted(parts, g, n_in, count, n_out)
        with gpu.on_device(x, g, knots, v):
            knots = gpu.knots_of(knots, x)
            points, rows, starts = _by_cell(x, knots, degree_of(family))
            import_module(self.sums).vjp_coefficients[(*shape, parts)](
                points, rows, starts, g.contiguous(), knots, x if v is None else v.contiguous(), out,
                n, n_in, n_out, knots.shape[1], parts, **_constants(family, count, order), SCALED=v is not None,
                **gpu.product(g, tile), COLUMNS=_BAND,
            )  # fmt: skip
        return gpu.summed(out, g.dtype).permute(2, 0, 1)

    def _settings(self, family: Family, count: int, order: int, right: Tensor, tile: Tile) -> dict[str, Any]:
        """What a sum without a matrix product is compiled for."""
        given = {**_constants(family, count, order), **gpu.product(right, tile)}
        return {name: value for name, value in given.items() if name not in ("PRECISION", "PRODUCT")}

    def _tile(self, n: int, n_out: int, dtype: torch.dtype) -> Tile:
        return _narrow(32, n_out, dtype)


def _constants(family: Family, count: int, order: int) -> dict[str, int]:
    return {"COUNT": count, "DEGREE": degree_of(family), "ORDER": order}


def _by_cell(x: Tensor, knots: Tensor, degree: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each input's points in the order of their cells, the rows they come from, and where each cell starts.

    Shapes: (n_in, N), (n_in, N), (n_in, G + 1). Within a cell rows keep their order, so that sums never change.
    """
    points = x.T.contiguous()
    inner = knots[:, degree + 1 : knots.shape[1] - degree - 1].contiguous()
    cell = torch.searchsorted(inner, points.to(knots.dtype), right=True, out_int32=True)
    cell, rows = cell.sort(dim=1, stable=True)
    edges = torch.arange(inner.shape[1] + 2, device=x.device, dtype=cell.dtype).expand(len(points), -1).contiguous()
    return points.gather(1, rows), rows, torch.searchsorted(cell, edges)


def _narrow(outputs: int, n_out: int, dtype: torch.dtype) -> Tile:
    """Tiles of one warp, a point each thread: the values of a point are worked out once, then handed round."""
    most = outputs // 2 if dtype == torch.float64 else outputs
    return Tile(32, min(most, max(16, gpu.power(n_out))), warps=1)
