"""The grouped rational function as operators of torch, which exported programs keep on request.

    edgewise::rational       its values
    edgewise::rational_vjp   its three gradients

Compiled graphs hold plain torch instead: a compiler fuses it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.library import register_autograd, register_fake, register_vmap

from edgewise.kernels._form import stacked
from edgewise.kernels._operators import LIBRARY
from edgewise.kernels.rational import cpu, reference

LIBRARY.define("rational(Tensor x, Tensor numerator, Tensor denominator) -> Tensor")
LIBRARY.define("rational_vjp(Tensor x, Tensor numerator, Tensor denominator, Tensor g) -> (Tensor, Tensor, Tensor)")


def _value(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return (cpu if cpu.serves(x, a, b) else reference).rational(x, a, b).contiguous()


def _vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    found = (cpu if cpu.serves(x, a, b, g) else reference).vjp(x, a, b, g)
    return tuple(part.contiguous() for part in found)


LIBRARY.impl("rational", _value, "CompositeExplicitAutograd")
LIBRARY.impl("rational_vjp", _vjp, "CompositeExplicitAutograd")


@register_fake("edgewise::rational", lib=LIBRARY)
def _value_shape(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return x.new_empty(x.shape)


@register_fake("edgewise::rational_vjp", lib=LIBRARY)
def _vjp_shape(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), a.new_empty(a.shape), b.new_empty(b.shape)


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs)


def _value_backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:
    return torch.ops.edgewise.rational_vjp(*ctx.saved_tensors, g)


def _vjp_backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, ...]:
    """The gradients of gradients, which are compositions in plain torch."""
    return torch.func.vjp(_plain_vjp, *ctx.saved_tensors)[1](cotangents)


def _plain_vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return torch.func.vjp(reference.rational, x, a, b)[1](g)


def _map_value(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, int]:
    return _narrow(torch.ops.edgewise.rational(*_wide(info.batch_size, dims, tensors)), info.batch_size), 0


def _map_vjp(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    for_x, *others = torch.ops.edgewise.rational_vjp(*_wide(info.batch_size, dims, tensors))
    shared = (part.unflatten(0, (info.batch_size, len(part) // info.batch_size)) for part in others)
    return (_narrow(for_x, info.batch_size), *shared), (0, 0, 0)


def _wide(batch: int, dims: Sequence[int | None], tensors: Sequence[Tensor]) -> list[Tensor]:
    """Points, coefficients and cotangents of a batch as those of more groups of channels."""
    x, a, b, *g = (stacked(batch, part, dim) for part, dim in zip(tensors, dims, strict=True))
    return [x.movedim(0, -2).flatten(-2), a.flatten(0, 1), b.flatten(0, 1), *(g.movedim(0, -2).flatten(-2) for g in g)]


def _narrow(wide: Tensor, batch: int) -> Tensor:
    return wide.unflatten(-1, (batch, wide.shape[-1] // batch)).movedim(-2, 0)


register_autograd("edgewise::rational", _value_backward, setup_context=_save, lib=LIBRARY)
register_autograd("edgewise::rational_vjp", _vjp_backward, setup_context=_save, lib=LIBRARY)
register_vmap("edgewise::rational", _map_value, lib=LIBRARY)
register_vmap("edgewise::rational_vjp", _map_vjp, lib=LIBRARY)
