"""What all convolutions of functions share: maps of function values, convolved a piece at a time."""

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.kernels import Backend, is_eager, is_traced
from edgewise.nn._autocast import own_precision
from edgewise.nn._inputs import check_real
from edgewise.nn.conv._geometry import Geometry

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

    def __init__(self, in_channels: int, out_channels: int, groups: int, geometry: Geometry) -> None:
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
        self.geometry = geometry
        self.kernel_size, self.stride, self.padding = geometry.kernel_size, geometry.stride, geometry.padding
        self.dilation, self.padding_mode = geometry.dilation, geometry.padding_mode

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
        """Return maps (n, ..., channels * k) of x (n, ..., channels), and the kernels that they are convolved with."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
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
        shown = f"{self.in_channels}, {self.out_channels}, {self.geometry}"
        shown += f", groups={self.groups}" if self.groups != 1 else ""
        return shown if self.bias is None else f"{shown}, bias=True"


def _as_given(out: Tensor, x: Tensor) -> Tensor:
    """The output with its channels in memory where the input has them, as torch's convolutions do."""
    if is_eager() and x.dim() in _LAST and not x.is_contiguous() and x.is_contiguous(memory_format=_LAST[x.dim()]):
        return out.contiguous(memory_format=_LAST[x.dim()])
    return out.contiguous()
