"""A layer of rational functions shared by groups of inputs, and the linear map after them."""

import math

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.kernels import forced, rational
from edgewise.nn._autocast import autocast_output
from edgewise.nn._features import Features
from edgewise.nn._rational import check_degrees, rational_coefficients, rational_parameters
from edgewise.nn.bases import ActivationName

_GROUPS = 8
_SITES = 2001


class RationalLayer(Features, torch.nn.Module):
    """A learnable rational function for each group of inputs, then a linear map: a KAN layer for wide networks.

        y_j = sum_i w_ji R_g(i)(x_i) + c_j,  R_g(x) = (a_g0 + .. + a_gp x^p)/(1 + |b_g1 x + .. + b_gq x^q|)

    Input i belongs to group i // (n_in / groups), so that the layer has hardly more parameters than a linear one. By
    default there are 8 groups, or the largest number that divides 8 and n_in.
    `init` names what every R follows at first on [-4, 4]: "silu", "gelu", "relu", "tanh", "sin" or "identity". Weights
    are normal with variance 1 / (n_in E R(z)^2) for normal z, which hands the size of normal inputs on.

    Shapes: x (..., n_in) -> (..., n_out); numerator (groups, p + 1), denominator (groups, q), weight (n_out, n_in),
    bias (n_out,). Any input dtype is converted to the layer's; under autocast as in
    `KANLayer`.

    Errors: InputError for sizes below 1, groups that do not divide n_in, degrees below (1, 2), and an unknown init.

    >>> import torch
    >>> layer = RationalLayer(16, 4, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(5, 7, 16)).shape
    torch.Size([5, 7, 4])

    Source: Yang and Wang, Kolmogorov-Arnold Transformer (2024), section 4.
    """

    def __init__(  # noqa: PLR0913 (what a layer is made of)
        self,
        n_in: int,
        n_out: int,
        *,
        groups: int | None = None,
        degrees: tuple[int, int] = (5, 4),
        init: ActivationName = "silu",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if groups is None and is_int(n_in, 1):
            groups = math.gcd(_GROUPS, int(n_in))
        _check(n_in, n_out, groups, degrees)
        n_in, n_out, groups = int(n_in), int(n_out), int(groups or 1)
        self.n_in, self.n_out, self.groups, self.init = n_in, n_out, groups, init
        with torch.device("cpu"):  # the same numbers wherever the layer lives
            start = rational_coefficients(init, degrees)
            normal = torch.randn(n_out, n_in, generator=generator, dtype=torch.float64)
            weight = normal / math.sqrt(n_in * _mean_square(*start))
        self.numerator, self.denominator = rational_parameters(start, groups, dtype)
        self.weight = torch.nn.Parameter(weight.to(torch.empty(0, dtype=dtype)))  # on the device that is set
        self.bias = torch.nn.Parameter(torch.zeros(n_out, dtype=dtype)) if bias else None
        if device is not None:
            self.to(device)

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    @autocast_output
    def forward(self, x: Tensor) -> Tensor:
        curves = rational(x.to(self.dtype), self.numerator, self.denominator)
        return torch.nn.functional.linear(curves, self.weight, self.bias)

    def extra_repr(self) -> str:
        degrees = self.numerator.shape[1] - 1, self.denominator.shape[1]
        return f"{self.n_in} -> {self.n_out}, groups={self.groups}, degrees={degrees}, init={self.init!r}"


def _mean_square(a: Tensor, b: Tensor) -> float:
    """E R(z)^2 for normal z, by the trapezoidal rule."""
    z = torch.linspace(-8, 8, _SITES, dtype=torch.float64)
    with forced(backend="reference"):  # once a layer: nothing worth compiling for
        values = rational(z.unsqueeze(1), a.unsqueeze(0), b.unsqueeze(0))[:, 0]
    density = torch.exp(-z.square() / 2)
    return float((values.square() * density).sum() / density.sum())


def _check(n_in: int, n_out: int, groups: int | None, degrees: tuple[int, int]) -> None:
    for name, value in (("n_in", n_in), ("n_out", n_out), ("groups", groups)):
        if not is_int(value, 1):
            raise InputError(f"The '{name}' parameter of RationalLayer must be an int >= 1. Got {value!r} instead.")
    if groups is None or n_in % groups:
        raise InputError(
            f"The 'groups' parameter of RationalLayer must divide the {n_in} inputs. Got {groups} instead."
        )
    check_degrees(degrees, "RationalLayer")
