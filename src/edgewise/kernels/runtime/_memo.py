"""Values computed from a tensor, for as long as the tensor lives and keeps its numbers."""

from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

T = TypeVar("T")

_SEEN: MutableMapping[Tensor, tuple[Tensor, dict[Hashable, Any]]] = WeakTensorKeyDictionary()


def is_eager() -> bool:
    """Return True outside torch.compile, functorch transforms and torch.jit.trace: tensors are plain memory."""
    return not (is_traced() or torch._C._are_functorch_transforms_active())


def is_traced() -> bool:
    """Return True where torch records operations: torch.compile, export and torch.jit.trace see no compiled kernels."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def cached_on(tensor: Tensor, what: Hashable, make: Callable[[Tensor], T]) -> T:
    """Return make(tensor), computed again only when the tensor's values have changed.

    Values are compared, because torch's count of writes misses those through `.data`.

    >>> knots = torch.zeros(3)
    >>> cached_on(knots, "total", lambda t: float(t.sum()))
    0.0
    >>> cached_on(knots.add_(1), "total", lambda t: float(t.sum()))
    3.0
    """
    known = _SEEN.get(tensor)
    if known is None or not torch.equal(known[0], tensor):
        known = _SEEN[tensor] = (tensor.detach().clone(), {})
    found = known[1].get(what)
    if found is None:
        found = known[1][what] = make(tensor)
    return found
