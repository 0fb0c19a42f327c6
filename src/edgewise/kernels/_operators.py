"""The form T and its derivatives, which are the operations again; and the operations as operators of torch.

Both are stated here once, for autograd and for compilers, which keep an operator as it is: one call in a graph.

With cotangents g of the outputs, optional weights v of the points and d the order of the derivative, one form

    T(x; c, v, g) = sum_n sum_j g_nj sum_i v_ni sum_m c_jim B_m^(d)(x_ni)

is linear in c, v and g. Its derivatives by these are the three operations of the kernels:

    contract[n, j]             = dT/dg = sum_i v_ni sum_m c_jim B_m^(d)(x_ni)
    vjp_inputs[n, i]           = dT/dv = sum_j g_nj sum_m c_jim B_m^(d)(x_ni)
    vjp_coefficients[j, i, m]  = dT/dc = sum_n g_nj v_ni B_m^(d)(x_ni)

A derivative of one by a slot of the form is another, and its derivative by x is one at d + 1. So a backend writes these
and the basis itself, and every derivative of any order, in both modes, is exact.

    edgewise::evaluate   all functions at all points
    edgewise::form       contract, vjp_inputs or vjp_coefficients: the derivative of T by a slot
    edgewise::vjps       both gradients of a contraction
    edgewise::affine     a contraction plus a linear map of other values, in one array

A mask (n_out, n_in) says which edges count; the operators multiply by it only if an edge is masked. Gradients are the
same operators at other orders, so derivatives of any order go through them. A family goes by its name, because an
operator takes tensors, numbers and text. `torch.vmap` makes more rows of a batch of points, and of any other a
composition of values.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.library import Library, register_autograd, register_fake, register_vmap

from edgewise.kernels import _dispatch
from edgewise.kernels._backend import Family
from edgewise.kernels.bspline import BSplineFamily
from edgewise.kernels.dense import ChebyshevFamily, FourierFamily, RBFFamily
from edgewise.kernels.runtime._memo import is_full

Slot = Literal["c", "v", "g"]
Form = Callable[..., Tensor]
_Dims = Sequence[int | None]


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


_FAMILIES: tuple[type[Family], ...] = (BSplineFamily, ChebyshevFamily, FourierFamily, RBFFamily)
LIBRARY = Library("edgewise", "DEF")
LIBRARY.define("evaluate(Tensor x, Tensor knots, str family, int count, int order) -> Tensor")
LIBRARY.define(
    "form(Tensor x, Tensor? c, Tensor? v, Tensor? g, Tensor knots, Tensor? mask, str family, int count, int order, "
    "str slot) -> Tensor"
)
LIBRARY.define(
    "vjps(Tensor x, Tensor c, Tensor g, Tensor knots, Tensor? mask, str family, int order) -> (Tensor, Tensor)"
)
LIBRARY.define(
    "affine(Tensor x, Tensor c, Tensor knots, Tensor? mask, Tensor values, Tensor weight, str family, int order) "
    "-> Tensor"
)


def name_of(family: Family) -> str | None:
    """Return the name that the operators know a family by; None if they do not.

    >>> name_of(BSplineFamily(3)), name_of(RBFFamily())
    ('bspline 3', 'rbf')
    """
    for kind in _FAMILIES:
        if isinstance(family, kind) and family.cpu is kind.cpu:
            return kind.name if family.degree is None else f"{kind.name} {family.degree}"
    return None


def evaluate(x: Tensor, knots: Tensor, family: Family, count: int, order: int) -> Tensor:
    """Return all functions at points (n, n_in), by the operator."""
    return torch.ops.edgewise.evaluate(x, knots, name_of(family), count, order)


def contract(
    x: Tensor, c: Tensor, knots: Tensor, mask: Tensor | None, family: Family, order: int,
    more: tuple[Tensor, Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Return the sums over inputs at points (n, n_in), and a linear map of `more` values, by the operators."""
    if more is not None:
        return torch.ops.edgewise.affine(x, c, knots, mask, *more, name_of(family), order)
    return torch.ops.edgewise.form(x, c, None, None, knots, mask, name_of(family), c.shape[2], order, "g")


@cache
def _family(name: str) -> Family:
    kind, *degree = name.split()
    found = {known.name: known for known in _FAMILIES}[kind]
    return found(*map(int, degree))


def _masked(c: Tensor | None, mask: Tensor | None) -> Any:
    if c is None or mask is None or is_full(mask):
        return c
    return c * mask.unsqueeze(-1)


def _evaluate(x: Tensor, knots: Tensor, family: str, count: int, order: int) -> Tensor:
    return _dispatch.evaluate(x, knots, _family(family), count, order)


def _form(  # noqa: PLR0913 (what T is of)
    x: Tensor, c: Tensor | None, v: Tensor | None, g: Tensor | None, knots: Tensor, mask: Tensor | None, family: str,
    count: int, order: int, slot: Slot,
) -> Tensor:  # fmt: skip
    out = computed(x, _masked(c, mask), v, g, knots, Term(_family(family), count, order, slot))
    return _masked(out, mask) if slot == "c" else out


def _vjps(
    x: Tensor, c: Tensor, g: Tensor, knots: Tensor, mask: Tensor | None, family: str, order: int
) -> tuple[Tensor, Tensor]:
    for_x, for_c = _dispatch.vjps(x, _masked(c, mask), g, knots, _family(family), order)
    return for_x, _masked(for_c, mask)


def _affine(
    x: Tensor, c: Tensor, knots: Tensor, mask: Tensor | None, values: Tensor, weight: Tensor, family: str, order: int
) -> Tensor:  # fmt: skip
    return _dispatch.affine(x, _masked(c, mask), knots, _family(family), order, (values, weight))


for _name, _run in (("evaluate", _evaluate), ("form", _form), ("vjps", _vjps), ("affine", _affine)):
    LIBRARY.impl(_name, _run, "CompositeExplicitAutograd")


@register_fake("edgewise::evaluate", lib=LIBRARY)
def _evaluate_shape(x: Tensor, knots: Tensor, family: str, count: int, order: int) -> Tensor:
    return x.new_empty(*x.shape, count)


@register_fake("edgewise::form", lib=LIBRARY)
def _form_shape(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, *rest: Any) -> Tensor:
    _, _, count, _, slot = rest
    if slot == "g":
        return x.new_empty(x.shape[0], c.shape[0])
    return x.new_empty(x.shape) if slot == "v" else g.new_empty(g.shape[1], x.shape[1], count)


@register_fake("edgewise::vjps", lib=LIBRARY)
def _vjps_shape(x: Tensor, c: Tensor, g: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), g.new_empty(c.shape)


@register_fake("edgewise::affine", lib=LIBRARY)
def _affine_shape(x: Tensor, c: Tensor, *rest: Any) -> Tensor:
    return x.new_empty(x.shape[0], c.shape[0])


def _operator(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, term: Any, *, mask: Tensor | None) -> Tensor:
    return torch.ops.edgewise.form(x, c, v, g, knots, mask, *term)


def _save_evaluate(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, knots, ctx.family, ctx.count, ctx.order = inputs
    ctx.save_for_backward(x, knots)


def _evaluate_backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
    higher = torch.ops.edgewise.evaluate(*ctx.saved_tensors, ctx.family, ctx.count, ctx.order + 1)
    return (u * higher).sum(-1), None, None, None, None


def _save_form(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, family, count, order, slot = inputs
    ctx.term = Term(family, count, order, slot)
    ctx.save_for_backward(*tensors)


def _form_backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
    *tensors, mask = ctx.saved_tensors
    if ctx.term.slot == "g" and tensors[2] is None:
        return *_by_points_and_coefficients(u, tensors, mask, ctx.term, ctx.needs_input_grad[:2]), *[None] * 8
    form = partial(_operator, mask=mask)
    return *gradients(form, u, tensors, ctx.term, ctx.needs_input_grad[:4]), *[None] * 6


def _by_points_and_coefficients(
    u: Tensor, tensors: Sequence[Any], mask: Tensor | None, term: Term, needed: Sequence[bool]
) -> Sequence[Tensor | None]:
    """The gradients of a contraction by x and c, in one call where both are needed."""
    if all(needed):
        x, c, _, _, knots = tensors
        return torch.ops.edgewise.vjps(x, c, u, knots, mask, term.family, term.order)
    return gradients(partial(_operator, mask=mask), u, tensors, term, (*needed, False, False))[:2]


def _save_vjps(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, family, order = inputs
    ctx.term = Term(family, tensors[1].shape[2], order, "c")
    ctx.save_for_backward(*tensors)


def _vjps_backward(ctx: Any, by_x: Tensor, by_c: Tensor) -> tuple[Tensor | None, ...]:
    """The first output is the derivative by v at the next order, the second the one by c at this order."""
    x, c, g, knots, mask = ctx.saved_tensors
    form, needs = partial(_operator, mask=mask), ctx.needs_input_grad
    first = gradients(form, by_x, (x, c, None, g, knots), ctx.term.by("v", 1), (needs[0], needs[1], False, needs[2]))
    second = gradients(form, by_c, (x, None, None, g, knots), ctx.term, (needs[0], False, False, needs[2]))
    parts = [(a, b) for k, (a, b) in enumerate(zip(first, second, strict=True)) if k != 2]
    return *(a if b is None else a + b for a, b in parts), None, None, None, None  # type: ignore[operator]


def _save_affine(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, c, knots, mask, values, weight, family, order = inputs
    ctx.term = Term(family, c.shape[2], order, "g")
    ctx.save_for_backward(x, c, knots, mask, values, weight)


def _affine_backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
    (x, c, knots, mask, values, weight), needs = ctx.saved_tensors, ctx.needs_input_grad
    by_x, by_c = _by_points_and_coefficients(u, (x, c, None, None, knots), mask, ctx.term, needs[:2])
    return by_x, by_c, None, None, u @ weight if needs[4] else None, u.T @ values if needs[5] else None, None, None


def _map_evaluate(info: Any, dims: _Dims, x: Tensor, knots: Tensor, *rest: Any) -> tuple[Tensor, int]:
    return _values(info.batch_size, dims, x, knots, *rest), 0


def _map_form(info: Any, dims: _Dims, *arguments: Any) -> tuple[Tensor, int]:
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


def _map_vjps(info: Any, dims: _Dims, *arguments: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    *tensors, family, order = arguments
    x, c, g, knots, mask = (_batched(info.batch_size, part, dim) for part, dim in zip(tensors, dims, strict=False))
    values, slopes = (_values(info.batch_size, (0, 0), x, knots, family, c.shape[-1], order + k) for k in (0, 1))
    by_x, by_c = _masked_form(slopes, c, None, g, mask, "v"), _masked_form(values, None, None, g, mask, "c")
    return (by_x, by_c), (0, 0)


def _map_affine(info: Any, dims: _Dims, *arguments: Any) -> tuple[Tensor, int]:
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


for _name, _save, _back, _map in (
    ("evaluate", _save_evaluate, _evaluate_backward, _map_evaluate),
    ("form", _save_form, _form_backward, _map_form),
    ("vjps", _save_vjps, _vjps_backward, _map_vjps),
    ("affine", _save_affine, _affine_backward, _map_affine),
):
    register_autograd(f"edgewise::{_name}", _back, setup_context=_save, lib=LIBRARY)
    register_vmap(f"edgewise::{_name}", _map, lib=LIBRARY)
