"""The feed-forward block of a transformer as a KAN, and the exchange of a model's MLPs for such blocks."""

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.nn._layer import KANLayer
from edgewise.nn._rational_layer import RationalLayer

BlockKind = Literal["rational", "spline"]
_KINDS = get_args(BlockKind)
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
        if kind not in _KINDS:
            raise unknown("kind of feed-forward block", kind, _KINDS)
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


def replace_feed_forwards(model: torch.nn.Module, **settings: Any) -> torch.nn.Module:
    """Return a copy of a model with every MLP of one hidden layer exchanged for a `KANFeedForward`.

    An MLP is a module whose own parts are two linear maps, w -> h and h -> w, and besides only activations and
    dropouts, as in a Sequential of them; in torch's transformer layers it is `linear1`, `activation`, `linear2`. The
    new ones are initialized from scratch, with the old one's dropout, device and dtype; `settings` are those of
    `KANFeedForward`.

    Errors: InputError where there is no such MLP.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.GELU(), torch.nn.Linear(32, 8))
    >>> type(replace_feed_forwards(torch.nn.ModuleDict({"mlp": model}))["mlp"]).__name__
    'KANFeedForward'
    """
    whole = torch.nn.ModuleDict({"model": copy.deepcopy(model)})
    done: dict[int, torch.nn.Module] = {}  # an MLP that stands in several places stays one
    for parent, name, mlp in list(_places(whole)):
        if id(mlp) not in done:
            done[id(mlp)] = _exchanged(mlp, settings)
        setattr(parent, name, done[id(mlp)])
    if not done:
        raise InputError(
            f"No MLP of one hidden layer was found in {type(model).__name__}: two linear maps w -> h -> w with "
            "activations and dropouts in one module. Put KANFeedForward where yours is."
        )
    return whole["model"]


def _places(parent: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str, torch.nn.Module]]:
    """Where MLPs are: their parent, their name in it, themselves."""
    for name, child in parent._modules.items():
        if child is None:
            continue
        if _is_layer(child) or _is_mlp(child):
            yield parent, name, child
        else:
            yield from _places(child)


def _is_layer(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.TransformerEncoderLayer | torch.nn.TransformerDecoderLayer)


def _is_mlp(module: torch.nn.Module) -> bool:
    parts = list(module.children())
    maps = [part for part in parts if isinstance(part, torch.nn.Linear)]
    rest = [part for part in parts if not isinstance(part, torch.nn.Linear)]
    plain = all(not list(part.children()) and not list(part.parameters()) for part in rest)
    if len(maps) != 2 or not rest or not plain:
        return False
    return maps[0].in_features == maps[1].out_features and maps[0].out_features == maps[1].in_features


def _exchanged(mlp: Any, settings: dict[str, Any]) -> torch.nn.Module:
    """The block in place of an MLP; in one of torch's transformer layers where the layer has its activation.

    There two maps that do nothing stand around it, the layer's own dropout comes after it, and the fast path, which
    knows two activations only, is turned off.
    """
    inside = _is_layer(mlp)
    parts = list(mlp.children())
    first = mlp.linear1 if inside else next(part for part in parts if isinstance(part, torch.nn.Linear))
    dropped = 0.0 if inside else max((part.p for part in parts if isinstance(part, torch.nn.Dropout)), default=0.0)
    block = KANFeedForward(first.in_features, **{"dropout": dropped, **settings})
    block = block.to(device=first.weight.device, dtype=first.weight.dtype)
    if not inside:
        return block
    mlp.linear1, mlp.activation, mlp.linear2 = torch.nn.Identity(), block, torch.nn.Identity()
    mlp.activation_relu_or_gelu = 0
    return mlp


def _hidden(width: int, kind: str, entries: int) -> int:
    """Hidden units for the parameters of an MLP with four times `width` of them."""
    return _WIDE * width if kind == "rational" else max(1, round(_WIDE * width / entries))
