"""Where a feed-forward block may be: an activation with the linear maps before and after it."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from edgewise.nn.blocks._activation import Activation, activations
from edgewise.nn.blocks._maps import LinearMap, linear_map

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
