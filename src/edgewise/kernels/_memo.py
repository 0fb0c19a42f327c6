"""What was worked out from a tensor, for as long as the tensor lives and keeps its values."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

T = TypeVar("T")

_SEEN: MutableMapping[Tensor, dict[Hashable, tuple[int, Any]]] = WeakTensorKeyDictionary()


def plain_world() -> bool:
    """Whether tensors are what they seem: no compiler is tracing and no function transform wraps them."""
    return not (torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active())


def remembered(tensor: Tensor, what: Hashable, make: Callable[[Tensor], T]) -> T:
    """Return make(tensor), made afresh only after the tensor was written to.

    >>> import torch
    >>> knots = torch.zeros(3)
    >>> remembered(knots, "total", lambda t: float(t.sum()))
    0.0
    >>> remembered(knots.add_(1), "total", lambda t: float(t.sum()))
    3.0
    """
    if tensor.is_inference():  # counts no writes
        return make(tensor)
    known = _SEEN.get(tensor)
    if known is None:
        known = _SEEN[tensor] = {}
    version = tensor._version
    found = known.get(what)
    if found is None or found[0] != version:
        found = known[what] = (version, make(tensor))
    return found[1]
