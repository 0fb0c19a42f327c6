"""A learnable rational function for each group of channels: an activation without a linear map."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.kernels import rational
from edgewise.nn.bases import ActivationName, rational_start

_REACH = 4.0  # as far as the activation is followed on either side of zero


class Rational(torch.nn.Module):
    """A learnable rational function for each group of channels: drop-in for an activation such as GELU.

        R_g(x) = (a_g0 + a_g1 x + .. + a_gp x^p)/(1 + |b_g1 x + .. + b_gq x^q|)

    Channel i belongs to group i // (channels / groups). `init` names what every R follows at first on
    [-reach, reach]: "silu", "gelu", "relu", "tanh", "sin", "identity", or any elementwise function of a tensor, such as
    a torch activation. It computes in the parameters' dtype, at least float32, and returns the dtype of its input.

    Args: `dim` is the dimension of the channels: -1 for (..., channels), 1 for images (n, channels, height, width).
    `tail` > 0 makes R follow `init` beyond its reach as well, less closely (`bases.rational_start`).

    Shapes: x (..., channels, ...) -> the same; numerator (groups, p + 1), denominator (groups, q).

    Errors: InputError for groups below 1, degrees below (1, 2), an unknown init, and in the forward pass for channels
    that the groups do not divide.

    >>> import torch
    >>> activation = Rational(groups=4, init="gelu", dim=1)
    >>> activation(torch.zeros(2, 16, 5, 5)).shape
    torch.Size([2, 16, 5, 5])

    Source: Molina, Schramowski, Kersting, Padé Activation Units (2020); groups: Yang and Wang, Kolmogorov-Arnold
    Transformer (2024), section 4.
    """

    def __init__(
        self,
        groups: int = 8,
        init: ActivationName | Callable[[Tensor], Tensor] = "silu",
        degrees: tuple[int, int] = (5, 4),
        dim: int = -1,
        *,
        reach: float = _REACH,
        tail: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check(groups, dim)
        check_degrees(degrees, "Rational")
        self.groups, self.dim = int(groups), int(dim)
        start = rational_coefficients(init, degrees, reach, tail)
        self.init = str(init) if isinstance(init, str) else getattr(init, "__name__", type(init).__name__)
        self.numerator, self.denominator = rational_parameters(start, self.groups, dtype)
        if device is not None:
            self.to(device)

    @property
    def degrees(self) -> tuple[int, int]:
        """The degrees of the numerator and of the denominator."""
        return self.numerator.shape[1] - 1, self.denominator.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        self._check_input(x)
        accurate = torch.promote_types(torch.promote_types(x.dtype, self.numerator.dtype), torch.float32)
        a, b = self.numerator.to(accurate), self.denominator.to(accurate)
        at = self.dim % x.dim()
        others = [d for d in range(x.dim()) if d != at]
        y = rational(x.to(accurate).permute(*others, at), a, b)
        if others[at:]:
            y = y.permute(*range(at), -1 % x.dim(), *range(at, x.dim() - 1))
            y = y.contiguous() if x.is_contiguous() else y  # as other activations, the output lies as the input does
        return y.to(x.dtype) if x.is_floating_point() else y.to(self.numerator.dtype)

    def extra_repr(self) -> str:
        return f"groups={self.groups}, init={self.init!r}, degrees={self.degrees}, dim={self.dim}"

    def _check_input(self, x: Any) -> None:
        if not isinstance(x, Tensor):
            raise InputError(
                f"Rational takes a tensor. Got {type(x).__name__}: torch.as_tensor(x) makes one of arrays."
            )
        if x.is_complex():
            raise InputError(f"Rational takes real numbers. Got {x.dtype}: give real and imaginary parts separately.")
        if not -x.dim() <= self.dim < x.dim():
            raise InputError(f"Rational takes its channels from dimension {self.dim}. Got shape {tuple(x.shape)}.")
        if x.shape[self.dim] % self.groups:
            raise InputError(
                f"The {self.groups} groups of Rational must divide the channels. Got {x.shape[self.dim]} in dimension "
                f"{self.dim} of {tuple(x.shape)}: choose 'groups' that divides them."
            )


def rational_coefficients(
    init: ActivationName | Callable[[Tensor], Tensor],
    degrees: tuple[int, int],
    reach: float = _REACH,
    tail: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return a (p + 1,) and b (q,) of one group in float64 on the CPU: the same numbers wherever the module lives."""
    with torch.device("cpu"):
        return rational_start(init, (int(degrees[0]), int(degrees[1])), reach, tail)


def rational_parameters(
    start: tuple[Tensor, Tensor], groups: int, dtype: torch.dtype | None
) -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
    """Return numerator (groups, p + 1) and denominator (groups, q), on the device that the caller has set."""
    like = torch.empty(0, dtype=dtype)
    a, b = (torch.nn.Parameter(part.to(like).repeat(groups, 1)) for part in start)
    return a, b


def check_degrees(degrees: object, what: str) -> None:
    """Raise InputError unless the degrees are two ints, (numerator >= 1, denominator >= 2)."""
    pair = isinstance(degrees, tuple | list) and len(degrees) == 2
    if not (pair and is_int(degrees[0], 1) and is_int(degrees[1], 2)):  # type: ignore[index]
        raise InputError(
            f"The 'degrees' parameter of {what} must be two ints (numerator >= 1, denominator >= 2). "
            f"Got {degrees!r} instead."
        )


def _check(groups: object, dim: object) -> None:
    if not is_int(groups, 1):
        raise InputError(f"The 'groups' parameter of Rational must be an int >= 1. Got {groups!r} instead.")
    if not is_int(dim):
        raise InputError(f"The 'dim' parameter of Rational must be an int. Got {dim!r} instead.")
