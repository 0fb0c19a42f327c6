"""The operations on plain tensors: each call chooses its way and takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels import _backends
from edgewise.kernels._dispatch import Choice, choose
from edgewise.kernels._family import Family, law

_ENTRIES = 2_000_000  # of a basis that is written out at a time


def expand(x: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    """All functions at all points: (..., n_in, K)."""
    flat = _ready(x, points).reshape(-1, x.shape[-1])
    how = _chosen("expand", flat, 1, points, family)
    values = _values(how, flat, points, family, order, None)
    return values.reshape(*x.shape, values.shape[-1]).to(x.dtype)


def contract(x: Tensor, c: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    """Sums over inputs: (N, n_out)."""
    dtype, how = x.dtype, _chosen("contract", x, c.shape[0], points, family)
    if how.backend == "triton":
        return _fused(how, family, "contract")(x, _inner(c), points, family.size, order, v).to(dtype)
    x, c, v = _all_ready(points, x, c, v)
    if how.route == "sparse":
        return _module(how, family).contract(x, c, points, family.size, order, v).to(dtype)
    matrix, out = c.flatten(1).T, x.new_empty(x.shape[0], c.shape[0])
    for rows in _chunks(x, c.shape[2]):
        weight = None if v is None else v[rows]
        values = _values(how, x[rows], points, family, order, weight).flatten(1)
        torch.mm(values, matrix, out=out[rows])
    return out.to(dtype)


def pull_x(x: Tensor, c: Tensor, g: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    """Gradients by points: (N, n_in)."""
    dtype, how = x.dtype, _chosen("pull_x", x, c.shape[0], points, family)
    if how.backend == "triton":
        return _fused(how, family, "pull_x")(x, _inner(c), g, points, family.size, order)
    x, c, g = _all_ready(points, x, c, g)
    if how.route == "sparse":
        return _module(how, family).pull_x(x, c, g, points, family.size, order).to(dtype)
    matrix, out = c.flatten(1), torch.empty_like(x)
    for rows in _chunks(x, c.shape[2]):
        slopes = (g[rows] @ matrix).unflatten(1, c.shape[1:])
        out[rows] = _reduced(how, x[rows], slopes, points, family, order)
    return out.to(dtype)


def pull_c(x: Tensor, g: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    """Gradients by coefficients: (n_out, n_in, K)."""
    dtype, how = g.dtype, _chosen("pull_c", x, g.shape[1], points, family)
    if how.backend == "triton":
        return _fused(how, family, "pull_c")(x, g, points, family.size, order, v).permute(2, 0, 1)
    x, g, v = _all_ready(points, x, g, v)
    if how.route == "sparse":
        return _module(how, family).pull_c(x, g, points, family.size, order, v).to(dtype)
    total: Tensor | None = None
    for rows in _chunks(x, family.count(points)):
        weight = None if v is None else v[rows]
        values = _values(how, x[rows], points, family, order, weight)
        part = g[rows].T @ values.flatten(1)
        total = part if total is None else total.add_(part)
        shape = values.shape[1:]
    assert total is not None
    return total.unflatten(1, shape).to(dtype)


def pulls(
    x: Tensor, c: Tensor, g: Tensor, points: Tensor, family: Family, order: int
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gradients by points, (N, n_in), and by coefficients, (n_out, n_in, K), of a contraction."""
    ways = [_chosen(operation, x, c.shape[0], points, family) for operation in ("pull_x", "pull_c")]
    if all(how.backend == "numba" and how.route == "sparse" for how in ways):
        found = _module(ways[0], family).pulls(*_all_ready(points, x, c, g), points, family.size, order)
        if found is not None:
            return found[0].to(x.dtype), found[1].to(g.dtype)
    return pull_x(x, c, g, points, family, order + 1), pull_c(x, g, None, points, family, order)


def _values(how: Choice, x: Tensor, points: Tensor, family: Family, order: int, v: Tensor | None) -> Tensor:
    if how.backend != "reference":
        return _module(how, family).expand(x, points, family.size, order, v)
    values = law(x, points, family, order)
    return values if v is None else values * v.unsqueeze(-1)


def _reduced(how: Choice, x: Tensor, slopes: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    """sum_m slopes_nim B_m^(order)(x_ni)"""
    if how.backend != "reference":
        return _module(how, family).reduce(x, slopes, points, family.size, order)
    return (slopes * law(x, points, family, order)).sum(-1)


def _module(how: Choice, family: Family) -> ModuleType:
    return _backends.module(how.backend, family.name)


def _fused(how: Choice, family: Family, operation: str) -> Callable[..., Tensor]:
    """An operation of a GPU, which never writes the basis out, on either route, and keeps to lower precision."""
    function = getattr(_module(how, family), operation)
    return partial(function, route=how.route) if family.name == "bspline" else function


def _inner(c: Tensor) -> Tensor:
    """Coefficients as they lie in memory: (n_in, K, n_out)."""
    return c.permute(1, 2, 0).contiguous()


def _chunks(x: Tensor, count: int) -> Iterator[slice]:
    step = max(1, _ENTRIES // max(1, x.shape[1] * count))
    for start in range(0, max(1, x.shape[0]), step):
        yield slice(start, start + step)


def _chosen(operation: str, x: Tensor, n_out: int, points: Tensor, family: Family) -> Choice:
    if type(x) not in (Tensor, torch.nn.Parameter) or not x.numel():
        return Choice("reference", "dense", "tensors of another kind, or none at all")
    sizes = _backends.Sizes(x.shape[0], x.shape[1], n_out, family.count(points), x.dtype, x.device.type)
    return choose(operation, family, sizes)


def _ready(x: Tensor, points: Tensor) -> Tensor:
    """A tensor as the kernels read it: single or double precision, contiguous, beside its points."""
    if x.device != points.device:
        raise InputError(f"The input is on {x.device}, the layer on {points.device}. Move one of them.")
    if x.dtype is not torch.float64 and x.dtype is not torch.float32:
        x = x.to(torch.promote_types(x.dtype, torch.float32))
    return x.contiguous()


def _all_ready(points: Tensor, *tensors: Tensor | None) -> list[Any]:
    found = {t.dtype for t in tensors if t is not None}
    if len(found) > 1:
        common = reduce(torch.promote_types, found)
        return [None if t is None else _ready(t.to(common), points) for t in tensors]
    return [None if t is None else _ready(t, points) for t in tensors]
