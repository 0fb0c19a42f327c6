"""Where an activation lies in a model: between which linear maps of channels, of any library.

Activations are found by what they do, not by their names.
"""

import copy
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from edgewise.nn._module import Features

BlockKind = Literal["rational", "spline"]
"""Names of the kinds of functions that a feed-forward block may be made of."""

KINDS = get_args(BlockKind)


class LinearMap(NamedTuple):
    """Channels in and out of a linear map, and the dimension of its input that they are."""

    inputs: int
    outputs: int
    dim: int


def linear_map(module: torch.nn.Module) -> LinearMap | None:
    """Return what a module maps if it is a linear map of channels, else None.

    That is `torch.nn.Linear` and what has its `in_features` and `out_features` (quantized and adapted ones), the
    Conv1D of transformers' GPT-2, and torch's convolutions of a single point.

    >>> linear_map(torch.nn.Linear(3, 5)), linear_map(torch.nn.Conv2d(3, 5, 1)), linear_map(torch.nn.GELU())
    (LinearMap(inputs=3, outputs=5, dim=-1), LinearMap(inputs=3, outputs=5, dim=-3), None)
    """
    if isinstance(module, Features):  # layers of ours are no linear maps
        return None
    if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        if math.prod(module.kernel_size) * math.prod(module.stride) * module.groups > 1 or module.padding not in (
            "same",
            "valid",
            (0,) * len(module.kernel_size),
        ):
            return None
        return LinearMap(module.in_channels, module.out_channels, -1 - len(module.kernel_size))
    names = ("nx", "nf") if type(module).__name__ == "Conv1D" else ("in_features", "out_features")
    sizes: list[Any] = [getattr(module, name, None) for name in names]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    return LinearMap(sizes[0], sizes[1], -1)


Function = Callable[[Tensor], Tensor]
_NAMED = re.compile(r"(^|_)(acts?|activations?|nonlin[a-z]*)\d*(_|$)")  # attributes that hold a plain function


class Activation(NamedTuple):
    """An activation that a module holds as an attribute: the attribute, what it computes, and what that is called."""

    attribute: str
    function: Function
    label: str


def activations(owner: torch.nn.Module) -> Iterator[Activation]:
    """Yield the activations that a module holds itself, as modules and as plain functions.

    A module is an activation if it has no parameters and no parts and maps elementwise, which it is tried for. So is a
    plain function, if it is torch's own or its attribute is named after an activation.

    >>> block = torch.nn.TransformerEncoderLayer(8, 2, 16)
    >>> [found.attribute for found in activations(block)]
    ['activation']
    """
    for name, part in owner._modules.items():
        if part is None or any(True for _ in part.parameters()) or any(True for _ in part.children()):
            continue
        plain = copy.deepcopy(part).eval()
        if is_elementwise(plain):
            yield Activation(name, plain, type(part).__name__)
    held: dict[str, Any] = vars(owner)
    for name, value in held.items():
        if name.startswith("_") or not callable(value) or isinstance(value, type | torch.nn.Module):
            continue
        ours = (getattr(value, "__module__", None) or "").split(".")[0] in ("torch", "_torch")
        if (ours or _NAMED.search(name.lower())) and is_elementwise(value):
            function: Any = value
            yield Activation(name, function, _label(value))


def is_elementwise(function: Callable[..., Any]) -> bool:
    """Return whether a function maps each number by itself, the same way each time, and is not the identity.

    >>> is_elementwise(torch.relu), is_elementwise(torch.nn.Softmax(-1)), is_elementwise(torch.nn.Identity())
    (True, False, False)
    """
    try:
        with torch.no_grad(), torch.device("cpu"), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = torch.linspace(-5.9, 6.1, 24, dtype=torch.float64)[torch.arange(24) * 7 % 24]
            whole = function(x.clone())
            parts = torch.cat([function(x[:5].clone()), function(x[5:].clone())])
            square = function(x.clone().reshape(1, 4, 6)).reshape(-1)
            same = whole.shape == x.shape and all(torch.allclose(whole, other) for other in (parts, square))
            return bool(same and whole.isfinite().all() and not torch.allclose(whole, x))
    except Exception:  # noqa: BLE001 (whatever a function of others makes of these numbers)
        return False


def _label(function: Any) -> str:
    name = getattr(function, "__name__", None) or getattr(getattr(function, "func", None), "__name__", None)
    return str(name or type(function).__name__)


Parts = dict[str, torch.nn.Module]  # by path from the model


@dataclass(frozen=True)
class Site:
    """An activation of a module, the maps that may lie before and after it, and the module that calls all of them."""

    name: str  # of the module that holds the activation
    owner: torch.nn.Module
    activation: Activation
    firsts: Parts
    seconds: Parts
    others: Parts  # what else may lie between: norms, dropouts, convolutions
    scope: torch.nn.Module

    @property
    def is_split(self) -> bool:
        """Whether the second map is in another module than the activation."""
        return self.scope is not self.owner


def sites(model: torch.nn.Module) -> Iterator[Site]:
    """Yield where feed-forward blocks may be, each module once.

    The maps are parts of the module that holds the activation, w -> h (once or twice, or w -> 2h) and h -> w. If it
    has only the first, the second is in a module that follows it in the same parent, as in BERT.
    """
    parents = {id(part): (name, module) for name, module in model.named_modules() for part in module.children()}
    for name, owner in model.named_modules():
        maps = direct_maps(owner, name)
        if not maps:
            continue
        for activation in activations(owner):
            seconds = {path: part for path, part in maps.items() if any(closes(one, part) for one in maps.values())}
            scope, where = owner, maps
            if not seconds and len(maps) == 1 and id(owner) in parents:
                parent_name, scope = parents[id(owner)]
                seconds = _following(parent_name, scope, owner, next(iter(maps.values())))
                where = {**maps, **seconds}
            firsts = {path: part for path, part in maps.items() if any(closes(part, one) for one in seconds.values())}
            if firsts and seconds:
                others = {
                    _join(name, key): part
                    for key, part in owner.named_children()
                    if _join(name, key) not in where and key != activation.attribute
                }
                yield Site(name, owner, activation, firsts, seconds, others, scope)


def direct_maps(owner: torch.nn.Module, name: str = "") -> Parts:
    """Return the linear maps among the parts of a module."""
    return {_join(name, key): part for key, part in owner.named_children() if linear_map(part)}


def sizes(module: torch.nn.Module) -> LinearMap:
    """Return what a linear map maps."""
    found = linear_map(module)
    assert found is not None
    return found


def closes(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    """Return whether two maps are w -> h -> w, or w -> 2h and h -> w, with the channels in the same dimension."""
    one, two = sizes(first), sizes(second)
    same = first is not second and one.dim == two.dim and one.inputs == two.outputs
    return same and one.outputs in (two.inputs, 2 * two.inputs)


def _following(name: str, parent: torch.nn.Module, owner: torch.nn.Module, first: torch.nn.Module) -> Parts:
    """The map h -> w in the module that follows, or that follows itself."""
    after = False
    for key, part in parent.named_children():
        if after:
            path = _join(name, key)
            maps = {path: part} if linear_map(part) else direct_maps(part, path)
            found = {path: one for path, one in maps.items() if closes(first, one)}
            if found:
                return found
        after = after or part is owner
    return {}


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
