"""The basis and its contraction with coefficients, closed under differentiation: `_operators` has the rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor as _is_mapped
from torch._C._functorch import unwrap_if_dead
from torch.autograd import forward_ad

from edgewise._errors import InputError
from edgewise.kernels import _dispatch, _operators
from edgewise.kernels._backend import Family
from edgewise.kernels._operators import Term, composed, computed, gradients, name_of, stacked, weighted
from edgewise.kernels.bspline.few import FEW
from edgewise.kernels.runtime._memo import is_eager, is_traced

_PLAIN = (Tensor, torch.nn.Parameter, torch.nn.Buffer)


def evaluate_basis(x: Tensor, knots: Tensor, family: Family, count: int, order: int = 0) -> Tensor:
    """Evaluate all functions of a family, or their derivatives, at many points.

    result[..., i, m] = B_m^(order)(x[..., i]) over the knots of input i.

    Differentiable in x, in forward and reverse mode and to any order; not in the knots.

    Parameters
    ----------
    x : (..., n_in)
        The points.
    knots : (n_in, ...)
        The knots as the family has them: (n_in, K + degree + 1) of B-splines, else the ends (n_in, 2).
    family
        The family of functions.
    count
        The number of functions K.
    order
        The order of the derivative; 0 for values.

    Returns
    -------
    values : (..., n_in, K)
        The values of all functions.

    References
    ----------
    De Boor, A Practical Guide to Splines, chapters IX and X.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import evaluate_basis
    >>> from edgewise.kernels.bspline import BSplineFamily
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)          # 5 cells on [0, 5], cubic: K = 8
    >>> evaluate_basis(torch.tensor([[2.0]]), knots, BSplineFamily(3), 8).sum().item()
    1.0
    """
    if is_traced():
        if is_kept(x, family):
            flat = x.reshape(-1, x.shape[-1])
            return _operators.evaluate(flat, knots, family, count, order).reshape(*x.shape, count)
        return family.reference(x, knots, count, order)  # plain arithmetic: the compiler differentiates and fuses it
    return _Evaluate.of(x, knots, family, count, order)  # type: ignore[no-any-return]


def contract(
    x: Tensor, coefficients: Tensor, knots: Tensor, family: Family, order: int = 0, *,
    mask: Tensor | None = None, more: tuple[Tensor, Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Evaluate sums over inputs of the functions that coefficients describe, or their derivatives.

    result[..., j] = sum_i sum_m coefficients[j, i, m] B_m^(order)(x[..., i])

    Differentiable in x, coefficients, values and weights, in forward and reverse mode and to any order.

    Parameters
    ----------
    x : (..., n_in)
        The points.
    coefficients : (n_out, n_in, K)
        The coefficients of each edge.
    knots : (n_in, ...)
        The knots as the family has them.
    family
        The family of functions.
    order
        The order of the derivative; 0 for values.
    mask : (n_out, n_in)
        False for an edge that counts as zero; None for none.
    more
        The values (..., p) and the weights (n_out, p) of a linear map, which is added.

    Returns
    -------
    sums : (..., n_out)
        The sums.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import contract
    >>> from edgewise.kernels.bspline import BSplineFamily
    >>> knots = torch.arange(-3.0, 9.0).unsqueeze(0)
    >>> contract(torch.tensor([[2.5]]), torch.ones(1, 1, 8), knots, BSplineFamily(3)).item()
    1.0
    """
    flat = x if x.dim() == 2 else x.reshape(-1, x.shape[-1])
    if more is not None and x.dim() != 2:
        more = more[0].reshape(-1, more[0].shape[-1]), more[1]
    if is_traced() and is_kept(x, family):
        out = _operators.contract(flat, coefficients, knots, mask, family, order, more)
    else:
        c = coefficients if mask is None else coefficients * mask.unsqueeze(-1)
        if is_traced():
            out = family.reference(flat, knots, c.shape[2], order).flatten(-2) @ c.flatten(1).T
        elif more is not None and not is_taped(flat) and forward_ad._current_level < 0:
            out, more = _dispatch.affine(flat, c, knots, family, order, more), None
        else:
            out = _Form.of(flat, c, None, None, knots, Term(family, c.shape[2], order, "g"))
        if more is not None:
            out = torch.addmm(out, more[0], more[1].T)
    return out if x.dim() == 2 else out.reshape(*x.shape[:-1], out.shape[-1])


def quick_contract(
    x: Tensor, coefficients: Tensor, knots: Tensor, family: Family, mask: Tensor,
    more: tuple[Tensor, Tensor] | None = None,
) -> Tensor | None:  # fmt: skip
    """Return `contract` at no more than 8 rows while nothing is differentiated; None where that takes `contract`.

    Calling a kernel for a few rows costs more than its arithmetic, so the kernel itself compares the knots with those
    of the last call, and looks for masked edges.

    Parameters
    ----------
    x : (n, n_in)
        The points.
    coefficients : (n_out, n_in, K)
        The coefficients of each edge.
    knots : (n_in, ...)
        The knots as the family has them.
    family
        The family of functions.
    mask : (n_out, n_in)
        False for an edge that counts as zero.
    more
        The values (n, p) and the weights (n_out, p) of a linear map, which is added.
    """
    c = coefficients
    tensors = (c, knots, mask) if more is None else (c, knots, mask, more[1])
    if not (type(x) is Tensor and x.dim() == 2 and x.dtype is c.dtype is knots.dtype):
        return None
    rows, width = x.shape
    if (
        not 0 < rows <= FEW
        or width != c.shape[1]
        or torch.is_grad_enabled()
        or forward_ad._current_level >= 0
        or not is_eager()
    ):
        return None
    for tensor in (x, *tensors):
        if not (tensor.is_cpu and tensor.is_contiguous() and type(tensor) in _PLAIN):
            return None
    return _dispatch.quick(x, c, knots, mask, family, more)


class Differentiable(torch.autograd.Function):
    """A function whose `of` is `apply` without the check of its signature, a third of a small network's time."""

    @classmethod
    def of(cls, *arguments: Any) -> Any:
        if is_eager():
            return super(torch.autograd.Function, cls).apply(*arguments)  # type: ignore[misc]
        return cls.apply(*arguments)

    @staticmethod
    def saved(ctx: Any) -> tuple[Any, ...]:
        """Return what was saved: after `torch.func.vjp` ended, tensors are still in the wrappers of its level."""
        return tuple(None if tensor is None else unwrap_if_dead(tensor) for tensor in ctx.saved_tensors)


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
        x, knots = _Evaluate.saved(ctx)
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
        if not is_taped(arguments[0]) and forward_ad._current_level < 0:
            return computed(*arguments)
        return super().of(*arguments)

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        return computed(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.term = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (u,), (x, c, v, g, knots), taped = grads, _Form.saved(ctx), is_taped(grads[0])
        for_x, for_c = ctx.needs_input_grad[:2]
        if ctx.term.slot == "g" and for_x and for_c and v is None and not taped:
            return *_dispatch.vjps(x, c, u, knots, ctx.term.family, ctx.term.order), None, None, None, None
        form = _Form.of if taped else computed
        return *gradients(form, u, (x, c, v, g, knots), ctx.term, ctx.needs_input_grad[:4]), None, None

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
                parts.append(form(c, weighted(dx, v), g, knots, higher))
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
                None if part is None else stacked(info.batch_size, part, dim).flatten(0, 1)
                for part, dim in ((x, x_dim), (v, v_dim), (g, g_dim))
            )
            flat = _Form.of(x, c, v, g, knots, term)
            return flat.unflatten(0, (info.batch_size, len(flat) // info.batch_size)), 0
        return torch.func.vmap(partial(_composed, term=term), in_dims[:5])(*tensors), 0


def _composed(x: Tensor, c: Any, v: Any, g: Any, knots: Tensor, term: Term) -> Tensor:
    """The operation of a slot as a composition, in which anything may be mapped."""
    values = evaluate_basis(x, knots, term.family, term.count, term.order)
    return composed(values, c, v, g, term.slot)


def is_taped(g: Tensor) -> bool:
    """Return whether what is computed now, from a cotangent, may be differentiated or mapped."""
    return torch.is_grad_enabled() or not is_eager() or _is_mapped(g)


def _primal(x: Any) -> Any:
    """A tensor freed of the tangent that is being used up.

    Torch switches forward mode off inside `jvp`, so that a derivative of this derivative would be zero without a
    word; the callers switch it on again.
    """
    return None if x is None else forward_ad.unpack_dual(x, level=0).primal


_NUMBA = find_spec("numba") is not None
_IS_EXPORTING = getattr(torch.compiler, "is_exporting", None)  # since torch 2.7
_ASKED = {"exports": False}  # not a ContextVar, which torch.compile cannot read


@contextmanager
def kept() -> Iterator[None]:
    """Export programs that call edgewise's kernels, for CPU tensors and bases with kernels.

    Otherwise `torch.export.export` writes plain torch operations, which run where edgewise is not installed. A program
    with kernels is as fast as the module itself, also compiled by AOTInductor, and needs `import edgewise.kernels`
    before it is loaded.

    Raises
    ------
    InputError
        If there are no kernels, because Numba is not installed, or if torch is older than 2.7.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> with ew.kernels.kept():
    ...     program = torch.export.export(ew.nn.KANLayer(3, 2), (torch.zeros(5, 3),))
    >>> torch.ops.edgewise.affine.default in [node.target for node in program.graph.nodes]
    True
    """
    if not _NUMBA:
        raise InputError("Programs cannot keep the kernels: numba is not installed. Install it, or export without.")
    if _IS_EXPORTING is None:
        raise InputError(f"Programs keep the kernels with torch 2.7 or later. Got {torch.__version__}.")
    before, _ASKED["exports"] = _ASKED["exports"], True
    try:
        yield
    finally:
        _ASKED["exports"] = before


def is_kept(x: Tensor, family: Family) -> bool:
    """Return whether a graph that torch records now keeps the operators of a family.

    torch.compile's graphs for CPUs do, and exported programs where `kept` asks for it. Functorch transforms look into
    what they map.
    """
    if _IS_EXPORTING is None or (_IS_EXPORTING() and not _ASKED["exports"]):
        return False
    return _serves(x) and name_of(family) is not None


def exports_keep(x: Tensor) -> bool:
    """Return whether torch exports a program now that `kept` asks to keep the kernels."""
    return _IS_EXPORTING is not None and _IS_EXPORTING() and _ASKED["exports"] and _serves(x)


def _serves(x: Tensor) -> bool:
    if not _NUMBA or x.device.type != "cpu":
        return False
    return torch._C._get_tracing_state() is None and not torch._C._are_functorch_transforms_active()
