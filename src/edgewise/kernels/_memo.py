"""What was worked out from a tensor, for as long as the tensor lives and keeps its values."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

T = TypeVar("T")

_SEEN: MutableMapping[Tensor, tuple[Tensor, dict[Hashable, Any]]] = WeakTensorKeyDictionary()


def plain_world() -> bool:
    """Whether tensors are what they seem: no compiler is tracing and no function transform wraps them."""
    return not (torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active())


def remembered(tensor: Tensor, what: Hashable, make: Callable[[Tensor], T]) -> T:
    """Return make(tensor), made afresh only when the tensor's values are others than the last time.

    Values are compared, because torch's count of writes misses those through `.data`.

    >>> knots = torch.zeros(3)
    >>> remembered(knots, "total", lambda t: float(t.sum()))
    0.0
    >>> remembered(knots.add_(1), "total", lambda t: float(t.sum()))
    3.0
    """
    known = _SEEN.get(tensor)
    if known is None or not torch.equal(known[0], tensor):
        known = _SEEN[tensor] = (tensor.detach().clone(), {})
    found = known[1].get(what)
    if found is None:
        found = known[1][what] = make(tensor)
    return found
