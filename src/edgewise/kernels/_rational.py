"""Grouped rational functions: in plain torch, the reference; by machine code on CPUs; as one op; and as operators.

The op keeps its input and nothing else for the way back. The operators are for exported programs, on request:

    edgewise::rational       its values
    edgewise::rational_vjp   its three gradients

Compiled graphs hold plain torch instead: a compiler fuses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.library import register_autograd, register_fake, register_vmap

from edgewise.kernels._backend import Family, Sizes
from edgewise.kernels._dispatch import choose, is_plain
from edgewise.kernels._operators import LIBRARY, stacked
from edgewise.kernels._ops import Differentiable, exports_keep, is_taped
from edgewise.kernels.compiled import addresses, compiled
from edgewise.kernels.dense.cpu import DTYPES, WIDEST, NumbaBackend
from edgewise.kernels.runtime._memo import is_eager
from edgewise.kernels.runtime._threads import in_parts

_KERNELS = "edgewise.kernels._cpu_rational"


def rational(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Evaluate rational functions that groups of channels share.

        R(x) = (a_0 + a_1 x + .. + a_p x^p)/(1 + |b_1 x + .. + b_q x^q|)

    Channel i belongs to group i // (channels / groups). Differentiable in all three, in forward and reverse mode and
    to any order; where the argument of the absolute value is zero, its derivative counts as zero.

    Parameters
    ----------
    x : (..., channels)
        The points.
    numerator : (groups, p + 1)
        The coefficients a of each group.
    denominator : (groups, q)
        The coefficients b of each group.

    Returns
    -------
    values : (..., channels)
        The values R(x).

    References
    ----------
    Molina, Schramowski, Kersting, Padé Activation Units (2020), equation 3.

    Examples
    --------
    >>> import torch
    >>> from edgewise.kernels import rational
    >>> rational(torch.tensor([[2.0, 3.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.6667, 0.7500]])
    """
    if not is_eager() or forward_ad._current_level >= 0:  # within a transform, or with tangents
        if exports_keep(x) and x.dtype is numerator.dtype is denominator.dtype:
            return torch.ops.edgewise.rational(x, numerator, denominator)
        return plain_rational(x, numerator, denominator)
    return _Rational.of(x, numerator, denominator)  # type: ignore[no-any-return]


class _Rational(Differentiable):
    @staticmethod
    def forward(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return (_compiled_rational if serves(x, a, b) else plain_rational)(x, a, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, numerator, denominator = _Rational.saved(ctx)
        plain = not is_taped(grads[0]) and serves(x, numerator, denominator, grads[0])
        return (_compiled_vjp if plain else plain_vjp)(x, numerator, denominator, grads[0])


def plain_rational(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return R(x) = (a_0 + .. + a_p x^p)/(1 + |b_1 x + .. + b_q x^q|) with the coefficients of each channel's group.

    Channel i belongs to group i // (channels / groups). The absolute value keeps the denominator from zero; where its
    argument changes sign R has a corner.

    Shapes: x (..., channels), a (groups, p + 1), b (groups, q), result as x.

    Source: Molina, Schramowski, Kersting, Padé Activation Units (2020), equation 3; groups: Yang and Wang,
    Kolmogorov-Arnold Transformer (2024), section 4.
    """
    grouped = x.unflatten(-1, (len(a), -1))
    below = 1 + (grouped * _horner(grouped, b)).abs()
    return (_horner(grouped, a) / below).reshape(x.shape)


def plain_vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients by x, a and b of sum(g R(x)), which can be differentiated again where gradients are on."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        parts = [part if again and part.requires_grad else part.detach().requires_grad_() for part in (x, a, b)]
        return torch.autograd.grad(plain_rational(*parts), parts, g, create_graph=again)


def _horner(x: Tensor, coefficients: Tensor) -> Tensor:
    """sum_k c_k x^k of each group: x (..., groups, channels), coefficients (groups, k)."""
    *rest, value = coefficients.unsqueeze(-1).unbind(1)
    total = value if rest else torch.zeros_like(x) + value
    for c in reversed(rest):
        total = total * x + c
    return total


@final
class RationalCPU(NumbaBackend):
    """Two kernels for each pair of degrees."""

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        assert isinstance(family, RationalFamily)
        for name in ("value", "vjp"):
            compiled(_KERNELS, name, DTYPES[dtype], family.numerator, family.denominator)


@dataclass(frozen=True)
class RationalFamily(Family):
    """Rational functions of two degrees, as `edgewise.kernels.rational` evaluates them; no basis is made of them.

    Parameters
    ----------
    numerator
        The degree of the numerator.
    denominator
        The degree of the denominator.
    """

    numerator: int
    denominator: int
    name = "rational"
    cpu = {"dense": RationalCPU()}  # noqa: RUF012


def serves(x: Tensor, a: Tensor, b: Tensor, g: Tensor | None = None) -> bool:
    """Return whether the kernels take these tensors, and cotangents like x."""
    if not (x.is_cpu and a.is_cpu and b.is_cpu and is_plain(x, a, b, g)):
        return False
    if a.dim() != 2 or b.dim() != 2 or not 0 < len(a) == len(b) or not x.dim() or x.shape[-1] % len(a):
        return False
    if g is not None and not (g.is_cpu and g.dtype is x.dtype and g.shape == x.shape):
        return False
    if x.dtype not in DTYPES or not x.dtype == a.dtype == b.dtype or not x.numel():
        return False
    most = 9  # coefficients of a polynomial: with more, little would stay in registers
    if a.shape[1] > most or not 1 <= b.shape[1] < most:
        return False
    family = RationalFamily(a.shape[1] - 1, b.shape[1])
    return choose("evaluate", family, Sizes(1, 1, 1, 1, x.dtype, "cpu"))[0].backend == "numba"


def _compiled_rational(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """See the reference."""
    x = x.contiguous()
    out = torch.empty_like(x)
    _run("value", x, a, b, [out])
    return out


def _compiled_vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See the reference; these gradients are numbers, which nothing differentiates again."""
    x, g = x.contiguous(), g.contiguous()
    out, terms = torch.empty_like(x), a.shape[1] + b.shape[1]
    sums = x.new_zeros(terms, _even(x))
    _run("vjp", x, a, b, [g, out, sums])
    shared = sums[:, : x.shape[-1]].unflatten(1, (len(a), -1)).sum(2).T
    return out, shared[:, : a.shape[1]], shared[:, a.shape[1] :]


def _run(name: str, x: Tensor, a: Tensor, b: Tensor, data: list[Tensor]) -> None:
    """Channels are shared out among threads, so that each sum is the same on any number of them."""
    kernel = compiled(_KERNELS, name, DTYPES[x.dtype], a.shape[1] - 1, b.shape[1])
    channels, wide, unit = x.shape[-1], _even(x), WIDEST // x.element_size()
    # Both polynomials' coefficients of each channel, (terms, wide), zero where there is no channel.
    spread = torch.cat([a.detach(), b.detach()], dim=1).T.repeat_interleave(channels // len(a), dim=1)
    if channels < wide:
        spread = torch.nn.functional.pad(spread, (0, wide - channels))
    first = spread.data_ptr()
    places = [x.data_ptr(), first, first + a.shape[1] * wide * x.element_size(), *(part.data_ptr() for part in data)]
    head = [*places, x.numel() // channels, channels, wide]

    def part(start: int, stop: int) -> None:
        kernel(addresses([*head, start * unit, min(channels, stop * unit)]))

    in_parts(part, wide // unit, 40 * x.numel())  # multiplications of a value and its gradients, roughly


def _even(x: Tensor) -> int:
    """Channels, rounded up to whole vectors."""
    unit = WIDEST // x.element_size()
    return -(-x.shape[-1] // unit) * unit


LIBRARY.define("rational(Tensor x, Tensor numerator, Tensor denominator) -> Tensor")
LIBRARY.define("rational_vjp(Tensor x, Tensor numerator, Tensor denominator, Tensor g) -> (Tensor, Tensor, Tensor)")


def _value(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return (_compiled_rational if serves(x, a, b) else plain_rational)(x, a, b).contiguous()


def _vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    found = (_compiled_vjp if serves(x, a, b, g) else plain_vjp)(x, a, b, g)
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
    return torch.func.vjp(plain_rational, x, a, b)[1](g)


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
