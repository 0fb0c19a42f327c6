"""The basis and its contraction with coefficients, closed under differentiation.

With v an optional weight and d the order of the derivative, three operations differentiate into each other:

    contract(x, c, v; d)[n, j]   = sum_i v_ni sum_m c_jim B_m^(d)(x_ni)
    pull_x(x, c, g; d)[n, i]     = sum_j g_nj sum_m c_jim B_m^(d)(x_ni)
    pull_c(x, g, v; d)[j, i, m]  = sum_n g_nj v_ni B_m^(d)(x_ni)

so that each backend writes four functions (these and the basis itself) and every derivative of any order is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor as _is_mapped
from torch.autograd import forward_ad

from edgewise.kernels import _routes
from edgewise.kernels._family import Family, law
from edgewise.kernels._memo import plain_world


def basis(x: Tensor, points: Tensor, family: Family, order: int = 0) -> Tensor:
    """Evaluate all functions of a family, or their derivatives, at many points.

    result[..., i, m] = B_m^(order)(x[..., i]) over the points of input i.

    Shapes: x (..., n_in), points as the family has them (knots (n_in, G + 2 degree + 1) for "bspline"), result
    (..., n_in, K). Differentiable in x, in forward and reverse mode and to any order; not in the points.

    >>> import torch
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)          # G = 5 cells on [0, 5], cubic
    >>> basis(torch.tensor([[2.0]]), knots, Family("bspline", 3)).sum().item()
    1.0

    Source: de Boor, A Practical Guide to Splines, chapters IX and X.
    """
    if torch.compiler.is_compiling():
        return law(x, points, family, order)  # plain arithmetic: the compiler differentiates and fuses it
    return _Basis.of(x, points, family, order)  # type: ignore[no-any-return]


def contract(x: Tensor, coefficients: Tensor, points: Tensor, family: Family, order: int = 0) -> Tensor:
    """Evaluate sums over inputs of the functions that coefficients describe, or their derivatives.

    result[..., j] = sum_i sum_m coefficients[j, i, m] B_m^(order)(x[..., i])

    Shapes: x (..., n_in), coefficients (n_out, n_in, K), points as the family has them, result (..., n_out).
    Differentiable in x and coefficients, in forward and reverse mode and to any order.

    >>> import torch
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)
    >>> contract(torch.tensor([[2.5]]), torch.ones(1, 1, 8), knots, Family("bspline", 3)).item()
    1.0
    """
    if torch.compiler.is_compiling():
        return dense(x, coefficients, None, points, family, order)
    if x.dim() == 2:
        return _Contract.of(x, coefficients, None, points, family, order)  # type: ignore[no-any-return]
    flat = _Contract.of(x.reshape(-1, x.shape[-1]), coefficients, None, points, family, order)
    return flat.reshape(*x.shape[:-1], flat.shape[-1])  # type: ignore[no-any-return]


def dense(x: Tensor, c: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    """The contraction by plain torch: all functions of all inputs, then one product."""
    values = law(x, points, family, order)
    if v is not None:
        values = values * v.unsqueeze(-1)
    return values.flatten(-2) @ c.flatten(1).T


class Operation(torch.autograd.Function):
    """A function whose `of` is `apply` without the check of its signature, a third of a small network's time."""

    @classmethod
    def of(cls, *arguments: Any) -> Any:
        if plain_world():
            return super(torch.autograd.Function, cls).apply(*arguments)  # type: ignore[misc]
        return cls.apply(*arguments)


class _Product(Operation):
    """An operation with coefficients: `plain` is the same as a composition, in which anything may be mapped."""

    plain: Callable[..., Tensor]

    @classmethod
    def of(cls, *arguments: Any) -> Any:
        if _mapped(*arguments[1:3]):
            return cls.plain(*arguments)
        return super().of(*arguments)


class _Basis(Operation):
    @staticmethod
    def forward(x: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
        return _routes.expand(x, points, family, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, points, ctx.family, ctx.order = inputs
        ctx.save_for_backward(x, points)
        ctx.save_for_forward(x, points)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, points = ctx.saved_tensors
        slope = _Basis.of(x, points, ctx.family, ctx.order + 1)
        return (grads[0] * slope).sum(-1), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, points = ctx.saved_tensors
        with forward_ad._set_fwd_grad_enabled(True):
            slope = _Basis.of(_primal(x), points, ctx.family, ctx.order + 1)
            if tangents[0] is None:
                return torch.zeros_like(slope)
            return slope * tangents[0].unsqueeze(-1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, points: Tensor, family: Family, order: int) -> Any:
        x_dim, points_dim = in_dims[:2]
        if points_dim is None:
            return _Basis.of(x.movedim(x_dim, 0), points, family, order), 0
        # Batched points: the batch becomes more inputs of one wider call.
        points = points.movedim(points_dim, 0)
        batch, n_in = points.shape[:2]
        x = x.movedim(x_dim, -2) if x_dim is not None else x.unsqueeze(-2).expand(*x.shape[:-1], batch, n_in)
        wide = _Basis.of(x.reshape(*x.shape[:-2], batch * n_in), points.flatten(0, 1), family, order)
        return wide.reshape(*x.shape, wide.shape[-1]), x.dim() - 2


class _Contract(_Product):
    @staticmethod
    def plain(x: Tensor, c: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
        return _matrix(_by_basis(x, v, points, family, order)) @ _matrix(c).T

    @staticmethod
    def forward(x: Tensor, c: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
        return _routes.contract(x, c, v, points, family, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, c, v, points, ctx.family, ctx.order = inputs
        ctx.save_for_backward(x, c, v, points)
        ctx.save_for_forward(x, c, v, points)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,), (x, c, v, points), rest = grads, ctx.saved_tensors, (ctx.family, ctx.order)
        for_x, for_c, for_v = ctx.needs_input_grad[:3]
        if for_x and for_c and v is None and not taped(g):
            return *_routes.pulls(x, c, g, points, *rest), None, None, None, None
        pull_x, pull_c = _pulls(g)
        slope = _weighed(pull_x(x, c, g, points, ctx.family, ctx.order + 1), v) if for_x else None
        return (
            slope,
            pull_c(x, g, v, points, *rest) if for_c else None,
            pull_x(x, c, g, points, *rest) if for_v else None,
            None, None, None,
        )  # fmt: skip

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, c, v, points = ctx.saved_tensors
        dx, dc, dv = tangents[:3]
        family, order = ctx.family, ctx.order
        with forward_ad._set_fwd_grad_enabled(True):
            x, c, v = _primal(x), _primal(c), _primal(v)
            return _total(
                None if dx is None else _Contract.of(x, c, _weighed(dx, v), points, family, order + 1),
                None if dc is None else _Contract.of(x, dc, v, points, family, order),
                None if dv is None else _Contract.of(x, c, dv, points, family, order),
                like=lambda: torch.zeros_like(_Contract.of(x, c, v, points, family, order)),
            )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        x, c, v, points, family, order = arguments
        x_dim, c_dim, v_dim, points_dim = in_dims[:4]
        if c_dim is None and points_dim is None:
            x, v = _stacked(info.batch_size, x, x_dim), _stacked(info.batch_size, v, v_dim)
            flat = _Contract.of(x.flatten(0, 1), c, None if v is None else v.flatten(0, 1), points, family, order)
            return flat.unflatten(0, x.shape[:2]), 0
        return torch.func.vmap(partial(_Contract.plain, family=family, order=order), in_dims[:4])(x, c, v, points), 0


class _PullX(_Product):
    @staticmethod
    def plain(x: Tensor, c: Tensor, g: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
        return ((g @ _matrix(c)).reshape(len(g), *c.shape[1:]) * basis(x, points, family, order)).sum(-1)

    @staticmethod
    def forward(x: Tensor, c: Tensor, g: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
        return _routes.pull_x(x, c, g, points, family, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, c, g, points, ctx.family, ctx.order = inputs
        ctx.save_for_backward(x, c, g, points)
        ctx.save_for_forward(x, c, g, points)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (u,), (x, c, g, points), rest = grads, ctx.saved_tensors, (ctx.family, ctx.order)
        for_x, for_c, for_g = ctx.needs_input_grad[:3]
        pull_x, pull_c = _pulls(u)
        return (
            u * pull_x(x, c, g, points, ctx.family, ctx.order + 1) if for_x else None,
            pull_c(x, g, u, points, *rest) if for_c else None,
            _Contract.of(x, c, u, points, *rest) if for_g else None,
            None, None, None,
        )  # fmt: skip

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, c, g, points = ctx.saved_tensors
        dx, dc, dg = tangents[:3]
        family, order = ctx.family, ctx.order
        with forward_ad._set_fwd_grad_enabled(True):
            x, c, g = _primal(x), _primal(c), _primal(g)
            return _total(
                None if dx is None else dx * _PullX.of(x, c, g, points, family, order + 1),
                None if dc is None else _PullX.of(x, dc, g, points, family, order),
                None if dg is None else _PullX.of(x, c, dg, points, family, order),
                like=lambda: torch.zeros_like(x),
            )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        x, c, g, points, family, order = arguments
        x_dim, c_dim, g_dim, points_dim = in_dims[:4]
        if c_dim is None and points_dim is None:
            x, g = _stacked(info.batch_size, x, x_dim), _stacked(info.batch_size, g, g_dim)
            flat = _PullX.of(x.flatten(0, 1), c, g.flatten(0, 1), points, family, order)
            return flat.unflatten(0, x.shape[:2]), 0
        return torch.func.vmap(partial(_PullX.plain, family=family, order=order), in_dims[:4])(x, c, g, points), 0


class _PullC(_Product):
    @staticmethod
    def plain(x: Tensor, g: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
        values = _by_basis(x, v, points, family, order)
        return (g.T @ _matrix(values)).reshape(g.shape[1], *values.shape[1:])

    @staticmethod
    def forward(x: Tensor, g: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
        return _routes.pull_c(x, g, v, points, family, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, g, v, points, ctx.family, ctx.order = inputs
        ctx.save_for_backward(x, g, v, points)
        ctx.save_for_forward(x, g, v, points)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (u,), (x, g, v, points), rest = grads, ctx.saved_tensors, (ctx.family, ctx.order)
        for_x, for_g, for_v = ctx.needs_input_grad[:3]
        pull_x, _ = _pulls(u)
        slope = _weighed(pull_x(x, u, g, points, ctx.family, ctx.order + 1), v) if for_x else None
        return (
            slope,
            _Contract.of(x, u, v, points, *rest) if for_g else None,
            pull_x(x, u, g, points, *rest) if for_v else None,
            None, None, None,
        )  # fmt: skip

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, g, v, points = ctx.saved_tensors
        dx, dg, dv = tangents[:3]
        family, order = ctx.family, ctx.order
        with forward_ad._set_fwd_grad_enabled(True):
            x, g, v = _primal(x), _primal(g), _primal(v)
            return _total(
                None if dx is None else _PullC.of(x, g, _weighed(dx, v), points, family, order + 1),
                None if dg is None else _PullC.of(x, dg, v, points, family, order),
                None if dv is None else _PullC.of(x, g, dv, points, family, order),
                like=lambda: torch.zeros_like(_PullC.of(x, g, v, points, family, order)),
            )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        *tensors, family, order = arguments
        return torch.func.vmap(partial(_PullC.plain, family=family, order=order), in_dims[:4])(*tensors), 0


def _pulls(g: Tensor) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The two pull-backs: plain where nobody will differentiate or map them, which saves small networks their tape."""
    return (_PullX.of, _PullC.of) if taped(g) else (_routes.pull_x, _routes.pull_c)


def taped(g: Tensor) -> bool:
    """Whether what is computed now, from a gradient, may be differentiated or mapped."""
    return torch.is_grad_enabled() or not plain_world() or _is_mapped(g)


def _mapped(*tensors: Tensor | None) -> bool:
    """Whether `torch.autograd` works on a batch of gradients at once: its map is another than that of `torch.func`."""
    return any(tensor is not None and _is_mapped(tensor) for tensor in tensors)


def _primal(x: Any) -> Any:
    """A tensor freed of the tangent that is being used up.

    Torch switches forward mode off inside `jvp`, so that a derivative of this derivative would be zero without a
    word; the callers switch it on again.
    """
    return None if x is None else forward_ad.unpack_dual(x, level=0).primal


def _weighed(x: Tensor, v: Tensor | None) -> Tensor:
    return x if v is None else x * v


def _total(*parts: Tensor | None, like: Callable[[], Tensor]) -> Tensor:
    found = [part for part in parts if part is not None]
    return sum(found[1:], start=found[0]) if found else like()


def _by_basis(x: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    values = basis(x, points, family, order)
    return values if v is None else values * v.unsqueeze(-1)


def _matrix(values: Tensor) -> Tensor:
    """(n, n_in, K) as (n, n_in K), by the one way that every map of torch knows."""
    return values.reshape(len(values), values.shape[1] * values.shape[2])


def _stacked(batch: int, x: Any, dim: int | None) -> Any:
    """A tensor with the mapped dimension first, repeated where it is not mapped."""
    if x is None:
        return None
    return x.unsqueeze(0).expand(batch, *x.shape) if dim is None else x.movedim(dim, 0)
