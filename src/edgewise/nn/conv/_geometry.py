"""Where a convolution looks: its kernel size, steps and padding, in torch's terms."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv2d, conv3d

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown

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
        x = x.permute(0, last, *range(1, last))
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
