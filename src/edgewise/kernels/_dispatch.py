"""Which implementation a call takes, and why.

Backends: "reference" (plain torch, any device), "numba" (CPU) and "triton" (CUDA). Routes: "dense" evaluates all
functions and multiplies matrices; "sparse" touches only the functions that live on a point's cell.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple

import torch

from edgewise._errors import InputError, unknown
from edgewise.kernels._backends import Sizes, milliseconds, module, routes, unavailable
from edgewise.kernels._family import Family
from edgewise.kernels.cholesky import cpu as cholesky
from edgewise.kernels.gram import cpu as gram

ROUTES = ("dense", "sparse")
BACKENDS = ("reference", "numba", "triton")
OPERATIONS = ("expand", "contract", "pull_x", "pull_c")

_CUBIC = Family("bspline", 3)
_log = logging.getLogger("edgewise.kernels")
_FORCED: ContextVar[tuple[str | None, str | None]] = ContextVar("forced", default=(None, None))


class Choice(NamedTuple):
    """A backend, a route and the reason for them."""

    backend: str
    route: str
    reason: str


@contextmanager
def forced(*, route: str | None = None, backend: str | None = None) -> Iterator[None]:
    """Take a route, a backend or both for every call inside; an InputError says where a backend does not exist.

    Operations that have one route keep it.

    >>> import torch, edgewise as ew
    >>> layer = ew.nn.KANLayer(3, 2)
    >>> with ew.kernels.forced(backend="reference"):
    ...     layer(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """
    if route not in (None, *ROUTES):
        raise unknown("route", route, list(ROUTES))
    if backend not in (None, *BACKENDS):
        raise unknown("backend", backend, list(BACKENDS))
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

    `count` is the number of functions on an edge (grid + degree for B-splines).

    >>> explain(1024, 64, 64, count=23)["contract"].route
    'sparse'
    """
    sizes = Sizes(rows, n_in, n_out, count, dtype, torch.device(device).type)
    return {operation: choose(operation, family, sizes) for operation in OPERATIONS}


def prepare(family: Family = _CUBIC, dtype: torch.dtype = torch.float64) -> None:
    """Compile the CPU kernels of a family and dtype now, second-order training's too, rather than when first needed.

    Compiled code is kept on disk, so that this costs seconds once on a machine and milliseconds after that.

    >>> prepare(Family("bspline", 3), torch.float64)
    """
    if unavailable("numba", family, dtype) is None:
        module("numba", family.name).prepare(family.size, dtype)
        if dtype == torch.float64:
            cholesky.prepare()
            if family.name == "bspline":
                gram.prepare(family.size)


@cache
def tell_fallback(reason: str) -> None:
    """Say once for each reason that plain torch is used."""
    _log.warning("edgewise uses plain torch instead of its own kernels: %s", reason)


def choose(operation: str, family: Family, sizes: Sizes) -> Choice:
    """The backend and route of one call."""
    route, backend = _FORCED.get()
    return _choose(operation, family, sizes, route, backend)


@cache
def _choose(operation: str, family: Family, sizes: Sizes, route: str | None, backend: str | None) -> Choice:
    fast = {"cpu": "numba", "cuda": "triton"}.get(sizes.device)
    if fast is None and backend in (None, "reference"):
        return Choice("reference", "dense", f"there are no kernels for {sizes.device} devices")
    if backend not in (None, "reference", fast):
        raise InputError(
            f"The backend {backend!r} does not run on {sizes.device} tensors. Use {fast!r} or 'reference'."
        )
    problem = "it was asked for" if backend == "reference" else unavailable(str(fast), family, sizes.dtype)
    if problem is not None:
        if backend not in (None, "reference"):
            raise InputError(f"The backend {backend!r} cannot be used: {problem}.")
        if backend is None:
            tell_fallback(problem)
        return Choice("reference", "dense", problem)
    known = routes(operation, family)
    if len(known) == 1:
        return Choice(str(fast), known[0], "the only route of this operation")
    if route is not None:
        return Choice(str(fast), route, "the route was asked for")
    estimates = {name: milliseconds(name, operation, family, sizes) for name in known}
    better = min(estimates, key=lambda name: estimates[name])
    return Choice(str(fast), better, ", ".join(f"{name} {ms:.2g} ms" for name, ms in estimates.items()) + " estimated")
