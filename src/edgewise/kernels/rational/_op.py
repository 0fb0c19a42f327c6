"""The grouped rational function as one op that keeps its input and nothing else for the way back."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from edgewise.kernels._backends import Sizes
from edgewise.kernels._dispatch import choose
from edgewise.kernels._family import Family
from edgewise.kernels._memo import plain_world
from edgewise.kernels._ops import Operation, taped
from edgewise.kernels.rational import cpu, reference


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
    if not plain_world():
        return reference.rational(x, numerator, denominator)
    return _Rational.of(x, numerator, denominator)  # type: ignore[no-any-return]


class _Rational(Operation):
    @staticmethod
    def forward(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return (cpu if _on_cpu(x, a, b) else reference).rational(x, a, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, numerator, denominator = ctx.saved_tensors
        plain = not taped(grads[0]) and _on_cpu(x, numerator, denominator)
        return (cpu if plain else reference).pull(x, numerator, denominator, grads[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        x, numerator, denominator = ctx.saved_tensors
        return reference.push(x, numerator, denominator, tangents)


def _on_cpu(x: Tensor, a: Tensor, b: Tensor) -> bool:
    """Whether the kernels of CPUs are taken."""
    if not cpu.serves(x, a, b):
        return False
    family = Family("rational", cpu.size_of(a.shape[1] - 1, b.shape[1]))
    return choose("expand", family, Sizes(1, 1, 1, 1, x.dtype, "cpu")).backend == "numba"
