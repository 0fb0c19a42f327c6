"""Convolutions whose every weight is a function, and those of rational functions that groups of channels share."""

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn._init import Scheme
from edgewise.nn._layer import KANLayer
from edgewise.nn._module import packed, unpacked
from edgewise.nn._rational import Rational, RationalLayer, groups_for
from edgewise.nn.bases import ActivationName, BaseName, Basis, BasisName, base_function
from edgewise.nn.conv._convolution import Convolution, PaddingMode, Size


class KANConv(Convolution):
    """The convolution of `KANConv2d`, in any number of dimensions."""

    basis: Basis
    base: BaseName | None
    init: Scheme
    domain: tuple[float, float]
    knots: Tensor

    def __init__(  # noqa: PLR0913 (torch's arguments, and what a layer is made of)
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        basis: BasisName | Basis = "bspline",
        grid: int = 5,
        degree: int = 3,
        base: BaseName | None = "silu",
        domain: tuple[float, float] = (-1.0, 1.0),
        init: Scheme = "auto",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, groups, kernel_size=kernel_size, stride=stride, padding=padding,
            dilation=dilation, padding_mode=padding_mode,
        )  # fmt: skip
        layer = KANLayer(
            self.fan_in, self.out_channels, basis=basis, grid=grid, degree=degree, base=base, domain=domain, init=init,
            dtype=dtype, generator=generator,
        )  # fmt: skip
        self.basis, self.base, self.init, self.domain = layer.basis, base, init, (domain[0], domain[1])
        self.register_buffer("knots", layer.knots[:1].repeat(self.in_channels, 1))
        coefficients, weight = self._arranged(layer)
        self.coefficients = torch.nn.Parameter(coefficients)
        self.base_weight = None if base is None else torch.nn.Parameter(weight)
        self.finish(coefficients, bias, device)

    @property
    def grid(self) -> int:
        """How fine the functions are, in the measure of their basis: cells, degree or harmonics."""
        return self.basis.grid(self.coefficients.shape[2])

    @property
    def degree(self) -> int | None:
        """Degree of the pieces between knots, None for a basis without knots."""
        return self.basis.degree

    @property
    def dtype(self) -> torch.dtype:
        return self.coefficients.dtype

    @property
    def count(self) -> int:
        return self.coefficients.shape[2] + (self.base is not None)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all functions again, in place: see `edgewise.nn.initial_values`.

        Parameters
        ----------
        generator
            The generator of the random numbers; torch's global one by default.
        """
        layer = KANLayer(
            self.fan_in, self.out_channels, basis=self.basis, grid=self.grid, base=self.base, domain=self.domain,
            init=self.init, dtype=self.dtype, generator=generator,
        )  # fmt: skip
        with torch.no_grad():
            for own, new in zip((self.coefficients, self.base_weight), self._arranged(layer), strict=True):
                if own is not None:
                    own.copy_(new)
            if self.bias is not None:
                self.bias.zero_()

    def parts(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        values = self.basis.evaluate(x, self.knots, self.coefficients.shape[2])
        curved = values.flatten(-2), self.coefficients.flatten(1, 2)
        if self.base is None or self.base_weight is None:
            return [curved]
        return [curved, (base_function(self.base)[0](x), self.base_weight)]

    def get_extra_state(self) -> Tensor:
        """Return the name of the basis as a tensor of bytes, which the state dict holds."""
        return packed({"basis": self.basis.name})

    def set_extra_state(self, state: Tensor | Mapping[str, Any]) -> None:
        """Check the basis of a state dict.

        Parameters
        ----------
        state
            What `get_extra_state` returned.

        Raises
        ------
        InputError
            For the state of a convolution with another basis.
        """
        found = unpacked(state).get("basis")
        if found != self.basis.name:
            raise InputError(f"The saved convolution has basis {found!r}, this one {self.basis.name!r}.")

    def extra_repr(self) -> str:
        shown = {"basis": self.basis.name, "grid": self.grid, "degree": self.degree, "base": self.base}
        if self.basis.name != "bspline":
            del shown["degree"]
        return f"{super().extra_repr()}, " + ", ".join(f"{name}={value!r}" for name, value in shown.items())

    def _arranged(self, layer: KANLayer) -> tuple[Tensor, Tensor]:
        """Coefficients and base weights of a layer of unfolded inputs, as this convolution has them."""
        return self.folded(layer.coefficients).movedim(-1, 2).contiguous(), self.folded(layer.base_weight)


@final
class KANConv1d(KANConv):
    """A convolution of sequences whose every weight is a learnable function: see `KANConv2d`.

    Shapes: x (n, in_channels, length) or (in_channels, length).

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel. There is none by default: the functions contain constants.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    basis
        The functions B_k: a name of `edgewise.bases.BASES`, or a `edgewise.bases.Basis` of your own.
    grid
        How fine the functions are: for B-splines the number of cells; each basis has its own meaning.
    degree
        The degree of B-splines, from 1 to 9; the other bases have none.
    base
        The base function b: "silu", "gelu", "relu", "tanh", "sin", "identity" or None.
    domain
        The range of the inputs (lo, hi) that the functions of the basis span.
    init
        The name of the initialization scheme: see `edgewise.nn.initial_values`.
    generator
        The generator of the random numbers; torch's global one by default.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANConv1d
    >>> KANConv1d(3, 8, 5, stride=2, padding=2)(torch.zeros(4, 3, 20)).shape
    torch.Size([4, 8, 10])
    """

    dimensions = 1


@final
class KANConv2d(KANConv):
    """A convolution of images whose every weight is a learnable function of one variable.

        y[o, p] = sum_c sum_d phi_ocd(x[c, stride p + dilation d]) + bias_o,  phi(x) = sum_k c_k B_k(x) + w b(x)

    over the channels c of the output's group and the places d of the kernel: a `KANLayer` of unfolded inputs.

    A place of the padding is an input as any other: a zero there adds phi_ocd(0), which is not zero in general, just as
    unfolding a padded input would.

    No input is unfolded. Each function is evaluated once at each place, (in_channels * K) maps, and torch convolves
    these; of many or large images a part at a time, with at most `edgewise.kernels.Backend.entries` values.

    Shapes: x (n, in_channels, height, width) or without n. Coefficients (out_channels, in_channels / groups, K,
    *kernel_size), base weights the same without K, bias (out_channels,), knots (in_channels, ...). Any dtype of real
    inputs is converted to the parameters'; under autocast as in `KANLayer`.

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel. There is none by default: the functions contain constants.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    basis
        The functions B_k: a name of `edgewise.bases.BASES`, or a `edgewise.bases.Basis` of your own.
    grid
        How fine the functions are: for B-splines the number of cells; each basis has its own meaning.
    degree
        The degree of B-splines, from 1 to 9; the other bases have none.
    base
        The base function b: "silu", "gelu", "relu", "tanh", "sin", "identity" or None.
    domain
        The range of the inputs (lo, hi) that the functions of the basis span.
    init
        The name of the initialization scheme: see `edgewise.nn.initial_values`.
    generator
        The generator of the random numbers; torch's global one by default.

    Raises
    ------
    InputError
        For sizes below 1, groups that do not divide both numbers of channels, padding="same" with a stride, and inputs
        of another shape or smaller than the kernel.

    References
    ----------
    Bodner et al., Convolutional Kolmogorov-Arnold Networks (2024), arXiv:2406.13155.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANConv2d
    >>> layer = KANConv2d(3, 8, kernel_size=3, padding="same", generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(4, 3, 10, 10)).shape
    torch.Size([4, 8, 10, 10])
    """

    dimensions = 2


@final
class KANConv3d(KANConv):
    """A convolution of volumes whose every weight is a learnable function: see `KANConv2d`.

    Shapes: x (n, in_channels, depth, height, width) or without n.

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel. There is none by default: the functions contain constants.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    basis
        The functions B_k: a name of `edgewise.bases.BASES`, or a `edgewise.bases.Basis` of your own.
    grid
        How fine the functions are: for B-splines the number of cells; each basis has its own meaning.
    degree
        The degree of B-splines, from 1 to 9; the other bases have none.
    base
        The base function b: "silu", "gelu", "relu", "tanh", "sin", "identity" or None.
    domain
        The range of the inputs (lo, hi) that the functions of the basis span.
    init
        The name of the initialization scheme: see `edgewise.nn.initial_values`.
    generator
        The generator of the random numbers; torch's global one by default.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANConv3d
    >>> KANConv3d(2, 4, 3)(torch.zeros(1, 2, 5, 6, 7)).shape
    torch.Size([1, 4, 3, 4, 5])
    """

    dimensions = 3


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
        super().__init__(
            in_channels, out_channels, groups, kernel_size=kernel_size, stride=stride, padding=padding,
            dilation=dilation, padding_mode=padding_mode,
        )  # fmt: skip
        functions = groups_for(self.in_channels) if functions is None else functions
        if not is_int(functions, 1) or self.in_channels % functions:
            raise InputError(
                f"The 'functions' parameter of {type(self).__name__} must be an int >= 1 that divides the "
                f"{self.in_channels} channels of the input. Got {functions!r}."
            )
        layer = RationalLayer(
            self.fan_in, self.out_channels, groups=1, degrees=degrees, init=init, dtype=dtype, generator=generator
        )
        self.activation = Rational(int(functions), init, degrees, dtype=dtype)
        self.weight = torch.nn.Parameter(self.folded(layer.weight))
        self.finish(self.weight.detach(), bias, device)

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

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    functions
        The number of rational functions, which divides the channels; by default 8, or the largest number that divides 8
        and the channels.
    init
        The function that every R approximates initially on [-4, 4]: "silu", "gelu", "relu", "tanh", "sin" or
        "identity".
    degrees
        The degrees (p, q) of numerator and denominator, at least (1, 2).
    generator
        The generator of the random numbers; torch's global one by default.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import RationalConv1d
    >>> RationalConv1d(4, 8, 5, stride=2, padding=2)(torch.zeros(4, 4, 20)).shape
    torch.Size([4, 8, 10])
    """

    dimensions = 1


@final
class RationalConv2d(RationalConv):
    """A learnable rational function for each group of channels, then an ordinary convolution of images.

        y[o, p] = sum_c sum_d w_ocd R_g(c)(x[c, stride p + dilation d]) + bias_o

    with R of `Rational`: a `KANConv2d` of hardly more parameters than a `torch.nn.Conv2d`, for wide networks. Channel c
    has the function number c // (in_channels / functions). The first weights are those of `RationalLayer`.

    A place of the padding is an input as any other: a zero there adds w R(0), which is about zero at first, but not
    once R is trained.

    Shapes: x (n, in_channels, height, width) or without n; weight and bias as those of `torch.nn.Conv2d`. Any dtype of
    real inputs is converted to the parameters'; under autocast as in `KANLayer`.

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    functions
        The number of rational functions, which divides the channels; by default 8, or the largest number that divides 8
        and the channels.
    init
        The function that every R approximates initially on [-4, 4]: "silu", "gelu", "relu", "tanh", "sin" or
        "identity".
    degrees
        The degrees (p, q) of numerator and denominator, at least (1, 2).
    generator
        The generator of the random numbers; torch's global one by default.

    Raises
    ------
    InputError
        For sizes below 1, groups that do not divide both numbers of channels, functions that do not divide the
        channels, padding="same" with a stride, and inputs of another shape or smaller than the kernel.

    References
    ----------
    Yang and Wang, Kolmogorov-Arnold Transformer (2024), section 4, with a convolution as the linear map.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import RationalConv2d
    >>> layer = RationalConv2d(16, 8, kernel_size=3, padding=1, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(4, 16, 10, 10)).shape
    torch.Size([4, 8, 10, 10])
    """

    dimensions = 2


@final
class RationalConv3d(RationalConv):
    """A convolution of volumes after learnable rational functions: see `RationalConv2d`.

    Shapes: x (n, in_channels, depth, height, width) or without n.

    Parameters
    ----------
    in_channels
        The number of channels of the input.
    out_channels
        The number of channels of the output.
    kernel_size
        The size of the kernel: one number for all dimensions, or one for each.
    stride
        The step between two positions of the kernel: one number for all dimensions, or one for each.
    padding
        The padding on each side: one number for all dimensions, one for each, or "same" or "valid", as in torch.
    dilation
        The distance between two entries of the kernel: one number for all dimensions, or one for each.
    groups
        The number of groups that channels are convolved in; with `in_channels` it is depthwise.
    bias
        Whether a constant is added to each output channel.
    padding_mode
        What the padding is filled with: "zeros", "reflect", "replicate" or "circular", as in torch.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    functions
        The number of rational functions, which divides the channels; by default 8, or the largest number that divides 8
        and the channels.
    init
        The function that every R approximates initially on [-4, 4]: "silu", "gelu", "relu", "tanh", "sin" or
        "identity".
    degrees
        The degrees (p, q) of numerator and denominator, at least (1, 2).
    generator
        The generator of the random numbers; torch's global one by default.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import RationalConv3d
    >>> RationalConv3d(2, 4, 3)(torch.zeros(1, 2, 5, 6, 7)).shape
    torch.Size([1, 4, 3, 4, 5])
    """

    dimensions = 3
