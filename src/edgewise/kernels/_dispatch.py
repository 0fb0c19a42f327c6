"""The operations on plain tensors: each call chooses its backend and takes it.

Backends: "reference" (plain torch, any device), "numba" (CPU) and "triton" (CUDA). Routes: "dense" evaluates all
functions and multiplies matrices; "sparse" touches only the functions that live on a point's cell.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, reduce
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from edgewise._errors import InputError, unknown
from edgewise.kernels import gauss_newton
from edgewise.kernels._backend import REFERENCE, Backend, Family, Sizes
from edgewise.kernels.bspline import BSplineFamily, few
from edgewise.kernels.bspline.few import Chain, ChainCall

Route = Literal["dense", "sparse"]
"""Whether all basis functions of a sample are evaluated, or only those that are not zero."""
BackendName = Literal["reference", "numba", "triton"]
"""What a kernel is written in."""
Operation = Literal["evaluate", "contract", "vjp_inputs", "vjp_coefficients"]
"""What a kernel computes."""

_CUBIC = BSplineFamily(3)
_log = logging.getLogger("edgewise.kernels")
_FREE: tuple[str | None, str | None] = (None, None)
_FORCED: ContextVar[tuple[str | None, str | None]] = ContextVar("forced", default=_FREE)


class Choice(NamedTuple):
    """A backend, a route and the reason for them.

    Parameters
    ----------
    backend
        The name of the backend.
    route
        "dense" or "sparse".
    reason
        Why they were chosen.
    """

    backend: str
    route: str
    reason: str


@contextmanager
def forced(*, route: Route | None = None, backend: BackendName | None = None) -> Iterator[None]:
    """Take a route, a backend or both for every call inside.

    Operations that have one route keep it.

    Parameters
    ----------
    route
        "dense" or "sparse"; None chooses as usual.
    backend
        "reference", "numba" or "triton"; None chooses as usual.

    Raises
    ------
    InputError
        For an unknown name, and in the calls inside where the backend does not exist.

    Examples
    --------
    >>> import torch, edgewise as ew
    >>> layer = ew.nn.KANLayer(3, 2)
    >>> with ew.kernels.forced(backend="reference"):
    ...     layer(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """
    for what, given, known in (("route", route, Route), ("backend", backend, BackendName)):
        if given not in (None, *get_args(known)):
            raise unknown(what, given, list(get_args(known)))
    token = _FORCED.set((route, backend))
    try:
        yield
    finally:
        _FORCED.reset(token)


def explain(
    rows: int,
    n_in: int,
    n_out: int,
    *,
    family: Family = _CUBIC,
    count: int = 8,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> dict[str, Choice]:
    """Return which backend and route each operation takes for calls of a size, and why.

    Parameters
    ----------
    rows
        The number of rows.
    n_in
        The number of inputs.
    n_out
        The number of outputs.
    family
        The family of functions; cubic B-splines by default.
    count
        The number of functions on an edge (grid + degree for B-splines).
    dtype
        The dtype of the points.
    device
        The device.

    Examples
    --------
    >>> from edgewise.kernels import explain
    >>> explain(1024, 64, 64, count=23)["contract"].route
    'sparse'
    """
    sizes = Sizes(rows, n_in, n_out, count, dtype, torch.device(device).type)
    return {operation: choose(operation, family, sizes)[0] for operation in get_args(Operation)}


def prepare(family: Family = _CUBIC, dtype: torch.dtype = torch.float64) -> None:
    """Compile the CPU kernels of a family and dtype now, second-order training's too, rather than when first needed.

    Compiled code is kept on disk, so that this costs seconds once on a machine and milliseconds after that.

    Parameters
    ----------
    family
        The family of functions; cubic B-splines by default.
    dtype
        The dtype that kernels are compiled for.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import BSplineFamily, prepare
    >>> prepare(BSplineFamily(3), torch.float64)
    """
    for backend in family.cpu.values():
        if backend.unavailable(dtype) is None:
            backend.prepare(family, dtype)
            if dtype == torch.float64:
                gauss_newton.prepare(family.degree)


def choose(operation: str, family: Family, sizes: Sizes) -> tuple[Choice, Backend]:
    """Return the backend and route of one call."""
    return _choose(operation, family, sizes, *_FORCED.get())


@cache
def _choose(
    operation: str, family: Family, sizes: Sizes, route: str | None, backend: str | None
) -> tuple[Choice, Backend]:
    fast = {"cpu": "numba", "cuda": "triton"}.get(sizes.device)
    if backend not in (None, "reference", fast):
        allowed = "'reference'" if fast is None else f"{fast!r} or 'reference'"
        raise InputError(f"The backend {backend!r} does not run on {sizes.device} tensors. Use {allowed}.")
    if fast is None:
        return Choice("reference", "dense", f"there are no kernels for {sizes.device} devices"), REFERENCE
    routes = family.cpu if fast == "numba" else family.gpu
    name, first = next(iter(routes.items()), ("dense", REFERENCE))
    problem = first.unavailable(sizes.dtype) if routes else f"no {fast} kernels for {family.name}"
    problem = "it was asked for" if backend == "reference" else problem
    if problem is not None:
        if backend == fast:
            raise InputError(f"The backend {backend!r} cannot be used: {problem}.")
        if backend is None:
            warn_fallback(problem)
        return Choice("reference", "dense", problem), REFERENCE
    if operation == "evaluate":
        return Choice(fast, "dense", "the only route of this operation"), first  # what is written out is dense
    if len(routes) == 1:
        return Choice(fast, name, "the only route of this operation"), first
    if route is not None:
        return Choice(fast, route, "the route was asked for"), routes[route]
    estimates = {name: found.milliseconds(operation, family, sizes) for name, found in routes.items()}
    better = min(estimates, key=lambda name: estimates[name])
    reason = ", ".join(f"{name} {ms:.2g} ms" for name, ms in estimates.items()) + " estimated"
    return Choice(fast, better, reason), routes[better]


@cache
def warn_fallback(reason: str) -> None:
    """Say once for each reason that plain torch is used."""
    _log.warning("edgewise uses plain torch instead of its own kernels: %s", reason)


def clear_dispatch_cache() -> None:
    """Forget what was chosen and said, as after Numba was installed."""
    _choose.cache_clear()
    _has_sparse.cache_clear()
    warn_fallback.cache_clear()


def evaluate(x: Tensor, knots: Tensor, family: Family, count: int, order: int) -> Tensor:
    """All functions at all points: (..., n_in, K)."""
    flat = _ready(x, knots).reshape(-1, x.shape[-1])
    values = _chosen("evaluate", flat, 1, family, count, knots).evaluate(family, flat, knots, count, order)
    return values.reshape(*x.shape, count).to(x.dtype)


def reduce_values(x: Tensor, weights: Tensor, knots: Tensor, family: Family, order: int) -> Tensor:
    """Sums over functions of weights (..., n_in, K) times values: (..., n_in)."""
    n_in, count = weights.shape[-2:]
    flat, factors = x.reshape(-1, n_in), weights.reshape(-1, n_in, count)
    if flat.shape != factors.shape[:2]:
        raise InputError(
            f"The weights must have one for each function of {tuple(x.shape)} points. Got {tuple(weights.shape)}."
        )
    backend = _chosen("evaluate", flat, 1, family, count, knots) if is_plain(factors) else REFERENCE
    flat, factors = _all_ready(backend, knots, flat, factors)
    return backend.reduce(family, flat, factors, knots, order).reshape(x.shape).to(x.dtype)


def contract(x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, family: Family, order: int) -> Tensor:
    """Sums over inputs: (N, n_out)."""
    dtype, backend = x.dtype, _chosen("contract", x, c.shape[0], family, c.shape[2], knots, c=c, v=v)
    x, c, v = _all_ready(backend, knots, x, c, v)
    return backend.contract(family, x, c, v, knots, order).to(dtype)


def affine(
    x: Tensor, c: Tensor, knots: Tensor, family: Family, order: int, more: tuple[Tensor, Tensor]
) -> Tensor:  # fmt: skip
    """Sums over inputs, plus a linear map of other values: (N, n_out)."""
    backend = _chosen("contract", x, c.shape[0], family, c.shape[2], knots, c=c) if is_plain(*more) else REFERENCE
    dtype = x.dtype
    if backend.mixed:
        return backend.contract(family, x, c, None, knots, order).to(dtype).addmm_(more[0], more[1].T)
    x, c, values, weight = _all_ready(backend, knots, x, c, *more)
    return backend.affine(family, x, c, knots, order, (values, weight)).to(dtype)


def quick(
    x: Tensor, c: Tensor, knots: Tensor, mask: Tensor, family: Family, more: tuple[Tensor, Tensor] | None
) -> Tensor | None:
    """Return a contraction at a few rows with hardly a check; None where it needs a second look."""
    if _FORCED.get() is not _FREE or not _has_sparse(family, x.dtype):
        return None
    return few.quick(family, x, c, knots, mask, more)


def chain_call(chain: Chain, constants: Tensor) -> ChainCall | None:
    """Return a network of B-splines as one call for a few rows; None where the kernels are not available.

    Parameters
    ----------
    chain
        The shapes of the layers.
    constants : (size,)
        The constants of all layers, as `Chain.joined` returns them.
    """
    if _FORCED.get() is not _FREE or not _has_sparse(BSplineFamily(chain.degree), constants.dtype):
        return None
    return ChainCall(chain, constants)


@cache
def _has_sparse(family: Family, dtype: torch.dtype) -> bool:
    return choose("contract", family, Sizes(1, 1, 1, 1, dtype, "cpu"))[0][:2] == ("numba", "sparse")


def vjp_inputs(x: Tensor, c: Tensor, g: Tensor, knots: Tensor, family: Family, order: int) -> Tensor:
    """Return the products of cotangents of the outputs with the derivative by the points' functions: (N, n_in).

    Parameters
    ----------
    x : (N, n_in)
        The points.
    c : (n_out, n_in, K)
        The coefficients.
    g : (N, n_out)
        The cotangents of the outputs.
    knots : (n_in, ...)
        The knots of each input.
    family
        The family of functions.
    order
        The order of the derivative; 0 for values.
    """
    dtype, backend = x.dtype, _chosen("vjp_inputs", x, c.shape[0], family, c.shape[2], knots, c=c, g=g)
    x, c, g = _all_ready(backend, knots, x, c, g)
    return backend.vjp_inputs(family, x, c, g, knots, order).to(dtype)


def vjp_coefficients(
    x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, family: Family, count: int, order: int
) -> Tensor:
    """Return the products of cotangents of the outputs with the derivative by the coefficients: (n_out, n_in, K).

    Parameters
    ----------
    x : (N, n_in)
        The points.
    g : (N, n_out)
        The cotangents of the outputs.
    v : (N, n_in)
        The weights of the points; None for ones.
    knots : (n_in, ...)
        The knots of each input.
    family
        The family of functions.
    count
        The number of functions K.
    order
        The order of the derivative; 0 for values.
    """
    dtype, backend = g.dtype, _chosen("vjp_coefficients", x, g.shape[1], family, count, knots, g=g, v=v)
    x, g, v = _all_ready(backend, knots, x, g, v)
    return backend.vjp_coefficients(family, x, g, v, knots, count, order).to(dtype)


def vjps(x: Tensor, c: Tensor, g: Tensor, knots: Tensor, family: Family, order: int) -> tuple[Tensor, Tensor]:
    """Both products, of a contraction: (N, n_in) and (n_out, n_in, K)."""
    first, second = (
        _chosen(name, x, c.shape[0], family, c.shape[2], knots, c=c, g=g) for name in ("vjp_inputs", "vjp_coefficients")
    )
    if first is second:
        points, coefficients, cotangents = _all_ready(first, knots, x, c, g)
        found = first.vjps(family, points, coefficients, cotangents, knots, order)
        if found is not None:
            return found[0].to(x.dtype), found[1].to(g.dtype)
    return (
        vjp_inputs(x, c, g, knots, family, order + 1),
        vjp_coefficients(x, g, None, knots, family, c.shape[2], order),
    )


def _chosen(  # noqa: PLR0913 (what T is of)
    operation: str, x: Tensor, n_out: int, family: Family, count: int, knots: Tensor, *, c: Tensor | None = None,
    g: Tensor | None = None, v: Tensor | None = None,
) -> Backend:  # fmt: skip
    if not x.numel() or not is_plain(x, knots, c, g, v):
        return REFERENCE
    backend = choose(operation, family, Sizes(x.shape[0], x.shape[1], n_out, count, x.dtype, x.device.type))[1]
    if backend is not REFERENCE and x.is_cuda and _is_ragged(knots):
        return REFERENCE
    if backend is not REFERENCE:
        check_sizes(x, knots, family, count, n_out, c=c, g=g, v=v)
    return backend


_RAGGED: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def _is_ragged(knots: Tensor) -> bool:
    """Whether an input has fewer cells than others, which GPU kernels do not know; asked of the device only once."""
    known = _RAGGED.get(knots)
    if known is None or known[0] != knots._version:
        known = _RAGGED[knots] = knots._version, not bool((knots[..., -1] < torch.inf).all())
        if known[1]:
            warn_fallback("on GPUs there are no kernels for inputs with different numbers of cells")
    return known[1]


def _ready(x: Tensor, knots: Tensor) -> Tensor:
    """A tensor as the kernels read it: single or double precision, contiguous, on the device of its knots."""
    if x.device != knots.device:
        raise InputError(f"The input is on {x.device}, the layer on {knots.device}. Move one of them.")
    if x.dtype is not torch.float64 and x.dtype is not torch.float32:
        x = x.to(torch.promote_types(x.dtype, torch.float32))
    return x.contiguous()


def _all_ready(backend: Backend, knots: Tensor, *tensors: Tensor | None) -> list[Any] | tuple[Any, ...]:
    if backend.mixed:
        return tensors
    found = {t.dtype for t in tensors if t is not None}
    if len(found) > 1:
        common = reduce(torch.promote_types, found)
        return [None if t is None else _ready(t.to(common), knots) for t in tensors]
    return [None if t is None else _ready(t, knots) for t in tensors]


_TYPES = (Tensor, torch.nn.Parameter, torch.nn.Buffer)


def is_plain(*tensors: Tensor | None) -> bool:
    """Return whether tensors are memory as it stands: no subclass, no sparse layout, no sign that is still to come.

    Nor are they where a dispatch mode looks on, as make_fx and FakeTensorMode do: it sees no kernel write.

    Errors: InputError for memory that has been freed, as sharding wrappers do between two steps.
    """
    if torch._C._len_torch_dispatch_stack():
        return False
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in _TYPES or tensor.layout is not torch.strided or tensor.is_neg():
            return False
        if tensor.is_cpu and not tensor.data_ptr() and tensor.numel():
            raise InputError(f"A tensor of shape {tuple(tensor.shape)} has no memory: its storage has been freed.")
    return True


def check_sizes(
    x: Tensor, knots: Tensor, family: Family, count: int, n_out: int, *, c: Tensor | None, g: Tensor | None,
    v: Tensor | None,
) -> None:  # fmt: skip
    """Raise InputError unless points, knots, coefficients, cotangents and weights are of one size."""
    n, n_in = x.shape
    each = 2 if family.degree is None else count + family.degree + 1
    if knots.shape != (n_in, each):
        raise _wrong("knots", knots, n_in, each)
    if c is not None and c.shape != (n_out, n_in, count):
        raise _wrong("coefficients", c, n_out, n_in, count)
    if g is not None and g.shape != (n, n_out):
        raise _wrong("cotangents", g, n, n_out)
    if v is not None and v.shape != (n, n_in):
        raise _wrong("weights", v, n, n_in)


def _wrong(what: str, tensor: Tensor, *expected: int) -> InputError:
    return InputError(f"The {what} must have shape {expected}. Got {tuple(tensor.shape)}.")
