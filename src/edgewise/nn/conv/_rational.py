"""Convolutions of rational functions that groups of channels share."""

import math
from typing import final

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn._rational import Rational
from edgewise.nn._rational_layer import RationalLayer
from edgewise.nn.bases import ActivationName
from edgewise.nn.conv._convolution import Convolution
from edgewise.nn.conv._geometry import Geometry, PaddingMode, Size

_FUNCTIONS = 8


class RationalConv(Convolution):
    """The convolution of `RationalConv2d`, in any number of dimensions."""

    def __init__(  # noqa: PLR0913 (torch's arguments, and what a layer is made of)
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        functions: int | None = None,
        init: ActivationName = "silu",
        degrees: tuple[int, int] = (5, 4),
        generator: torch.Generator | None = None,
    ) -> None:
        geometry = Geometry.of(
            self.dimensions, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
            padding_mode=padding_mode,
        )  # fmt: skip
        super().__init__(in_channels, out_channels, groups, geometry)
        functions = math.gcd(_FUNCTIONS, self.in_channels) if functions is None else functions
        if not is_int(functions, 1) or self.in_channels % functions:
            raise InputError(
                f"The 'functions' parameter of {type(self).__name__} must be an int >= 1 that divides the "
                f"{self.in_channels} channels of the input. Got {functions!r}."
            )
        layer = RationalLayer(
            self.fan_in, self.out_channels, groups=1, degrees=degrees, init=init, dtype=dtype, generator=generator
        )
        self.activation = Rational(int(functions), init, degrees, dtype=dtype)
        inputs = self.in_channels // self.groups, *self.kernel_size
        self.weight = torch.nn.Parameter(layer.weight.detach().unflatten(1, inputs))
        self.bias = torch.nn.Parameter(self.weight.detach().new_zeros(self.out_channels)) if bias else None
        if device is not None:
            self.to(device)

    @property
    def count(self) -> int:
        return 1

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    def parts(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(self.activation(x), self.weight)]


@final
class RationalConv1d(RationalConv):
    """A convolution of sequences after learnable rational functions: see `RationalConv2d`.

    Shapes: x (n, in_channels, length) or (in_channels, length).

    >>> import torch
    >>> RationalConv1d(4, 8, 5, stride=2, padding=2)(torch.zeros(4, 4, 20)).shape
    torch.Size([4, 8, 10])
    """

    dimensions = 1


@final
class RationalConv2d(RationalConv):
    """A learnable rational function for each group of channels, then an ordinary convolution of images.

        y[o, p] = sum_c sum_d w_ocd R_g(c)(x[c, stride p + dilation d]) + bias_o

    with R of `Rational`: a `KANConv2d` of hardly more parameters than a `torch.nn.Conv2d`, for wide networks. There are
    `functions` rational functions, by default 8 or the largest number that divides 8 and the channels; channel c has
    number c // (in_channels / functions). `init`, `degrees` and the first weights are those of `RationalLayer`; the
    other arguments are those of `torch.nn.Conv2d`.

    A place of the padding is an input as any other: a zero there adds w R(0), which is about zero at first, but not
    once R is trained.

    Shapes: x (n, in_channels, height, width) or without n; weight and bias as those of `torch.nn.Conv2d`. Any dtype of
    real inputs is converted to the parameters'; under autocast as in `KANLayer`.

    Errors: InputError as of `KANConv2d`, and for functions that do not divide the channels.

    >>> import torch
    >>> layer = RationalConv2d(16, 8, kernel_size=3, padding=1, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(4, 16, 10, 10)).shape
    torch.Size([4, 8, 10, 10])

    Source: Yang and Wang, Kolmogorov-Arnold Transformer (2024), section 4, with a convolution as the linear map.
    """

    dimensions = 2


@final
class RationalConv3d(RationalConv):
    """A convolution of volumes after learnable rational functions: see `RationalConv2d`.

    Shapes: x (n, in_channels, depth, height, width) or without n.

    >>> import torch
    >>> RationalConv3d(2, 4, 3)(torch.zeros(1, 2, 5, 6, 7)).shape
    torch.Size([1, 4, 3, 4, 5])
    """

    dimensions = 3
