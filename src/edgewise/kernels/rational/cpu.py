"""The kernels of grouped rational functions on CPUs: machine code from `_cpu_source`, called on addresses."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from edgewise.kernels._backend import Family, Sizes
from edgewise.kernels._dispatch import choose
from edgewise.kernels._plain import is_plain
from edgewise.kernels.dense.cpu import DTYPES, NumbaBackend
from edgewise.kernels.runtime._compiled import addresses, compiled
from edgewise.kernels.runtime._threads import in_parts

_VECTOR = 64  # bytes that channels are rounded up to, at the widest
_WORK = 40  # multiplications of a value and its gradients, roughly
_MOST = 9  # coefficients of a polynomial: with more, little would stay in registers
_KERNELS = "edgewise.kernels.rational._cpu_source"


@final
class RationalCPU(NumbaBackend):
    """Two kernels for each pair of degrees."""

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        assert isinstance(family, RationalFamily)
        for name in ("value", "vjp"):
            compiled(_KERNELS, name, DTYPES[dtype], family.numerator, family.denominator)


@dataclass(frozen=True)
class RationalFamily(Family):
    """Rational functions of two degrees, as `edgewise.kernels.rational` evaluates them; no basis is made of them."""

    numerator: int
    denominator: int
    name = "rational"
    cpu = {"dense": RationalCPU()}  # noqa: RUF012


def serves(x: Tensor, a: Tensor, b: Tensor, g: Tensor | None = None) -> bool:
    """Return whether the kernels take these tensors, and cotangents like x."""
    if not (x.is_cpu and a.is_cpu and b.is_cpu and is_plain(x, a, b, g)):
        return False
    if a.dim() != 2 or b.dim() != 2 or not 0 < len(a) == len(b) or not x.dim() or x.shape[-1] % len(a):
        return False
    if g is not None and not (g.is_cpu and g.dtype is x.dtype and g.shape == x.shape):
        return False
    if x.dtype not in DTYPES or not x.dtype == a.dtype == b.dtype or not x.numel():
        return False
    if a.shape[1] > _MOST or not 1 <= b.shape[1] < _MOST:
        return False
    family = RationalFamily(a.shape[1] - 1, b.shape[1])
    return choose("evaluate", family, Sizes(1, 1, 1, 1, x.dtype, "cpu"))[0].backend == "numba"


def rational(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """See the reference."""
    x = x.contiguous()
    out = torch.empty_like(x)
    _run("value", x, a, b, [out])
    return out


def vjp(x: Tensor, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See the reference; these gradients are numbers, which nothing differentiates again."""
    x, g = x.contiguous(), g.contiguous()
    out, terms = torch.empty_like(x), a.shape[1] + b.shape[1]
    sums = x.new_zeros(terms, _even(x))
    _run("vjp", x, a, b, [g, out, sums])
    shared = sums[:, : x.shape[-1]].unflatten(1, (len(a), -1)).sum(2).T
    return out, shared[:, : a.shape[1]], shared[:, a.shape[1] :]


def _run(name: str, x: Tensor, a: Tensor, b: Tensor, data: list[Tensor]) -> None:
    """Channels are shared out among threads, so that each sum is the same on any number of them."""
    kernel = compiled(_KERNELS, name, DTYPES[x.dtype], a.shape[1] - 1, b.shape[1])
    channels, wide, unit = x.shape[-1], _even(x), _VECTOR // x.element_size()
    # Both polynomials' coefficients of each channel, (terms, wide), zero where there is no channel.
    spread = torch.cat([a.detach(), b.detach()], dim=1).T.repeat_interleave(channels // len(a), dim=1)
    if channels < wide:
        spread = torch.nn.functional.pad(spread, (0, wide - channels))
    first = spread.data_ptr()
    places = [x.data_ptr(), first, first + a.shape[1] * wide * x.element_size(), *(part.data_ptr() for part in data)]
    head = [*places, x.numel() // channels, channels, wide]

    def part(start: int, stop: int) -> None:
        kernel(addresses([*head, start * unit, min(channels, stop * unit)]))

    in_parts(part, wide // unit, x.numel() * _WORK)


def _even(x: Tensor) -> int:
    """Channels, rounded up to whole vectors."""
    unit = _VECTOR // x.element_size()
    return -(-x.shape[-1] // unit) * unit
