"""The kernels of grouped rational functions on CPUs: machine code from `_cpu_source`, called on addresses."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.kernels._compiled import addresses, compiled
from edgewise.kernels._threads import in_parts

_SOURCE = "edgewise.kernels.rational._cpu_source"
_DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_VECTOR = 64  # bytes that channels are rounded up to, at the widest
_WORK = 40  # multiplications of a value and its gradients, roughly
_MOST = 9  # coefficients of a polynomial: with more, little would stay in registers


def prepare(size: int, dtype: torch.dtype) -> None:
    """Compile both kernels for degrees, as `size_of` gives them, or load them."""
    for name in ("value", "pull"):
        compiled(_SOURCE, name, _DTYPES[dtype], size)


def serves(x: Tensor, a: Tensor, b: Tensor) -> bool:
    """Whether there are kernels for these tensors."""
    if not all(type(part) in (Tensor, torch.nn.Parameter) and part.device.type == "cpu" for part in (x, a, b)):
        return False
    if x.dtype not in _DTYPES or not x.dtype == a.dtype == b.dtype or not x.numel():
        return False
    return a.shape[1] <= _MOST and 1 <= b.shape[1] < _MOST


def size_of(p: int, q: int) -> int:
    """The degrees of numerator and denominator in one number."""
    return 100 * p + q


def rational(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """See the reference."""
    x = x.contiguous()
    out = torch.empty_like(x)
    _run("value", x, a, b, [out])
    return out


def pull(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See the reference; these gradients are numbers, which nothing differentiates again."""
    x, g = x.contiguous(), g.contiguous()
    out, terms = torch.empty_like(x), a.shape[1] + b.shape[1]
    sums = x.new_zeros(terms, _even(x))
    _run("pull", x, a, b, [g, out, sums])
    shared = sums[:, : x.shape[-1]].unflatten(1, (len(a), -1)).sum(2).T
    return out, shared[:, : a.shape[1]], shared[:, a.shape[1] :]


def _run(name: str, x: Tensor, a: Tensor, b: Tensor, data: list[Tensor]) -> None:
    """Channels are shared out among threads, so that each sum is the same on any number of them."""
    kernel = compiled(_SOURCE, name, _DTYPES[x.dtype], size_of(a.shape[1] - 1, b.shape[1]))
    channels, wide, unit = x.shape[-1], _even(x), _VECTOR // x.element_size()
    spread = _by_channel(a, b, channels, wide)
    first = spread.data_ptr()
    places = [x.data_ptr(), first, first + a.shape[1] * wide * x.element_size(), *(part.data_ptr() for part in data)]
    head = [*places, x.numel() // channels, channels, wide]

    def part(start: int, stop: int) -> None:
        kernel(addresses([*head, start * unit, min(channels, stop * unit)]))

    in_parts(part, wide // unit, x.numel() * _WORK)


def _by_channel(a: Tensor, b: Tensor, channels: int, wide: int) -> Tensor:
    """Both polynomials' coefficients of each channel, (terms, wide), zero where there is no channel."""
    both = torch.cat([a.detach(), b.detach()], dim=1).T.repeat_interleave(channels // len(a), dim=1)
    return both if channels == wide else torch.nn.functional.pad(both, (0, wide - channels))


def _even(x: Tensor) -> int:
    """Channels, rounded up to whole vectors."""
    unit = _VECTOR // x.element_size()
    return -(-x.shape[-1] // unit) * unit
