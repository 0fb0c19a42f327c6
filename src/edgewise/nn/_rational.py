"""Learnable rational functions, one for each group of channels: as an activation, and before a linear map."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.kernels import forced, rational
from edgewise.nn._module import Features, autocast_output, check_pickled
from edgewise.nn.bases import ActivationName, rational_start


class Rational(torch.nn.Module):
    """A learnable rational function for each group of channels: drop-in for an activation such as GELU.

        R_g(x) = (a_g0 + a_g1 x + .. + a_gp x^p)/(1 + |b_g1 x + .. + b_gq x^q|)

    Channel i belongs to group i // (channels / groups). It computes in the parameters' dtype, at least float32, and
    returns the dtype of its input.

    Shapes: x (..., channels, ...) -> the same; numerator (groups, p + 1), denominator (groups, q).

    Parameters
    ----------
    groups
        The number of groups, which divides the channels.
    init
        The function that every R approximates initially on [-reach, reach]: "silu", "gelu", "relu", "tanh", "sin",
        "identity", or any elementwise function of a tensor, such as a torch activation.
    degrees
        The degrees (p, q) of numerator and denominator, at least (1, 2).
    dim
        The dimension of the channels: -1 for (..., channels), 1 for images (n, channels, height, width).
    reach
        How far from zero R approximates `init`, on either side.
    tail
        If above 0, R approximates `init` beyond its reach as well, less closely (`bases.rational_start`).
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.

    Raises
    ------
    InputError
        For groups below 1, degrees below (1, 2), an unknown init, and in the forward pass for channels that the groups
        do not divide.

    References
    ----------
    Molina, Schramowski, Kersting, Padé Activation Units (2020); groups: Yang and Wang, Kolmogorov-Arnold Transformer
    (2024), section 4.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import Rational
    >>> activation = Rational(groups=4, init="gelu", dim=1)
    >>> activation(torch.zeros(2, 16, 5, 5)).shape
    torch.Size([2, 16, 5, 5])
    """

    def __init__(
        self,
        groups: int = 8,
        init: ActivationName | Callable[[Tensor], Tensor] = "silu",
        degrees: tuple[int, int] = (5, 4),
        dim: int = -1,
        *,
        reach: float = 4.0,
        tail: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_groups(groups, dim)
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
        """Return the values, of the shape and dtype of the input.

        Parameters
        ----------
        x : (..., channels, ...)
            The input.

        Raises
        ------
        InputError
            For what is no tensor of real numbers, and for channels that the groups do not divide.
        """
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
        """Return groups, init, degrees and dimension, which `repr` shows."""
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
    reach: float = 4.0,
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


def groups_for(channels: int) -> int:
    """Return how many groups channels have by default: 8, or the largest number that divides 8 and the channels."""
    return math.gcd(8, channels)


def check_degrees(degrees: object, what: str) -> None:
    """Raise InputError unless the degrees are two ints, (numerator >= 1, denominator >= 2)."""
    pair = isinstance(degrees, tuple | list) and len(degrees) == 2
    if not (pair and is_int(degrees[0], 1) and is_int(degrees[1], 2)):  # type: ignore[index]
        raise InputError(
            f"The 'degrees' parameter of {what} must be two ints (numerator >= 1, denominator >= 2). "
            f"Got {degrees!r} instead."
        )


def _check_groups(groups: object, dim: object) -> None:
    if not is_int(groups, 1):
        raise InputError(f"The 'groups' parameter of Rational must be an int >= 1. Got {groups!r} instead.")
    if not is_int(dim):
        raise InputError(f"The 'dim' parameter of Rational must be an int. Got {dim!r} instead.")


class RationalLayer(Features, torch.nn.Module):
    """A learnable rational function for each group of inputs, then a linear map: a KAN layer for wide networks.

        y_j = sum_i w_ji R_g(i)(x_i) + c_j,  R_g(x) = (a_g0 + .. + a_gp x^p)/(1 + |b_g1 x + .. + b_gq x^q|)

    Input i belongs to group i // (n_in / groups), so that the layer has hardly more parameters than a linear one.
    Weights are normal with variance 1 / (n_in E R(z)^2) for normal z, which hands the size of normal inputs on.

    Shapes: x (..., n_in) -> (..., n_out); numerator (groups, p + 1), denominator (groups, q). The map `linear` is a
    `torch.nn.Linear` with weight (n_out, n_in) and bias (n_out,), so that tools for linear layers find it: torchao
    quantizes it, peft adapts it. Any input dtype is converted to the layer's; under autocast as in `KANLayer`.

    Parameters
    ----------
    n_in
        The number of inputs.
    n_out
        The number of outputs.
    groups
        The number of groups, which divides the inputs; by default 8, or the largest number that divides 8 and n_in.
    degrees
        The degrees (p, q) of numerator and denominator, at least (1, 2).
    init
        The function that every R approximates initially on [-4, 4]: "silu", "gelu", "relu", "tanh", "sin" or
        "identity".
    bias
        Whether the linear map has constants c.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    generator
        The generator of the random numbers; torch's global one by default.

    Raises
    ------
    InputError
        For sizes below 1, groups that do not divide n_in, degrees below (1, 2), and an unknown init.

    References
    ----------
    Yang and Wang, Kolmogorov-Arnold Transformer (2024), section 4.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import RationalLayer
    >>> layer = RationalLayer(16, 4, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(5, 7, 16)).shape
    torch.Size([5, 7, 4])
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
            groups = groups_for(int(n_in))
        _check_sizes(n_in, n_out, groups, degrees)
        n_in, n_out, groups = int(n_in), int(n_out), int(groups or 1)
        self.n_in, self.n_out, self.groups, self.init = n_in, n_out, groups, init
        with torch.device("cpu"):  # the same numbers wherever the layer lives
            start = rational_coefficients(init, degrees)
            normal = torch.randn(n_out, n_in, generator=generator, dtype=torch.float64)
            weight = normal / math.sqrt(n_in * _mean_square(*start))
        self.numerator, self.denominator = rational_parameters(start, groups, dtype)
        with torch.device("meta"):  # draws no random numbers of its own
            self.linear = torch.nn.Linear(n_in, n_out, bias=bias)
        self.linear.weight = torch.nn.Parameter(weight.to(torch.empty(0, dtype=dtype)))  # on the device that is set
        if bias:
            self.linear.bias = torch.nn.Parameter(torch.zeros(n_out, dtype=dtype))
        self.register_state_dict_post_hook(_without_linear)
        self.register_load_state_dict_pre_hook(_with_linear)
        if device is not None:
            self.to(device)

    def __setstate__(self, state: dict[str, Any]) -> None:
        check_pickled(self, "linear" in state["_modules"])
        super().__setstate__(state)

    @property
    def weight(self) -> Tensor:
        """The weights of the linear map (n_out, n_in)."""
        return self.linear.weight

    @property
    def bias(self) -> Tensor | None:
        """The constants of the linear map (n_out,), if it has any."""
        return self.linear.bias

    @property
    def dtype(self) -> torch.dtype:
        return self.linear.weight.dtype

    @autocast_output
    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., n_out).

        Parameters
        ----------
        x : (..., n_in)
            The inputs.

        Raises
        ------
        InputError
            For what is no tensor of real numbers, and for inputs of another width.
        """
        curves = rational(x.to(self.dtype), self.numerator, self.denominator)
        return self.linear(curves)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return sizes, groups, degrees and init, which `repr` shows."""
        degrees = self.numerator.shape[1] - 1, self.denominator.shape[1]
        return f"{self.n_in} -> {self.n_out}, groups={self.groups}, degrees={degrees}, init={self.init!r}"


_LINEAR = "linear."


def _without_linear(_: torch.nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Save the linear map under the layer's own name, as the linear layer that a rational one replaces is saved."""
    for name in [name for name in state if name.startswith(prefix + _LINEAR)]:
        state[prefix + name.removeprefix(prefix + _LINEAR)] = state.pop(name)


def _with_linear(module: torch.nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Undo `_without_linear`."""
    own = {*module._parameters, *module._buffers}
    for name in [name for name in state if name.startswith(prefix)]:
        last = name.removeprefix(prefix)
        if last not in own and not last.startswith(_LINEAR):
            state[prefix + _LINEAR + last] = state.pop(name)


def _mean_square(a: Tensor, b: Tensor) -> float:
    """E R(z)^2 for normal z, by the trapezoidal rule."""
    z = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    with forced(backend="reference"):  # once a layer: nothing worth compiling for
        values = rational(z.unsqueeze(1), a.unsqueeze(0), b.unsqueeze(0))[:, 0]
    density = torch.exp(-z.square() / 2)
    return float((values.square() * density).sum() / density.sum())


def _check_sizes(n_in: int, n_out: int, groups: int | None, degrees: tuple[int, int]) -> None:
    for name, value in (("n_in", n_in), ("n_out", n_out), ("groups", groups)):
        if not is_int(value, 1):
            raise InputError(f"The '{name}' parameter of RationalLayer must be an int >= 1. Got {value!r} instead.")
    if groups is None or n_in % groups:
        raise InputError(
            f"The 'groups' parameter of RationalLayer must divide the {n_in} inputs. Got {groups} instead."
        )
    check_degrees(degrees, "RationalLayer")
