"""The grouped rational function as one op that keeps its input and nothing else for the way back."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from edgewise.kernels._kept import exports_keep
from edgewise.kernels._ops import Differentiable, is_taped
from edgewise.kernels.rational import _operator as _operator  # registers
from edgewise.kernels.rational import cpu, reference
from edgewise.kernels.runtime._memo import is_eager


def rational(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Evaluate rational functions that groups of channels share.

        R(x) = (a_0 + a_1 x + .. + a_p x^p)/(1 + |b_1 x + .. + b_q x^q|)

    Channel i belongs to group i // (channels / groups). Differentiable in all three, in forward and reverse mode and
    to any order; where the argument of the absolute value is zero, its derivative counts as zero.

    Shapes: x (..., channels), numerator (groups, p + 1), denominator (groups, q), result as x.

    >>> import torch
    >>> rational(torch.tensor([[2.0, 3.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.6667, 0.7500]])

    Source: Molina, Schramowski, Kersting, Padé Activation Units (2020), equation 3.
    """
    if not is_eager() or forward_ad._current_level >= 0:  # within a transform, or with tangents
        if exports_keep(x) and x.dtype is numerator.dtype is denominator.dtype:
            return torch.ops.edgewise.rational(x, numerator, denominator)
        return reference.rational(x, numerator, denominator)
    return _Rational.of(x, numerator, denominator)  # type: ignore[no-any-return]


class _Rational(Differentiable):
    @staticmethod
    def forward(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return (cpu if cpu.serves(x, a, b) else reference).rational(x, a, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, numerator, denominator = ctx.saved_tensors
        plain = not is_taped(grads[0]) and cpu.serves(x, numerator, denominator, grads[0])
        return (cpu if plain else reference).vjp(x, numerator, denominator, grads[0])
