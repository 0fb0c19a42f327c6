"""The form T and its derivatives, which are the operations again: stated here once, for autograd and for operators.

With cotangents g of the outputs, optional weights v of the points and d the order of the derivative, one form

    T(x; c, v, g) = sum_n sum_j g_nj sum_i v_ni sum_m c_jim B_m^(d)(x_ni)

is linear in c, v and g. Its derivatives by these are the three operations of the kernels:

    contract[n, j]             = dT/dg = sum_i v_ni sum_m c_jim B_m^(d)(x_ni)
    vjp_inputs[n, i]           = dT/dv = sum_j g_nj sum_m c_jim B_m^(d)(x_ni)
    vjp_coefficients[j, i, m]  = dT/dc = sum_n g_nj v_ni B_m^(d)(x_ni)

A derivative of one by a slot of the form is another, and its derivative by x is one at d + 1. So a backend writes these
and the basis itself, and every derivative of any order, in both modes, is exact.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from torch import Tensor

from edgewise.kernels import _dispatch
from edgewise.kernels._backend import Family

Slot = Literal["c", "v", "g"]
Form = Callable[..., Tensor]


class Term(NamedTuple):
    """What T is of, and the slot that an operation is the derivative by."""

    family: Family
    count: int
    order: int
    slot: Slot

    def by(self, slot: Slot, raised: int = 0) -> "Term":
        """Return the operation of another slot, of a derivative that is `raised` orders higher."""
        return Term(self.family, self.count, self.order + raised, slot)


def computed(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, term: Term) -> Tensor:
    """Return the operation of a slot, which nothing differentiates or maps."""
    family, count, order, slot = term
    if slot == "g":
        return _dispatch.contract(x, c, v, knots, family, order)
    if slot == "v":
        return _dispatch.vjp_inputs(x, c, g, knots, family, order)
    return _dispatch.vjp_coefficients(x, g, v, knots, family, count, order)


def composed(values: Tensor, c: Any, v: Any, g: Any, slot: Slot) -> Tensor:
    """Return the operation of a slot as a composition of values (..., n, n_in, K), in which anything may be mapped."""
    if slot == "v":
        return ((g @ _matrix(c)).reshape(values.shape) * values).sum(-1)
    values = values if v is None else values * v.unsqueeze(-1)
    if slot == "g":
        return _matrix(values) @ _matrix(c).transpose(-1, -2)
    return (g.transpose(-1, -2) @ _matrix(values)).reshape(*g.shape[:-2], g.shape[-1], *values.shape[-2:])


def gradients(form: Form, u: Tensor, tensors: Sequence[Any], term: Term, needed: Sequence[bool]) -> list[Tensor | None]:
    """Return the gradients by x, c, v and g that are needed, of an operation with cotangents u.

    `tensors` are x, c, v, g and knots; `form(x, c, v, g, knots, term)` is the operation of a slot.
    """
    (x, c, v, g, knots), (for_x, for_c, for_v, for_g) = tensors, needed
    c, v, g = u if term.slot == "c" else c, u if term.slot == "v" else v, u if term.slot == "g" else g
    return [
        weighted(form(x, c, None, g, knots, term.by("v", 1)), v) if for_x else None,
        form(x, None, v, g, knots, term.by("c")) if for_c else None,
        form(x, c, None, g, knots, term.by("v")) if for_v else None,
        form(x, c, v, None, knots, term.by("g")) if for_g else None,
    ]


def weighted(x: Tensor, v: Tensor | None) -> Tensor:
    return x if v is None else x * v


def _matrix(values: Tensor) -> Tensor:
    """(..., n, n_in, K) as (..., n, n_in K), by the one way that every map of torch knows."""
    return values.reshape(*values.shape[:-2], values.shape[-2] * values.shape[-1])


def stacked(batch: int, x: Tensor, dim: int | None) -> Tensor:
    """Return a tensor with the mapped dimension first, repeated where it is not mapped."""
    return x.unsqueeze(0).expand(batch, *x.shape) if dim is None else x.movedim(dim, 0)
