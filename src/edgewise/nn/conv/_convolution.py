"""What all convolutions of functions share: where they look, in torch's terms, and maps of function values.

The maps are convolved a piece at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv2d, conv3d
from torch.utils.checkpoint import checkpoint

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.kernels import Backend, is_eager, is_traced
from edgewise.nn._module import check_real, own_precision

Size = int | tuple[int, ...]
"""One number for every dimension, or one for each."""
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
"""What stands around the maps: names that torch's convolutions have."""

_CONVOLVE = {1: conv1d, 2: conv2d, 3: conv3d}


@dataclass(frozen=True)
class Geometry:
    """Sizes in every dimension of the maps; `padding` may be "same" or "valid".

    >>> Geometry.of(2, kernel_size=3, stride=2, padding=1).pads
    ((1, 1), (1, 1))
    >>> Geometry.of(1, kernel_size=4, padding="same").pads
    ((1, 2),)
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    padding_mode: PaddingMode

    @classmethod
    def of(
        cls,
        dimensions: int,
        *,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        padding_mode: PaddingMode = "zeros",
    ) -> "Geometry":
        """Return the geometry of torch's arguments.

        Errors: InputError for what is no int or one for each dimension, an unknown padding, and steps with "same".
        """
        if not isinstance(padding_mode, str) or padding_mode not in get_args(PaddingMode):
            raise unknown("padding mode", padding_mode, get_args(PaddingMode))
        steps = _sizes("stride", stride, dimensions, 1)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise unknown("padding", padding, ["same", "valid", "a number"])
            if padding == "same" and any(step != 1 for step in steps):
                raise InputError(f"padding='same' needs stride=1. Got {stride!r}: give the padding as a number.")
        else:
            padding = _sizes("padding", padding, dimensions, 0)
        size, apart = (
            _sizes(name, value, dimensions, 1) for name, value in (("kernel_size", kernel_size), ("dilation", dilation))
        )
        return cls(size, steps, padding, apart, padding_mode)

    @property
    def spans(self) -> tuple[int, ...]:
        """How many places a kernel reaches over, from its first to its last."""
        return tuple(apart * (size - 1) + 1 for size, apart in zip(self.kernel_size, self.dilation, strict=True))

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """Places added before and after each dimension; of an odd number, "same" has one more after it."""
        if self.padding == "same":
            return tuple(((span - 1) // 2, span // 2) for span in self.spans)
        if isinstance(self.padding, str):
            return ((0, 0),) * len(self.kernel_size)
        return tuple((pad, pad) for pad in self.padding)

    def padded(self, x: Tensor) -> Tensor:
        """Return maps (n, channels, ...) with what stands around them, channels last: (n, ..., channels)."""
        flat = [pad for pair in reversed(self.pads) for pad in pair]
        if any(flat) and self.padding_mode != "zeros":
            x = torch.nn.functional.pad(x, flat, mode=self.padding_mode)
        x = x.permute(0, *range(2, x.dim()), 1)
        if any(flat) and self.padding_mode == "zeros":
            x = torch.nn.functional.pad(x, [0, 0, *flat])
        return x

    def convolved(self, x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Return the ordinary convolution of padded maps (n, ..., channels): (n, channels, ...)."""
        convolve, last = _CONVOLVE[len(self.kernel_size)], len(self.kernel_size) + 1
        alone = x.shape[-1] == 1  # torch's compiler and its convolutions then disagree on the strides of a permutation
        x = x.reshape(x.shape[0], 1, *x.shape[1:-1]) if alone else x.permute(0, last, *range(1, last))
        return convolve(x, kernel, bias, stride=self.stride, dilation=self.dilation, groups=groups)

    def check(self, sizes: tuple[int, ...], what: str) -> None:
        """Raise InputError for maps that are too small for the kernel or the padding."""
        limit = {"reflect": 0, "circular": 1}.get(self.padding_mode)
        for size, pads, span in zip(sizes, self.pads, self.spans, strict=True):
            if size + sum(pads) < span:
                raise InputError(
                    f"{what} reaches over {self.spans} places. Maps of size {tuple(sizes)} are smaller, padding "
                    "included: give larger maps or more padding."
                )
            if limit is not None and max(pads) >= size + limit:
                raise InputError(
                    f"padding_mode={self.padding_mode!r} of {what} adds {max(pads)} places. Maps of size "
                    f"{tuple(sizes)} have too few for that: give larger maps or padding_mode='zeros'."
                )
            if self.padding_mode == "replicate" and not size and max(pads):
                raise InputError(f"padding_mode='replicate' of {what} repeats the edge. The maps are empty.")

    def __str__(self) -> str:
        """The arguments that are not torch's defaults, as a call has them."""
        shown = {"kernel_size": self.kernel_size, "stride": self.stride}
        ones, zeros = (1,) * len(self.kernel_size), (0,) * len(self.kernel_size)
        optional = {"padding": (self.padding, zeros), "dilation": (self.dilation, ones)}
        optional["padding_mode"] = (self.padding_mode, "zeros")
        shown |= {name: value for name, (value, usual) in optional.items() if value != usual}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())


def _sizes(name: str, value: object, dimensions: int, least: int) -> tuple[int, ...]:
    """One int for each dimension."""
    several = tuple(value) if isinstance(value, tuple | list) else (value,) * dimensions
    several = several * dimensions if len(several) == 1 else several
    if len(several) != dimensions or not all(is_int(part, least) for part in several):
        raise InputError(
            f"The '{name}' parameter of a convolution in {dimensions} dimensions must be an int >= {least}, or one for "
            f"each dimension. Got {value!r}."
        )
    return tuple(int(part) for part in several)  # type: ignore[call-overload]


_SIZES = {1: "length", 2: "height, width", 3: "depth, height, width"}
_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class Convolution(torch.nn.Module):
    """An ordinary convolution of maps that functions of the input's channels give.

    A subclass has a `dtype` and `bias`, and says how many functions a channel has (`count`), what they give and which
    kernels these maps are convolved with (`parts`).

    Not more than `edgewise.kernels.Backend.entries` function values are written out at a time, unless one row of
    outputs needs more. Where all of them are more than that, the backward pass evaluates them again. Of one function a
    channel all values are written out: they are as many as the input's.
    """

    dimensions: ClassVar[int]
    bias: Tensor | None

    def __init__(self, in_channels: int, out_channels: int, groups: int, **geometry: Any) -> None:
        """`geometry` are torch's other arguments, which say where the convolution looks: see `Geometry.of`."""
        looks = Geometry.of(self.dimensions, **geometry)
        super().__init__()
        name = type(self).__name__
        for what, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            if not is_int(value, 1):
                raise InputError(f"The '{what}' parameter of {name} must be an int >= 1. Got {value!r} instead.")
        if in_channels % groups or out_channels % groups:
            raise InputError(
                f"The 'groups' parameter of {name} must divide the {in_channels} channels of the input and the "
                f"{out_channels} of the output. Got {groups}."
            )
        self.in_channels, self.out_channels, self.groups = int(in_channels), int(out_channels), int(groups)
        self.geometry = looks
        self.kernel_size, self.stride, self.padding = looks.kernel_size, looks.stride, looks.padding
        self.dilation, self.padding_mode = looks.dilation, looks.padding_mode

    def finish(self, like: Tensor, bias: bool, device: torch.device | str | None) -> None:
        """Add a bias of zeros, if there is to be one, and move all to the device.

        Parameters
        ----------
        like
            A tensor of the dtype that the bias has.
        bias
            Whether there is to be a bias.
        device
            The device; None leaves all where it is.
        """
        self.bias = torch.nn.Parameter(like.new_zeros(self.out_channels)) if bias else None
        if device is not None:
            self.to(device)

    def folded(self, weights: Tensor) -> Tensor:
        """Return the weights of a layer of unfolded inputs as those of places and channels.

        Parameters
        ----------
        weights : (out, inputs, ...)
            The weights of the layer.
        """
        return weights.detach().unflatten(1, (self.in_channels // self.groups, *self.kernel_size))

    @property
    def count(self) -> int:
        """How many functions each channel has."""
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        raise NotImplementedError

    @property
    def fan_in(self) -> int:
        """How many functions are added up in an output."""
        return self.in_channels // self.groups * torch.Size(self.kernel_size).numel()

    def parts(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return maps (n, ..., channels * k), and the kernels that they are convolved with.

        Parameters
        ----------
        x : (n, ..., channels)
            The inputs, padded.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (n, out_channels, ...), without n for inputs without it.

        Parameters
        ----------
        x : (n, in_channels, ...)
            The inputs; one map may come without n.

        Raises
        ------
        InputError
            For what is no tensor of real numbers, inputs of another shape, and maps that are too small.
        """
        self._check_input(x)
        return self._forward(x)

    @own_precision
    def _forward(self, x: Tensor) -> Tensor:
        batched = x if x.dim() == self.dimensions + 2 else x.unsqueeze(0)
        accurate = torch.promote_types(self.dtype, torch.float32)
        padded = self.geometry.padded(batched.to(accurate))
        whole = self.count == 1 or not is_eager() or padded.numel() * self.count <= Backend.entries
        out = self._convolved(padded) if whole else self._by_pieces(padded)
        out = _as_given(out.to(self.dtype), batched)
        return out if batched is x else out.squeeze(0)

    def _convolved(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        (maps, kernel), *others = self.parts(x)
        out = self.geometry.convolved(maps, kernel.to(x.dtype), bias, self.groups)
        for maps, kernel in others:
            out = out + self.geometry.convolved(maps, kernel.to(x.dtype), None, self.groups)
        return out

    def _by_pieces(self, x: Tensor) -> Tensor:
        """The outputs of some rows at a time; where one alone is too large, those of stripes of its maps."""
        rows = Backend.entries // (x.shape[1:].numel() * self.count)
        if rows:
            return torch.cat([self._again(part) for part in x.split(rows)])
        return torch.cat([torch.cat([self._again(row[:, at]) for at in self._stripes(x)], 2) for row in x.split(1)])

    def _again(self, x: Tensor) -> Tensor:
        """A convolution that keeps nothing but its input, and is computed again in the backward pass."""
        if not torch.is_grad_enabled():
            return self._convolved(x)
        found = checkpoint(self._convolved, x, use_reentrant=False, preserve_rng_state=False)
        return found  # type: ignore[no-any-return]

    def _stripes(self, x: Tensor) -> Iterator[slice]:
        """Parts of padded maps (n, ..., channels) along their first dimension; they overlap as far as kernels reach."""
        span, stride, size = self.geometry.spans[0], self.stride[0], x.shape[1]
        outputs = (size - span) // stride + 1
        places = Backend.entries // (x.shape[2:].numel() * self.count)  # that may be evaluated together
        together = max(1, (places - span) // stride + 1)
        for first in range(0, outputs, together):
            last = min(outputs, first + together) - 1
            yield slice(first * stride, last * stride + span)

    def _check_input(self, x: Tensor) -> None:
        name, channels = type(self).__name__, self.in_channels
        check_real(x, name)
        shown = f"{channels}, {_SIZES[self.dimensions]}"
        known = x.dim() - self.dimensions in (1, 2)
        if not known or x.shape[-1 - self.dimensions] != channels:
            raise InputError(f"{name} takes inputs of shape (n, {shown}) or ({shown}). Got {tuple(x.shape)}.")
        if not is_traced():  # there, sizes may be symbols
            self.geometry.check(tuple(x.shape[-self.dimensions :]), name)

    def extra_repr(self) -> str:
        """Return the arguments that are not the usual ones, which `repr` shows."""
        groups = f", groups={self.groups}" if self.groups != 1 else ""
        bias = "" if self.bias is None else ", bias=True"
        return f"{self.in_channels}, {self.out_channels}, {self.geometry}{groups}{bias}"


def _as_given(out: Tensor, x: Tensor) -> Tensor:
    """The output with its channels in memory where the input has them, as torch's convolutions do."""
    if is_eager() and x.dim() in _LAST and not x.is_contiguous() and x.is_contiguous(memory_format=_LAST[x.dim()]):
        return out.contiguous(memory_format=_LAST[x.dim()])
    return out.contiguous()
