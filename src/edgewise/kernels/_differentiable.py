"""What the differentiable operations share: how they are called, and when a gradient may be differentiated again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor as _is_mapped
from torch._C._functorch import unwrap_if_dead

from edgewise.kernels.runtime._memo import is_eager


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


def is_taped(g: Tensor) -> bool:
    """Return whether what is computed now, from a cotangent, may be differentiated or mapped."""
    return torch.is_grad_enabled() or not is_eager() or _is_mapped(g)
