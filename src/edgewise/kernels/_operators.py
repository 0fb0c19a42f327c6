"""The operations as operators of torch, which compilers keep as they are: one call each in a compiled graph.

    edgewise::evaluate   all functions at all points
    edgewise::form       contract, vjp_inputs or vjp_coefficients: the derivative of T by a slot, see `_form`
    edgewise::vjps       both gradients of a contraction
    edgewise::affine     a contraction plus a linear map of other values, in one array

A mask (n_out, n_in) says which edges count; the operators multiply by it only if an edge is masked. Gradients are the
same operators at other orders, so derivatives of any order go through them. A family goes by its name, because an
operator takes tensors, numbers and text.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.library import Library, register_autograd, register_fake

from edgewise.kernels import _dispatch
from edgewise.kernels._backend import Family
from edgewise.kernels._form import Slot, Term, computed, gradients
from edgewise.kernels.bspline import BSplineFamily
from edgewise.kernels.chebyshev import ChebyshevFamily
from edgewise.kernels.fourier import FourierFamily
from edgewise.kernels.rbf import RBFFamily
from edgewise.kernels.runtime._memo import is_full

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


register_autograd("edgewise::evaluate", _evaluate_backward, setup_context=_save_evaluate, lib=LIBRARY)
register_autograd("edgewise::form", _form_backward, setup_context=_save_form, lib=LIBRARY)
register_autograd("edgewise::affine", _affine_backward, setup_context=_save_affine, lib=LIBRARY)
register_autograd("edgewise::vjps", _vjps_backward, setup_context=_save_vjps, lib=LIBRARY)
