"""Values computed from a tensor, for as long as the tensor lives and keeps its numbers."""

import weakref
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class _Known(NamedTuple):
    """A tensor, its values when they were read, and what was computed from them."""

    tensor: weakref.ref[Tensor]
    values: Tensor
    made: dict[Hashable, Any]


_SEEN: dict[int, _Known] = {}


def is_eager() -> bool:
    """Return True where tensors are plain memory: nothing compiles, traces, maps or looks on by a dispatch mode."""
    return not (is_traced() or torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack())


def is_traced() -> bool:
    """Return True where torch records operations: torch.compile, export and torch.jit.trace see no compiled kernels."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def cached_on(tensor: Tensor, what: Hashable, make: Callable[[Tensor], T]) -> T:
    """Return make(tensor), computed again only when the tensor's values have changed.

    Values are compared, because torch's count of writes misses those through `.data`.

    Parameters
    ----------
    tensor
        The tensor.
    what
        A key that says what is computed; the result is cached by it.
    make
        Computes it from the tensor.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import cached_on
    >>> knots = torch.zeros(3)
    >>> cached_on(knots, "total", lambda t: float(t.sum()))
    0.0
    >>> cached_on(knots.add_(1), "total", lambda t: float(t.sum()))
    3.0
    """
    known = _SEEN.get(id(tensor))
    if known is None or known.tensor() is not tensor or not torch.equal(known.values, tensor):
        gone = weakref.ref(tensor, partial(_forget, id(tensor)))
        known = _SEEN[id(tensor)] = _Known(gone, tensor.detach().clone(), {})
    found = known.made.get(what)
    if found is None:
        found = known.made[what] = make(tensor)
    return found


def last_known(tensor: Tensor, what: Hashable) -> tuple[Tensor, Any] | None:
    """Return a tensor's values as `cached_on` saw them last, and what it made; the caller compares the values."""
    known = _SEEN.get(id(tensor))
    if known is None or known.tensor() is not tensor or what not in known.made:
        return None
    return known.values, known.made[what]


def _forget(key: int, gone: weakref.ref[Tensor]) -> None:
    known = _SEEN.get(key)
    if known is not None and known.tensor is gone:
        del _SEEN[key]


def is_full(mask: Tensor) -> bool:
    """Return whether every entry of a tensor of truth values is True, in a tenth of the time of `mask.all()`.

    Parameters
    ----------
    mask
        The tensor, boolean.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import is_full
    >>> is_full(torch.tensor([True, False]))
    False
    """
    return bool(mask.view(torch.uint8).amin())
