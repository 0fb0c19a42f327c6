"""The B-spline basis as one differentiable op: its derivative is the same op at `order + 1`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from edgewise.kernels.bspline import reference


class _Basis(torch.autograd.Function):
    """Forward and reverse mode, to any order; a `custom_op` would lose forward mode without a word."""

    @staticmethod
    def forward(x: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
        return reference.basis(x, knots, degree, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, knots, ctx.degree, ctx.order = inputs
        ctx.save_for_backward(x, knots)
        ctx.save_for_forward(x, knots)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, knots = ctx.saved_tensors
        slope = _Basis.apply(x, knots, ctx.degree, ctx.order + 1)
        return (grads[0] * slope).sum(-1), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, knots = ctx.saved_tensors
        # Torch switches forward mode off in here, so that a derivative of this derivative would be zero without a
        # word: switch it on again, with x freed of the tangent that is being used up.
        with forward_ad._set_fwd_grad_enabled(True):
            x = forward_ad.unpack_dual(x, level=0).primal
            slope = _Basis.apply(x, knots, ctx.degree, ctx.order + 1)
            if tangents[0] is None:
                return torch.zeros_like(slope)
            return slope * tangents[0].unsqueeze(-1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, knots: Tensor, degree: int, order: int) -> Any:
        x_dim, knots_dim = in_dims[:2]
        if knots_dim is None:
            return _Basis.apply(x.movedim(x_dim, 0), knots, degree, order), 0
        # Batched knots: the batch becomes more inputs of one wider call.
        knots = knots.movedim(knots_dim, 0)
        batch, n_in = knots.shape[:2]
        x = x.movedim(x_dim, -2) if x_dim is not None else x.unsqueeze(-2).expand(*x.shape[:-1], batch, n_in)
        wide = _Basis.apply(x.reshape(*x.shape[:-2], batch * n_in), knots.reshape(batch * n_in, -1), degree, order)
        return wide.reshape(*x.shape, wide.shape[-1]), x.dim() - 2


def bspline_basis(x: Tensor, knots: Tensor, degree: int, order: int = 0) -> Tensor:
    """Evaluate all B-splines of a knot vector, or their derivatives, at many points.

    result[..., i, m] = B_m^(order)(x[..., i]) over the knots of input i; beyond the first and last interior knot
    each function continues along its tangent.

    Shapes: x (..., n_in), knots (n_in, G + 2 degree + 1), result (..., n_in, G + degree). Differentiable in x, in
    forward and reverse mode and to any order; not in the knots.

    >>> import torch
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)          # G = 5 cells on [0, 5], cubic
    >>> bspline_basis(torch.tensor([[2.0]]), knots, degree=3).sum().item()
    1.0

    Source: de Boor, A Practical Guide to Splines, chapters IX and X.
    """
    if torch.compiler.is_compiling():
        return reference.basis(x, knots, degree, order)  # plain arithmetic: the compiler differentiates and fuses it
    return _Basis.apply(x, knots, degree, order)  # type: ignore[no-any-return]
