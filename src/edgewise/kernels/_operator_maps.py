"""What torch.vmap makes of the operators: a batch of points is more rows, any other a composition of values."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.library import register_vmap

from edgewise.kernels._form import Slot, composed, stacked
from edgewise.kernels._operators import LIBRARY

_Dims = Sequence[int | None]


def _evaluate(info: Any, dims: _Dims, x: Tensor, knots: Tensor, *rest: Any) -> tuple[Tensor, int]:
    return _values(info.batch_size, dims, x, knots, *rest), 0


def _form(info: Any, dims: _Dims, *arguments: Any) -> tuple[Tensor, int]:
    x, c, v, g, knots, mask, family, count, order, slot = arguments
    batch, what = info.batch_size, (family, count, order)
    if slot == "c" or any(dims[at] is not None for at in (1, 4, 5)):
        values = _values(batch, (dims[0], dims[4]), x, knots, *what)
        c, v, g, mask = (_batched(batch, part, dims[at]) for part, at in ((c, 1), (v, 2), (g, 3), (mask, 5)))
        return _masked_form(values, c, v, g, mask, slot), 0
    x, v, g = (
        None if part is None else stacked(batch, part, dim).flatten(0, 1)
        for part, dim in ((x, dims[0]), (v, dims[2]), (g, dims[3]))
    )
    flat = torch.ops.edgewise.form(x, c, v, g, knots, mask, *what, slot)
    return flat.unflatten(0, (batch, len(flat) // batch)), 0


def _vjps(info: Any, dims: _Dims, *arguments: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    *tensors, family, order = arguments
    x, c, g, knots, mask = (_batched(info.batch_size, part, dim) for part, dim in zip(tensors, dims, strict=False))
    values, slopes = (_values(info.batch_size, (0, 0), x, knots, family, c.shape[-1], order + k) for k in (0, 1))
    by_x, by_c = _masked_form(slopes, c, None, g, mask, "v"), _masked_form(values, None, None, g, mask, "c")
    return (by_x, by_c), (0, 0)


def _affine(info: Any, dims: _Dims, *arguments: Any) -> tuple[Tensor, int]:
    *tensors, family, order = arguments
    x, c, knots, mask, others, weight = (
        _batched(info.batch_size, part, dim) for part, dim in zip(tensors, dims, strict=False)
    )
    values = _values(info.batch_size, (0, 0), x, knots, family, c.shape[-1], order)
    return _masked_form(values, c, None, None, mask, "g") + others @ weight.mT, 0


def _batched(batch: int, part: Tensor | None, dim: int | None) -> Any:
    return None if part is None else stacked(batch, part, dim)


def _values(batch: int, dims: _Dims, x: Tensor, knots: Tensor, family: str, count: int, order: int) -> Tensor:
    """All functions at points (batch, ..., n_in); of batched knots in one wider call, with the batch as inputs."""
    if dims[1] is None:
        return torch.ops.edgewise.evaluate(stacked(batch, x, dims[0]), knots, family, count, order)
    x, knots = stacked(batch, x, dims[0]).movedim(0, -2), knots.movedim(dims[1], 0)
    wide = torch.ops.edgewise.evaluate(x.flatten(-2), knots.flatten(0, 1).contiguous(), family, count, order)
    return wide.unflatten(-2, (batch, x.shape[-1])).movedim(-3, 0)


def _masked_form(values: Tensor, c: Any, v: Any, g: Any, mask: Any, slot: Slot) -> Tensor:
    factor = 1.0 if mask is None else mask.unsqueeze(-1)
    out = composed(values, None if c is None else c * factor, v, g, slot)
    return out * factor if slot == "c" else out


for _name, _map in (("evaluate", _evaluate), ("form", _form), ("vjps", _vjps), ("affine", _affine)):
    register_vmap(f"edgewise::{_name}", _map, lib=LIBRARY)
