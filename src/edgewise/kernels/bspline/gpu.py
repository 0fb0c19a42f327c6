"""B-spline operations on a GPU by Triton, along two routes; `reference` is their law.

Shapes: x (N, n_in), knots (n_in, G + 2 degree + 1), coefficients (n_in, K, n_out) contiguous, grad (N, n_out), scale
(N, n_in). Values are computed in float32, or in float64 where x is; products run in the type of the coefficients (of
the gradient in `pull_c`), summed in float32 or float64. No sum depends on the order in which programs run.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.kernels import _gpu
from edgewise.kernels._gpu import Tile
from edgewise.kernels._gpu import unavailable as unavailable

_BAND = 16  # basis functions that one program of the sparse `pull_c` sums: the least that a matrix product takes


def expand(x: Tensor, knots: Tensor, degree: int, order: int = 0, scale: Tensor | None = None) -> Tensor:
    """out[n, i, m] = v_ni B_m^(order)(x_ni), in the type of x."""
    if order > degree:
        return x.new_zeros(*x.shape, _count(knots, degree))
    return _gpu.expand(_basis(knots, degree, order), x, knots, scale)


def contract(
    x: Tensor, coefficients: Tensor, knots: Tensor, degree: int, order: int = 0, scale: Tensor | None = None,
    *, route: str = "dense", tile: Tile | None = None,
) -> Tensor:  # fmt: skip
    """out[n, j] = sum_i v_ni sum_m C[i, m, j] B_m^(order)(x_ni), in the type of the coefficients."""
    (n, n_in), n_out = x.shape, coefficients.shape[-1]
    if order > degree or not (n and n_in and n_out):
        return coefficients.new_zeros(n, n_out)
    if route == "dense":
        return _gpu.contract(_basis(knots, degree, order), x, coefficients, knots, scale, tile)
    tile = tile or _narrow(32, n_out, coefficients.dtype)
    shape = _gpu.ceil(n, tile.rows), _gpu.ceil(n_out, tile.outputs)
    each, parts = _gpu.split(n_in, 1, shape, tile, x.device)
    out = _gpu.parted(parts, coefficients, n, n_out)
    with _gpu.on_device(x, coefficients, knots, scale):
        _sparse().contract[(*shape, parts)](
            x.contiguous(), coefficients, _gpu.knots_of(knots, x), x if scale is None else scale.contiguous(), out,
            n, n_in, n_out, knots.shape[1], each, **_constants(knots, degree, order), SCALED=scale is not None,
            **_without_product(coefficients, tile),
        )  # fmt: skip
    return _gpu.summed(out, coefficients.dtype)


def pull_x(
    x: Tensor, coefficients: Tensor, grad: Tensor, knots: Tensor, degree: int, order: int = 0,
    *, route: str = "dense", tile: Tile | None = None,
) -> Tensor:  # fmt: skip
    """out[n, i] = sum_j g_nj sum_m C[i, m, j] B_m^(order)(x_ni), in the type of x."""
    (n, n_in), n_out = x.shape, coefficients.shape[-1]
    if order > degree or not (n and n_in and n_out):
        return torch.zeros_like(x)
    if route == "dense":
        return _gpu.pull_x(_basis(knots, degree, order), x, coefficients, grad, knots, tile)
    tile = tile or _narrow(16, n_out, coefficients.dtype)
    each, parts = _gpu.split(n_in, 1, (_gpu.ceil(n, tile.rows), 1), tile, x.device)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    with _gpu.on_device(x, coefficients, grad, knots):
        _sparse().pull_x[(_gpu.ceil(n, tile.rows), parts)](
            x.contiguous(), coefficients, grad.contiguous(), _gpu.knots_of(knots, x), out,
            n, n_in, n_out, knots.shape[1], each, **_constants(knots, degree, order),
            **_without_product(coefficients, tile),
        )  # fmt: skip
    return out


def pull_c(
    x: Tensor, grad: Tensor, knots: Tensor, degree: int, order: int = 0, scale: Tensor | None = None,
    *, route: str = "dense", tile: Tile | None = None,
) -> Tensor:  # fmt: skip
    """out[i, m, j] = sum_n g_nj v_ni B_m^(order)(x_ni), in the type of the gradient."""
    (n, n_in), n_out, count = x.shape, grad.shape[-1], _count(knots, degree)
    if order > degree or not (n and n_in and n_out):
        return grad.new_zeros(n_in, count, n_out)
    if route == "dense":
        return _gpu.pull_c(_basis(knots, degree, order), x, grad, knots, scale, tile)
    tile = tile or _narrow(64, n_out, grad.dtype)
    shape = n_in * _gpu.ceil(count, _BAND), _gpu.ceil(n_out, tile.outputs)
    _, parts = _gpu.split(_gpu.ceil(n, _gpu.ceil(count, _BAND)), tile.rows, shape, tile, x.device)
    out = _gpu.parted(parts, grad, n_in, count, n_out)
    with _gpu.on_device(x, grad, knots, scale):
        knots = _gpu.knots_of(knots, x)
        points, rows, starts = _by_cell(x, knots, degree)
        _sparse().pull_c[(*shape, parts)](
            points, rows, starts, grad.contiguous(), knots, x if scale is None else scale.contiguous(), out,
            n, n_in, n_out, knots.shape[1], parts, **_constants(knots, degree, order), SCALED=scale is not None,
            **_gpu.product(grad, tile), COLUMNS=_BAND,
        )  # fmt: skip
    return _gpu.summed(out, grad.dtype)


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
    return Tile(32, min(most, max(16, _gpu.power(n_out))), warps=1)


def _count(knots: Tensor, degree: int) -> int:
    return knots.shape[1] - degree - 1


def _constants(knots: Tensor, degree: int, order: int) -> dict[str, int]:
    return {"COUNT": _count(knots, degree), "DEGREE": degree, "ORDER": order}


def _without_product(right: Tensor, tile: Tile) -> dict[str, Any]:
    return {name: value for name, value in _gpu.product(right, tile).items() if name not in ("PRECISION", "PRODUCT")}


def _basis(knots: Tensor, degree: int, order: int) -> _gpu.Basis:
    from edgewise.kernels.bspline import _triton_local

    return _gpu.Basis(_triton_local.tile, _count(knots, degree), degree, order)


def _sparse() -> Any:
    from edgewise.kernels.bspline import _triton_sparse

    return _triton_sparse
