"""Layers whose large tensors are kept as integers of 8 or 4 bits, and computed with as before."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from edgewise._errors import InputError
from edgewise.nn._layer import KANLayer
from edgewise.nn._rational import RationalLayer
from edgewise.nn.conv import KANConv1d, KANConv2d, KANConv3d

_KAN = (KANLayer, KANConv1d, KANConv2d, KANConv3d)
_BLOCK = 32  # numbers of a row of a matrix that share a scale; the coefficients of an edge share one


def quantize(module: torch.nn.Module, bits: int = 8) -> torch.nn.Module:
    """Return a copy of a module whose KAN and rational layers hold integers instead of floating-point weights.

        w = s q,  q in {-m, .., m},  m = 2^(bits - 1) - 1,  s = max |w| / m of the block that w belongs to

    A block is the coefficients of one edge, or 32 weights of a row. Each call computes the weights anew, so that it
    saves memory and not time; `torch.nn.utils.parametrize.cached()` keeps them for several calls. Integers are not
    trained, but gradients reach what comes before, so that adapters train. Knots, constants and all other layers stay
    as they are: torchao's `quantize_` serves those.

    Parameters
    ----------
    module
        The module; it is not changed. Its copy is saved by its `state_dict`, and loaded into a module that was
        quantized likewise.
    bits
        8 or 4.

    Raises
    ------
    InputError
        For other bits, and a module without such layers.

    References
    ----------
    Dettmers, Lewis, Shleifer, Zettlemoyer, 8-bit Optimizers via Block-wise Quantization (2022), for the blocks.

    Examples
    --------
    >>> import torch, edgewise as ew
    >>> layer = ew.nn.KANLayer(64, 64)
    >>> small, x = ew.nn.quantize(layer), torch.rand(100, 64)
    >>> sum(t.nbytes for t in small.state_dict().values()) / sum(t.nbytes for t in layer.state_dict().values()) < 0.6
    True
    >>> bool((small(x) - layer(x)).norm() / layer(x).norm() < 0.01)
    True
    """
    if bits not in (4, 8):
        raise InputError(f"The 'bits' parameter of quantize must be 8 or 4. Got {bits!r}.")
    made, found = copy.deepcopy(module), False
    for part in list(made.modules()):
        for owner, name in _large(part):
            weights = getattr(owner, name).requires_grad_(False)
            parametrize.register_parametrization(owner, name, _Integers(weights, bits), unsafe=True)
            found = True
    if not found:
        raise InputError(f"{type(module).__name__} has no KAN or rational layers: torchao.quantize_ serves others.")
    return made


def _large(part: torch.nn.Module) -> list[tuple[torch.nn.Module, str]]:
    """The tensors of a layer that grow with inputs times outputs, each with the module that owns it."""
    if isinstance(part, _KAN):
        return [(part, "coefficients"), *([(part, "base_weight")] if part.base is not None else [])]
    return [(part.linear, "weight")] if isinstance(part, RationalLayer) else []


class _Integers(torch.nn.Module):
    """A tensor as integers and scales: (blocks, block) or, of 4 bits, two to a byte."""

    def __init__(self, like: Tensor, bits: int) -> None:
        super().__init__()
        self.bits, self.shape, self.dtype = bits, like.shape, like.dtype
        last = like.shape[-1]
        self.block = last if like.dim() != 2 else min(_BLOCK, last)
        self.filling = -last % self.block  # so that rows are whole blocks

    def right_inverse(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        most = 2 ** (self.bits - 1) - 1
        blocks = torch.nn.functional.pad(weights.detach(), (0, self.filling)).reshape(-1, self.block)
        scales = (blocks.abs().amax(1, keepdim=True) / most).to(torch.bfloat16)
        codes = (blocks / scales.to(blocks.dtype)).nan_to_num().round().clamp(-most, most).to(torch.int8)
        if self.bits == 8:
            return codes, scales
        codes = torch.nn.functional.pad(codes, (0, self.block % 2)) + 8
        return (codes[:, ::2] * 16 + codes[:, 1::2]).to(torch.uint8), scales

    def forward(self, codes: Tensor, scales: Tensor) -> Tensor:
        if self.bits == 4:
            codes = (torch.stack([codes // 16, codes % 16], 2).flatten(1).to(torch.int8) - 8)[:, : self.block]
        rows = (codes.to(self.dtype) * scales.to(self.dtype)).reshape(*self.shape[:-1], self.shape[-1] + self.filling)
        return rows[..., : self.shape[-1]]
