"""A contraction at a few rows whose gradients are wanted: all functions written out once, and products by BLAS.

At 1 to 64 rows, calls cost more than arithmetic. A step makes two calls of kernels here and three products, and packs
no coefficients.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from edgewise.kernels import _dispatch
from edgewise.kernels._backend import Backend, Family, Sizes
from edgewise.kernels._differentiable import Differentiable, is_taped
from edgewise.kernels._operators import Form, Term, gradients
from edgewise.kernels.runtime._memo import is_eager

MOST = 64
"""Rows up to which functions are written out."""
_MOST_FUNCTIONS = 16  # of an edge, of which only some live at a point
_PLAIN = (Tensor, torch.nn.Parameter)


def serves(x: Tensor, c: Tensor, knots: Tensor, family: Family) -> Backend | None:
    """Return the backend that writes the functions out; None where another way is better or needed."""
    if not 0 < x.shape[0] <= MOST or forward_ad._current_level >= 0 or not torch.is_grad_enabled() or not is_eager():
        return None
    if not (x.dtype is c.dtype is knots.dtype and x.is_cpu and c.is_cpu and knots.is_cpu):
        return None
    if type(x) not in _PLAIN or type(c) not in _PLAIN or not (x.is_contiguous() and c.is_contiguous()):
        return None
    if c.shape[2] > _MOST_FUNCTIONS and not _is_dense(family):
        return None
    if not _dispatch.is_free() or not _dispatch.is_plain(x, c, knots):
        return None
    _dispatch.check_sizes(x, knots, family, c.shape[2], c.shape[0], c=c, g=None, v=None)
    return _dispatch.choose("evaluate", family, Sizes(x.shape[0], x.shape[1], 1, c.shape[2], x.dtype, "cpu"))[1]


@cache
def _is_dense(family: Family) -> bool:
    return "sparse" not in family.cpu


class FewRows(Differentiable):
    """sum_i sum_m c_jim B_m(x_i), of x (n, n_in) and c (n_out, n_in, K)."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        x, c, knots, family, backend, ctx.form = arguments
        values = backend.evaluate(family, x, knots, c.shape[2], 0)
        ctx.save_for_backward(x, c, knots, values)
        ctx.family, ctx.backend = family, backend
        return torch.mm(values.view(len(x), -1), c.view(len(c), -1).t())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,), (x, c, knots, values), (for_x, for_c) = grads, FewRows.saved(ctx), ctx.needs_input_grad[:2]
        if is_taped(g):
            form: Form = ctx.form
            term = Term(ctx.family, c.shape[2], 0, "g")
            found = gradients(form, g, (x, c, None, None, knots), term, (for_x, for_c, False, False))
            return *found[:2], None, None, None, None
        by_x = by_c = None
        if for_x:
            weights = torch.mm(g, c.view(len(c), -1)).view(values.shape)
            by_x = ctx.backend.reduce(ctx.family, x, weights, knots, 1)
        if for_c:
            by_c = torch.mm(g.t(), values.view(len(x), -1)).view(c.shape)
        return by_x, by_c, None, None, None, None
