"""The basis and its contraction with coefficients, closed under differentiation.

With cotangents g of the outputs, optional weights v of the points and d the order of the derivative, one form

    T(x; c, v, g) = sum_n sum_j g_nj sum_i v_ni sum_m c_jim B_m^(d)(x_ni)

is linear in c, v and g. Its derivatives by these are the three operations of the kernels:

    contract[n, j]             = dT/dg = sum_i v_ni sum_m c_jim B_m^(d)(x_ni)
    vjp_inputs[n, i]           = dT/dv = sum_j g_nj sum_m c_jim B_m^(d)(x_ni)
    vjp_coefficients[j, i, m]  = dT/dc = sum_n g_nj v_ni B_m^(d)(x_ni)

A derivative of one by a slot of the form is another, and its derivative by x is one at d + 1. So a backend writes these
and the basis itself, and every derivative of any order, in both modes, is exact.
"""

from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor as _is_mapped
from torch.autograd import forward_ad

from edgewise.kernels import _dispatch
from edgewise.kernels._backend import Family
from edgewise.kernels.runtime._memo import is_eager, is_traced

Slot = Literal["c", "v", "g"]


class _Term(NamedTuple):
    """What T is of, and the slot that an operation is the derivative by."""

    family: Family
    count: int
    order: int
    slot: Slot


def evaluate_basis(x: Tensor, knots: Tensor, family: Family, count: int, order: int = 0) -> Tensor:
    """Evaluate all functions of a family, or their derivatives, at many points.

    result[..., i, m] = B_m^(order)(x[..., i]) over the knots of input i.

    Shapes: x (..., n_in), knots as the family has them ((n_in, K + degree + 1) of B-splines, else the ends (n_in, 2)),
    result (..., n_in, K) with K = `count`. Differentiable in x, in forward and reverse mode and to any order; not in
    the knots.

    >>> import torch
    >>> from edgewise.kernels.bspline import BSplineFamily
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)          # 5 cells on [0, 5], cubic: K = 8
    >>> evaluate_basis(torch.tensor([[2.0]]), knots, BSplineFamily(3), 8).sum().item()
    1.0

    Source: de Boor, A Practical Guide to Splines, chapters IX and X.
    """
    if is_traced():
        return family.reference(x, knots, count, order)  # plain arithmetic: the compiler differentiates and fuses it
    return _Evaluate.of(x, knots, family, count, order)  # type: ignore[no-any-return]


def contract(x: Tensor, coefficients: Tensor, knots: Tensor, family: Family, order: int = 0) -> Tensor:
    """Evaluate sums over inputs of the functions that coefficients describe, or their derivatives.

    result[..., j] = sum_i sum_m coefficients[j, i, m] B_m^(order)(x[..., i])

    Shapes: x (..., n_in), coefficients (n_out, n_in, K), knots as the family has them, result (..., n_out).
    Differentiable in x and coefficients, in forward and reverse mode and to any order.

    >>> import torch
    >>> from edgewise.kernels.bspline import BSplineFamily
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)
    >>> contract(torch.tensor([[2.5]]), torch.ones(1, 1, 8), knots, BSplineFamily(3)).item()
    1.0
    """
    count = coefficients.shape[2]
    if is_traced():
        return family.reference(x, knots, count, order).flatten(-2) @ coefficients.flatten(1).T
    term = _Term(family, count, order, "g")
    if x.dim() == 2:
        return _Form.of(x, coefficients, None, None, knots, term)  # type: ignore[no-any-return]
    flat = _Form.of(x.reshape(-1, x.shape[-1]), coefficients, None, None, knots, term)
    return flat.reshape(*x.shape[:-1], flat.shape[-1])  # type: ignore[no-any-return]


class Differentiable(torch.autograd.Function):
    """A function whose `of` is `apply` without the check of its signature, a third of a small network's time."""

    @classmethod
    def of(cls, *arguments: Any) -> Any:
        if is_eager():
            return super(torch.autograd.Function, cls).apply(*arguments)  # type: ignore[misc]
        return cls.apply(*arguments)


class _Evaluate(Differentiable):
    @staticmethod
    def forward(x: Tensor, knots: Tensor, family: Family, count: int, order: int) -> Tensor:
        return _dispatch.evaluate(x, knots, family, count, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, knots, *ctx.rest, ctx.order = inputs
        ctx.save_for_backward(x, knots)
        ctx.save_for_forward(x, knots)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, knots = ctx.saved_tensors
        if not is_taped(grads[0]):  # nothing differentiates it: one kernel, and no derivative is written out
            gradient = _dispatch.reduce_values(x, grads[0], knots, ctx.rest[0], ctx.order + 1)
        else:
            gradient = (grads[0] * _Evaluate.of(x, knots, *ctx.rest, ctx.order + 1)).sum(-1)
        return gradient, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, knots = ctx.saved_tensors
        with forward_ad._set_fwd_grad_enabled(True):
            gradient = _Evaluate.of(_primal(x), knots, *ctx.rest, ctx.order + 1)
            if tangents[0] is None:
                return torch.zeros_like(gradient)
            return gradient * tangents[0].unsqueeze(-1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, knots: Tensor, *rest: Any) -> Any:
        x_dim, knots_dim = in_dims[:2]
        if knots_dim is None:
            return _Evaluate.of(x.movedim(x_dim, 0), knots, *rest), 0
        # Batched knots: the batch becomes more inputs of one wider call.
        knots = knots.movedim(knots_dim, 0)
        batch, n_in = knots.shape[:2]
        x = x.movedim(x_dim, -2) if x_dim is not None else x.unsqueeze(-2).expand(*x.shape[:-1], batch, n_in)
        wide = _Evaluate.of(x.reshape(*x.shape[:-2], batch * n_in), knots.flatten(0, 1), *rest)
        return wide.reshape(*x.shape, wide.shape[-1]), x.dim() - 2


class _Form(Differentiable):
    """The derivative of T by one slot: arguments x, c, v, g, knots and the term.

    That slot is None. In another, v None stands for ones.
    """

    @classmethod
    def of(cls, *arguments: Any) -> Any:
        for tensor in arguments[1:4]:
            if tensor is not None and _is_mapped(tensor):
                return _composed(*arguments)
        return super().of(*arguments)

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        return _computed(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.term = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (u,), (x, c, v, g, knots), (family, count, order, slot) = grads, ctx.saved_tensors, ctx.term
        for_x, for_c, for_v, for_g = ctx.needs_input_grad[:4]
        taped = is_taped(u)
        if slot == "g" and for_x and for_c and v is None and not taped:
            return *_dispatch.vjps(x, c, u, knots, family, order), None, None, None, None
        form = _Form.of if taped else _computed
        c, v, g = u if slot == "c" else c, u if slot == "v" else v, u if slot == "g" else g
        return (
            _weighted(form(x, c, None, g, knots, _Term(family, count, order + 1, "v")), v) if for_x else None,
            form(x, None, v, g, knots, _Term(family, count, order, "c")) if for_c else None,
            form(x, c, None, g, knots, _Term(family, count, order, "v")) if for_v else None,
            form(x, c, v, None, knots, _Term(family, count, order, "g")) if for_g else None,
            None, None,
        )  # fmt: skip

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        (dx, *changes), term = tangents[:4], ctx.term
        with forward_ad._set_fwd_grad_enabled(True):
            x, c, v, g, knots = map(_primal, ctx.saved_tensors)
            form, parts = partial(_Form.of, x), []
            higher = term._replace(order=term.order + 1)
            if dx is not None and term.slot == "v":
                parts.append(dx * form(c, None, g, knots, higher))
            elif dx is not None:
                parts.append(form(c, _weighted(dx, v), g, knots, higher))
            for k, change in enumerate(changes):
                if change is not None:
                    slots = [change if k == at else given for at, given in enumerate((c, v, g))]
                    parts.append(form(*slots, knots, term))
            return sum(parts[1:], start=parts[0]) if parts else torch.zeros_like(form(c, v, g, knots, term))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        *tensors, term = arguments
        x, c, v, g, knots = tensors
        x_dim, c_dim, v_dim, g_dim, knots_dim = in_dims[:5]
        if term.slot != "c" and c_dim is None and knots_dim is None:  # the batch becomes more rows
            x, v, g = (
                None if part is None else _stacked(info.batch_size, part, dim).flatten(0, 1)
                for part, dim in ((x, x_dim), (v, v_dim), (g, g_dim))
            )
            flat = _Form.of(x, c, v, g, knots, term)
            return flat.unflatten(0, (info.batch_size, len(flat) // info.batch_size)), 0
        return torch.func.vmap(partial(_composed, term=term), in_dims[:5])(*tensors), 0


def _computed(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, term: _Term) -> Tensor:
    """The operation of a slot, which nothing differentiates or maps."""
    family, count, order, slot = term
    if slot == "g":
        return _dispatch.contract(x, c, v, knots, family, order)
    if slot == "v":
        return _dispatch.vjp_inputs(x, c, g, knots, family, order)
    return _dispatch.vjp_coefficients(x, g, v, knots, family, count, order)


def _composed(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, term: _Term) -> Tensor:
    """The operation of a slot as a composition, in which anything may be mapped."""
    values = evaluate_basis(x, knots, term.family, term.count, term.order)
    if term.slot == "v":
        return ((g @ _matrix(c)).reshape(len(g), *c.shape[1:]) * values).sum(-1)
    values = values if v is None else values * v.unsqueeze(-1)
    if term.slot == "g":
        return _matrix(values) @ _matrix(c).T
    return (g.T @ _matrix(values)).reshape(g.shape[1], *values.shape[1:])


def is_taped(g: Tensor) -> bool:
    """Return whether what is computed now, from a cotangent, may be differentiated or mapped."""
    return torch.is_grad_enabled() or not is_eager() or _is_mapped(g)


def _primal(x: Any) -> Any:
    """A tensor freed of the tangent that is being used up.

    Torch switches forward mode off inside `jvp`, so that a derivative of this derivative would be zero without a
    word; the callers switch it on again.
    """
    return None if x is None else forward_ad.unpack_dual(x, level=0).primal


def _weighted(x: Tensor, v: Tensor | None) -> Tensor:
    return x if v is None else x * v


def _matrix(values: Tensor) -> Tensor:
    """(n, n_in, K) as (n, n_in K), by the one way that every map of torch knows."""
    return values.reshape(len(values), values.shape[1] * values.shape[2])


def _stacked(batch: int, x: Tensor, dim: int | None) -> Tensor:
    """A tensor with the mapped dimension first, repeated where it is not mapped."""
    return x.unsqueeze(0).expand(batch, *x.shape) if dim is None else x.movedim(dim, 0)
