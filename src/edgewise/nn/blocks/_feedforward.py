"""The feed-forward block of a transformer as a KAN."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.nn._layer import KANLayer
from edgewise.nn._rational_layer import RationalLayer
from edgewise.nn.blocks._kinds import KINDS, BlockKind

_WIDE = 4  # hidden units of an MLP over its width
_DOMAIN = (-1.0, 1.0)  # about one standard deviation of normalised inputs: curves bend where most of them are


class KANFeedForward(torch.nn.Module):
    """Two KAN layers, width -> hidden -> width: drop-in for a transformer's MLP.

        "rational"  W_2 R_2(W_1 R_1(x) + c_1) + c_2: a rational function for each group of inputs before each linear
                    map; at first R_1 is the identity and R_2 SiLU, so that it starts as an MLP
        "spline"    a spline on every edge, without a base function, bent between -1 and 1 and straight beyond; at
                    first it hands the size of its inputs on (`init="variance"`)

    By default it has the parameters of an MLP with four times as many hidden units as inputs.
    Splines are coarse by default, which leaves room for more units.

    Args: `hidden` units; `groups` of the rational functions; `grid` and `degree` of the splines; `dropout` after the
    second layer.

    Shapes: x (..., width) -> (..., width).

    Errors: InputError for an unknown kind, sizes below 1, groups that do not divide width and hidden.

    >>> import torch
    >>> block = KANFeedForward(16, generator=torch.Generator().manual_seed(0))
    >>> block(torch.zeros(2, 5, 16)).shape, block.hidden
    (torch.Size([2, 5, 16]), 64)

    Source: Yang and Wang, Kolmogorov-Arnold Transformer (2024), for the rational kind.
    """

    def __init__(
        self, width: int, hidden: int | None = None, *, kind: BlockKind = "rational", groups: int = 8, grid: int = 2,
        degree: int = 2, dropout: float = 0.0, generator: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if kind not in KINDS:
            raise unknown("kind of feed-forward block", kind, KINDS)
        if not is_int(width, 1):
            raise InputError(f"The 'width' parameter of KANFeedForward must be an int >= 1. Got {width!r}.")
        width = int(width)
        self.width, self.kind = width, kind
        self.hidden = _hidden(width, kind, grid + degree) if hidden is None else int(hidden)
        if kind == "rational":
            layer: Any = partial(RationalLayer, groups=groups)
            starts = "identity", "silu"
        else:
            layer = partial(KANLayer, grid=grid, degree=degree, base=None, domain=_DOMAIN)
            starts = "variance", "variance"
        self.first: torch.nn.Module = layer(width, self.hidden, init=starts[0], generator=generator)
        self.second: torch.nn.Module = layer(self.hidden, width, init=starts[1], generator=generator)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.second(self.first(x)))

    def extra_repr(self) -> str:
        return f"{self.width} -> {self.hidden} -> {self.width}, kind={self.kind!r}"


def _hidden(width: int, kind: str, entries: int) -> int:
    """Hidden units for the parameters of an MLP with four times `width` of them."""
    return _WIDE * width if kind == "rational" else max(1, round(_WIDE * width / entries))
